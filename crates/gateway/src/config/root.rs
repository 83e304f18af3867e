use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use http::HeaderName;
use portcullis::manager::ManagerConfig;

use super::document::{Document, MAX_FAULTS};
use super::fault::{Fault, Finding};
use super::plan::{RoutePlan, UpstreamPlan};
use super::resolve::resolve;
use super::{ConfigError, ServiceConfig};
use crate::access::AccessLogConfig;
use crate::server::ServerConfig;

/// Everything that the gateway is told by its file, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where clients connect. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// Where operators connect, for health and metrics: a listener of its own, so that it is never
    /// open to the world by accident. Default 127.0.0.1:9090.
    pub operations_listen: SocketAddr,
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

    /// Reads and checks a file. Paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where the file cannot be read, is longer than 1 MiB, or has faults: all of
    /// them, up to 20.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path).map_err(|error| ConfigError::unreadable(path, error))?;
        Self::parse(&text, path)
    }

    /// Checks a text as [`Config::load`] does. `path` is where it stands: it is named in errors,
    /// and its folder is what paths are relative to.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong, up to 20 faults.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let document = Document::parse(text).map_err(|finding| {
            let fault = Fault::new(text, finding, String::new());
            ConfigError::faulty(path, text, vec![fault], false)
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut findings = Vec::new();
        let config = document
            .read(&mut findings)
            .map(|file| resolve(file, folder, &mut findings));
        match config {
            Some(config) if findings.is_empty() => Ok(config),
            _ => Err(locate(text, path, &document, findings)),
        }
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
    ConfigError::faulty(path, text, faults, more)
}
