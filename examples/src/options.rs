use std::ffi::OsString;
use std::path::PathBuf;

use crate::BoxError;

/// How an example is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The port of the loopback address to listen on; a free one where 0.
    pub port: u16,
    /// Where database and keyring are; a temporary folder where not given.
    pub dir: Option<PathBuf>,
}

impl Options {
    const USAGE: &str = "usage: [--port PORT] [--dir FOLDER]   (port 3000 and a temporary folder \
                         where not given; port 0 takes a free one)";

    /// Reads `--port PORT` and `--dir FOLDER`.
    ///
    /// # Errors
    ///
    /// The usage, where the arguments are others.
    pub fn from_args(args: impl IntoIterator<Item = OsString>) -> Result<Self, BoxError> {
        let mut options = Self {
            port: 3000,
            dir: None,
        };
        let mut args = args.into_iter();
        while let Some(name) = args.next() {
            let value = args.next().ok_or(Self::USAGE)?;
            match name.to_str() {
                Some("--port") => options.port = parse_port(&value).ok_or(Self::USAGE)?,
                Some("--dir") => options.dir = Some(value.into()),
                _ => return Err(Self::USAGE.into()),
            }
        }
        Ok(options)
    }
}

fn parse_port(value: &OsString) -> Option<u16> {
    value.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn read(args: &[&str]) -> Option<Options> {
        Options::from_args(args.iter().map(|arg| (*arg).into())).ok()
    }

    #[test]
    fn arguments_are_read_and_others_are_refused() {
        assert_eq!(
            read(&[]),
            Some(Options {
                port: 3000,
                dir: None
            })
        );
        let both = Options {
            port: 0,
            dir: Some("/tmp/keys".into()),
        };
        assert_eq!(read(&["--port", "0", "--dir", "/tmp/keys"]), Some(both));
        for wrong in [
            &["--port"][..],
            &["--port", "65536"],
            &["--port", "-1"],
            &["--help", "x"],
            &["0"],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
