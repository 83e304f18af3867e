use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_tests::{Fate, Frame, FrameClient, Gateway, Place, eventually, request};

use crate::PROGRAM;

/// How often the gateway asks for changes, by default, and a second.
const BOUND: Duration = Duration::from_millis(1_500);
const CANCEL: u32 = 0x8;

/// An upstream whose answers have no end: a piece each 10 ms, of as many octets as the path says.
/// A request with a body it reads, and never answers.
struct Endless {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
}

impl Endless {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let open = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&open);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let open = Arc::clone(&counted);
                thread::spawn(move || {
                    open.fetch_add(1, Ordering::SeqCst);
                    // It ends when the gateway closes it.
                    let _ = serve(&stream);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, open }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut size) = (String::new(), None);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        size = size.or_else(|| line.strip_prefix("GET /")?.split(' ').next()?.parse().ok());
        if line == "\r\n" {
            break;
        }
    }
    let Some(size) = size else {
        std::io::copy(&mut reader, &mut std::io::sink())?;
        return Ok(());
    };
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(size));
    loop {
        stream.write_all(chunk.as_bytes())?;
        thread::sleep(Duration::from_millis(10));
    }
}

fn start(place: &Place, upstream: &Endless, more: &str) -> Gateway {
    let services = format!(
        "{more}[[services]]\nname = \"orders\"\nprefix = \"/\"\nupstream = \"http://{}\"\n",
        upstream.address
    );
    Gateway::start(place, &services)
}

/// Reads until all of these streams are reset, and says with which codes; their connection lives
/// on.
fn until_reset(client: &mut FrameClient, streams: &[u32]) -> Vec<(u32, u32)> {
    let mut reset = Vec::new();
    while reset.len() < streams.len() {
        let frame = client.receive().expect("the connection lives on");
        match frame.kind {
            Frame::RST_STREAM => reset.push((frame.stream, frame.code())),
            Frame::GOAWAY => panic!("the connection is ended: {frame:?}"),
            _ => {}
        }
    }
    reset.sort_unstable();
    reset
}

/// Three streams by a key: one that is read, one whose client takes nothing more, one upload. One
/// by another key, on the same connection.
#[test]
fn streams_end_with_their_key_and_those_of_another_live_on() {
    let (place, upstream) = (Place::new(PROGRAM), Endless::start());
    let gateway = start(&place, &upstream, "");
    let (ends, stays) = (place.issue("orders", &[]), place.issue("orders", &[]));
    let mut client = FrameClient::connect(gateway.address);
    // More for the connection than its streams will ever fill.
    let window = Frame::octets(Frame::WINDOW_UPDATE, 0, 0, &0x3fff_ffff_u32.to_be_bytes());
    client.send(&window).expect("sent");
    client.get(1, "/64", &ends);
    client.get(3, "/60000", &ends);
    let upload = Frame::block(&request("POST", "/", &ends));
    let octets = [
        Frame::octets(Frame::HEADERS, Frame::END_HEADERS, 5, &upload),
        Frame::octets(Frame::DATA, 0, 5, &[b'u'; 10_000]),
    ];
    client.send(&octets.concat()).expect("sent");
    client.get(7, "/64", &stays);
    let mut begun = vec![1, 3, 7];
    while !begun.is_empty() {
        let frame = client.receive().expect("answers");
        begun.retain(|stream| frame.kind != Frame::DATA || frame.stream != *stream);
    }
    eventually("all are at the upstream", || upstream.open() == 4);

    let revoke = ["keys", "revoke", Place::id(&ends), "--reason", "left"];
    place.run(&revoke).ok();
    let revoked = Instant::now();
    let reset = until_reset(&mut client, &[1, 3, 5]);
    let took = revoked.elapsed();
    assert_eq!(reset[..2], [(1, CANCEL), (3, CANCEL)]);
    assert_eq!(reset[2].0, 5);
    assert!(took < BOUND, "{took:?}");
    eventually("the upstream is rid of them", || upstream.open() == 1);
    for _ in 0..20 {
        let frame = client.receive().expect("the other's answer");
        assert_eq!((frame.kind, frame.stream), (Frame::DATA, 7));
    }
    client.get(9, "/64", &ends);
    loop {
        let frame = client.receive().expect("an answer");
        if frame.stream == 9 {
            assert_eq!((frame.kind, frame.status()), (Frame::HEADERS, 401));
            break;
        }
    }
    assert_eq!(gateway.metric("portcullis_streams_ended_total") as u32, 3);
    client.get(11, "/64", &stays);
    assert_eq!(client.fate(11), Fate::Status(200));
    drop(client);
    eventually("a client that is gone is not served", || {
        upstream.open() == 0
    });
}

#[test]
fn windows_that_stay_shut_are_not_waited_for() {
    let (place, upstream) = (Place::new(PROGRAM), Endless::start());
    let gateway = start(&place, &upstream, "write = \"1s\"\n");
    let token = place.issue("orders", &[]);
    let mut client = FrameClient::with_settings(gateway.address, &[(1, 0), (4, 0)]);
    let streams: Vec<u32> = (0..100).map(|at| 2 * at + 1).collect();
    for stream in &streams {
        client.get(*stream, "/60000", &token);
    }
    let began = Instant::now();
    let reset = until_reset(&mut client, &streams);
    assert!(reset.iter().all(|(_, code)| *code == CANCEL), "{reset:?}");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    eventually("the upstream is rid of them", || upstream.open() == 0);
    client.get(201, "/64", &token);
    assert_eq!(client.fate(201), Fate::Status(200));
    assert_eq!(
        gateway.metric("portcullis_connection_write_timeouts_total") as u32,
        100
    );
}
