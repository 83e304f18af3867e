use std::io::{self, Write};
use std::time::Duration;

use clap::Parser as _;
use portcullis::KeyManager;
use portcullis::clock::ManualClock;
use portcullis::keyring::Keyring;
use portcullis::store::{FaultStore, MemoryStore, Store};
use serde_json::Value;

use super::pipe::Pipe;
use crate::cli::args::{Cli, Command};
use crate::cli::error::CliError;
use crate::cli::interrupt::Interrupt;
use crate::cli::output::Output;
use crate::cli::{Exit, audit, keys, services};

/// A program over a store in memory.
pub(in crate::cli) struct Shell {
    pub(in crate::cli) manager: KeyManager,
    pub(in crate::cli) store: FaultStore,
    pub(in crate::cli) clock: ManualClock,
}

/// What a command did: its end, standard output, standard error.
pub(in crate::cli) struct Done {
    pub(in crate::cli) exit: Result<Exit, CliError>,
    pub(in crate::cli) out: String,
    pub(in crate::cli) err: String,
}

impl Shell {
    pub(in crate::cli) async fn new() -> Self {
        Self::over(MemoryStore::new()).await
    }

    pub(in crate::cli) async fn over(store: impl Store) -> Self {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let (store, clock) = (FaultStore::new(store), ManualClock::new());
        let manager = KeyManager::builder(store.clone())
            .keyring(keyring)
            .clock(clock.clone())
            .build()
            .await;
        Self {
            manager: manager.expect("a manager"),
            store,
            clock,
        }
    }

    /// Runs a line of words, with a terminal for its output or a pipe.
    pub(in crate::cli) async fn run(&self, line: &str, terminal: bool, read: &str) -> Done {
        let mut out = Vec::new();
        let (exit, err) = self
            .print(line, terminal, read, &Interrupt::default(), &mut out)
            .await;
        let out = String::from_utf8(out).expect("UTF-8");
        Done { exit, out, err }
    }

    /// The same into a pipe where something happens.
    pub(in crate::cli) async fn pipe(
        &self,
        line: &str,
        read: &str,
        interrupt: &Interrupt,
        during: impl FnMut(usize) -> io::Result<()>,
    ) -> Done {
        let mut pipe = Pipe::new(during);
        let (exit, err) = self.print(line, false, read, interrupt, &mut pipe).await;
        let out = String::from_utf8(pipe.written).expect("UTF-8");
        Done { exit, out, err }
    }

    async fn print(
        &self,
        line: &str,
        terminal: bool,
        read: &str,
        interrupt: &Interrupt,
        out: &mut dyn Write,
    ) -> (Result<Exit, CliError>, String) {
        // Two commands are not of the same millisecond.
        self.clock.advance(Duration::from_millis(1));
        let words = ["portcullis"].into_iter().chain(line.split(' '));
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut err = Vec::new();
        let mut output = Output::new(cli.global.output, terminal, out, &mut err);
        let (manager, read) = (&self.manager, read.as_bytes());
        let exit = match cli.command {
            Command::Services(command) => {
                services::perform(command, read, manager, &mut output).await
            }
            Command::Keys(command) => {
                keys::perform(command, read, manager, interrupt, &mut output).await
            }
            Command::Audit(command) => {
                audit::perform(command, read, manager, interrupt, &mut output).await
            }
            _ => panic!("{line} needs no manager"),
        };
        (exit, String::from_utf8(err).expect("UTF-8"))
    }

    pub(in crate::cli) async fn text(&self, line: &str) -> String {
        let done = self.run(line, true, "").await;
        assert_eq!(
            done.exit.unwrap_or_else(|error| panic!("{line}: {error}")),
            Exit::Done
        );
        done.out
    }

    pub(in crate::cli) async fn json(&self, line: &str) -> Value {
        let done = self.run(&format!("--output json {line}"), false, "").await;
        assert_eq!(
            done.exit.unwrap_or_else(|error| panic!("{line}: {error}")),
            Exit::Done
        );
        assert_eq!(done.err, "", "JSON has no remarks");
        serde_json::from_str(&done.out).expect("JSON")
    }

    pub(in crate::cli) async fn refusal(&self, line: &str) -> CliError {
        let done = self.run(line, true, "").await;
        assert_eq!(done.out, "", "{line}");
        done.exit.expect_err(line)
    }

    pub(in crate::cli) async fn verify(&self, line: &str, token: &str) -> (Exit, Value) {
        let line = format!("--output json keys verify {line}");
        let done = self.run(&line, false, token).await;
        let value = serde_json::from_str(&done.out).expect("JSON");
        (done.exit.expect("a verdict"), value)
    }
}

pub(in crate::cli) const CREATE: &str = "keys create --service orders --owner acme --name nightly";
