use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The key of RFC 6455 section 1.3.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A client of WebSocket, byte for byte.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    /// The head of the answer.
    pub(crate) head: String,
}

/// What comes next of what the server says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Frame(u8, Vec<u8>),
    /// The end, orderly.
    End,
    /// An end within a frame that looks orderly.
    Torn,
    /// A reset.
    Broken,
}

/// The request of a good handshake, with these lines more.
pub(crate) fn handshake(path: &str, token: &str, further: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: a.test\r\nauthorization: Bearer {token}\r\n\
         connection: keep-alive, Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: {KEY}\r\n{further}\r\n"
    )
}

/// A frame of a client's. The mask is none in effect.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).expect("it is short")),
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

impl Socket {
    /// Sends this, and reads the head of the answer.
    pub(crate) fn send(address: SocketAddr, bytes: &[u8]) -> Self {
        let stream = TcpStream::connect(address).expect("a connection");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a timeout");
        stream.set_write_timeout(limit).expect("a timeout");
        let mut socket = Self {
            stream,
            head: String::new(),
        };
        socket.ask(bytes);
        socket
    }

    /// Sends a further request, and reads the head of its answer.
    pub(crate) fn ask(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            match self.stream.read(&mut octet) {
                Ok(1) => head.extend(octet),
                _ => break,
            }
        }
        self.head = String::from_utf8(head).expect("a head");
    }

    pub(crate) fn status(&self) -> &str {
        self.head.get(9..12).unwrap_or_default()
    }

    pub(crate) fn say(&mut self, first: u8, payload: &[u8]) {
        self.stream.write_all(&frame(first, payload)).expect("sent");
    }

    pub(crate) fn hear(&mut self) -> Heard {
        let mut head = [0; 2];
        match self.stream.read(&mut head[..1]) {
            Ok(0) => return Heard::End,
            Ok(_) => {}
            Err(_) => return Heard::Broken,
        }
        self.rest(&mut head).unwrap_or(Heard::Broken)
    }

    fn rest(&mut self, head: &mut [u8; 2]) -> Option<Heard> {
        self.stream.read_exact(&mut head[1..]).ok()?;
        let length = match head[1] {
            127 => {
                let mut length = [0; 8];
                self.stream.read_exact(&mut length).ok()?;
                u64::from_be_bytes(length)
            }
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length).ok()?;
                u16::from_be_bytes(length).into()
            }
            length => length.into(),
        };
        let mut payload = Vec::new();
        let mut stream = (&self.stream).take(length);
        stream.read_to_end(&mut payload).ok()?;
        let is_whole = payload.len() as u64 == length;
        Some(match is_whole {
            true => Heard::Frame(head[0], payload),
            false => Heard::Torn,
        })
    }

    /// The last that is heard, behind however many frames of data: what closes it, and the end.
    pub(crate) fn last(&mut self) -> (Option<Vec<u8>>, Heard) {
        let mut close = None;
        loop {
            match self.hear() {
                Heard::Frame(0x88, payload) => close = Some(payload),
                Heard::Frame(..) => assert!(close.is_none(), "something follows the close"),
                end => return (close, end),
            }
        }
    }
}
