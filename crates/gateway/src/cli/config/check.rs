use std::path::Path;

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{Output, counted};
use crate::config::{Config, ConfigError, Fault};

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
    line: usize,
    column: usize,
    field: &'a str,
    message: &'a str,
}

/// Reads the file and what it asks for, and nothing else.
pub(super) fn check(path: &Path, output: &mut Output<'_>) -> Result<Exit, CliError> {
    let reading = Config::read(path);
    let files = reading.sources().files().iter();
    let files: Vec<_> = files.map(|file| file.display().to_string()).collect();
    let told = match reading.config() {
        Ok(config) => CheckDto::valid(files, config),
        Err(error) => CheckDto::faulty(files, error),
    };
    // People are told what is wrong as by every other command.
    if told.valid || output.is_json() {
        output.result(&told, || told.sentence())?;
    }
    reading.into_config()?;
    Ok(Exit::Done)
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

    fn faulty(files: Vec<String>, error: &'a ConfigError) -> Self {
        Self {
            valid: false,
            services: 0,
            routes: 0,
            upstreams: 0,
            files,
            faults: error.faults().iter().map(FaultDto::from).collect(),
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
            line: fault.line(),
            column: fault.column(),
            field: fault.field(),
            message: fault.message(),
        }
    }
}
