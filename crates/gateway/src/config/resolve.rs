//! From the file as it is written to the configuration as it is used.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use http::HeaderName;
use portcullis::manager::ManagerConfig;
use toml::Spanned;

use super::access_log::resolve_access_log;
use super::fault::Finding;
use super::file::{File, Forwarded, Limits, Manager, Place, Text, Timeouts, Trace};
use super::handling;
use super::http2::resolve_http2;
use super::known::{Known, routed_services};
use super::lifetime::Lifetime;
use super::otlp::resolve_otlp;
use super::routes::resolve_routes;
use super::services::{resolve_services, value};
use super::settings::{Broken, Setting, settle};
use super::tls::resolve_tls;
use super::upstreams::resolve_upstreams;
use super::{Config, HumanDuration};
use crate::headers::origin::OriginPolicy;
use crate::headers::spelling;
use crate::headers::trace_context::TracePolicy;
use crate::path::DEFAULT_MAX_LENGTH;
use crate::server::ServerConfig;
use crate::setting::{InvalidSetting, check_count};
use crate::spans::Ratio;
use crate::tls::TlsConfig;
use crate::upstream::UpstreamConfig;

/// Checks every value; what is wrong is added to `findings`, and its default taken.
pub(super) fn resolve(mut file: File, folder: &Path, findings: &mut Vec<Finding>) -> Config {
    let routed = routed_services(&file.routes);
    let known = Known::of(&file);
    let handling = handling::common(&mut file.limits.0, &mut file.timeouts.0, findings);
    let (mut server, upstream) = resolve_waiting(file.timeouts.0, &file.limits.0, findings);
    let proxies = file.proxy_protocol.0.networks.into_iter();
    server.proxy_protocol = proxies.map(|network| network.into_inner().0).collect();
    server.http2 = resolve_http2(file.http2.0, findings);
    // These have connections of many clients.
    let origin = resolve_origin(file.forwarded.0, findings);
    server.uncounted.clone_from(&origin.trust);
    let (listen, operations_listen) =
        resolve_listeners(file.listen, file.operations.0.listen, findings);
    let taken = [listen, operations_listen];
    let tls = file
        .tls
        .and_then(|tls| resolve_tls(tls, &taken, folder, findings));
    let http2 = server.http2.is_some();
    let tls = tls.map(|tls| TlsConfig { http2, ..tls });
    let otlp = resolve_otlp(file.trace.0.otlp.take(), folder, findings);
    let (otlp, export) = otlp.unzip();
    let services = resolve_services(file.services, &routed, &upstream, findings);
    let upstream_tables = resolve_upstreams(file.upstreams, &known, &upstream, folder, findings);
    let route_tables = resolve_routes(file.routes, &known, &services, &handling, findings);
    Config {
        listen,
        operations_listen,
        tls,
        rate_capacity: rate_capacity(&file.manager.0),
        store_path: resolve_place(file.store.0, "portcullis.db", folder, findings),
        keyring_path: resolve_place(file.keyring.0, "keyring", folder, findings),
        manager: resolve_manager(file.manager.0, findings),
        server,
        max_path_length: resolve_path_length(&file.limits.0, findings),
        credential_header: resolve_header(file.credentials.0.header, findings),
        origin,
        trace: resolve_trace(file.trace.0, export),
        otlp,
        handling,
        access_log: resolve_access_log(file.access_log, folder, findings),
        services,
        route_tables,
        upstream_tables,
    }
}

fn resolve_listeners(
    public: Text<SocketAddr>,
    operations: Text<SocketAddr>,
    findings: &mut Vec<Finding>,
) -> (SocketAddr, SocketAddr) {
    let span = operations.as_ref().or(public.as_ref()).map(Spanned::span);
    let address =
        |value: Text<SocketAddr>, default| value.map_or(default, |value| value.into_inner().0);
    let public = address(public, Config::DEFAULT_LISTEN);
    let operations = address(operations, Config::DEFAULT_OPERATIONS);
    if let Some(span) = span.filter(|_| public == operations && public.port() != 0) {
        let message = "expected different addresses for listen and operations.listen";
        findings.push(Finding::new(span, message));
    }
    (public, operations)
}

