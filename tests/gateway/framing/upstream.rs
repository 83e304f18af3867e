use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use super::strict::{Message, read};

/// An upstream that reads as strictly as it can, and tells each answer which request it is to.
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

/// What it saw.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    /// Requests that came to their end.
    pub(super) whole: Vec<Message>,
    /// How many began and broke off.
    pub(super) broken: usize,
    /// How many have begun, and may come to their end yet.
    pub(super) underway: usize,
    /// What is no request, and why.
    pub(super) nonsense: Vec<String>,
}

impl Witness {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &seen));
            }
        });
        Self { address, seen }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("a lock")
    }
}

/// Reads requests until there is no more to be had of the connection.
fn serve(mut stream: TcpStream, seen: &Mutex<Seen>) {
    let _ = stream.set_nodelay(true);
    let lock = || seen.lock().expect("a lock");
    let (mut octets, mut is_underway) = (Vec::new(), false);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match read(&octets) {
            Ok(Some((message, length))) => {
                octets.drain(..length);
                let answer = answer(&message);
                let mut seen = lock();
                seen.underway -= usize::from(is_underway);
                is_underway = false;
                seen.whole.push(message);
                drop(seen);
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
                continue;
            }
            Ok(None) => {
                let begins = !octets.is_empty() && !is_underway;
                lock().underway += usize::from(begins);
                is_underway |= begins;
            }
            Err(why) => {
                let told = format!("{why} in {:?}", String::from_utf8_lossy(&octets));
                return lock().nonsense.push(told);
            }
        }
        match stream.read(&mut buffer) {
            Ok(came) if came > 0 => octets.extend_from_slice(&buffer[..came]),
            _ => break,
        }
    }
    let mut seen = lock();
    seen.underway -= usize::from(is_underway);
    seen.broken += usize::from(is_underway);
}

fn answer(message: &Message) -> String {
    let body = match message.asked.starts_with("HEAD ") {
        true => "",
        false => "ok\n",
    };
    let asked = &message.asked;
    format!("HTTP/1.1 200 OK\r\nx-asked: {asked}\r\ncontent-length: 3\r\n\r\n{body}")
}
