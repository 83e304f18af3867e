use std::fmt;

use super::{Config, ConfigError, Effective, Sources};

/// What came of reading a configuration: the checked configuration or its faults, and which files
/// that took.
pub struct Reading {
    outcome: Result<Config, ConfigError>,
    text: String,
    sources: Sources,
}

impl Reading {
    pub(super) fn new(
        outcome: Result<Config, ConfigError>,
        text: String,
        sources: Sources,
    ) -> Self {
        Self {
            outcome,
            text,
            sources,
        }
    }

    /// Counts the files that the configuration names among those that were read.
    pub(super) fn with_named_files(mut self) -> Self {
        if let Ok(config) = &self.outcome {
            for file in config.tls_files() {
                self.sources.note(&file);
            }
        }
        self
    }

    /// The configuration, if it has no fault.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with its faults.
    pub fn config(&self) -> Result<&Config, &ConfigError> {
        self.outcome.as_ref()
    }

    /// The same, for good.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        self.outcome
    }

    /// What is written, with the defaults of what is not; for a configuration without faults.
    pub(crate) fn effective(&self) -> Effective {
        Effective::of(&self.text)
    }

    /// Whether the file says nothing at all, as one that is about to be written.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The files that were read.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("is_valid", &self.outcome.is_ok())
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}
