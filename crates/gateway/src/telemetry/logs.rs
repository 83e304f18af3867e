use std::env::{self, VarError};
use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use super::TelemetryError;
use super::redacted::Redacted;

/// The environment variable that filters the log, in `tracing-subscriber`'s directives.
const FILTER: &str = "PORTCULLIS_LOG";

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text for people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// What is logged where `PORTCULLIS_LOG` does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What an operator of a server wants to read.
    Info,
    /// Only what needs attention.
    Warn,
    /// Only what went wrong beyond what the command itself tells.
    Error,
}

impl LogLevel {
    const fn directive(self) -> &'static str {
        match self {
            // refinery tells each step of a migration, and where it was built.
            Self::Info => "info,refinery_core=warn",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Sends events to standard error from now on, for the whole process.
///
/// `PORTCULLIS_LOG` filters them, for example `info,portcullis_gateway=debug`; without it all of
/// `level` and above are written.
///
/// # Errors
///
/// [`TelemetryError`] where the variable is no filter, or where the process has a subscriber
/// already.
pub fn init_logs(format: LogFormat, level: LogLevel) -> Result<(), TelemetryError> {
    let builder = tracing_subscriber::fmt()
        .with_writer(|| Redacted(io::stderr()))
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter(env::var(FILTER), level)?);
    let done = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    done.map_err(|error| TelemetryError::new("the log is set up already", error))
}

fn filter(
    variable: Result<String, VarError>,
    level: LogLevel,
) -> Result<EnvFilter, TelemetryError> {
    let expected = "expected directives such as info or warn,portcullis_gateway=debug";
    match variable {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(text)
            .map_err(|error| TelemetryError::new(format!("{FILTER}: {expected}"), error)),
        Ok(_) | Err(VarError::NotPresent) => Ok(EnvFilter::new(level.directive())),
        Err(VarError::NotUnicode(_)) => Err(TelemetryError::message(format!(
            "{FILTER}: {expected}, in UTF-8"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::env::VarError;

    use super::{LogLevel, filter};

    #[test]
    fn the_variable_counts_and_the_level_stands_in_for_it() {
        let shown = |variable| filter(variable, LogLevel::Info).expect("valid").to_string();
        assert!(
            shown(Err(VarError::NotPresent))
                .split(',')
                .any(|directive| directive == "info")
        );
        assert_eq!(shown(Ok(" ".to_owned())), shown(Err(VarError::NotPresent)));
        assert_eq!(shown(Ok("warn".to_owned())), "warn");
    }

    #[test]
    fn a_filter_that_is_none_is_refused_by_name() {
        for variable in [
            Ok("info,,=x=".to_owned()),
            Err(VarError::NotUnicode("x".into())),
        ] {
            let error = filter(variable, LogLevel::Warn).expect_err("no filter");
            assert!(
                error.to_string().starts_with("PORTCULLIS_LOG: expected"),
                "{error}"
            );
        }
    }
}
