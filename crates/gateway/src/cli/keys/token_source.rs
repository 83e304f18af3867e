use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;

use clap::Args;

use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// Where a token is read from: never the command line, which the process list shows.
#[derive(Debug, Args)]
pub(in crate::cli) struct TokenSource {
    /// Read the token from a file instead of standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// More than any token: what is longer is read no further, and refused as malformed.
const MAX_READ: u64 = 4 * 1024;

impl TokenSource {
    /// Reads the token, without the line end that editors and `echo` put behind it.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        match &self.token_file {
            Some(path) => {
                let file = File::open(path).and_then(read);
                file.map_err(|error| {
                    let message = format!("--token-file: cannot read {}", path.display());
                    CliError::because(Exit::Usage, message, &error)
                })
            }
            None => {
                if io::stdin().is_terminal() {
                    output.note(
                        "Reading the token from standard input: paste it, then Enter and Ctrl-D.",
                    )?;
                }
                read(io::stdin()).map_err(|error| {
                    let message = "cannot read the token from standard input";
                    CliError::because(Exit::Failure, message, &error)
                })
            }
        }
    }
}

fn read(source: impl Read) -> io::Result<Vec<u8>> {
    let mut token = Vec::new();
    source.take(MAX_READ).read_to_end(&mut token)?;
    let end = token
        .iter()
        .rposition(|byte| !matches!(byte, b'\n' | b'\r'));
    token.truncate(end.map_or(0, |last| last + 1));
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::read;

    #[test]
    fn a_token_is_read_without_its_line_end_and_never_without_end() {
        let text = |source: &[u8]| read(source).expect("read");
        assert_eq!(text(b"pck_live_x\r\n"), b"pck_live_x");
        assert_eq!(text(b"pck_live_x"), b"pck_live_x");
        assert_eq!(text(b" a \n"), b" a ");
        assert_eq!(text(b"\n\n"), b"");
        assert_eq!(read(io::repeat(b'a')).expect("read").len(), 4096);
    }
}
