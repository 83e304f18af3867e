use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use portcullis_benches::Failure;

use crate::gateway::Served;

/// Clients that ask properly, each on a connection that it keeps.
const CLIENTS: usize = 4;

/// The time between two requests of a client: what is timed is not how busy they are themselves.
const PAUSE: Duration = Duration::from_millis(1);

/// How long requests took.
pub(crate) struct Asked {
    nanoseconds: Histogram<u64>,
}

impl Asked {
    /// Asks for so long.
    pub(crate) fn meanwhile(name: &str, served: &Served, time: Duration) -> Result<Self, Failure> {
        let mut nanoseconds = Histogram::new(3)?;
        let asked = thread::scope(|scope| {
            let client = |_| scope.spawn(move || ask(served, time));
            let clients: Vec<_> = (0..CLIENTS).map(client).collect();
            let joined = clients.into_iter().map(|client| match client.join() {
                Ok(asked) => asked,
                Err(_) => Err("a client panicked".into()),
            });
            joined.collect::<Result<Vec<_>, Failure>>()
        })?;
        for each in asked {
            nanoseconds.add(each)?;
        }
        let asked = Self { nanoseconds };
        println!(
            "{name:30} {:7.0} {:9.0} {:10}",
            asked.nanoseconds.value_at_quantile(0.5) as f64 / 1e3,
            asked.p99(),
            asked.nanoseconds.len()
        );
        Ok(asked)
    }

    /// Microseconds that the slowest hundredth took at least.
    pub(crate) fn p99(&self) -> f64 {
        self.nanoseconds.value_at_quantile(0.99) as f64 / 1e3
    }
}

fn ask(served: &Served, time: Duration) -> Result<Histogram<u64>, Failure> {
    let mut stream = TcpStream::connect(served.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let request = format!(
        "GET / HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer {}\r\n\r\n",
        served.token
    );
    let mut nanoseconds = Histogram::new(3)?;
    let (began, mut part) = (Instant::now(), [0; 4096]);
    while began.elapsed() < time {
        let asked = Instant::now();
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok\n") {
            let read = stream.read(&mut part)?;
            answer.extend_from_slice(part.get(..read).unwrap_or_default());
            if read == 0 || answer.len() > part.len() {
                return Err(format!("no answer: {}", String::from_utf8_lossy(&answer)).into());
            }
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            return Err(format!("refused: {}", String::from_utf8_lossy(&answer)).into());
        }
        nanoseconds.record(u64::try_from(asked.elapsed().as_nanos())?)?;
        thread::sleep(PAUSE);
    }
    Ok(nanoseconds)
}
