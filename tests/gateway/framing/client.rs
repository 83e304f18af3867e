use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::case::Leaving;
use super::strict::position;

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    came: Vec<u8>,
}

/// What an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The request that the upstream says it answers; empty where the answer is the gateway's.
    pub(super) asked: String,
    /// Whether it says that the connection ends.
    pub(super) closes: bool,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connected");
        let limit = Some(Duration::from_secs(20));
        stream.set_read_timeout(limit).expect("a timeout");
        stream.set_write_timeout(limit).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let came = Vec::new();
        Self { stream, came }
    }

    /// Sends each piece in a write of its own. The other side may be gone before the last of them.
    pub(super) fn send(&mut self, pieces: &[Vec<u8>]) {
        for piece in pieces {
            if self.stream.write_all(piece).is_err() {
                return;
            }
        }
    }

    /// The next answer, or nothing at the connection's end. Interim ones are left out.
    pub(super) fn answer(&mut self) -> io::Result<Option<Answer>> {
        loop {
            if let Some((answer, length)) = parse(&self.came) {
                self.came.drain(..length);
                if answer.status >= 200 {
                    return Ok(Some(answer));
                }
                continue;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer)? {
                0 if self.came.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                came => self.came.extend_from_slice(&buffer[..came]),
            }
        }
    }

    pub(super) fn leave(&mut self, leaving: Leaving) {
        match leaving {
            Leaving::Finished => {
                // It may be gone already.
                let _ = self.stream.shutdown(Shutdown::Write);
            }
            Leaving::Reset => {
                rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO))
                    .expect("an option");
            }
        }
    }
}

/// The answer that these octets begin with, if the whole of it is there, and its length.
fn parse(octets: &[u8]) -> Option<(Answer, usize)> {
    let end = position(octets, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&octets[..end]);
    let field = |name: &str| {
        head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let status = head.get(9..12)?.parse().expect("a status");
    let asked = field("x-asked").unwrap_or_default();
    let has_body = status >= 200 && !asked.starts_with("HEAD ");
    let body = match field("content-length").filter(|_| has_body) {
        Some(length) => length.parse().expect("a length"),
        None => 0,
    };
    let answer = Answer {
        status,
        asked,
        closes: field("connection").is_some_and(|value| value == "close"),
    };
    let length = end + 4 + body;
    (octets.len() >= length).then_some((answer, length))
}
