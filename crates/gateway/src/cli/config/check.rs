use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{Output, counted};
use crate::config::{Config, Fault};
use crate::telemetry::Causes;
use crate::tls::TlsError;

/// What is told of a configuration.
#[derive(Debug, Serialize)]
struct CheckDto<'a> {
    valid: bool,
    services: usize,
    routes: usize,
    upstreams: usize,
    files: Vec<String>,
    faults: Vec<FaultDto<'a>>,
}

#[derive(Debug, Serialize)]
struct FaultDto<'a> {
    /// Nothing of a file that the configuration names.
    line: Option<usize>,
    column: Option<usize>,
    field: &'a str,
    message: Cow<'a, str>,
}

/// Reads the file and what it asks for, and nothing else.
pub(super) fn check(path: &Path, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let reading = Config::read(path);
    let files = reading.sources().files().iter();
    let files: Vec<_> = files.map(|file| file.display().to_string()).collect();
    let certificates = reading.config().map(Config::check_tls);
    let refused = certificates.unwrap_or(Ok(())).err().unwrap_or_default();
    let told = match reading.config() {
        Ok(config) if refused.is_empty() => CheckDto::valid(files, config),
        Ok(_) => CheckDto::faulty(files, refused.iter().map(FaultDto::from)),
        Err(error) => CheckDto::faulty(files, error.faults().iter().map(FaultDto::from)),
    };
    // People are told what is wrong as by every other command.
    if told.valid || output.is_json() {
        output.result(&told, || told.sentence())?;
    }
    reading.into_config()?;
    match refused.is_empty() {
        true => Ok(Exit::Done),
        false => Err(unusable(&refused)),
    }
}

/// All that is wrong with certificates, keys and roots.
fn unusable(refused: &[TlsError]) -> CliError {
    let lines: Vec<String> = refused
        .iter()
        .map(|error| Causes(error).to_string())
        .collect();
    let message = format!(
        "the configuration has certificates that cannot be used:\n{}",
        lines.join("\n")
    );
    CliError::new(Exit::Config, message)
}

impl<'a> CheckDto<'a> {
    fn valid(files: Vec<String>, config: &Config) -> Self {
        Self {
            valid: true,
            services: config.services.len(),
            routes: config.routes().len(),
            upstreams: config.upstreams().len(),
            files,
            faults: Vec::new(),
        }
    }

    fn faulty(files: Vec<String>, faults: impl Iterator<Item = FaultDto<'a>>) -> Self {
        Self {
            valid: false,
            services: 0,
            routes: 0,
            upstreams: 0,
            files,
            faults: faults.collect(),
        }
    }

    fn sentence(&self) -> String {
        format!(
            "valid: {}, {}, {}",
            counted(self.services, "service"),
            counted(self.routes, "route"),
            counted(self.upstreams, "upstream"),
        )
    }
}

impl<'a> From<&'a Fault> for FaultDto<'a> {
    fn from(fault: &'a Fault) -> Self {
        Self {
            line: Some(fault.line()),
            column: Some(fault.column()),
            field: fault.field(),
            message: fault.message().into(),
        }
    }
}

impl<'a> From<&'a TlsError> for FaultDto<'a> {
    fn from(error: &'a TlsError) -> Self {
        Self {
            line: None,
            column: None,
            field: error.field(),
            message: Causes(error).to_string().into(),
        }
    }
}
