//! Upstreams that are spoken to in TLS: who is trusted, and what is told where nobody is.

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{Method, Response};
use bytes::Bytes;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::{Counts, OK, SHORT, at, everything, get, request, server, text, upgrading};
use crate::body::{BodySource, ProxyBody};
use crate::tls::tests::{Ca, Folder, Pair};
use crate::tls::{ClientCertificates, ServerTls, TlsConfig, UpstreamTls};
use crate::upstream::{
    HttpUpstream, Protocol, Upstream, UpstreamConfig, UpstreamError, UpstreamErrorKind,
};
use crate::wire::{LONG, listener};

/// A server in TLS that answers the first request of each connection, and reads all that comes.
async fn secure(config: &TlsConfig) -> SocketAddr {
    let (listener, address) = listener().await;
    let tls = ServerTls::build(config).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, TlsAcceptor::from(tls.config())));
        }
    });
    address
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor) {
    let mut scratch = vec![0; 64 * 1024];
    match acceptor.accept(stream).into_fallible().await {
        Ok(mut stream) => {
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
            }
            stream.write_all(OK.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            while stream
                .read(&mut scratch)
                .await
                .is_ok_and(|octets| octets > 0)
            {}
        }
        // Otherwise what was said of it is lost.
        Err((_, mut stream)) => {
            while stream
                .read(&mut scratch)
                .await
                .is_ok_and(|octets| octets > 0)
            {}
        }
    }
}

/// What comes of a request to `localhost`, or to its address.
async fn ask(host: &str, address: SocketAddr, tls: UpstreamTls) -> Result<String, UpstreamError> {
    let authority = format!("{host}:{}", address.port());
    let mut config = UpstreamConfig::new(authority.parse().unwrap());
    config.tls = Some(tls);
    config.connect_timeout = LONG;
    config.protocol = Protocol::Http1;
    let upstream = HttpUpstream::new("orders", config).unwrap();
    Ok(text(upstream.send(get()).await?).await)
}

/// That a connection was not trusted, in these words, and without an address.
fn assert_distrusted(error: &UpstreamError, reason: &str) {
    assert_eq!(error.kind(), UpstreamErrorKind::Tls, "{error:?}");
    let all = everything(error);
    assert!(
        all.starts_with("upstream `orders` has no connection that both sides trust"),
        "{all}"
    );
    assert!(all.contains(reason), "{all}");
    assert!(
        !all.contains("127.0.0.1") && !all.contains("localhost"),
        "{all}"
    );
}

fn trusting(folder: &Folder, ca: &Ca) -> UpstreamTls {
    let roots = Some(folder.file("roots.pem", &ca.pem));
    UpstreamTls {
        roots,
        ..UpstreamTls::default()
    }
}

#[tokio::test]
async fn a_certificate_of_a_root_that_is_trusted_is_good() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let pair = ca.issue(&["localhost", "127.0.0.1"]);
    let address = secure(&folder.config(&[&pair])).await;
    for host in ["localhost", "127.0.0.1"] {
        let answer = ask(host, address, trusting(&folder, &ca)).await;
        assert_eq!(answer.unwrap(), "ok", "{host}");
    }
}

#[tokio::test]
async fn what_cannot_be_trusted_is_not_and_says_why() {
    let (ca, other, folder) = (Ca::new("ca"), Ca::new("other"), Folder::new());
    let good = ca.issue(&["localhost"]);
    let old = ca.issue_until(&["localhost"], 2001);
    let others = ca.issue(&["other.test", "127.0.0.9"]);
    for (pair, roots, reason) in [
        (
            &good,
            &other,
            "the certificate leads to no root that is trusted",
        ),
        (
            &old,
            &ca,
            "the certificate has expired, or is not valid yet",
        ),
        (
            &others,
            &ca,
            "the certificate is not for the name that was asked for",
        ),
    ] {
        let address = secure(&folder.config(&[pair])).await;
        let answer = ask("localhost", address, trusting(&folder, roots)).await;
        assert_distrusted(&answer.expect_err(reason), reason);
    }
    // The name that is expected can be another than the host's.
    let address = secure(&folder.config(&[&others])).await;
    let mut tls = trusting(&folder, &ca);
    tls.server_name = Some("other.test".to_owned());
    assert_eq!(ask("localhost", address, tls).await.unwrap(), "ok");
    // The roots of the system are not those of this test.
    let address = secure(&folder.config(&[&good])).await;
    if let Ok(upstream) = with_system_roots(address) {
        let error = upstream.send(get()).await.expect_err("a root of nobody");
        assert_distrusted(&error, "the certificate leads to no root that is trusted");
    }
}

