use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use http::HeaderName;
use portcullis::manager::ManagerConfig;

use super::document::{Document, MAX_FAULTS};
use super::effective::SECRET;
use super::fault::{Fault, Finding};
use super::interpolate::Variables;
use super::plan::{HandlingPlan, RoutePlan, UpstreamPlan};
use super::resolve::resolve;
use super::sources::Sources;
use super::{ConfigError, Reading, ServiceConfig, shape};
use crate::access::AccessLogConfig;
use crate::headers::origin::OriginPolicy;
use crate::headers::trace_context::TracePolicy;
use crate::server::ServerConfig;
use crate::spans::OtlpConfig;
use crate::tls::TlsConfig;

/// Everything that the gateway is told by its file, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients connect. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// Where operators connect, for health and metrics: a listener of its own, so that it is never
    /// open to the world by accident. Default 127.0.0.1:9090.
    pub operations_listen: SocketAddr,
    /// What the listener for TLS shows and asks; there is none by default.
    pub tls: Option<TlsConfig>,
    /// The database file. Default `portcullis.db` in the file's folder.
    pub store_path: PathBuf,
    /// The keyring file. Default `keyring` in the file's folder.
    pub keyring_path: PathBuf,
    /// How keys are checked and issued.
    pub manager: ManagerConfig,
    /// The most keys whose use of their rate is remembered: 1,000,000, or as many as are cached if
    /// those are more.
    pub rate_capacity: usize,
    /// What the public listener allows its clients.
    pub server: ServerConfig,
    /// The longest path and query, in bytes. 64 to 65,536, default
    /// [`DEFAULT_MAX_LENGTH`](crate::path::DEFAULT_MAX_LENGTH).
    pub max_path_length: usize,
    /// The header that may hold a token beside `Authorization: Bearer`; none by default.
    pub credential_header: Option<HeaderName>,
    /// Where a line goes for each request; none by default.
    pub access_log: Option<AccessLogConfig>,
    /// The services, in the file's order.
    pub services: Vec<ServiceConfig>,
    /// Who is believed about where requests come from: nobody by default.
    pub origin: OriginPolicy,
    /// Whose traces are gone on with.
    pub trace: TracePolicy,
    /// Where spans go; nowhere by default.
    pub otlp: Option<OtlpConfig>,
    /// What all routes do on the way that do not say it themselves.
    pub(super) handling: HandlingPlan,
    /// What stands in `[[routes]]` and `[[upstreams]]`, in the file's order.
    pub(super) route_tables: Vec<RoutePlan>,
    pub(super) upstream_tables: Vec<UpstreamPlan>,
}

/// The longest file that is read.
const MAX_FILE: u64 = 1024 * 1024;

impl Config {
    pub(super) const LEAST_RATES: usize = 1_000_000;

    /// Where clients connect if the file does not say.
    pub const DEFAULT_LISTEN: SocketAddr =
        SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080));
    /// Where operators connect if the file does not say.
    pub const DEFAULT_OPERATIONS: SocketAddr =
        SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 9090));

    /// Reads and checks a file, with the variables of the environment and the files that it asks
    /// for. Paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where the file cannot be read, is longer than 1 MiB, or has faults: all of
    /// them, up to 20.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::read(path).into_config()
    }

    /// The same, with what a reload must know of the files.
    #[must_use]
    pub fn read(path: &Path) -> Reading {
        let mut sources = Sources::new();
        let text = read(path);
        let bytes = text.as_ref().map(|text| text.as_bytes());
        sources.add(path, bytes);
        match text {
            Ok(text) => {
                Self::check(text, path, &|name| env::var_os(name), sources).with_named_files()
            }
            Err(error) => Reading::new(
                Err(ConfigError::unreadable(path, error)),
                String::new(),
                sources,
            ),
        }
    }

    /// The same, for a configuration that others write while it is read: one that says nothing is
    /// about to be written, and what is no regular file may never end.
    pub(crate) fn read_again(path: &Path) -> Reading {
        let refused = |expected: &str| {
            let mut sources = Sources::new();
            let error = io::Error::new(io::ErrorKind::InvalidInput, expected);
            sources.add(path, Err(&error));
            Reading::new(
                Err(ConfigError::unreadable(path, error)),
                String::new(),
                sources,
            )
        };
        if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return refused("expected a regular file");
        }
        let reading = Self::read(path);
        match reading.config() {
            Ok(_) if reading.is_blank() => refused("expected more than an empty file"),
            _ => reading,
        }
    }

    /// Checks a text as [`Config::load`] does. `path` is where it stands: it is named in errors,
    /// and its folder is what paths are relative to.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong, up to 20 faults.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::parse_with(text, path, &|name| env::var_os(name))
    }

    /// The same with variables of one's own in place of the environment's.
    ///
    /// # Errors
    ///
    /// As [`Config::parse`].
    pub fn parse_with(
        text: &str,
        path: &Path,
        variables: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let reading = Self::check(text.to_owned(), path, variables, Sources::new());
        reading.into_config()
    }

    fn check(text: String, path: &Path, variables: Variables<'_>, mut sources: Sources) -> Reading {
        let outcome = check(&text, path, variables, &mut sources);
        Reading::new(outcome, text, sources)
    }
}

fn check(
    text: &str,
    path: &Path,
    variables: Variables<'_>,
    sources: &mut Sources,
) -> Result<Config, ConfigError> {
    let document = Document::parse(text).map_err(|finding| {
        let fault = Fault::new(text, finding, String::new());
        ConfigError::faulty(path, text, vec![fault], false)
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let (shape, mut findings) = (shape::of_file(), Vec::new());
    let found = document.look_up(shape, folder, variables, sources, &mut findings);
    let document = document.with(&found, shape, &mut findings);
    let config = document
        .read(&mut findings)
        .map(|file| resolve(file, folder, &mut findings));
    match config {
        Some(config) if findings.is_empty() => Ok(config),
        _ => Err(locate(text, path, &document, findings)),
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "expected at most 1 MiB",
        ));
    }
    Ok(text)
}

/// Gives each finding its field and its line, and puts them in the order of the file.
fn locate(text: &str, path: &Path, document: &Document<'_>, findings: Vec<Finding>) -> ConfigError {
    let mut faults: Vec<Fault> = Vec::new();
    for finding in findings {
        let mut field = document.field_at(&finding.span);
        if let Some(missing) = finding.missing {
            field = format!("{field}.{missing}");
            // A field with a fault was taken out, so it only looks missing.
            if faults.iter().any(|fault| fault.field() == field) {
                continue;
            }
        }
        faults.push(Fault::new(text, finding, field));
    }
    faults.sort_by_key(|fault| fault.span.start);
    let more = faults.len() >= MAX_FAULTS;
    faults.truncate(MAX_FAULTS);
    let faults = faults.into_iter().map(|fault| {
        let message = document.as_written(fault.message());
        match fault.field().starts_with(SECRET) {
            true => fault.telling(without_value(message)),
            false => fault.telling(message),
        }
    });
    let faults = faults.collect();
    ConfigError::faulty(path, text, faults, more)
}

/// A message that does not repeat what is there, as serde's "invalid type: string "a", expected a
/// table" does.
fn without_value(message: String) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => message,
    }
}
