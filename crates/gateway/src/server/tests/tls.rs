//! Connections that begin with a handshake.

use std::io;
use std::time::Instant;

use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::server::Http2Config;
use crate::tls::ServerTls;
use crate::tls::tests::{Ca, Folder, Stranger};
use crate::wire::{LONG, eventually};

/// A server with a certificate for `a.test`.
struct Secure {
    running: Running,
    world: Arc<World>,
    ca: Ca,
    folder: Folder,
}

impl Secure {
    async fn start(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = ServerConfig::default();
        change(&mut config);
        let (ca, folder) = (Ca::new("ca"), Folder::new());
        let tls = ServerTls::build(&folder.config(&[&ca.issue(&["a.test"])]));
        // What is accepted has the buffers of its listener.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let secure = socket.listen(64).unwrap();
        let address = secure.local_addr().unwrap();
        let server = Server::new(listener().await.0, config).unwrap();
        let server = server.with_tls(secure, tls.unwrap());
        let (running, world) = run(server, address, Arc::new(World::new()));
        Self {
            running,
            world,
            ca,
            folder,
        }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        let client = Stranger::default().trusting(&self.ca);
        self.connect_as(client).await.unwrap()
    }

    async fn connect_as(&self, client: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
        shake(self.tcp().await, client).await
    }

    async fn tcp(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(self.running.address).await.unwrap()
    }

    async fn closes_all(&self) {
        eventually(async || self.running.stats.read().open == 0).await;
    }
}

async fn shake(stream: TcpStream, client: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("a.test").unwrap();
    let connecting = TlsConnector::from(client).connect(name, stream);
    timeout(LONG, connecting).await.unwrap()
}

/// What comes until the other end says that nothing is missing; anything else is an error.
async fn rest(stream: &mut TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    timeout(LONG, stream.read_to_end(&mut read))
        .await
        .unwrap()?;
    Ok(read)
}

async fn asked(stream: &mut TlsStream<TcpStream>, request: &str) -> io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    Ok(String::from_utf8(rest(stream).await?).unwrap())
}

#[tokio::test]
async fn an_answer_that_is_whole_ends_with_a_word() {
    let secure = Secure::start(|_| {}).await;
    for request in [
        "GET /secured HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "GET /secured HTTP/1.0\r\n\r\n",
        "bad\r\n\r\n",
    ] {
        let answer = asked(&mut secure.connect().await, request).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 ") || answer.starts_with("HTTP/1.0 "),
            "{answer}"
        );
        let said = answer.contains("1.3 HTTP/1.") || answer.contains(" 400 ");
        assert!(said, "{answer}");
    }
    secure.closes_all().await;
    assert_eq!(secure.running.stats.read().accepted, 3);
}

