use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Clients that ask one request after the other, each on a connection that it keeps for as long as
/// the answers allow, until they are stopped.
///
/// A request counts as lost where its answer is another one than 200, or none: a client that was
/// not told that its connection ends may expect an answer on it.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    answered: AtomicU64,
    connections: AtomicU64,
    lost: Mutex<Vec<String>>,
}

/// What became of a load.
#[derive(Debug)]
pub struct LoadReport {
    /// Requests that were answered with 200.
    pub answered: u64,
    /// Connections that were opened for them.
    pub connections: u64,
    /// Requests without that answer, and what came instead.
    pub lost: Vec<String>,
}

impl Load {
    /// So many clients ask for a path with a token, from now on.
    #[must_use]
    pub fn start(clients: usize, address: SocketAddr, path: &str, token: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        let client = |_| {
            let (shared, request) = (Arc::clone(&shared), request.clone());
            thread::spawn(move || shared.ask_on(address, request.as_bytes()))
        };
        let clients = (0..clients).map(client).collect();
        Self { shared, clients }
    }

    /// How many requests were answered with 200 until now.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Relaxed)
    }

    /// Lets each client finish the request that it is at.
    ///
    /// # Panics
    ///
    /// Where a client did.
    #[must_use]
    pub fn finish(self) -> LoadReport {
        self.shared.stopped.store(true, Relaxed);
        for client in self.clients {
            client.join().expect("a client");
        }
        let lost = std::mem::take(&mut *self.shared.lost.lock().expect("a lock"));
        LoadReport {
            answered: self.shared.answered.load(Relaxed),
            connections: self.shared.connections.load(Relaxed),
            lost,
        }
    }
}

impl Shared {
    fn ask_on(&self, address: SocketAddr, request: &[u8]) {
        while !self.stopped.load(Relaxed) {
            let asked = TcpStream::connect(address)
                .map_err(|error| format!("no connection: {error}"))
                .and_then(|stream| self.ask_along(&stream, request));
            if let Err(lost) = asked {
                self.lost.lock().expect("a lock").push(lost);
            }
        }
    }

    /// Asks on one connection, until its end is told.
    fn ask_along(&self, stream: &TcpStream, request: &[u8]) -> Result<(), String> {
        self.connections.fetch_add(1, Relaxed);
        let limit = Some(Duration::from_secs(30));
        stream.set_read_timeout(limit).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let mut reader = BufReader::new(stream);
        while !self.stopped.load(Relaxed) {
            let mut writer = stream;
            let sent = writer.write_all(request);
            sent.map_err(|error| format!("not taken: {error}"))?;
            let answer = read(&mut reader).map_err(|error| format!("no answer: {error}"))?;
            if answer.status != 200 {
                return Err(format!("answered with {}", answer.status));
            }
            self.answered.fetch_add(1, Relaxed);
            if answer.is_last {
                break;
            }
        }
        Ok(())
    }
}

struct Head {
    status: u16,
    is_last: bool,
}

fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Head> {
    let (mut status, mut is_last, mut length) = (None, false, 0);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end().to_ascii_lowercase();
        if text.is_empty() {
            break;
        }
        if status.is_none() {
            status = text
                .split(' ')
                .nth(1)
                .and_then(|status| status.parse().ok());
        } else if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        } else if text == "connection: close" {
            is_last = true;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = status.unwrap_or(0);
    Ok(Head { status, is_last })
}
