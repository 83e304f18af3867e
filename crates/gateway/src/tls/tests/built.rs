//! Handshakes with what was built, in memory.

use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, Error, HandshakeKind, ServerConnection};
use rustls_pki_types::ServerName;

use super::{Ca, Folder, Stranger};
use crate::tls::{ClientCertificates, ServerTls, TlsVersion};

/// What a client and a server came to, or who of them failed how.
#[derive(Debug)]
struct Met {
    version: rustls::ProtocolVersion,
    kind: HandshakeKind,
    shown: Vec<u8>,
}

fn meet(tls: &ServerTls, client: &Arc<ClientConfig>, name: &str) -> Result<Met, Error> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut client = ClientConnection::new(Arc::clone(client), name).expect("a client");
    let mut server = ServerConnection::new(tls.config()).expect("a server");
    // Long enough for the tickets that follow a handshake.
    for _ in 0..4 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("written");
        }
        let mut bytes = &*bytes;
        while !bytes.is_empty() {
            server.read_tls(&mut bytes).expect("read");
            server.process_new_packets()?;
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("written");
        }
        let mut bytes = &*bytes;
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).expect("read");
            client.process_new_packets()?;
        }
    }
    let shown = client.peer_certificates().expect("a certificate");
    Ok(Met {
        version: client.protocol_version().expect("a version"),
        kind: server.handshake_kind().expect("shaken"),
        shown: shown[0].to_vec(),
    })
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let pairs = [ca.issue(&["a.test"]), ca.issue(&["b.test", "*.b.test"])];
    let mut config = folder.config(&[&pairs[0], &pairs[1]]);
    let client = Stranger::default().trusting(&ca);
    let tls = ServerTls::build(&config).expect("built");
    let shown = |name| meet(&tls, &client, name).map(|met| met.shown);
    let (a, b) = (shown("a.test"), shown("b.test"));
    assert_ne!(a.as_ref().expect("met"), b.as_ref().expect("met"));
    assert_eq!(shown("x.b.test").expect("met"), b.expect("met"));
    let other = shown("c.test").expect_err("it is the first's");
    assert!(matches!(other, Error::InvalidCertificate(_)), "{other}");
    config.strict_sni = true;
    let tls = ServerTls::build(&config).expect("built");
    assert_eq!(
        meet(&tls, &client, "a.test").expect("met").shown,
        a.expect("met")
    );
    let other = meet(&tls, &client, "c.test").expect_err("there is none");
    assert!(matches!(other, Error::General(_)), "{other}");
}

#[test]
fn versions_below_the_minimum_are_refused() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let mut config = folder.config(&[&ca.issue(&["a.test"])]);
    let of = |version| Stranger {
        versions: vec![version],
        ..Stranger::default()
    };
    let (old, new) = (of(&TLS12).trusting(&ca), of(&TLS13).trusting(&ca));
    let tls = ServerTls::build(&config).expect("built");
    for (client, version) in [
        (&old, rustls::ProtocolVersion::TLSv1_2),
        (&new, rustls::ProtocolVersion::TLSv1_3),
    ] {
        assert_eq!(meet(&tls, client, "a.test").expect("met").version, version);
    }
    config.minimum = TlsVersion::Tls13;
    let tls = ServerTls::build(&config).expect("built");
    assert!(meet(&tls, &new, "a.test").is_ok());
    let refused = meet(&tls, &old, "a.test").expect_err("too old");
    assert!(matches!(refused, Error::PeerIncompatible(_)), "{refused}");
}

#[test]
fn a_session_ends_with_what_it_began_under() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let config = folder.config(&[&ca.issue(&["a.test"])]);
    let tls = ServerTls::build(&config).expect("built");
    for version in [&TLS12, &TLS13] {
        let client = Stranger {
            versions: vec![version],
            ..Stranger::default()
        };
        let client = client.trusting(&ca);
        let kind = |tls| meet(tls, &client, "a.test").expect("met").kind;
        assert_eq!(kind(&tls), HandshakeKind::Full);
        assert_eq!(kind(&tls), HandshakeKind::Resumed);
        let next = ServerTls::build(&config).expect("built");
        assert_eq!(kind(&next), HandshakeKind::Full, "{version:?}");
    }
}

#[test]
fn a_client_shows_its_certificate_each_time() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let mut config = folder.config(&[&ca.issue(&["a.test"])]);
    config.clients = ClientCertificates::Required(folder.file("roots.pem", &ca.pem));
    let tls = ServerTls::build(&config).expect("built");
    for version in [&TLS12, &TLS13] {
        let client = Stranger {
            versions: vec![version],
            pair: Some(ca.issue(&["client"])),
            ..Stranger::default()
        };
        let client = client.trusting(&ca);
        for _ in 0..2 {
            let met = meet(&tls, &client, "a.test").expect("met");
            assert_eq!(met.kind, HandshakeKind::Full, "{version:?}");
        }
    }
    let none = Stranger::default().trusting(&ca);
    let missing = meet(&tls, &none, "a.test").expect_err("none");
    assert_eq!(missing, Error::NoCertificatesPresented);
    let of_others = Stranger {
        pair: Some(Ca::new("other").issue(&["client"])),
        ..Stranger::default()
    };
    let strange = meet(&tls, &of_others.trusting(&ca), "a.test").expect_err("strange");
    assert!(matches!(strange, Error::InvalidCertificate(_)), "{strange}");
}

#[test]
fn an_optional_certificate_may_be_missing_and_not_be_bad() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let mut config = folder.config(&[&ca.issue(&["a.test"])]);
    config.clients = ClientCertificates::Optional(folder.file("roots.pem", &ca.pem));
    let tls = ServerTls::build(&config).expect("built");
    let with = |pair| Stranger {
        pair,
        ..Stranger::default()
    };
    for (pair, good) in [
        (None, true),
        (Some(ca.issue(&["client"])), true),
        (Some(ca.issue_until(&["client"], 2001)), false),
        (Some(Ca::new("other").issue(&["client"])), false),
    ] {
        let met = meet(&tls, &with(pair).trusting(&ca), "a.test");
        assert_eq!(met.is_ok(), good, "{met:?}");
    }
}
