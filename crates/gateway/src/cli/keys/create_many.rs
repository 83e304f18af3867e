use std::path::{Path, PathBuf};

use clap::Args;
use portcullis::manager::{Issued, NewKey};
use portcullis::{Invalid, KeyManager};

use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::dto::IssuedDto;
use crate::cli::error::CliError;
use crate::cli::input::{read_file, read_standard};
use crate::cli::output::Output;

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
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let mut keys = parse(read)?;
    let (actor, mut done) = (actor()?, 0_usize);
    while !keys.is_empty() {
        let rest = keys.split_off(keys.len().min(AT_ONCE));
        let lines: Vec<usize> = keys.iter().map(|(line, _)| *line).collect();
        let new = keys.into_iter().map(|(_, new)| new).collect();
        let issued = manager.create_keys(new, &actor).await.map_err(|error| {
            let (first, last) = (lines.first(), lines.last());
            let message = format!(
                "{done} keys are issued, and none of lines {} to {} or later",
                first.copied().unwrap_or_default(),
                last.copied().unwrap_or_default()
            );
            let exit = CliError::exit_for(error.kind());
            CliError::because(exit, message, &error)
        })?;
        print(manager, &issued, output)?;
        done = done.saturating_add(issued.len());
        keys = rest;
    }
    Ok(output.note(&format!("{done} keys are issued"))?)
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
fn print(manager: &KeyManager, issued: &[Issued], output: &mut Output<'_>) -> Result<(), CliError> {
    let now = manager.clock().now().wall();
    for issued in issued {
        output
            .json_line(&IssuedDto::new(issued, now))
            .map_err(|error| {
                let message = format!(
                    "the new tokens from key {} on could not be printed and are lost: rotate \
                     those keys with --grace 0s, or revoke them",
                    issued.key.id
                );
                CliError::because(Exit::Failure, message, &error)
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
