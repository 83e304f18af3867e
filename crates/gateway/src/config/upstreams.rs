use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use toml::Spanned;

use super::fault::Finding;
use super::file::Text;
use super::known::Known;
use super::plan::UpstreamPlan;
use super::section::Section;
use super::services::{find_repeated, value};
use super::settings::{Broken, Setting, settle};
use super::tls::resolve_upstream_tls;
use super::upstream_file::{Endpoint, Inner, Upstream};
use super::{HumanDuration, UpstreamAddress};
use crate::headers::host::HostPolicy;
use crate::upstream::{EndpointConfig, HealthConfig, Percent, UpstreamConfig};

/// The most tables of upstreams in one file.
const MAX_UPSTREAMS: usize = 1_000;

/// Checks every upstream, and all of them against each other. What one does not say is as it is
/// for all.
pub(super) fn resolve_upstreams(
    upstreams: Vec<Spanned<Section<Upstream>>>,
    known: &Known,
    common: &UpstreamConfig,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Vec<UpstreamPlan> {
    if let Some(first) = upstreams.get(MAX_UPSTREAMS) {
        let message = format!("expected at most {MAX_UPSTREAMS} upstreams");
        findings.push(Finding::new(first.span(), message));
    }
    find_repeated(
        &upstreams,
        |upstream| upstream.name.as_ref(),
        "name",
        "upstream",
        findings,
    );
    let mut resolved = Vec::new();
    for upstream in upstreams {
        resolved.extend(resolve_upstream(upstream, known, common, folder, findings));
    }
    resolved
}

fn resolve_upstream(
    upstream: Spanned<Section<Upstream>>,
    known: &Known,
    common: &UpstreamConfig,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<UpstreamPlan> {
    let span = upstream.span();
    let mut upstream = upstream.into_inner().0;
    match &upstream.name {
        None => findings.push(Finding::missing(span.clone(), "name", "name = \"orders\"")),
        Some(name) if known.is_short(&name.get_ref().0) => {
            let message = "expected another name: the upstream of the service of this name has it";
            findings.push(Finding::new(name.span(), message));
        }
        Some(_) => {}
    }
    let name = value(upstream.name.take());
    let is_secure = is_secure(&upstream, findings);
    let tls = resolve_upstream_tls(upstream.tls.take(), is_secure, folder, findings);
    let endpoints = match (upstream.url.take(), upstream.endpoints.take()) {
        (None, None) => {
            let example = "url = \"http://127.0.0.1:3000\"";
            findings.push(Finding::missing(span, "url", example));
            None
        }
        (Some(_), Some(endpoints)) => {
            let message = "expected either url or endpoints";
            findings.push(Finding::new(endpoints.span(), message));
            None
        }
        (Some(url), None) => Some(vec![endpoint(&url.get_ref().0)]),
        (None, Some(endpoints)) => Some(resolve_endpoints(endpoints, findings)),
    };
    let host = value(upstream.host.take()).unwrap_or_default();
    let config = resolve_settings(upstream, common, findings);
    let fixed_host = match &host {
        HostPolicy::Fixed(host) => Some(host.clone()),
        _ => None,
    };
    Some(UpstreamPlan {
        name: name?.0,
        host,
        config: UpstreamConfig {
            tls,
            host: fixed_host,
            ..config.at(endpoints?)
        },
    })
}

/// Whether all of its places are spoken to in TLS, as one of them is.
fn is_secure(upstream: &Upstream, findings: &mut Vec<Finding>) -> bool {
    let url = upstream.url.as_ref().map(|url| url.get_ref().0.is_secure());
    let Some(endpoints) = &upstream.endpoints else {
        return url.unwrap_or(false);
    };
    let places = endpoints.get_ref().iter();
    let mut places = places.filter_map(|told| told.get_ref().address());
    let first = places.next().is_some_and(UpstreamAddress::is_secure);
    if places.any(|address| address.is_secure() != first) {
        let message = "expected http for all endpoints of an upstream, or https for all";
        findings.push(Finding::new(endpoints.span(), message));
    }
    first
}

fn resolve_endpoints(
    endpoints: Spanned<Vec<Spanned<Endpoint>>>,
    findings: &mut Vec<Finding>,
) -> Vec<EndpointConfig> {
    let span = endpoints.span();
    let endpoints = endpoints.into_inner();
    const MOST: usize = UpstreamConfig::MAX_ENDPOINTS;
    if !(1..=MOST).contains(&endpoints.len()) {
        let message = format!("expected 1 to {MOST} endpoints");
        findings.push(Finding::new(span, message));
    }
    let mut resolved: Vec<EndpointConfig> = Vec::new();
    for told in endpoints.into_iter().take(MOST) {
        let span = told.span();
        let told = told.into_inner();
        let Some(address) = told.address() else {
            let example = "url = \"http://127.0.0.1:3000\"";
            findings.push(Finding::missing(span, "url", example));
            continue;
        };
        let found = weighted(endpoint(address), &told, findings);
        if resolved
            .iter()
            .any(|other| other.authority == found.authority)
        {
            let message = "expected an endpoint that is not there before: give it a weight";
            findings.push(Finding::new(span, message));
        }
        resolved.push(found);
    }
    resolved
}

fn weighted(
    endpoint: EndpointConfig,
    told: &Endpoint,
    findings: &mut Vec<Finding>,
) -> EndpointConfig {
    let Some(told) = &told.weight else {
        return endpoint;
    };
    let weight = usize::try_from(*told.get_ref()).unwrap_or(0);
    const MOST: usize = EndpointConfig::MAX_WEIGHT;
    if !(1..=MOST).contains(&weight) {
        findings.push(Finding::new(told.span(), format!("expected 1 to {MOST}")));
    }
    EndpointConfig { weight, ..endpoint }
}

fn endpoint(address: &UpstreamAddress) -> EndpointConfig {
    EndpointConfig::new(address.authority().clone())
}

type Settings = Vec<Option<Setting<UpstreamConfig>>>;

macro_rules! count {
    ($name:literal, $value:expr, $($field:ident).+) => {
        Setting::count($name, $value, |mut config: UpstreamConfig, value: usize| {
            config.$($field).+ = value;
            config
        })
    };
}

fn resolve_settings(
    upstream: Upstream,
    common: &UpstreamConfig,
    findings: &mut Vec<Finding>,
) -> UpstreamConfig {
    let mut settings = vec![
        time("connect_timeout", upstream.connect, |config| {
            &mut config.connect_timeout
        }),
        time("response_timeout", upstream.response, |config| {
            &mut config.response_timeout
        }),
        time("body_timeout", upstream.body, |config| {
            &mut config.body_timeout
        }),
        time("idle_timeout", upstream.idle, |config| {
            &mut config.idle_timeout
        }),
        time("dns_refresh", upstream.dns_refresh, |config| {
            &mut config.dns_refresh
        }),
        count!("max_idle", upstream.idle_connections, max_idle),
        count!("max_header_size", upstream.header_bytes, max_header_size),
        count!("max_requests", upstream.requests, max_requests),
        Setting::text("protocol", upstream.protocol, |config, protocol| {
            UpstreamConfig { protocol, ..config }
        }),
        Setting::text("balance", upstream.balance, |config, balance| {
            UpstreamConfig { balance, ..config }
        }),
    ];
    if let Some(queue) = upstream.queue {
        let queue = queue.into_inner().0;
        settings.extend([
            count!("max_waiting", queue.requests, max_waiting),
            time("wait_timeout", queue.wait, |config| {
                &mut config.wait_timeout
            }),
        ]);
    }
    if let Some(retry) = upstream.retry {
        let retry = retry.into_inner().0;
        let statuses = resolve_statuses(retry.statuses, findings);
        settings.extend([
            count!("retry.attempts", retry.attempts, retry.attempts),
            count!("retry.per_second", retry.per_second, retry.per_second),
            percent("retry.ratio", retry.ratio, |config| &mut config.retry.ratio),
            statuses,
        ]);
    }
    if let Some(ejection) = upstream.ejection {
        let ejection = ejection.into_inner().0;
        settings.extend([
            count!("ejection.failures", ejection.failures, ejection.failures),
            time("ejection.base", ejection.base, |config| {
                &mut config.ejection.base
            }),
            time("ejection.longest", ejection.longest, |config| {
                &mut config.ejection.longest
            }),
            percent("ejection.share", ejection.share, |config| {
                &mut config.ejection.share
            }),
        ]);
    }
    let health = resolve_health(upstream.health, &mut settings, findings);
    let mut common = common.clone();
    common.health = health;
    let check = |config: &UpstreamConfig| config.check().map_err(Broken::from);
    settle(&common, settings, check, findings)
}

/// The questions with their defaults; what is said of them beside the path is set later.
fn resolve_health(
    told: Inner<super::upstream_file::Health>,
    settings: &mut Settings,
    findings: &mut Vec<Finding>,
) -> Option<HealthConfig> {
    let told = told?;
    let span = told.span();
    let told = told.into_inner().0;
    let Some(path) = value(told.path) else {
        let example = "path = \"/healthz\"";
        findings.push(Finding::missing(span, "path", example));
        return None;
    };
    let health = |apply: fn(&mut HealthConfig, usize)| {
        move |mut config: UpstreamConfig, value: usize| {
            if let Some(health) = &mut config.health {
                apply(health, value);
            }
            config
        }
    };
    let time = |field, value, apply: fn(&mut HealthConfig, Duration)| {
        Setting::text(field, value, move |mut config: UpstreamConfig, value| {
            if let Some(health) = &mut config.health {
                apply(health, HumanDuration::get(value));
            }
            config
        })
    };
    settings.extend([
        time("health.interval", told.interval, |health, value| {
            health.interval = value;
        }),
        time("health.timeout", told.timeout, |health, value| {
            health.timeout = value;
        }),
        Setting::count(
            "health.healthy",
            told.healthy,
            health(|health, value| health.healthy = value),
        ),
        Setting::count(
            "health.unhealthy",
            told.unhealthy,
            health(|health, value| health.unhealthy = value),
        ),
        Setting::text(
            "health.status",
            told.status,
            |mut config: UpstreamConfig, status| {
                if let Some(health) = &mut config.health {
                    health.status = status;
                }
                config
            },
        ),
    ]);
    Some(HealthConfig::new(path))
}

fn resolve_statuses(
    told: Option<Spanned<Vec<Spanned<i64>>>>,
    findings: &mut Vec<Finding>,
) -> Option<Setting<UpstreamConfig>> {
    let told = told?;
    let mut statuses = Vec::new();
    for status in told.get_ref() {
        let found = u16::try_from(*status.get_ref()).ok();
        let found = found.and_then(|status| StatusCode::from_u16(status).ok());
        match found.filter(|status| status.is_client_error() || status.is_server_error()) {
            Some(status) => statuses.push(status),
            None => findings.push(Finding::new(status.span(), "expected 400 to 599")),
        }
    }
    let spanned = Spanned::new(told.span(), super::parsed::Parsed(statuses));
    Setting::text(
        "retry.statuses",
        Some(spanned),
        |mut config: UpstreamConfig, statuses: Vec<StatusCode>| {
            config.retry.statuses = statuses;
            config
        },
    )
}

fn time(
    field: &'static str,
    value: Text<HumanDuration>,
    of: fn(&mut UpstreamConfig) -> &mut Duration,
) -> Option<Setting<UpstreamConfig>> {
    Setting::text(field, value, move |mut config, value: HumanDuration| {
        *of(&mut config) = value.get();
        config
    })
}

fn percent(
    field: &'static str,
    value: Text<Percent>,
    of: fn(&mut UpstreamConfig) -> &mut Percent,
) -> Option<Setting<UpstreamConfig>> {
    Setting::text(field, value, move |mut config, value: Percent| {
        *of(&mut config) = value;
        config
    })
}
