use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One response, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code; 0 where the connection ended without a response.
    pub status: u16,
    /// The head's lines, the status line first.
    pub head: Vec<String>,
    /// The body, as it is framed.
    pub body: String,
}

/// Sends these bytes on a connection of their own, and reads to its end.
pub fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut text = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit).expect("a timeout");
        stream.set_write_timeout(limit).expect("a timeout");
        // An early answer may end the connection while something is sent.
        let _ = stream.write_all(bytes);
        let _ = stream.read_to_end(&mut text);
    }
    Answer::parse(&String::from_utf8_lossy(&text))
}

/// A GET with these further header lines, each ended with CR LF.
pub fn get_with(address: SocketAddr, path: &str, fields: &str) -> Answer {
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: gateway.test\r\nconnection: close\r\n{fields}\r\n");
    send(address, head.as_bytes())
}

/// A GET with a bearer token, or without one.
pub fn get(address: SocketAddr, path: &str, token: Option<&str>) -> Answer {
    let fields = token.map(|token| format!("authorization: Bearer {token}\r\n"));
    get_with(address, path, &fields.unwrap_or_default())
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let head: Vec<String> = head.lines().map(str::to_owned).collect();
        let status = head
            .first()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        Self {
            status,
            head,
            body: body.to_owned(),
        }
    }

    /// The value of a field, whatever the case of its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.iter().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The response without what may differ from one to the next: the date and
    /// the request's id.
    #[must_use]
    pub fn constant(mut self) -> Self {
        self.head.retain(|line| {
            let line = line.to_ascii_lowercase();
            !line.starts_with("date:") && !line.starts_with("x-request-id:")
        });
        self
    }
}
