use std::path::{Path, PathBuf};

use clap::Args;
use portcullis::clock::Timestamp;
use portcullis::manager::{Issued, NewKey};
use portcullis::{Error, ErrorKind, Invalid, KeyManager};

use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::dto::IssuedDto;
use crate::cli::error::CliError;
use crate::cli::input::{read_file, read_standard};
use crate::cli::interrupt::Interrupt;
use crate::cli::output::{Output, counted_are};

/// Keys that are issued as one change.
const AT_ONCE: usize = 1_000;
/// The longest file: about a hundred thousand keys.
const MAX_BYTES: u64 = 64 * 1_024 * 1_024;

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateManyArgs {
    /// A file of JSON objects, one on each line, or - for standard input
    file: PathBuf,
}

impl CreateManyArgs {
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        if self.file == Path::new("-") {
            read_standard("FILE", MAX_BYTES, output)
        } else {
            read_file("FILE", &self.file, MAX_BYTES)
        }
    }
}

pub(super) async fn create_many(
    manager: &KeyManager,
    read: &[u8],
    interrupt: &Interrupt,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let mut lines = parse(read)?;
    let (actor, mut issued) = (actor()?, 0_usize);
    while !lines.is_empty() {
        let rest = lines.split_off(lines.len().min(AT_ONCE));
        let batch = Batch::new(&lines, issued, manager.clock().now().wall());
        interrupt.check(|| batch.none_of_it())?;
        let new = lines.into_iter().map(|(_, new)| new).collect();
        let made = manager.create_keys(new, &actor).await;
        let made = made.map_err(|error| batch.failed(&error))?;
        print(manager, &made, issued, output)?;
        issued = issued.saturating_add(made.len());
        lines = rest;
    }
    // All tokens are where they belong. That nobody reads remarks is no reason to say they were not.
    let _ = output.note(&format!("{} issued", counted_are(issued, "key")));
    Ok(())
}

/// Lines whose keys are issued as one change.
struct Batch {
    first: usize,
    last: usize,
    /// How many keys were issued and printed before.
    issued: usize,
    since: Timestamp,
}

impl Batch {
    fn new(lines: &[(usize, NewKey)], issued: usize, since: Timestamp) -> Self {
        let number = |line: Option<&(usize, NewKey)>| line.map_or(0, |(number, _)| *number);
        Self {
            first: number(lines.first()),
            last: number(lines.last()),
            issued,
            since,
        }
    }

    fn none_of_it(&self) -> String {
        match (self.issued, self.first) {
            (0, _) => "no key is issued".to_owned(),
            (issued, first) => format!(
                "the {issued} keys of the lines before line {first} are issued, and none from line \
                 {first} on"
            ),
        }
    }

    fn failed(&self, error: &Error) -> CliError {
        if error.kind() == ErrorKind::OutcomeUnknown {
            return CliError::because(Exit::Partial, self.unknown(), error);
        }
        let exit = match self.issued {
            0 => error.kind().into(),
            _ => Exit::Partial,
        };
        CliError::because(exit, self.none_of_it(), error)
    }

    fn unknown(&self) -> String {
        let Self {
            first,
            last,
            issued,
            since,
        } = self;
        format!(
            "{issued} keys are issued and printed. Of lines {first} to {last} it is not known \
             whether their keys are issued, all or none; if they are, their tokens are lost. No \
             later line was tried.\n  see what is there: portcullis keys list --all-services \
             --created-after {since}; revoke what is lost, then go on with the lines from {first} on"
        )
    }
}

/// Every line with its number; the first that is wrong is named.
fn parse(read: &[u8]) -> Result<Vec<(usize, NewKey)>, CliError> {
    let text = std::str::from_utf8(read)
        .map_err(|_| CliError::new(Exit::Usage, "FILE: expected UTF-8 text"))?;
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            let new = line.parse().map_err(|invalid: Invalid| {
                CliError::new(Exit::Usage, format!("line {number}: {invalid}"))
            });
            Ok((number, new?))
        })
        .collect()
}

/// Prints the new tokens. Where that fails those that are left are lost, and it is said which.
fn print(
    manager: &KeyManager,
    made: &[Issued],
    issued: usize,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let now = manager.clock().now().wall();
    for (at, one) in made.iter().enumerate() {
        let printed = output.json_line(&IssuedDto::new(one, now));
        printed.map_err(|error| {
            let lost = made.iter().skip(at).map(|one| one.key.id.to_string());
            let lost: Vec<String> = lost.collect();
            let message = format!(
                "{} issued and printed. {} issued beyond, but tokens of these could not be \
                 printed and are lost: rotate each with --grace 0s, or revoke them all:\n  \
                 portcullis keys revoke --reason 'token lost' {}",
                counted_are(issued.saturating_add(at), "key"),
                counted_are(lost.len(), "key"),
                lost.join(" ")
            );
            CliError::because(Exit::Partial, message, &error)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_first_line_that_is_wrong_is_named_and_not_repeated() {
        let good = r#"{"service":"orders","owner":"acme","name":"n"}"#;
        let lines = parse(format!("{good}\n\n  \r\n{good}\n").as_bytes()).expect("valid");
        assert_eq!(
            lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(),
            [1, 4]
        );
        for (line, words) in [
            (
                "pck_live_secret",
                "line 2: invalid new key: expected a JSON object",
            ),
            (
                r#"{"service":"orders","owner":"acme"}"#,
                "line 2: invalid name: expected a value",
            ),
            (
                r#"{"service":"orders","owner":"acme","name":"n","pck_live_secret_0123456789abcdef0123456789":1}"#,
                "line 2: invalid new key: expected members of service",
            ),
            (
                r#"{"service":"orders","owner":"acme","name":"n","name":"n"}"#,
                "duplicate",
            ),
        ] {
            let told = parse(format!("{good}\n{line}\n").as_bytes())
                .expect_err(line)
                .to_string();
            assert!(
                told.contains(words) && !told.contains("pck_live_secret"),
                "{told}"
            );
        }
        assert!(parse(b"\xff").is_err());
    }
}
