use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Answer, Place, Process, eventually_within, get};

/// The program under test, serving. Killed when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    process: Process,
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where operators connect.
    pub operations: SocketAddr,
}

impl Gateway {
    /// Serves these services (TOML) at free ports, from the folder's store.
    /// The log goes to `gateway.log` in the folder.
    ///
    /// # Panics
    ///
    /// Where it does not come to serve.
    #[must_use]
    pub fn start(place: &Place, services: &str) -> Self {
        Self::start_with(place, services, |_| {})
    }

    /// The same, with a say in how the program is started.
    ///
    /// # Panics
    ///
    /// Where it does not come to serve.
    #[must_use]
    pub fn start_with(place: &Place, services: &str, prepare: impl Fn(&mut Command)) -> Self {
        let config = |address, operations| configuration(address, operations, services);
        Self::start_configured(place, config, prepare)
    }

    /// The same with a whole configuration of the test's own, for where clients
    /// and where operators connect.
    ///
    /// # Panics
    ///
    /// Where it does not come to serve.
    #[must_use]
    pub fn start_configured(
        place: &Place,
        config: impl Fn(SocketAddr, SocketAddr) -> String,
        prepare: impl Fn(&mut Command),
    ) -> Self {
        // A port that was free may be taken by another test meanwhile.
        for _ in 0..5 {
            let (address, operations) = (free_address(), free_address());
            place.write_config(&config(address, operations));
            let log = File::options()
                .create(true)
                .append(true)
                .open(place.path("gateway.log"));
            let log = log.expect("a log");
            let told_before = log.metadata().expect("a log").len();
            let mut command = place.command();
            command
                .arg("serve")
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            command.stderr(log);
            prepare(&mut command);
            let mut gateway = Self {
                process: Process::start(&mut command),
                address,
                operations,
            };
            if gateway.comes_up(|| told_since(place, told_before)) {
                return gateway;
            }
        }
        let log = std::fs::read_to_string(place.path("gateway.log")).unwrap_or_default();
        panic!("the gateway does not serve: {log}");
    }

    /// Whether it listens and is ready; it is not where it has ended. Who
    /// answers at its ports may be another one, so its log counts as well.
    fn comes_up(&mut self, log: impl Fn() -> String) -> bool {
        let mut ended = false;
        eventually_within(Duration::from_secs(60), "the gateway is ready", || {
            ended = self.process.has_ended();
            ended
                || (log().contains(&format!("address={}", self.address))
                    && get(self.operations, "/readyz", None).status == 200)
        });
        !ended
    }

    /// The configuration that it was started with, for other services.
    #[must_use]
    pub fn configuration(&self, services: &str) -> String {
        configuration(self.address, self.operations, services)
    }

    /// A GET through the gateway.
    #[must_use]
    pub fn get(&self, path: &str, token: &str) -> Answer {
        get(self.address, path, Some(token))
    }

    /// The value of a metric, all labels added up.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        let text = get(self.operations, "/metrics", None).body;
        let values = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let is_it = series.split('{').next() == Some(name);
            is_it.then(|| value.parse::<f64>().ok()).flatten()
        });
        values.sum()
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends the process at once, as `kill -9` does.
    pub fn kill(self) {
        drop(self);
    }

    /// Waits for the process to end by itself, and returns its exit status.
    #[must_use]
    pub fn wait(self) -> i32 {
        self.process.wait()
    }
}

fn configuration(address: SocketAddr, operations: SocketAddr, services: &str) -> String {
    format!(
        "listen = \"{address}\"\n[operations]\nlisten = \"{operations}\"\n\
         [manager]\nflush_interval = \"200ms\"\n\
         [timeouts]\ndrain_idle = \"0s\"\n{services}"
    )
}

/// What the log of a gateway in this place says from a byte on.
fn told_since(place: &Place, from: u64) -> String {
    let mut told = String::new();
    let mut log = File::open(place.path("gateway.log")).expect("a log");
    log.seek(SeekFrom::Start(from)).expect("so long");
    // A line that is being written may end within a character.
    let _ = log.read_to_string(&mut told);
    told
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}