/// There may be none.
fn with_system_roots(
    address: SocketAddr,
) -> Result<HttpUpstream, crate::upstream::InvalidUpstream> {
    let authority = format!("localhost:{}", address.port());
    let mut config = UpstreamConfig::new(authority.parse().unwrap());
    config.tls = Some(UpstreamTls::default());
    HttpUpstream::new("orders", config)
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_certificate_gets_ours() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let mut config = folder.config(&[&ca.issue(&["localhost"])]);
    config.clients = ClientCertificates::Required(folder.file("clients.pem", &ca.pem));
    let address = secure(&config).await;
    let with = |pair: Option<Pair>| {
        let certificate = pair.map(|pair| folder.pair("client", &pair));
        UpstreamTls {
            certificate,
            ..trusting(&folder, &ca)
        }
    };
    let answer = ask("localhost", address, with(Some(ca.issue(&["gateway"])))).await;
    assert_eq!(answer.unwrap(), "ok");
    let strange = Ca::new("other").issue(&["gateway"]);
    for pair in [None, Some(strange)] {
        let answer = ask("localhost", address, with(pair)).await;
        assert_distrusted(&answer.expect_err("refused"), "our certificate was refused");
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_tls_is_none() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let (address, _) = server(|mut wire| async move {
        let _ = wire.try_send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
        wire.closed_in_order().await.map(drop).unwrap_or_default();
    })
    .await;
    let answer = ask("localhost", address, trusting(&folder, &ca)).await;
    assert_distrusted(&answer.expect_err("no TLS"), "what came is not TLS");
}

#[tokio::test]
async fn a_handshake_is_a_part_of_the_time_to_connect() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let (silent, _) = server(|mut wire| async move { drop(wire.closed_in_order().await) }).await;
    let mut config = UpstreamConfig::new(silent.to_string().parse().unwrap());
    config.tls = Some(trusting(&folder, &ca));
    config.connect_timeout = SHORT;
    let upstream = HttpUpstream::new("orders", config).unwrap();
    let error = upstream.send(get()).await.expect_err("nothing came");
    assert_eq!(error.kind(), UpstreamErrorKind::ConnectTimeout);
}

#[tokio::test]
async fn a_large_request_is_sent_and_what_is_refused_early_is_heard() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let address = secure(&folder.config(&[&ca.issue(&["localhost"])])).await;
    let authority = format!("localhost:{}", address.port());
    let mut config = UpstreamConfig::new(authority.parse().unwrap());
    config.tls = Some(trusting(&folder, &ca));
    config.protocol = Protocol::Http1;
    let upstream = HttpUpstream::new("orders", config).unwrap();
    let body = http_body_util::Full::new(Bytes::from(vec![b'x'; 4 * 1024 * 1024]));
    let body = ProxyBody::new(body, BodySource::Client);
    let answer = upstream.send(request(Method::POST, body)).await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// A server in TLS that speaks what is agreed on, of these protocols.
