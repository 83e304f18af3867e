use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use portcullis_tests::{Gateway, Memory, Place, eventually, figure};

use crate::PROGRAM;

const GIBIBYTE: u64 = 1 << 30;
const MEBIBYTE: u64 = 1 << 20;

/// An upstream that takes what comes and gives as much as is asked for: `GET /4096` has a body of
/// 4096 bytes.
struct Spring {
    address: SocketAddr,
    given: Arc<AtomicU64>,
}

impl Spring {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let given = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&given);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                thread::spawn(move || serve(&stream, &counted));
            }
        });
        Self { address, given }
    }

    fn given(&self) -> u64 {
        self.given.load(Relaxed)
    }
}

/// One request: what it brings is counted and told, what it asks for is given.
fn serve(stream: &TcpStream, given: &AtomicU64) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut asked, mut brought) = (0, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(target) = line.strip_prefix("get /") {
            asked = target.split(' ').next()?.parse().ok()?;
        }
        if let Some(length) = line.strip_prefix("content-length: ") {
            brought = length.parse().ok()?;
        }
    }
    let taken = discard(&mut reader, brought);
    let told = taken.to_string();
    let length = if asked > 0 { asked } else { told.len() as u64 };
    let mut writer = stream;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    writer.write_all(head.as_bytes()).ok()?;
    if asked == 0 {
        return writer.write_all(told.as_bytes()).ok();
    }
    pour(writer, asked, |part| {
        given.fetch_add(part, Relaxed);
    })
}

fn pour(mut writer: &TcpStream, length: u64, mut poured: impl FnMut(u64)) -> Option<()> {
    let part = vec![b'x'; 256 * 1024];
    let mut left = length;
    while left > 0 {
        let now = left.min(part.len() as u64);
        writer.write_all(&part[..usize::try_from(now).ok()?]).ok()?;
        poured(now);
        left -= now;
    }
    Some(())
}

/// How much came of a body of this length.
fn discard(reader: &mut impl std::io::Read, length: u64) -> u64 {
    let mut part = vec![0; 256 * 1024];
    let mut taken = 0;
    while taken < length {
        match reader.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(read) => taken += read as u64,
        }
    }
    taken
}

fn start(place: &Place, spring: &Spring) -> (Gateway, String) {
    let services = format!(
        "[[services]]\nname = \"files\"\nprefix = \"/\"\nupstream = \"http://{}\"\n",
        spring.address
    );
    let gateway = Gateway::start(place, &services);
    let token = place.issue("files", &[]);
    assert_eq!(gateway.get("/0", &token).status, 200);
    (gateway, token)
}

fn memory(gateway: &Gateway) -> Memory {
    Memory::of_process(gateway.process().id()).expect("the kernel tells")
}

fn ask(gateway: &Gateway, token: &str, line: &str, fields: &str) -> TcpStream {
    let mut stream = TcpStream::connect(gateway.address).expect("connected");
    let limit = Some(Duration::from_secs(60));
    stream.set_read_timeout(limit).expect("a timeout");
    stream.set_write_timeout(limit).expect("a timeout");
    let head = format!(
        "{line} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {token}\r\n{fields}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream
}

/// Reads a head, and says how long its body is.
fn length(reader: &mut BufReader<&TcpStream>) -> u64 {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a head");
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return length;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().expect("a length");
        }
    }
}

#[test]
fn ten_gibibytes_each_way_cost_no_memory() {
    const LENGTH: u64 = 10 * GIBIBYTE;

    let (place, spring) = (Place::new(PROGRAM), Spring::start());
    let (gateway, token) = start(&place, &spring);
    let before = memory(&gateway);

    let began = Instant::now();
    let down = ask(&gateway, &token, &format!("GET /{LENGTH}"), "");
    let mut reader = BufReader::new(&down);
    assert_eq!(length(&mut reader), LENGTH);
    assert_eq!(discard(&mut reader, LENGTH), LENGTH);
    let downward = (began.elapsed(), memory(&gateway).peak);

    let began = Instant::now();
    let fields = format!("content-length: {LENGTH}\r\nconnection: close\r\n");
    let up = ask(&gateway, &token, "PUT /0", &fields);
    assert!(pour(&up, LENGTH, |_| {}).is_some(), "all is taken");
    let mut reader = BufReader::new(&up);
    length(&mut reader);
    let mut told = String::new();
    reader.read_to_string(&mut told).expect("an answer");
    assert_eq!(told, LENGTH.to_string(), "all of it came");
    let upward = (began.elapsed(), memory(&gateway).peak);

    for (way, (time, peak)) in [("down", downward), ("up", upward)] {
        let grown = peak.saturating_sub(before.now);
        figure(&format!(
            "10 GiB {way} in {time:.1?}: at most {} KiB more than before",
            grown >> 10
        ));
        assert!(grown < 16 * MEBIBYTE, "{way}: {grown} bytes");
    }
}

#[test]
fn readers_that_stop_cost_no_memory() {
    const READERS: u64 = 64;

    let (place, spring) = (Place::new(PROGRAM), Spring::start());
    let (gateway, token) = start(&place, &spring);
    let before = memory(&gateway);
    let readers: Vec<_> = (0..READERS)
        .map(|_| ask(&gateway, &token, &format!("GET /{GIBIBYTE}"), ""))
        .collect();
    // Until the kernel's buffers are full and nothing moves any more.
    let mut last = (spring.given(), Instant::now());
    eventually("nothing is taken from the upstream any more", || {
        if spring.given() != last.0 {
            last = (spring.given(), Instant::now());
        }
        last.0 > 0 && last.1.elapsed() > Duration::from_secs(1)
    });
    let grown = memory(&gateway).peak.saturating_sub(before.now);
    figure(&format!(
        "{READERS} readers that stopped at 1 GiB each: {} KiB a reader",
        (grown >> 10) / READERS
    ));
    assert!(grown / READERS < MEBIBYTE / 2, "{grown} bytes");
    assert!(
        spring.given() < READERS * GIBIBYTE / 8,
        "most was never taken"
    );
    drop(readers);
}
