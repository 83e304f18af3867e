use std::time::Instant;

use super::frames::{END_HEADERS, END_STREAM, frame, head};
use super::{Client, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, PING, RST_STREAM};
use crate::server::tests::{SHORT, start};
use crate::server::{CalmedCounts, Http2Config, ServerConfig};

fn few(config: &mut ServerConfig) {
    config.http2 = Some(Http2Config {
        resets: 20,
        control_frames: 40,
        ..Http2Config::default()
    });
}

/// Sends until the server takes no more, and reads the last that it said.
async fn flooded(client: &mut Client, octets: &[u8]) {
    while client.try_send(octets).await.is_ok() {
        if client.last_words().await {
            break;
        }
    }
}

impl Client {
    /// Whether the server has said that it is enough.
    async fn last_words(&mut self) -> bool {
        while let Ok(frame) = tokio::time::timeout(SHORT / 20, self.next()).await {
            match frame {
                None => panic!("closed without a word"),
                Some(frame) if frame.kind == GOAWAY => {
                    assert_eq!(frame.code(), ENHANCE_YOUR_CALM);
                    return true;
                }
                Some(_) => {}
            }
        }
        false
    }
}

#[tokio::test]
async fn who_sends_too_many_control_frames_is_told_to_go() {
    let (server, _world) = start(few).await;
    let mut client = Client::connect(server.address).await;
    flooded(&mut client, &frame(PING, 0, 0, &[7; 8]).repeat(30)).await;
    let calmed = CalmedCounts {
        control_frames: 1,
        ..CalmedCounts::default()
    };
    assert_eq!(server.stats.read().http2_calmed, calmed);
}

#[tokio::test]
async fn who_resets_too_many_requests_is_told_to_go() {
    let (server, _world) = start(few).await;
    let mut client = Client::connect(server.address).await;
    let mut octets = Vec::new();
    for stream in (1..50).step_by(2) {
        octets.extend(frame(HEADERS, END_HEADERS, stream, &head("POST", "/", &[])));
        octets.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    flooded(&mut client, &octets).await;
    let calmed = CalmedCounts {
        resets: 1,
        ..CalmedCounts::default()
    };
    assert_eq!(server.stats.read().http2_calmed, calmed);
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_in_time_is_not_waited_for() {
    for pieces in [0, 1000] {
        let (server, _world) = start(|config| config.header_read_timeout = SHORT).await;
        let mut client = Client::connect(server.address).await;
        client.get(1, "/").await;
        assert_eq!(client.answer().await, (1, 200));
        let begin = Instant::now();
        client
            .frame(HEADERS, END_STREAM, 3, &head("GET", "/", &[]))
            .await;
        const CONTINUATION: u8 = 9;
        for _ in 0..pieces {
            tokio::time::sleep(SHORT / 5).await;
            let piece = frame(CONTINUATION, 0, 3, &[0, 1, b'x', 1, b'y']);
            if client.try_send(&piece).await.is_err() || begin.elapsed() > SHORT * 2 {
                break;
            }
        }
        let goaway = client.until(GOAWAY).await;
        assert_eq!(goaway.code(), ENHANCE_YOUR_CALM);
        assert_eq!(goaway.payload[..4], [0, 0, 0, 3]);
        assert!(begin.elapsed() >= SHORT);
        let counts = server.stats.read();
        assert_eq!(
            (counts.http2_calmed.header_block, counts.head_timeouts),
            (1, 1)
        );
    }
}

#[tokio::test]
async fn what_the_library_bounds_is_counted_as_well() {
    let (server, _world) = start(|_| {}).await;
    let mut client = Client::connect(server.address).await;
    client.frame(HEADERS, 0, 1, &head("GET", "/", &[])).await;
    flooded(&mut client, &frame(9, 0, 1, &[]).repeat(100)).await;
    crate::wire::eventually(async || server.stats.read().http2_calmed.library == 1).await;
}