async fn agreeing(config: &TlsConfig, protocols: &[&str]) -> SocketAddr {
    let (listener, address) = listener().await;
    let mut tls = ServerConfig::clone(&ServerTls::build(config).unwrap().config());
    tls.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
                    stream.write_all(OK.as_bytes()).await.unwrap();
                    return drop(stream.read(&mut [0; 1024]).await);
                }
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, mut respond))) = connection.accept().await {
                    let mut stream = respond.send_response(Response::new(()), false).unwrap();
                    stream
                        .send_data(Bytes::from_static(b"in two"), true)
                        .unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn what_is_spoken_is_agreed_on() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let server = folder.config(&[&ca.issue(&["localhost"])]);
    for (protocols, protocol, expected) in [
        (&["h2", "http/1.1"][..], Protocol::Auto, Some("in two")),
        (&["http/1.1"], Protocol::Auto, Some("ok")),
        (&[], Protocol::Auto, Some("ok")),
        (&["h2", "http/1.1"], Protocol::Http1, Some("ok")),
        (&["h2", "http/1.1"], Protocol::Http2, Some("in two")),
        (&["http/1.1"], Protocol::Http2, None),
        (&[], Protocol::Http2, None),
    ] {
        let address = agreeing(&server, protocols).await;
        let authority = format!("localhost:{}", address.port());
        let mut config = UpstreamConfig::new(authority.parse().unwrap());
        config.tls = Some(trusting(&folder, &ca));
        config.protocol = protocol;
        config.connect_timeout = LONG;
        let upstream = HttpUpstream::new("orders", config).unwrap();
        let sent = upstream.send(get()).await;
        match expected {
            Some(expected) => assert_eq!(text(sent.unwrap()).await, expected),
            None => {
                let error = sent.unwrap_err();
                let all = everything(&error);
                assert!(all.starts_with("upstream `orders` "), "{all}");
                assert!(!all.contains("127.0.0.1"), "{all}");
            }
        }
    }
}

/// What is asked for in vain says nothing against the address.
#[tokio::test]
async fn an_upstream_without_http1_changes_no_protocols_and_is_not_blamed() {
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let server = folder.config(&[&ca.issue(&["127.0.0.1"])]);
    let (one, other) = (
        agreeing(&server, &["h2"]).await,
        agreeing(&server, &["h2"]).await,
    );
    let mut config = at(&[one, other]);
    config.tls = Some(trusting(&folder, &ca));
    config.protocol = Protocol::Auto;
    config.connect_timeout = LONG;
    config.ejection.failures = 1;
    let (upstream, counts) = Counts::of(|| HttpUpstream::new("orders", config).unwrap());
    let error = upstream.send(upgrading()).await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::NoUpgrade);
    let all = everything(&error);
    assert!(all.contains("it does not speak HTTP/1.1"), "{all}");
    assert!(!all.contains("127.0.0.1"), "{all}");
    assert_eq!(counts.get("ejections_total", ""), 0.0);
    let answer = upstream.send(get()).await.unwrap();
    assert_eq!(text(answer).await, "in two");
}

/// All but the first handshake wait for each other.
#[tokio::test]
async fn nobody_waits_for_a_connection_to_be_shared_where_none_can_be() {
    const REST: usize = 5;
    let (ca, folder) = (Ca::new("ca"), Folder::new());
    let server = folder.config(&[&ca.issue(&["localhost"])]);
    let mut tls = ServerConfig::clone(&ServerTls::build(&server).unwrap().config());
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        let together = Arc::new(Barrier::new(REST));
        let mut is_first = true;
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, together) = (acceptor.clone(), Arc::clone(&together));
            let waits = !std::mem::take(&mut is_first);
            tokio::spawn(async move {
                if waits {
                    together.wait().await;
                }
                serve(stream, acceptor).await;
            });
        }
    });
    let authority = format!("localhost:{}", address.port());
    let mut config = UpstreamConfig::new(authority.parse().unwrap());
    config.tls = Some(trusting(&folder, &ca));
    config.connect_timeout = LONG;
    // The answers end none of the connections, which are not used again all the same.
    config.max_idle = 0;
    let upstream = HttpUpstream::new("orders", config).unwrap();
    let sent: Vec<_> = (0..=REST)
        .map(|_| tokio::spawn(upstream.send(get())))
        .collect();
    for sent in sent {
        let answer = timeout(LONG, sent).await.expect("in parallel").unwrap();
        assert_eq!(text(answer.unwrap()).await, "ok");
    }
}
