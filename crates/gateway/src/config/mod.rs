//! The gateway's configuration: one TOML file.
//!
//! ```toml
//! listen = "127.0.0.1:8080"
//!
//! [credentials]
//! header = "x-api-key"
//!
//! [[services]]
//! name = "orders"
//! prefix = "/orders"
//! environment = "live"
//! permissions = ["orders:read"]
//! rate = "100/s burst 200"
//! upstream = "http://127.0.0.1:3000"
//! ```
//!
//! That is the short form: one service, one route, one upstream. `[[routes]]` and `[[upstreams]]`
//! say more of each. Every field has a default but those without which a service, a route or an
//! upstream is none; [`TEMPLATE`] names them all. A file with faults is refused as a whole, with all of its faults, each with its line,
//! column, field and what is allowed there:
//!
//! ```
//! use std::path::Path;
//!
//! use portcullis_gateway::config::Config;
//!
//! let text = "listen = 8080\n[store]\npaht = \"keys.db\"\n";
//! let error = Config::parse(text, Path::new("portcullis.toml")).unwrap_err();
//! let faults = error.faults();
//! assert_eq!((faults[0].field(), faults[0].line(), faults[0].column()), ("listen", 1, 10));
//! assert_eq!((faults[1].field(), faults[1].line(), faults[1].column()), ("store.paht", 3, 1));
//! ```
//!
//! Any single value may stand elsewhere: `${NAME}` and `${NAME:-default}` in a string are variables
//! of the environment (`$${` is `${` itself), and `{ file = "PATH" }` is what is in a file, without
//! the blanks around it. What comes from there is put into the parsed document, and no message
//! repeats it. The keyring is a file of its own.

mod access_log;
mod document;
mod documented;
mod door;
mod duration;
mod effective;
mod error;
mod fault;
mod file;
mod handling;
mod http2;
mod interpolate;
mod known;
mod lifetime;
mod name;
mod needs;
mod open;
mod otlp;
mod pairs;
mod parsed;
mod plan;
mod probe;
mod provision;
mod reading;
mod resolution;
mod resolve;
mod root;
mod route;
mod routes;
mod schema;
mod secret_lines;
mod section;
mod service;
mod services;
mod settings;
mod shape;
mod sources;
mod suggest;
mod template;
#[cfg(test)]
mod tests;
mod tls;
mod upstream;
mod upstream_file;
mod upstreams;

pub use duration::HumanDuration;
pub(crate) use effective::Effective;
pub use error::ConfigError;
pub use fault::Fault;
pub use open::{OpenError, OpenErrorKind};
pub(crate) use plan::{ActionPlan, DoorPlan, HandlingPlan, RoutePlan, UpstreamPlan};
pub use reading::Reading;
pub use root::Config;
pub use service::{ServiceConfig, ServiceRoute};
pub(crate) use sources::{Sources, SourcesDigest};
pub use template::TEMPLATE;
pub use upstream::UpstreamAddress;
