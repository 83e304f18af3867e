use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis::KeyManager;
use tokio_util::sync::CancellationToken;

use super::restart::Started;
use super::watch::Watch;
use super::{ConfigStatus, NotApplied, Reloads, Target};
use crate::config::{Config, ConfigError, Effective, Reading};
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
    /// Whether it was said that nothing can be watched.
    is_unwatched: bool,
}

/// Why the files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Somebody asks for it.
    Asked,
    /// They may have changed.
    Noticed,
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
            is_unwatched: false,
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
            return self.reopen_where_asked(stop).await;
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

    /// All that is left to do where the configuration cannot be read again.
    async fn reopen_where_asked(&mut self, stop: CancellationToken) {
        let reopening = async {
            loop {
                self.reloads.asked.notified().await;
                self.reloads.notices.begin();
                self.target.reopen_access_log().await;
                self.reloads.notices.end(self.status.in_a_word());
            }
        };
        stop.run_until_cancelled(reopening).await;
    }

    /// Reads the files, and does what follows from it. What happens to them from the reading on is
    /// told by the watch.
    async fn look(&mut self, cause: Cause) -> Watch {
        if cause == Cause::Asked {
            self.reloads.notices.begin();
        }
        let watch = self.read(cause).await;
        if cause == Cause::Asked {
            // Also where the configuration has faults: whoever keeps logs knows nothing of them.
            self.target.reopen_access_log().await;
        }
        self.reloads.notices.end(self.status.in_a_word());
        watch
    }

    async fn read(&mut self, cause: Cause) -> Watch {
        let (path, files) = (self.reloads.path.clone(), self.reloads.files.clone());
        let looked = tokio::task::spawn_blocking(move || read(&path, files)).await;
        let (reading, watch) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!(%error, "the configuration could not be read");
                return Watch::of(&[]);
            }
        };
        self.tell_unwatched(&watch);
        let digest = reading.sources().digest();
        reading
            .sources()
            .files()
            .clone_into(&mut self.reloads.files);
        if cause == Cause::Asked || digest != self.reloads.digest || self.is_unsettled {
            self.reloads.digest = digest;
            self.reloads.notices.begin();
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
        let prepared = self.target.prepare(config).await?;
        let created = config.create_missing_services(&self.manager).await;
        created.map_err(NotApplied::Store)?;
        self.target.put(prepared)?;
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

    /// Once, however often it is tried.
    fn tell_unwatched(&mut self, watch: &Watch) {
        let fault = watch.fault();
        if let Some(error) = fault.filter(|_| !self.is_unwatched) {
            tracing::warn!(
                %error,
                "cannot watch the configuration: it is read every 30 seconds, and on SIGHUP"
            );
        }
        self.is_unwatched = fault.is_some();
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use http::Request;
    use portcullis::clock::ManualClock;
    use portcullis::store::{FaultStore, MemoryStore, StoreFault};
    use portcullis::{Gatekeeper, KeyManager, Keyring, Limiter, LimiterConfig};
    use tempfile::TempDir;
    use tokio_util::sync::CancellationToken;
    use tower::ServiceExt as _;

    use super::{Cause, Reloader};
    use crate::access::{AccessLog, AccessLogConfig, AccessOutput};
    use crate::body::ProxyBody;
    use crate::config::Config;
    use crate::live::LiveStreams;
    use crate::reload::{ConfigStatus, Reloads, Target};
    use crate::server::ServerHandle;
    use crate::wire::eventually;

    struct Fixture {
        folder: TempDir,
        store: FaultStore,
        clock: ManualClock,
        server: ServerHandle,
        access: AccessLog,
        reloader: Reloader,
    }

    impl Fixture {
        async fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("portcullis.toml");
            fs::write(&path, text).expect("written");
            let store = FaultStore::new(MemoryStore::new());
            let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
            let clock = ManualClock::new();
            let manager = KeyManager::builder(store.clone())
                .keyring(keyring)
                .clock(clock.clone());
            let manager = manager.build().await.expect("built");
            let gate = Gatekeeper::new(manager.clone(), Limiter::new(LimiterConfig::default()));
            let live = LiveStreams::new(manager.clone());
            let reading = Config::read(&path);
            let reloads = Reloads::of(&path, &reading);
            let config = reading.into_config().expect("valid");
            let server = ServerHandle::new(config.server.clone());
            let access = AccessLog::new(Arc::new(clock.clone()), config.access_log.as_ref(), None);
            let access = access.expect("opened");
            let target = Target::new(&config, gate, live, server.clone(), access.clone());
            let target = target.expect("built");
            let status = ConfigStatus::new(manager.clock().now().wall());
            Self {
                folder,
                store,
                clock,
                server,
                access,
                reloader: Reloader::new(reloads, &config, target, manager, status),
            }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("portcullis.toml")
        }

        async fn write(&mut self, text: &str) {
            fs::write(self.path(), text).expect("written");
            drop(self.reloader.look(Cause::Noticed).await);
        }

        /// What a request for this path is answered with.
        async fn status(&self, path: &str) -> u16 {
            let request = Request::get(path).header("host", "a");
            let request = request.body(ProxyBody::empty()).expect("a request");
            let router = self.reloader.target.router();
            let answer = router.oneshot(request).await.expect("infallible");
            answer.status().as_u16()
        }

        fn report(&self) -> serde_json::Value {
            serde_json::to_value(self.reloader.status.report()).expect("JSON")
        }
    }

    fn fixed(name: &str) -> String {
        format!(
            "[[routes]]\nname = \"{name}\"\npath = \"/{name}\"\nauth = \"open\"\n\
             respond = {{ status = 204 }}\n"
        )
    }

    #[tokio::test]
    async fn a_configuration_with_faults_changes_nothing_until_they_are_gone() {
        let mut gateway = Fixture::new(&fixed("one")).await;
        for faulty in [
            "listen = 1",
            "listen = ",
            "listen = \"${NO_SUCH_VARIABLE}\"",
        ] {
            let text = format!("{faulty}\n{}", fixed("two"));
            gateway.write(&text).await;
            let statuses = (gateway.status("/one").await, gateway.status("/two").await);
            assert_eq!(statuses, (204, 404), "{faulty}");
            assert_eq!(gateway.report()["valid"], false);
            gateway.write(&fixed("one")).await;
            assert_eq!(gateway.report()["valid"], true);
        }
        gateway.write("\n").await;
        assert_eq!(
            gateway.report()["valid"],
            false,
            "it is about to be written"
        );
        fs::remove_file(gateway.path()).expect("removed");
        drop(gateway.reloader.look(Cause::Asked).await);
        assert_eq!(gateway.status("/one").await, 204);
    }

    #[tokio::test]
    async fn what_clients_are_allowed_counts_with_the_configuration() {
        let mut gateway = Fixture::new(&fixed("one")).await;
        let limits = "[limits]\nconnections = 7\n[timeouts]\nidle = \"1s\"\n[http2]\nstreams = 3\n";
        gateway.write(&format!("{limits}{}", fixed("two"))).await;
        let allowed = gateway.server.config();
        assert_eq!(allowed.max_connections, 7);
        assert_eq!(allowed.idle_timeout, Duration::from_secs(1));
        assert_eq!(allowed.http2.as_ref().expect("spoken").streams, 3);
        assert!(
            gateway.report()["restart_needed"]
                .as_array()
                .is_none_or(Vec::is_empty)
        );
        gateway.write("[limits]\nconnections = 0\n").await;
        assert_eq!(gateway.server.config(), allowed);
    }

    #[tokio::test]
    async fn what_the_store_does_not_take_changes_nothing_and_is_tried_again() {
        let mut gateway = Fixture::new(&fixed("one")).await;
        let more = fixed("two")
            + "[[services]]\nname = \"orders\"\nprefix = \"/orders\"\nupstream = \"http://127.0.0.1:1\"\n";
        gateway.store.take_no_changes(Some(StoreFault::Full));
        gateway.write(&more).await;
        let statuses = (gateway.status("/one").await, gateway.status("/two").await);
        assert_eq!(statuses, (204, 404));
        let report = gateway.report();
        assert!(
            report["error"]
                .as_str()
                .is_some_and(|error| error.contains("store")),
            "{report}"
        );
        gateway.store.take_no_changes(None);
        // Nothing in the files has changed since.
        drop(gateway.reloader.look(Cause::Noticed).await);
        assert_eq!(gateway.status("/two").await, 204);
        assert!(gateway.report()["error"].is_null());
        let services = gateway.reloader.manager.services().await.expect("services");
        assert_eq!(services.len(), 1);
    }

    #[tokio::test]
    async fn what_has_not_changed_is_read_anew_only_where_somebody_asks() {
        let mut gateway = Fixture::new(&fixed("one")).await;
        let applied = |gateway: &Fixture| gateway.report()["applied_at"].clone();
        let clones = gateway.reloader.target.router();
        let began = applied(&gateway);
        gateway.clock.advance(Duration::from_secs(1));
        drop(gateway.reloader.look(Cause::Noticed).await);
        assert_eq!(applied(&gateway), began);
        drop(gateway.reloader.look(Cause::Asked).await);
        assert_ne!(applied(&gateway), began);
        // A clone from before has what counts now.
        gateway.write(&fixed("two")).await;
        let request = Request::get("/two").header("host", "a");
        let request = request.body(ProxyBody::empty()).expect("a request");
        let answer = clones.oneshot(request).await.expect("infallible");
        assert_eq!(answer.status(), 204);
    }

    #[tokio::test]
    async fn an_access_log_that_cannot_be_opened_changes_nothing_and_is_tried_again() {
        let mut gateway = Fixture::new(&fixed("one")).await;
        let more = format!("[access_log]\npath = \"log/lines\"\n{}", fixed("two"));
        gateway.write(&more).await;
        let statuses = (gateway.status("/one").await, gateway.status("/two").await);
        assert_eq!(statuses, (204, 404));
        let error = gateway.report()["error"].to_string();
        assert!(error.contains("access log"), "{error}");
        let folder = gateway.folder.path().join("log");
        fs::create_dir(&folder).expect("a folder");
        drop(gateway.reloader.look(Cause::Noticed).await);
        assert_eq!(gateway.status("/two").await, 204);
        assert!(gateway.report()["error"].is_null());
        assert!(gateway.report()["restart_needed"] == serde_json::json!([]));
        assert!(folder.join("lines").exists());
        // Whoever keeps files renames them, and asks; a configuration with faults is none of that.
        fs::write(gateway.path(), "listen = 1").expect("written");
        for cause in [Cause::Noticed, Cause::Asked] {
            fs::rename(folder.join("lines"), folder.join("lines.1")).expect("renamed");
            drop(gateway.reloader.look(cause).await);
            assert_eq!(folder.join("lines").exists(), cause == Cause::Asked);
            let _ = fs::rename(folder.join("lines.1"), folder.join("lines"));
        }
        gateway.access.close().await;
    }

    #[tokio::test]
    async fn a_pipe_is_not_waited_for() {
        let mut gateway = Fixture::new(&fixed("one")).await;
        fs::remove_file(gateway.path()).expect("removed");
        let made = std::process::Command::new("mkfifo")
            .arg(gateway.path())
            .status();
        assert!(made.expect("mkfifo").success());
        drop(gateway.reloader.look(Cause::Noticed).await);
        assert_eq!(gateway.report()["valid"], false);
        assert_eq!(gateway.status("/one").await, 204);
        // There is nothing to read again; the access log may still have to be opened anew.
        let path = gateway.folder.path().join("lines");
        let opened = gateway.access.next(Some(&AccessLogConfig {
            output: AccessOutput::File(path.clone()),
            ..AccessLogConfig::default()
        }));
        gateway.access.replace(opened.expect("opened"));
        fs::remove_file(&path).expect("removed");
        gateway.reloader.reloads.handle().reload();
        let stop = CancellationToken::new();
        let running = tokio::spawn(gateway.reloader.run(stop.clone()));
        eventually(async || path.exists()).await;
        stop.cancel();
        running.await.expect("ended");
    }
}
