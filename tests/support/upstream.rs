use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// A server that answers every request with 200, and remembers it.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A request, as it came to the upstream.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Method, target and version.
    pub line: String,
    /// The header lines.
    pub fields: Vec<String>,
    /// The body, where it had a length or was chunked.
    pub body: String,
}

#[derive(Debug, Default)]
struct Shared {
    forgets: bool,
    seen: Mutex<Vec<Seen>>,
    held: Mutex<bool>,
    released: Condvar,
}

impl Upstream {
    /// Listens on a free port until the process ends.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Shared::default())
    }

    /// The same, but it remembers nothing: for more requests than memory is for.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    #[must_use]
    pub fn start_forgetful() -> Self {
        Self::start_with(Shared {
            forgets: true,
            ..Shared::default()
        })
    }

    fn start_with(shared: Shared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(shared);
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen since it was last asked.
    #[must_use]
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.seen.lock().expect("a lock"))
    }

    /// How many requests it has seen since it was last asked for them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.seen.lock().expect("a lock").len()
    }

    /// From now on, answers wait until they are released.
    pub fn hold(&self) {
        *self.shared.held.lock().expect("a lock") = true;
    }

    /// Answers what waits, and what comes.
    pub fn release(&self) {
        *self.shared.held.lock().expect("a lock") = false;
        self.shared.released.notify_all();
    }
}

impl Seen {
    /// The values of a field, whatever the case of its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Vec<&str> {
        let values = self.fields.iter().filter_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        values.collect()
    }

    /// Everything as one text, for a look at what must not be in it.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}", self.line, self.fields.join("\n"), self.body)
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read(&mut reader) {
        let mut answer =
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-portcullis-owner: forged\r\n\r\nok\n";
        if seen.line.starts_with("HEAD ") {
            answer = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
        }
        if !shared.forgets {
            shared.seen.lock().expect("a lock").push(seen);
        }
        let held = shared.held.lock().expect("a lock");
        drop(
            shared
                .released
                .wait_while(held, |held| *held)
                .expect("a lock"),
        );
        let mut writer = stream;
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Seen> {
    let mut seen = Seen::default();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            text if seen.line.is_empty() => text.clone_into(&mut seen.line),
            text => seen.fields.push(text.to_owned()),
        }
    }
    if seen.field("transfer-encoding") == ["chunked"] {
        seen.body = String::from_utf8_lossy(&read_chunks(reader)?).into_owned();
        return Some(seen);
    }
    let length = seen
        .field("content-length")
        .first()
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    seen.body = String::from_utf8_lossy(&body).into_owned();
    Some(seen)
}

/// The whole of a chunked body; nothing where it does not come to its end.
fn read_chunks(reader: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        body.extend_from_slice(&chunk[..length]);
        if length == 0 {
            return Some(body);
        }
    }
}
