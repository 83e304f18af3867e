use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs};

use portcullis::KeyManager;
use tokio_util::sync::CancellationToken;

use super::restart::Started;
use super::watch::Watch;
use super::{ConfigStatus, Reloads, Target};
use crate::config::{Config, ConfigError, Effective, Reading};
use crate::setting::InvalidSetting;
use crate::telemetry::Causes;

/// How often files are read of which nothing is told.
const EVERY: Duration = Duration::from_secs(30);

/// How often the files may be others than those that are watched before that is left to the next
/// look.
const WATCHED_ANEW: usize = 3;

/// Reads the configuration where it may have changed, and puts it in the place of the one that
/// counts.
#[derive(Debug)]
pub(crate) struct Reloader {
    reloads: Reloads,
    target: Target,
    manager: KeyManager,
    started: Started,
    status: ConfigStatus,
    /// Whether the last one without faults could not be applied.
    is_unsettled: bool,
}

/// Why the files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Somebody asks for it.
    Asked,
    /// They may have changed.
    Noticed,
}

/// Why a configuration without faults does not count.
#[derive(Debug)]
enum NotApplied {
    Setting(InvalidSetting),
    Store(portcullis::Error),
}

impl Reloader {
    /// For a gateway that serves this configuration.
    pub(crate) fn new(
        reloads: Reloads,
        config: &Config,
        target: Target,
        manager: KeyManager,
        status: ConfigStatus,
    ) -> Self {
        Self {
            started: Started::new(config.clone(), reloads.effective.clone()),
            reloads,
            target,
            manager,
            status,
            is_unsettled: false,
        }
    }

    /// Goes on until it is stopped.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let path = &self.reloads.path;
        if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
            tracing::info!(
                path = %path.display(),
                "the configuration is no regular file: it is not read again"
            );
            return;
        }
        let clock = Arc::clone(self.manager.clock());
        let asked = Arc::clone(&self.reloads.asked);
        let mut cause = Cause::Noticed;
        loop {
            let watch = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                watch = self.look(cause) => watch,
            };
            cause = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = asked.notified() => Cause::Asked,
                () = watch.changed(&*clock) => Cause::Noticed,
                () = clock.sleep(EVERY) => Cause::Noticed,
            };
        }
    }

    /// Reads the files, and does what follows from it. What happens to them from the reading on is
    /// told by the watch.
    async fn look(&mut self, cause: Cause) -> Watch {
        let (path, files) = (self.reloads.path.clone(), self.reloads.files.clone());
        let looked = tokio::task::spawn_blocking(move || read(&path, files)).await;
        let (reading, watch) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!(%error, "the configuration could not be read");
                return Watch::of(&[]);
            }
        };
        let digest = reading.sources().digest();
        reading
            .sources()
            .files()
            .clone_into(&mut self.reloads.files);
        if cause == Cause::Asked || digest != self.reloads.digest || self.is_unsettled {
            self.reloads.digest = digest;
            self.take(reading).await;
        }
        watch
    }

    async fn take(&mut self, reading: Reading) {
        self.is_unsettled = false;
        let effective = reading.effective();
        match reading.into_config() {
            Ok(config) => {
                if let Err(error) = self.apply(&config, &effective).await {
                    // It is tried again with the next look.
                    self.is_unsettled = true;
                    self.failed(&error);
                }
            }
            Err(error) => self.invalid(&error),
        }
    }

    /// Builds everything, and only then changes anything.
    async fn apply(&mut self, config: &Config, effective: &Effective) -> Result<(), NotApplied> {
        let prepared = self.target.prepare(config).map_err(NotApplied::Setting)?;
        let created = config.create_missing_services(&self.manager).await;
        created.map_err(NotApplied::Store)?;
        self.target.put(prepared);
        let restart_needed = self.started.restart_needed(config, effective);
        let routes = config.routes().len();
        tracing::info!(
            routes,
            "the configuration was read again: it counts from now on"
        );
        if !restart_needed.is_empty() {
            let fields: Vec<&str> = restart_needed.iter().map(String::as_str).collect();
            tracing::warn!(
                fields = fields.join(", "),
                "fields of the configuration count after a restart alone"
            );
        }
        let now = self.manager.clock().now().wall();
        self.status.applied(now, restart_needed);
        Ok(())
    }

    fn failed(&self, error: &NotApplied) {
        tracing::error!(
            error = %Causes(error),
            "the configuration could not be put to use, and is tried again: what was, counts"
        );
        self.status.failed(error.to_string());
    }

    fn invalid(&self, error: &ConfigError) {
        let (path, faults) = (error.path().display(), error.faults());
        if faults.is_empty() {
            let error = Causes(error);
            tracing::error!(%error, "the configuration cannot be read: what was, counts");
        } else {
            tracing::error!(
                %path,
                faults = faults.len(),
                "the configuration has faults: what was, counts"
            );
        }
        for fault in faults {
            tracing::error!(
                line = fault.line(),
                column = fault.column(),
                field = fault.field(),
                "{}",
                fault.message()
            );
        }
        self.status.invalid(error);
    }
}

/// Watches before it reads, so that nothing is missed in between.
fn read(path: &Path, files: Vec<PathBuf>) -> (Reading, Watch) {
    let mut watched = files;
    let mut tries = 0;
    loop {
        let watch = Watch::of(&watched);
        let reading = Config::read_again(path);
        let files = reading.sources().files();
        tries += 1;
        if files == watched || tries == WATCHED_ANEW {
            return (reading, watch);
        }
        watched = files.to_vec();
    }
}

impl fmt::Display for NotApplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setting(_) => "the configuration has a setting out of range",
            Self::Store(_) => "the store did not take the services of the configuration",
        })
    }
}

impl StdError for NotApplied {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match self {
            Self::Setting(error) => error,
            Self::Store(error) => error,
        })
    }
}
