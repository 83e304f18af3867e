use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection that is kept from one request to the next.
pub(super) struct Kept {
    stream: BufReader<TcpStream>,
}

impl Kept {
    pub(super) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_nodelay(true).expect("a socket");
        let limit = Some(Duration::from_secs(60));
        stream.set_read_timeout(limit).expect("a timeout");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The status and body of the answer to a GET.
    pub(super) fn get(&mut self, path: &str, token: &str) -> (u16, String) {
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
        let sent = self.stream.get_mut().write_all(head.as_bytes());
        sent.expect("sent");
        let status = self.line();
        let status = status.split(' ').nth(1).expect("a status");
        let status = status.parse().expect("a number");
        let mut length = 0;
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (status, String::from_utf8(body).expect("text"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).expect("an answer");
        assert!(read > 0, "the connection ended before an answer");
        line.trim_end().to_owned()
    }
}
