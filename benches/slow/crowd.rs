use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portcullis_benches::Failure;

use crate::gateway::Served;

/// How often each of them sends its byte, and looks whether it is closed.
const TURN: Duration = Duration::from_secs(1);

/// Slow clients, in a thread of their own.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<Told, Failure>>,
}

#[derive(Default)]
struct Shared {
    leaves: AtomicBool,
    open: AtomicUsize,
}

/// What became of them: how many were closed by the gateway, and after how long at the most.
#[derive(Default)]
struct Told {
    closed: usize,
    longest: [Duration; 3],
}

#[derive(Clone, Copy)]
enum Kind {
    Silent,
    Head,
    Body,
}

struct Client {
    kind: Kind,
    stream: TcpStream,
    began: Instant,
}

impl Crowd {
    /// Returns when all of them are there.
    pub(crate) fn gather(served: &Served, size: u16) -> Result<Self, Failure> {
        let shared = Arc::new(Shared::default());
        let (address, token) = (served.address, served.token.clone());
        let theirs = Arc::clone(&shared);
        let size = usize::from(size);
        let thread = thread::spawn(move || stay(address, &token, size, &theirs));
        while shared.open.load(Relaxed) < size {
            if thread.is_finished() {
                return Err("the crowd did not gather".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { shared, thread })
    }

    /// Lets nobody come again, and waits until the gateway has closed all of them.
    pub(crate) fn disperse(self, longest: Duration) -> Result<String, Failure> {
        self.shared.leaves.store(true, Relaxed);
        let began = Instant::now();
        while !self.thread.is_finished() {
            if began.elapsed() > longest * 2 {
                let open = self.shared.open.load(Relaxed);
                return Err(format!("{open} slow connections are never closed").into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        let told = self.thread.join().map_err(|_| "the crowd panicked")??;
        let [silent, head, body] = told.longest;
        let text = format!(
            "{} slow connections closed: silent within {silent:.1?}, heads {head:.1?}, \
             bodies {body:.1?}",
            told.closed
        );
        match silent.max(head).max(body) <= longest {
            true => Ok(text),
            false => Err(format!("{text}: later than {longest:.1?}").into()),
        }
    }
}

fn stay(address: SocketAddr, token: &str, size: usize, shared: &Shared) -> Result<Told, Failure> {
    let mut told = Told::default();
    let mut clients = Vec::new();
    loop {
        while !shared.leaves.load(Relaxed) && clients.len() < size {
            let kind = match clients.len() % 10 {
                8 => Kind::Head,
                9 => Kind::Body,
                _ => Kind::Silent,
            };
            clients.push(Client::open(kind, address, token)?);
            shared.open.store(clients.len(), Relaxed);
        }
        if clients.is_empty() {
            return Ok(told);
        }
        thread::sleep(TURN);
        clients.retain_mut(|client| {
            let stays = client.turn();
            if !stays {
                told.closed += 1;
                if let Some(longest) = told.longest.get_mut(client.kind as usize) {
                    *longest = (*longest).max(client.began.elapsed());
                }
            }
            stays
        });
        shared.open.store(clients.len(), Relaxed);
    }
}

impl Client {
    fn open(kind: Kind, address: SocketAddr, token: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        match kind {
            Kind::Silent => {}
            Kind::Head => stream.write_all(b"GET / HTTP/1.1\r\nx-slow: ")?,
            Kind::Body => write!(
                stream,
                "POST / HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {token}\r\n\
                 content-length: 1000000\r\n\r\n"
            )?,
        }
        stream.set_nonblocking(true)?;
        Ok(Self {
            kind,
            stream,
            began: Instant::now(),
        })
    }

    /// Sends its byte; false where the gateway has closed it.
    fn turn(&mut self) -> bool {
        let sent = match self.kind {
            Kind::Silent => Ok(1),
            Kind::Head | Kind::Body => self.stream.write(b"x"),
        };
        let is_open = |result: io::Result<usize>| match result {
            Ok(read) => read > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        let mut part = [0; 1024];
        // An answer may stand before the end.
        is_open(sent) && is_open(self.stream.read(&mut part))
    }
}
