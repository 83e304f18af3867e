use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use portcullis::Invalid;

use super::Exit;
use super::error::CliError;
use super::output::Output;

/// Where a command takes a text from: the argument itself, a file, or standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TextSource {
    /// The text, as it was typed.
    Typed(String),
    /// `@FILE`.
    File(PathBuf),
    /// `-`.
    Standard,
}

impl FromStr for TextSource {
    type Err = Invalid;

    fn from_str(argument: &str) -> Result<Self, Invalid> {
        Ok(match argument.strip_prefix('@') {
            _ if argument == "-" => Self::Standard,
            Some("") => return Err(Invalid::new("text", "the name of a file behind the @")),
            Some(path) => Self::File(path.into()),
            None => Self::Typed(argument.to_owned()),
        })
    }
}

impl TextSource {
    /// Reads what lies outside the arguments, at most `max` bytes; nothing where all was typed.
    pub(super) fn read(
        &self,
        argument: &str,
        max: u64,
        output: &mut Output<'_>,
    ) -> Result<Vec<u8>, CliError> {
        match self {
            Self::Typed(_) => Ok(Vec::new()),
            Self::File(path) => read_file(argument, path, max),
            Self::Standard => read_standard(argument, max, output),
        }
    }

    /// The text, of which `read` is what was read.
    pub(super) fn text<'a>(&'a self, argument: &str, read: &'a [u8]) -> Result<&'a str, CliError> {
        match self {
            Self::Typed(text) => Ok(text),
            Self::File(_) | Self::Standard => std::str::from_utf8(read).map_err(|_| {
                CliError::new(Exit::Usage, format!("{argument}: expected UTF-8 text"))
            }),
        }
    }
}

/// Reads a whole file, no further than `max` bytes.
pub(super) fn read_file(argument: &str, path: &Path, max: u64) -> Result<Vec<u8>, CliError> {
    let read = File::open(path).and_then(|file| read_whole(file, max));
    let bytes = read.map_err(|error| {
        let message = format!("{argument}: cannot read {}", path.display());
        CliError::because(Exit::Usage, message, &error)
    })?;
    bytes.ok_or_else(|| too_long(argument, max))
}

/// Reads the whole of standard input, no further than `max` bytes.
pub(super) fn read_standard(
    argument: &str,
    max: u64,
    output: &mut Output<'_>,
) -> Result<Vec<u8>, CliError> {
    if io::stdin().is_terminal() {
        output.note("Reading from standard input: end it with Enter and Ctrl-D.")?;
    }
    let bytes = read_whole(io::stdin(), max).map_err(|error| {
        let message = format!("{argument}: cannot read standard input");
        CliError::because(Exit::Failure, message, &error)
    })?;
    bytes.ok_or_else(|| too_long(argument, max))
}

fn read_whole(source: impl Read, max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = source.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((read as u64 <= max).then_some(bytes))
}

fn too_long(argument: &str, max: u64) -> CliError {
    let message = format!("{argument}: expected at most {max} bytes");
    CliError::new(Exit::Usage, message)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{TextSource, read_whole};

    #[test]
    fn a_text_is_typed_or_read() {
        for (argument, source) in [
            ("-", TextSource::Standard),
            ("@a b", TextSource::File("a b".into())),
            ("{}", TextSource::Typed("{}".to_owned())),
            ("", TextSource::Typed(String::new())),
        ] {
            assert_eq!(argument.parse(), Ok(source));
        }
        assert!("@".parse::<TextSource>().is_err());
        let typed: TextSource = "{}".parse().expect("valid");
        assert_eq!(typed.text("--patch", b"other").expect("typed"), "{}");
        assert!(TextSource::Standard.text("--patch", b"\xff").is_err());
    }

    #[test]
    fn nothing_is_read_without_end() {
        assert_eq!(
            read_whole(&b"abc"[..], 3).expect("read").as_deref(),
            Some(&b"abc"[..])
        );
        assert_eq!(read_whole(&b"abcd"[..], 3).expect("read"), None);
        assert_eq!(read_whole(io::repeat(b'a'), 4_096).expect("read"), None);
    }
}
