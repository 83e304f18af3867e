use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wire::LONG;

pub(super) const DATA: u8 = 0x0;
pub(super) const HEADERS: u8 = 0x1;
pub(super) const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
pub(super) const PING: u8 = 0x6;
pub(super) const GOAWAY: u8 = 0x7;

const ACK: u8 = 0x1;
pub(super) const END_STREAM: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;

pub(super) const CANCEL: u32 = 0x8;
pub(super) const ENHANCE_YOUR_CALM: u32 = 0xb;

/// A client of HTTP/2 that sends what it is told. It acknowledges settings and pings, and allows
/// for no more of an answer than its first window.
pub(super) struct Client {
    stream: TcpStream,
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Client {
    /// Says that it speaks HTTP/2, and remembers no field of an answer for the next.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut client = Self { stream };
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        client.frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]).await;
        client
    }

    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.try_send(octets).await.unwrap();
    }

    pub(super) async fn try_send(&mut self, octets: &[u8]) -> io::Result<()> {
        timeout(LONG, self.stream.write_all(octets)).await.unwrap()
    }

    pub(super) async fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.send(&frame(kind, flags, stream, payload)).await;
    }

    pub(super) async fn get(&mut self, stream: u32, path: &str) {
        let head = head("GET", path, &[]);
        self.frame(HEADERS, END_STREAM | END_HEADERS, stream, &head)
            .await;
    }

    /// The head of a request with a body.
    pub(super) async fn post(&mut self, stream: u32, path: &str) {
        let head = head("POST", path, &[]);
        self.frame(HEADERS, END_HEADERS, stream, &head).await;
    }

    /// The next frame that is not about the connection's settings; nothing once it is closed.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = timeout(LONG, self.read())
                .await
                .expect("nothing came")
                .ok()?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => {
                    // The server may be gone.
                    let _ = self.try_send(&self::frame(SETTINGS, ACK, 0, &[])).await;
                }
                PING if frame.flags & ACK == 0 => {
                    let pong = self::frame(PING, ACK, 0, &frame.payload);
                    let _ = self.try_send(&pong).await;
                    return Some(frame);
                }
                SETTINGS => {}
                _ => return Some(frame),
            }
        }
    }

    /// The next frame of this type, whatever comes before.
    pub(super) async fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.expect("not closed");
            if frame.kind == kind {
                return frame;
            }
            assert_ne!(frame.kind, GOAWAY, "{frame:?}");
        }
    }

    /// The status of the next answer, with its stream.
    pub(super) async fn answer(&mut self) -> (u32, u16) {
        let frame = self.until(HEADERS).await;
        (frame.stream, status(&frame.payload))
    }

    /// All that comes until the end, in its order, without what a closed socket swallows.
    pub(super) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    async fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await?;
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        self.stream.read_exact(&mut payload).await?;
        Ok(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            payload,
        })
    }
}

impl Frame {
    /// The code of RST_STREAM, or of GOAWAY.
    pub(super) fn code(&self) -> u32 {
        let code = self.payload[self.payload.len().min(8) - 4..].first_chunk();
        u32::from_be_bytes(*code.unwrap())
    }
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block of literals alone (RFC 7541 section 6.2.2).
pub(super) fn head(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [
        (":method", method),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", path),
    ];
    let mut block = Vec::new();
    for (name, value) in pseudo.iter().chain(fields) {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// The status, with which every answer begins: one of the static table, or its digits in the
/// Huffman code of RFC 7541 appendix B.
fn status(block: &[u8]) -> u16 {
    let block = &block[block.iter().take_while(|octet| **octet >> 5 == 1).count()..];
    if block[0] & 0x80 != 0 {
        return [200, 204, 206, 304, 400, 404, 500][usize::from(block[0] & 0x7f) - 8];
    }
    assert_eq!(block[0] & 0x0f, 8, "{block:x?}");
    let mut bits = block[2..]
        .iter()
        .flat_map(|octet| (0..8).rev().map(move |bit| u16::from(octet >> bit & 1)));
    let mut take = |count| {
        bits.by_ref()
            .take(count)
            .fold(0, |bits, bit| bits << 1 | bit)
    };
    let mut digit = || match take(2) {
        0 => take(3),
        first => (first << 4 | take(4)) - 0b01_1001 + 3,
    };
    (0..3).fold(0, |status, _| status * 10 + digit())
}