fn resolve_place(
    place: Place,
    default: &str,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> PathBuf {
    let Some(path) = place.path else {
        return folder.join(default);
    };
    let text = path.get_ref().to_string_lossy();
    if text.is_empty() || text.contains('\0') {
        findings.push(Finding::new(path.span(), "expected the path of a file"));
    }
    folder.join(path.into_inner())
}

fn resolve_manager(manager: Manager, findings: &mut Vec<Finding>) -> ManagerConfig {
    type M = ManagerConfig;
    let time = |field, value, apply: fn(M, std::time::Duration) -> M| {
        Setting::text(field, value, move |config, value: HumanDuration| {
            apply(config, value.get())
        })
    };
    let settings = [
        time("cache_ttl", manager.cache_ttl, |config, value| {
            config.cache_ttl(value)
        }),
        Setting::count(
            "cache_capacity",
            manager.cache_capacity,
            |config: M, keys: u64| config.cache_capacity(keys),
        ),
        Setting::count("warm_up", manager.warm_up, |config: M, keys: u32| {
            config.warm_up(keys)
        }),
        time("negative_ttl", manager.negative_ttl, |config, value| {
            config.negative_ttl(value)
        }),
        time("max_staleness", manager.max_staleness, |config, value| {
            config.max_staleness(value)
        }),
        time("poll_interval", manager.poll_interval, |config, value| {
            config.poll_interval(value)
        }),
        time("flush_interval", manager.flush_interval, |config, value| {
            config.flush_interval(value)
        }),
        time("store_timeout", manager.store_timeout, |config, value| {
            config.store_timeout(value)
        }),
        time("rotation_grace", manager.rotation_grace, |config, value| {
            config.rotation_grace(value)
        }),
        Setting::text(
            "default_lifetime",
            manager.default_lifetime,
            |config: M, Lifetime(life)| config.default_lifetime(life),
        ),
        Setting::text(
            "max_lifetime",
            manager.max_lifetime,
            |config: M, Lifetime(life)| config.max_lifetime(life),
        ),
        Setting::count(
            "default_quota",
            manager.default_quota,
            |config: M, keys: u32| config.default_quota(keys),
        ),
        Setting::text("prefix", manager.prefix, M::prefix),
        Setting::text("environment", manager.environment, M::environment),
        Setting::string("namespace", manager.namespace, M::namespace),
    ];
    settle(
        &M::default(),
        settings,
        |config| config.check().map_err(Broken::from),
        findings,
    )
}

/// No key that is cached is to be forgotten by the limits.
fn rate_capacity(manager: &Manager) -> usize {
    let cached = manager.cache_capacity.as_ref().map(Spanned::get_ref);
    let cached = cached.and_then(|keys| usize::try_from(*keys).ok());
    cached.map_or(Config::LEAST_RATES, |keys| keys.max(Config::LEAST_RATES))
}

/// What both sides wait for and hold: the clients' part and the upstreams', whose host is put in
/// later.
fn resolve_waiting(
    timeouts: Timeouts,
    limits: &Limits,
    findings: &mut Vec<Finding>,
) -> (ServerConfig, UpstreamConfig) {
    macro_rules! time {
        ($value:expr, $config:ident, $field:ident) => {
            Setting::text(
                stringify!($field),
                $value,
                |config: $config, value: HumanDuration| $config {
                    $field: value.get(),
                    ..config
                },
            )
        };
    }
    macro_rules! count {
        ($value:expr, $config:ident, $field:ident) => {
            Setting::count(
                stringify!($field),
                $value.clone(),
                |config: $config, value: usize| $config {
                    $field: value,
                    ..config
                },
            )
        };
    }
    let server = [
        time!(timeouts.header, ServerConfig, header_read_timeout),
        time!(timeouts.idle, ServerConfig, idle_timeout),
        time!(timeouts.write, ServerConfig, write_timeout),
        time!(timeouts.shutdown, ServerConfig, shutdown_timeout),
        time!(timeouts.drain_idle, ServerConfig, drain_idle),
        count!(limits.connections, ServerConfig, max_connections),
        count!(
            limits.connections_per_address,
            ServerConfig,
            max_connections_per_address
        ),
        count!(limits.headers, ServerConfig, max_headers),
        count!(limits.header_bytes, ServerConfig, max_header_size),
        count!(limits.requests_per_connection, ServerConfig, max_requests),
    ];
    let upstream = [
        time!(timeouts.connect, UpstreamConfig, connect_timeout),
        time!(timeouts.response, UpstreamConfig, response_timeout),
        time!(timeouts.body, UpstreamConfig, body_timeout),
        time!(timeouts.upstream_idle, UpstreamConfig, idle_timeout),
        count!(limits.idle_upstream_connections, UpstreamConfig, max_idle),
    ];
    let somewhere = UpstreamConfig::new(http::uri::Authority::from_static("127.0.0.1"));
    let check = |config: &ServerConfig| config.check().map_err(Broken::from);
    let server = settle(&ServerConfig::default(), server, check, findings);
    let check = |config: &UpstreamConfig| config.check().map_err(Broken::from);
    (server, settle(&somewhere, upstream, check, findings))
}

fn resolve_path_length(limits: &Limits, findings: &mut Vec<Finding>) -> usize {
    let setting = Setting::count(
        "path_bytes",
        limits.path_bytes.clone(),
        |_: usize, value| value,
    );
    let check = |length: &usize| -> Result<(), InvalidSetting> {
        check_count("path_bytes", *length, 64..=65_536, "bytes")
    };
    settle(
        &DEFAULT_MAX_LENGTH,
        [setting],
        |length| check(length).map_err(Broken::from),
        findings,
    )
}

/// The most networks of proxies.
const MAX_NETWORKS: usize = 256;

fn resolve_origin(forwarded: Forwarded, findings: &mut Vec<Finding>) -> OriginPolicy {
    if let Some(more) = forwarded.trust.get(MAX_NETWORKS) {
        let message = format!("expected at most {MAX_NETWORKS} networks");
        findings.push(Finding::new(more.span(), message));
    }
    let networks = forwarded.trust.into_iter();
    OriginPolicy {
        trust: networks.map(|network| network.into_inner().0).collect(),
        field: value(forwarded.field).unwrap_or_default(),
    }
}

fn resolve_trace(trace: Trace, export: Option<Ratio>) -> TracePolicy {
    let default = TracePolicy::default();
    TracePolicy {
        inbound: value(trace.inbound).unwrap_or(default.inbound),
        sampled: trace.sampled.map_or(default.sampled, Spanned::into_inner),
        export,
    }
}

/// Header fields that mean something else already, in any spelling: a token in one of them would be
/// lost, or break every request that has the field for its own sake.
const TAKEN: [&str; 29] = [
    "accept",
    "authorization",
    "cache-control",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "proxy",
    "range",
    "referer",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-real-ip",
    "x-request-id",
    "x-requested-with",
];
const TAKEN_BEGINNINGS: [&str; 10] = [
    "accept-",
    "access-control-",
    "content-",
    "if-",
    "proxy-",
    "sec-",
    "x-forwarded",
    "x-original-",
    "x-portcullis-",
    "x-rewrite-",
];

fn resolve_header(header: Text<HeaderName>, findings: &mut Vec<Finding>) -> Option<HeaderName> {
    let header = header?;
    let name = &header.get_ref().0;
    let taken = TAKEN.iter().any(|other| spelling::is(name, other))
        || TAKEN_BEGINNINGS
            .iter()
            .any(|prefix| spelling::begins_with(name, prefix));
    if taken {
        let message = "expected a header that has no other meaning, for example x-api-key";
        findings.push(Finding::new(header.span(), message));
    }
    Some(header.into_inner().0)
}
