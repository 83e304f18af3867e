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
    /// The body, where it came to its end.
    pub body: String,
    /// The lines of the trailer section.
    pub trailers: Vec<String>,
}

#[derive(Debug, Default)]
struct Shared {
    forgets: bool,
    /// Further header lines of every answer.
    fields: String,
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

    /// The same, with these further header lines in every answer, each ended with CR LF.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    #[must_use]
    pub fn start_telling(fields: &str) -> Self {
        Self::start_with(Shared {
            fields: fields.to_owned(),
            ..Shared::default()
        })
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
        let (fields, trailers) = (self.fields.join("\n"), self.trailers.join("\n"));
        format!("{}\n{fields}\n{}\n{trailers}", self.line, self.body)
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(seen) = read(&mut reader) {
        let (forged, body) = match seen.line.starts_with("HEAD ") {
            true => ("", ""),
            false => ("x-portcullis-owner: forged\r\n", "ok\n"),
        };
        let fields = &shared.fields;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n{forged}{fields}\r\n{body}");
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
        read_chunks(reader, &mut seen)?;
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

/// Reads a chunked body and what follows it; nothing where it breaks off.
fn read_chunks(reader: &mut BufReader<&TcpStream>, seen: &mut Seen) -> Option<()> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line)
    };
    loop {
        let size = usize::from_str_radix(line()?.trim_end(), 16).ok()?;
        if size == 0 {
            break;
        }
        // What tests send in chunks is text of one line.
        let chunk = line()?;
        seen.body.push_str(chunk.trim_end());
    }
    loop {
        match line()?.trim_end() {
            "" => return Some(()),
            trailer => seen.trailers.push(trailer.to_owned()),
        }
    }
}
