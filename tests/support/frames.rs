use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A client of HTTP/2 that sends whatever it is told, right or wrong, and reads the answers by
/// their frames (RFC 9113 section 4.1).
#[derive(Debug)]
pub struct FrameClient {
    stream: TcpStream,
}

/// A frame, as it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its type, one of the constants of this type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What is in it.
    pub payload: Vec<u8>,
}

/// What a server makes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// An answer with this status.
    Status(u16),
    /// RST_STREAM with this code.
    Reset(u32),
    /// GOAWAY with this code.
    GoAway(u32),
    /// The connection ended without a word.
    Closed,
}

impl Frame {
    /// The types of frames (RFC 9113 section 6).
    pub const DATA: u8 = 0x0;
    /// A part of a head.
    pub const HEADERS: u8 = 0x1;
    /// What is not used any more.
    pub const PRIORITY: u8 = 0x2;
    /// The end of one stream.
    pub const RST_STREAM: u8 = 0x3;
    /// What the peer allows.
    pub const SETTINGS: u8 = 0x4;
    /// What only servers send.
    pub const PUSH_PROMISE: u8 = 0x5;
    /// A question that is answered with itself.
    pub const PING: u8 = 0x6;
    /// The end of the connection.
    pub const GOAWAY: u8 = 0x7;
    /// How much more may be sent.
    pub const WINDOW_UPDATE: u8 = 0x8;
    /// A further part of a head.
    pub const CONTINUATION: u8 = 0x9;

    /// The flag of the last frame of a stream; in SETTINGS and PING that of an acknowledgement.
    pub const END_STREAM: u8 = 0x1;
    /// The flag of the last frame of a head.
    pub const END_HEADERS: u8 = 0x4;
    /// The flag of a frame with padding.
    pub const PADDED: u8 = 0x8;
    /// The flags of a request without a body.
    pub const WHOLE: u8 = Self::END_STREAM | Self::END_HEADERS;

    /// A frame, in octets.
    ///
    /// # Panics
    ///
    /// Where it is too long for any.
    #[must_use]
    pub fn octets(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("fits").to_be_bytes();
        let mut octets = length[1..].to_vec();
        octets.extend([kind, flags]);
        octets.extend(stream.to_be_bytes());
        octets.extend(payload);
        octets
    }

    /// A head, in octets: literals that nobody remembers (RFC 7541 section 6.2.2), as they are
    /// given and in this order.
    #[must_use]
    pub fn block<T: AsRef<[u8]>>(fields: &[(T, T)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name.as_ref(), value.as_ref()] {
                block.extend(integer(text.len()));
                block.extend(text);
            }
        }
        block
    }

    /// The code of RST_STREAM or GOAWAY.
    ///
    /// # Panics
    ///
    /// Where it is neither.
    #[must_use]
    pub fn code(&self) -> u32 {
        let at = if self.kind == Self::GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(*self.payload[at..].first_chunk().expect("a code"))
    }

    /// The status that an answer begins with: one of the static table, or its digits in the
    /// Huffman code of RFC 7541 appendix B.
    ///
    /// # Panics
    ///
    /// Where it begins with anything else.
    #[must_use]
    pub fn status(&self) -> u16 {
        let updates = self.payload.iter().take_while(|octet| **octet >> 5 == 1);
        let block = &self.payload[updates.count()..];
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
}

impl FrameClient {
    /// Connects, says that it speaks HTTP/2, and asks for no field of an answer to be remembered
    /// for the next: that is how far it can read them.
    ///
    /// # Panics
    ///
    /// Where nobody listens.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::with_settings(address, &[(1, 0)])
    }

    /// The same with these settings (RFC 9113 section 6.5.2).
    ///
    /// # Panics
    ///
    /// Where nobody listens.
    #[must_use]
    pub fn with_settings(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).expect("connected");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a timeout");
        stream.set_write_timeout(limit).expect("a timeout");
        stream.set_nodelay(true).expect("set");
        let mut client = Self { stream };
        let mut octets = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        octets.extend(Frame::octets(Frame::SETTINGS, 0, 0, &payload));
        client.send(&octets).expect("sent");
        client
    }

    /// Another end of the same connection, for another thread.
    ///
    /// # Panics
    ///
    /// Where the system has none.
    #[must_use]
    pub fn other(&self) -> Self {
        let stream = self.stream.try_clone().expect("another");
        Self { stream }
    }

    /// Sends these octets.
    ///
    /// # Errors
    ///
    /// Those of the connection.
    pub fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets)
    }

    /// A GET with this token on this stream.
    ///
    /// # Panics
    ///
    /// Where the connection is gone.
    pub fn get(&mut self, stream: u32, path: &str, token: &str) {
        let fields = request("GET", path, token);
        let head = Frame::octets(Frame::HEADERS, Frame::WHOLE, stream, &Frame::block(&fields));
        self.send(&head).expect("sent");
    }

    /// The next frame; nothing once the connection is closed, or where none comes for 20 seconds.
    /// Settings and pings are acknowledged.
    pub fn receive(&mut self) -> Option<Frame> {
        loop {
            let frame = self.read().ok()?;
            if matches!(frame.kind, Frame::SETTINGS | Frame::PING) && frame.flags & 1 == 0 {
                let octets = match frame.kind {
                    Frame::PING => Frame::octets(Frame::PING, 1, 0, &frame.payload),
                    _ => Frame::octets(Frame::SETTINGS, 1, 0, &[]),
                };
                // The server may be gone.
                let _ = self.send(&octets);
            } else {
                return Some(frame);
            }
        }
    }

    /// What becomes of a stream, or of the connection.
    pub fn fate(&mut self, stream: u32) -> Fate {
        while let Some(frame) = self.receive() {
            match frame.kind {
                Frame::GOAWAY if frame.code() != 0 => return Fate::GoAway(frame.code()),
                Frame::RST_STREAM if frame.stream == stream => return Fate::Reset(frame.code()),
                Frame::HEADERS if frame.stream == stream => return Fate::Status(frame.status()),
                _ => {}
            }
        }
        Fate::Closed
    }

    fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        let mut payload = vec![0; usize::try_from(length).expect("fits")];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]),
            payload,
        })
    }
}

/// The fields of a request with this token: its pseudo fields, and `authorization`.
#[must_use]
pub fn request(method: &str, path: &str, token: &str) -> Vec<(String, String)> {
    let authorization = format!("Bearer {token}");
    [
        (":method", method),
        (":scheme", "http"),
        (":authority", "gateway.test"),
        (":path", path),
        ("authorization", &authorization),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// An integer with a prefix of seven bits (RFC 7541 section 5.1).
fn integer(value: usize) -> Vec<u8> {
    let low = |value: usize| u8::try_from(value & 0x7f).expect("seven bits");
    if value < 127 {
        return vec![low(value)];
    }
    let (mut octets, mut rest) = (vec![127], value - 127);
    while rest >= 128 {
        octets.push(low(rest) | 0x80);
        rest >>= 7;
    }
    octets.push(low(rest));
    octets
}
