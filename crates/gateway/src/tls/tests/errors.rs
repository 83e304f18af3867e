//! What is wrong with files, in the words in which it is told.

use std::fs;

use super::{Ca, Folder, Pair};
use crate::tls::upstream::UpstreamSecurity;
use crate::tls::{ClientCertificates, ServerTls, TlsConfig, TlsErrorKind, UpstreamTls};

/// The text of an error without the folder.
fn refused(folder: &Folder, config: &TlsConfig) -> String {
    let error = ServerTls::build(config).expect_err("refused");
    let folder = format!("{}/", folder.path().display());
    error.to_string().replace(&folder, "")
}

fn good() -> (Ca, Folder, Pair) {
    let ca = Ca::new("ca");
    let pair = ca.issue(&["a.test"]);
    (ca, Folder::new(), pair)
}

#[test]
fn a_file_that_is_no_certificate_is_told_with_its_field() {
    let (_ca, folder, pair) = good();
    let config = folder.config(&[&pair, &pair]);
    assert!(ServerTls::build(&config).is_ok());
    let file = &config.certificates[1].certificate;
    let broken = pair.certificate.replace("-----END", "-----");
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (text, reason) in [
        ("", "it has no certificate: expected `BEGIN CERTIFICATE`"),
        (
            &*pair.key,
            "it has no certificate: expected `BEGIN CERTIFICATE`",
        ),
        (&*broken, "it is not PEM"),
        (nonsense, "its certificate number 1 cannot be read"),
        (
            &*(pair.certificate.clone() + nonsense),
            "its certificate number 2 cannot be read",
        ),
    ] {
        fs::write(file, text).expect("written");
        let expected = format!("tls.certificates[1].certificate: 1.pem: {reason}");
        assert_eq!(refused(&folder, &config), expected);
    }
    fs::write(file, vec![b'\n'; 1024 * 1024 + 1]).expect("written");
    assert!(refused(&folder, &config).ends_with("it is longer than 1 MiB"));
    fs::remove_file(file).expect("removed");
    assert!(refused(&folder, &config).ends_with("1.pem: it cannot be read"));
    fs::create_dir(file).expect("a folder");
    assert!(refused(&folder, &config).ends_with("1.pem: it is not a file"));
}

#[test]
fn a_key_that_cannot_be_used_is_told_without_its_text() {
    let (ca, folder, pair) = good();
    let config = folder.config(&[&pair]);
    let file = &config.certificates[0].key;
    let other = ca.issue(&["a.test"]).key;
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let nonsense = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
    let bad_text = "-----BEGIN PRIVATE KEY-----\nc2Vj!cmV0\n-----END PRIVATE KEY-----\n";
    for (text, reason) in [
        ("", "it has no key: expected `BEGIN PRIVATE KEY`"),
        (
            &*pair.certificate,
            "it has no key: expected `BEGIN PRIVATE KEY`",
        ),
        (encrypted, "its key is encrypted: expected one that is not"),
        (old, "its key is encrypted: expected one that is not"),
        (&*(pair.key.clone() + &other), "it has more than one key"),
        (bad_text, "it is not PEM"),
        (
            nonsense,
            "its key cannot be used: expected RSA of 2048 bits or more, ECDSA on P-256 or P-384, or Ed25519",
        ),
        (
            &*other,
            "its key is not that of the certificate: where the certificate's file has several, its own comes first",
        ),
    ] {
        fs::write(file, text).expect("written");
        let expected = format!("tls.certificates[0].key: 0.key: {reason}");
        assert_eq!(refused(&folder, &config), expected);
        let error = format!("{:?}", ServerTls::build(&config).expect_err("refused"));
        assert!(
            !error.contains("c2V") && !error.contains("secret"),
            "{error}"
        );
    }
    // Both may stand in one file.
    let both = folder.file("both.pem", pair.certificate.clone() + &pair.key);
    let mut config = config;
    (
        config.certificates[0].certificate,
        config.certificates[0].key,
    ) = (both.clone(), both);
    assert!(ServerTls::build(&config).is_ok());
}

#[test]
fn names_are_those_of_the_certificate() {
    let ca = Ca::new("ca");
    let folder = Folder::new();
    let mut config = folder.config(&[&ca.issue(&["a.test", "*.b.test"])]);
    for (name, told) in [
        ("A.test", None),
        ("x.b.test", None),
        ("*.b.test", None),
        (
            "c.test",
            Some("certificate: 0.pem: its certificate is not for c.test"),
        ),
        (
            "b.test",
            Some("certificate: 0.pem: its certificate is not for b.test"),
        ),
        (
            "a test",
            Some(
                "names: expected a name, or `*.` and a name, for example api.example.com: not `a test`",
            ),
        ),
    ] {
        config.certificates[0].names = vec![name.to_owned()];
        let built = ServerTls::build(&config);
        let folder = format!("{}/", folder.path().display());
        let found = built
            .err()
            .map(|error| error.to_string().replace(&folder, ""));
        let told = told.map(|told| format!("tls.certificates[0].{told}"));
        assert_eq!(found, told, "{name}");
    }
}

#[test]
fn a_certificate_without_a_name_is_the_first_or_none() {
    let ca = Ca::new("ca");
    let folder = Folder::new();
    let (named, nameless) = (ca.issue(&["a.test"]), ca.issue(&["127.0.0.1"]));
    assert!(ServerTls::build(&folder.config(&[&nameless, &named])).is_ok());
    let error = ServerTls::build(&folder.config(&[&named, &nameless])).expect_err("refused");
    assert_eq!(*error.kind(), TlsErrorKind::NoName);
    assert_eq!(error.field(), "tls.certificates[1].certificate");
    let error = ServerTls::build(&folder.config(&[])).expect_err("refused");
    assert_eq!(*error.kind(), TlsErrorKind::NoCertificates);
}

#[test]
fn roots_of_clients_are_certificates() {
    let (ca, folder, pair) = good();
    let mut config = folder.config(&[&pair]);
    let roots = folder.file("roots.pem", &ca.pem);
    config.clients = ClientCertificates::Required(roots.clone());
    assert!(ServerTls::build(&config).is_ok());
    fs::write(roots, "nothing").expect("written");
    let expected =
        "tls.clients.roots: roots.pem: it has no certificate: expected `BEGIN CERTIFICATE`";
    assert_eq!(refused(&folder, &config), expected);
}

#[test]
fn what_an_upstream_is_shown_and_shows_is_checked_as_well() {
    let (ca, folder, pair) = good();
    let good = UpstreamTls {
        roots: Some(folder.file("roots.pem", &ca.pem)),
        certificate: Some(folder.pair("client", &pair)),
        server_name: Some("a.test".to_owned()),
    };
    assert!(UpstreamSecurity::build(&good, "upstreams[0].tls").is_ok());
    let other = folder.pair("other", &ca.issue(&["b.test"]));
    let mut mixed = good.clone();
    mixed.certificate.as_mut().expect("a pair").key = other.key;
    let mut nameless = good.clone();
    nameless.server_name = Some("a b".to_owned());
    let mut rootless = good;
    rootless.roots = Some(folder.path().join("none.pem"));
    for (config, field) in [
        (mixed, "upstreams[0].tls.key"),
        (nameless, "upstreams[0].tls.server_name"),
        (rootless, "upstreams[0].tls.roots"),
    ] {
        let error = UpstreamSecurity::build(&config, "upstreams[0].tls").expect_err("refused");
        assert_eq!(error.field(), field, "{error}");
    }
}