#[tokio::test]
async fn a_connection_that_is_kept_for_nothing_ends_with_a_word() {
    let secure = Secure::start(|config| config.idle_timeout = SHORT).await;
    let answer = asked(&mut secure.connect().await, GET).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(secure.running.stats.read().idle_timeouts, 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_ends_without_one() {
    let secure = Secure::start(|_| {}).await;
    for version in ["1.0", "1.1"] {
        let request = format!("GET /broken HTTP/{version}\r\nhost: a\r\n\r\n");
        let ended = asked(&mut secure.connect().await, &request).await;
        let kind = ended.expect_err("it is not the whole").kind();
        let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&kind), "{version}: {kind:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_cut_ends_where_its_reader_has_stopped() {
    let secure = Secure::start(|_| {}).await;
    let mut client = secure.connect().await;
    client
        .write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    secure.world.came.notified().await;
    // Its answer fills what there is of buffers.
    sleep(SHORT).await;
    secure.world.cut_last();
    secure.closes_all().await;
    assert_eq!(secure.running.stats.read().requests_cut, 1);
    let ended = rest(&mut client).await.expect_err("it is not the whole");
    assert_eq!(ended.kind(), io::ErrorKind::ConnectionReset);
}

/// Also where all of the answer is written already, and waits in TLS.
#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let secure = Secure::start(|config| config.write_timeout = SHORT).await;
    for (request, cut) in [("/endless", 1), ("/middle", 2)] {
        let mut client = secure.connect().await;
        let request = format!("GET {request} HTTP/1.1\r\nhost: a\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        secure.world.came.notified().await;
        secure.closes_all().await;
        assert_eq!(secure.running.stats.read().write_timeouts, cut, "{request}");
        drop(client);
    }
}

#[tokio::test]
async fn a_client_that_takes_little_at_a_time_is_not_cut() {
    let secure = Secure::start(|config| config.write_timeout = SHORT).await;
    let mut client = secure.connect().await;
    let request = b"GET /middle HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut read = Vec::new();
    while read.len() < 40 * 1024 {
        sleep(SHORT / 8).await;
        let mut piece = vec![0; 2048];
        let octets = timeout(LONG, client.read(&mut piece))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(octets, 0, "after {}", read.len());
        read.extend_from_slice(&piece[..octets]);
    }
    rest(&mut client).await.unwrap();
    assert_eq!(secure.running.stats.read().write_timeouts, 0);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_closed() {
    let secure = Secure::start(|config| config.header_read_timeout = SHORT).await;
    let hello = b"\x16\x03\x01\x02\x00\x01";
    for sent in [&b""[..], hello] {
        let mut client = secure.tcp().await;
        client.write_all(sent).await.unwrap();
        let mut read = Vec::new();
        timeout(LONG, client.read_to_end(&mut read))
            .await
            .unwrap()
            .unwrap();
        assert!(read.is_empty(), "{read:?}");
    }
    assert_eq!(secure.running.stats.read().head_timeouts, 2);
}

#[tokio::test]
async fn the_handshake_is_a_part_of_the_time_for_the_first_request() {
    let patience = Duration::from_secs(3);
    let secure = Secure::start(|config| config.header_read_timeout = patience).await;
    let begun = Instant::now();
    let stream = secure.tcp().await;
    sleep(patience * 2 / 3).await;
    let client = Stranger::default().trusting(&secure.ca);
    let mut client = shake(stream, client).await.unwrap();
    rest(&mut client).await.unwrap();
    let took = begun.elapsed();
    assert!(took >= patience && took < patience * 3 / 2, "{took:?}");
}

#[tokio::test]
async fn what_is_no_tls_is_told_so() {
    let secure = Secure::start(|_| {}).await;
    let mut client = secure.tcp().await;
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    timeout(LONG, client.read_to_end(&mut read))
        .await
        .unwrap()
        .expect("no reset");
    assert_eq!(read.first(), Some(&0x15), "an alert: {read:?}");
    secure.closes_all().await;
}

#[tokio::test]
async fn a_certificate_is_replaced_for_those_that_come() {
    let secure = Secure::start(|_| {}).await;
    let shown = |stream: &TlsStream<TcpStream>| {
        let shown = stream.get_ref().1.peer_certificates().unwrap();
        shown[0].to_vec()
    };
    let mut open = secure.connect().await;
    let config = secure.folder.config(&[&secure.ca.issue(&["a.test"])]);
    let tls = ServerTls::build(&config).unwrap();
    let handle = &secure.running.handle;
    handle.replace_with_tls(handle.config(), tls).unwrap();
    let next = secure.connect().await;
    assert_ne!(shown(&open), shown(&next));
    let closing = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert!(
        asked(&mut open, closing)
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let secure = Secure::start(|_| {}).await;
    let (mut reader, mut writer) = tokio::io::split(secure.connect().await);
    let sent: Vec<u8> = (0..LARGE / 2).map(|at| (at % 251) as u8).collect();
    let head = format!(
        "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        sent.len()
    );
    let writing = async {
        writer.write_all(head.as_bytes()).await.unwrap();
        writer.write_all(&sent).await.unwrap();
        writer.flush().await.unwrap();
    };
    let mut read = Vec::new();
    let reading = async {
        timeout(LONG, reader.read_to_end(&mut read))
            .await
            .unwrap()
            .unwrap();
    };
    tokio::join!(writing, reading);
    assert!(read.ends_with(&sent), "{} octets", read.len());
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_agreed_on_and_nowhere_else() {
    const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let secure = Secure::start(|_| {}).await;
    let with = |alpn: &[&'static str]| {
        let alpn = alpn.to_vec();
        let stranger = Stranger {
            alpn,
            ..Stranger::default()
        };
        secure.connect_as(stranger.trusting(&secure.ca))
    };
    let stream = with(&["http/1.1", "h2"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let http2 = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut requests, connection) = http2.await.unwrap();
    let driving = tokio::spawn(connection);
    let request = Request::get("https://a.test/secured").body(Empty::<Bytes>::new());
    let answer = requests.send_request(request.unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "1.3 HTTP/2.0");
    drop(requests);
    driving.await.unwrap().unwrap();

    // What was agreed on is spoken.
    let mut stream = with(&["h2"]).await.unwrap();
    let said = asked(&mut stream, GET).await;
    assert!(said.is_ok_and(|said| said.is_empty()));
    for alpn in [&["http/1.1"][..], &[]] {
        let said = asked(&mut with(alpn).await.unwrap(), PREFACE)
            .await
            .unwrap();
        assert!(
            said.starts_with("HTTP/1.1 ") && !said.starts_with("HTTP/1.1 2"),
            "{said}"
        );
    }
    assert!(with(&["spdy/3"]).await.is_err());
}

/// What a client is offered in a handshake, and what it may speak then, are of one moment.
#[tokio::test]
async fn a_connection_is_allowed_what_it_was_when_it_came() {
    let secure = Secure::start(|_| {}).await;
    let handle = &secure.running.handle;
    let client = Stranger {
        alpn: vec!["h2", "http/1.1"],
        ..Stranger::default()
    };
    let client = client.trusting(&secure.ca);
    let mut tls = secure.folder.config(&[&secure.ca.issue(&["a.test"])]);
    let (http1, http2) = (None, Some(Http2Config::default()));
    for (next, agreed) in [(http1, &b"h2"[..]), (http2, b"http/1.1")] {
        let came = secure.tcp().await;
        eventually(async || secure.running.stats.read().open == 1).await;
        tls.http2 = next.is_some();
        let config = ServerConfig {
            http2: next,
            ..handle.config()
        };
        let built = ServerTls::build(&tls).unwrap();
        handle.replace_with_tls(config, built).unwrap();
        let stream = shake(came, Arc::clone(&client)).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(agreed));
        assert_eq!(spoken(stream).await, 200);
        secure.closes_all().await;
    }
}

/// As where `[tls]` is taken out of a configuration that counts on until the next start.
#[tokio::test]
async fn without_http2_nobody_agrees_on_it_also_in_the_handshake_of_before() {
    let secure = Secure::start(|_| {}).await;
    let handle = &secure.running.handle;
    let config = ServerConfig {
        http2: None,
        ..handle.config()
    };
    handle.replace(config).unwrap();
    let client = Stranger {
        alpn: vec!["h2", "http/1.1"],
        ..Stranger::default()
    };
    let stream = secure.connect_as(client.trusting(&secure.ca)).await;
    let stream = stream.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(spoken(stream).await, 200);
}

/// What a request is answered with in what was agreed on.
async fn spoken(mut stream: TlsStream<TcpStream>) -> u16 {
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        let closing = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let answer = asked(&mut stream, closing).await.unwrap();
        return answer[9..12].parse().unwrap();
    }
    let http2 = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut requests, connection) = http2.await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://a.test/").body(Empty::<Bytes>::new());
    let answer = requests.send_request(request.unwrap()).await.unwrap();
    answer.status().as_u16()
}
