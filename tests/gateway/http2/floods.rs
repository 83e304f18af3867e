use std::thread;
use std::time::{Duration, Instant};

use portcullis_tests::{
    Fate, Frame, FrameClient, Gateway, Memory, Place, Upstream, figure, request,
};

use crate::{PROGRAM, service};

/// So many frames of each flood on each connection, at most; whoever is told to go is done.
const FRAMES: usize = 25_000;
const CONNECTIONS: usize = 4;
const ALLOWED: u64 = 32 << 20;
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// A flood: its name, and what is sent again and again, given how often it was.
struct Flood {
    what: &'static str,
    before: Vec<u8>,
    piece: Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>,
}

fn floods(token: &str) -> Vec<Flood> {
    let flood = |what, before: Vec<u8>, piece: Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>| Flood {
        what,
        before,
        piece,
    };
    let good = Frame::block(&request("POST", "/x", token));
    let mut faulty = request("GET", "/x", token);
    faulty.retain(|field| field.0 != ":path");
    let faulty = Frame::block(&faulty);
    let open = Frame::octets(Frame::HEADERS, Frame::END_HEADERS, 1, &good);
    let begun = Frame::octets(Frame::HEADERS, 0, 1, &good);
    let reset = |at| Frame::octets(Frame::RST_STREAM, 0, stream(at), &[0, 0, 0, 8]);
    let (rapid, refused) = (good.clone(), good);
    let window = [0, 0, 0, 1];
    vec![
        flood(
            "requests that are reset at once",
            vec![],
            Box::new(move |at| {
                let head = Frame::octets(Frame::HEADERS, Frame::END_HEADERS, stream(at), &rapid);
                [head, reset(at)].concat()
            }),
        ),
        flood(
            "requests that are faulty",
            vec![],
            Box::new(move |at| Frame::octets(Frame::HEADERS, Frame::WHOLE, stream(at), &faulty)),
        ),
        flood(
            "more requests than may be at once",
            vec![],
            Box::new(move |at| {
                Frame::octets(Frame::HEADERS, Frame::END_HEADERS, stream(at), &refused)
            }),
        ),
        flood(
            "windows of nothing on streams",
            open.clone(),
            Box::new(|_| Frame::octets(Frame::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ),
        flood(
            "a head without an end",
            begun.clone(),
            Box::new(|_| Frame::octets(Frame::CONTINUATION, 0, 1, &[0, 1, b'x', 1, b'y'])),
        ),
        flood(
            "a head of nothing without an end",
            begun,
            Box::new(|_| Frame::octets(Frame::CONTINUATION, 0, 1, &[])),
        ),
        flood(
            "empty data",
            open,
            Box::new(|_| Frame::octets(Frame::DATA, 0, 1, &[])),
        ),
        flood(
            "pings",
            vec![],
            Box::new(|_| Frame::octets(Frame::PING, 0, 0, &[1; 8])),
        ),
        flood(
            "settings",
            vec![],
            Box::new(|_| Frame::octets(Frame::SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])),
        ),
        flood(
            "windows",
            vec![],
            Box::new(move |_| Frame::octets(Frame::WINDOW_UPDATE, 0, 0, &window)),
        ),
        flood(
            "priorities",
            vec![],
            Box::new(move |at| Frame::octets(Frame::PRIORITY, 0, stream(at), &[0, 0, 0, 0, 1])),
        ),
        flood(
            "frames that nobody knows",
            vec![],
            Box::new(|_| Frame::octets(0xfa, 0xff, 0, &[7; 100])),
        ),
    ]
}

/// The stream of a request, counted from 0.
const fn stream(at: u32) -> u32 {
    2 * at + 1
}

/// Floods one connection, and says how that ended.
fn flooded(address: std::net::SocketAddr, flood: &Flood) -> Fate {
    let mut client = FrameClient::connect(address);
    let mut reader = client.other();
    let told = thread::spawn(move || {
        while let Some(frame) = reader.receive() {
            if frame.kind == Frame::GOAWAY {
                return Fate::GoAway(frame.code());
            }
        }
        Fate::Closed
    });
    let mut octets = flood.before.clone();
    for at in 0..FRAMES {
        octets.extend((flood.piece)(u32::try_from(at).expect("small")));
        if octets.len() > 8_192 || at + 1 == FRAMES {
            if told.is_finished() || client.send(&octets).is_err() {
                break;
            }
            octets.clear();
        }
    }
    told.join().expect("told")
}

#[test]
fn floods_end_with_their_connection_and_cost_no_memory() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start_forgetful());
    let services = service("orders", "/", &upstream);
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("orders", &["--scope", "*"]);
    let memory = || {
        Memory::of_process(gateway.process().id())
            .expect("Linux")
            .now
    };
    assert_eq!(gateway.get("/", &token).status, 200);
    let before = memory();
    for flood in floods(&token) {
        let began = Instant::now();
        thread::scope(|scope| {
            let flooding: Vec<_> = (0..CONNECTIONS)
                .map(|_| scope.spawn(|| flooded(gateway.address, &flood)))
                .collect();
            let mut longest = Duration::ZERO;
            while !flooding.iter().all(|flooding| flooding.is_finished()) {
                let asked = Instant::now();
                assert_eq!(gateway.get("/", &token).status, 200, "{}", flood.what);
                longest = longest.max(asked.elapsed());
                let grown = memory().saturating_sub(before);
                assert!(grown < ALLOWED, "{}: {grown} bytes", flood.what);
            }
            assert!(
                longest < Duration::from_secs(1),
                "{}: {longest:?}",
                flood.what
            );
            for flooding in flooding {
                let fate = flooding.join().expect("flooded");
                assert_eq!(fate, Fate::GoAway(ENHANCE_YOUR_CALM), "{}", flood.what);
            }
        });
        let mut client = FrameClient::connect(gateway.address);
        client.get(1, "/", &token);
        assert_eq!(client.fate(1), Fate::Status(200), "behind {}", flood.what);
        let grown = memory().saturating_sub(before) >> 10;
        let took = began.elapsed().as_millis();
        figure(&format!(
            "{}: told to go in {took} ms, {grown} KiB more",
            flood.what
        ));
    }
    let calmed = gateway.metric("portcullis_http2_calmed_total");
    assert!(
        calmed >= (floods(&token).len() * CONNECTIONS) as f64,
        "{calmed}"
    );
}
