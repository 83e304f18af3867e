use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Process;
use crate::process::piped;

/// A folder with a keyring and a configuration, and the program to use them.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    program: PathBuf,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The exit status; -1 where a signal ended it.
    pub status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Place {
    /// A new folder, set up with `init`. `program` is what the test was built
    /// with: `env!("CARGO_BIN_EXE_portcullis-under-test")`.
    ///
    /// # Panics
    ///
    /// Where `init` fails.
    #[must_use]
    pub fn new(program: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Self {
            folder,
            program: program.into(),
        };
        place
            .run(&["init", "--dir", &place.path("").display().to_string()])
            .ok();
        place
    }

    /// A file of this name in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path("portcullis.toml")
    }

    /// Writes the configuration.
    ///
    /// # Panics
    ///
    /// Where it cannot be written.
    pub fn write_config(&self, text: &str) {
        fs::write(self.config(), text).expect("written");
    }

    /// The program, with the folder's configuration, and nothing of the
    /// environment that it listens to.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command_with(&self.config())
    }

    /// The same with another configuration.
    #[must_use]
    pub fn command_with(&self, config: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("PORTCULLIS_CONFIG", config)
            .env("USER", "tester")
            .env_remove("PORTCULLIS_LOG")
            .current_dir(self.folder.path());
        command
    }

    /// Runs the program with these arguments, to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(&self.config(), arguments, "")
    }

    /// The same with another configuration, and something on standard input.
    ///
    /// # Panics
    ///
    /// Where the program cannot be started, does not end, or panics.
    #[must_use]
    pub fn run_with(&self, config: &Path, arguments: &[&str], input: &str) -> Outcome {
        let mut command = self.command_with(config);
        let mut process = Process::start(piped(command.args(arguments)));
        process.say(input);
        let (status, stdout, stderr) = process.wait_with_output();
        let outcome = Outcome {
            status,
            stdout,
            stderr,
        };
        assert!(
            !outcome.stderr.contains("panicked"),
            "{arguments:?}: {}",
            outcome.stderr
        );
        outcome
    }

    /// Issues a key with these further arguments, and returns its token.
    ///
    /// # Panics
    ///
    /// Where it is not issued.
    #[must_use]
    pub fn issue(&self, service: &str, further: &[&str]) -> String {
        let fixed = [
            "keys",
            "create",
            "--service",
            service,
            "--owner",
            "acme",
            "--name",
            "job",
        ];
        let arguments: Vec<&str> = fixed.iter().chain(further).copied().collect();
        self.run(&arguments).ok().trim_end().to_owned()
    }

    /// The id that a token names.
    #[must_use]
    pub fn id(token: &str) -> &str {
        token.split('_').nth(2).unwrap_or_default()
    }
}

impl Outcome {
    /// What was printed.
    ///
    /// # Panics
    ///
    /// Where the command failed.
    pub fn ok(self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout
    }

    /// What was printed, as JSON.
    ///
    /// # Panics
    ///
    /// Where the command failed, or printed something else.
    #[must_use]
    pub fn json(self) -> serde_json::Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}
