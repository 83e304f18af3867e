use std::path::PathBuf;

use crate::setting::{InvalidSetting, check_count};

/// Where lines of the access log go, and what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLogConfig {
    /// Where they go. Default [`AccessOutput::Standard`].
    pub output: AccessOutput,
    /// How many may wait to be written; further ones are lost, and counted. 16 to 1,048,576,
    /// default 16,384: about 8 MiB at most.
    pub lines: usize,
    /// Whether a line has the request's path. Not by default: paths may hold what is private.
    pub with_path: bool,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessOutput {
    /// Standard output.
    Standard,
    /// To the end of a file, which is created where there is none.
    File(PathBuf),
}

impl Default for AccessLogConfig {
    fn default() -> Self {
        Self {
            output: AccessOutput::Standard,
            lines: 16_384,
            with_path: false,
        }
    }
}

impl AccessLogConfig {
    /// Whether every value is within its range.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] for the first that is not.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        check_count("lines", self.lines, 16..=1_048_576, "lines")
    }
}
