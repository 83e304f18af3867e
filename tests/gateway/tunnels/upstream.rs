use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A server of WebSocket that does what the path says.
#[derive(Debug)]
pub(crate) struct Chatty {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    open: AtomicUsize,
    heads: Mutex<Vec<String>>,
}

impl Chatty {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || {
                    shared.open.fetch_add(1, Ordering::SeqCst);
                    // What is torn has no end, but is reset when it is dropped.
                    if !serve(&stream, &shared).is_err_and(|error| is_torn(&error)) {
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared }
    }

    /// How many connections it has.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// The heads that it has seen since it was last asked.
    pub(crate) fn take_heads(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.heads.lock().expect("a lock"))
    }
}

fn is_torn(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::ConnectionAborted
}

fn serve(mut stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        shared.heads.lock().expect("a lock").push(head);
        let switch = |protocol: &str, accept: &str| {
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
                 upgrade: {protocol}\r\nsec-websocket-accept: {accept}\r\n\
                 sec-websocket-protocol: chat\r\nx-portcullis-owner: forged\r\n\
                 keep-alive: timeout=5\r\n\r\n"
            )
        };
        let answer = match path.as_str() {
            "/wrong" => switch("websocket", "AAAAMBiTxaQ9kYGzzhZRbK+xOo="),
            "/other" => switch("tcp", ACCEPT),
            "/tcp" => switch("tcp", ""),
            "/plain/unasked" => switch("websocket", ACCEPT),
            "/ordinary" | "/plain" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned(),
            _ => switch("websocket", ACCEPT),
        };
        stream.write_all(answer.as_bytes())?;
        match path.as_str() {
            "/echo" => return echo(stream, &mut reader),
            "/tcp" => {
                // Says it all once its client is done.
                let mut all = Vec::new();
                reader.read_to_end(&mut all)?;
                return stream.write_all(&all);
            }
            "/busy" => loop {
                stream.write_all(&frame(0x82, &[7; 300]))?;
                thread::sleep(Duration::from_millis(2));
            },
            "/flood" => loop {
                stream.write_all(&frame(0x82, &[7; 40_000]))?;
            },
            "/within" => {
                // A frame that has no end.
                stream.write_all(&[0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0])?;
                loop {
                    stream.write_all(&[7; 100])?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            "/torn" => {
                stream.write_all(&frame(0x81, b"last"))?;
                // It may be read before the reset.
                reader.read_exact(&mut [0])?;
                set_socket_linger(stream, Some(Duration::ZERO))?;
                return Err(ErrorKind::ConnectionAborted.into());
            }
            "/ordinary" | "/plain" => {}
            _ => {
                std::io::copy(&mut reader, &mut std::io::sink())?;
                return Ok(());
            }
        }
    }
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(length),
        _ => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// Says every frame as it came, a ping as its pong, and ends behind the one that closes.
fn echo(mut stream: &TcpStream, reader: &mut BufReader<&TcpStream>) -> std::io::Result<()> {
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head)?;
        let length = match head[1] & 0x7f {
            127 => {
                let mut length = [0; 8];
                reader.read_exact(&mut length)?;
                u64::from_be_bytes(length)
            }
            length => length.into(),
        };
        let mut payload = vec![0; 4 + usize::try_from(length).unwrap_or(0)];
        reader.read_exact(&mut payload)?;
        let first = match head[0] {
            0x89 => 0x8a,
            first => first,
        };
        stream.write_all(&frame(first, &payload[4..]))?;
        if first == 0x88 {
            return Ok(());
        }
    }
}
