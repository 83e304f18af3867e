use std::path::Path;

use toml::Spanned;

use super::fault::Finding;
use super::file::Upstream;
use super::known::Known;
use super::plan::UpstreamPlan;
use super::section::Section;
use super::services::{find_repeated, value};
use super::settings::{Broken, Setting, settle};
use super::tls::resolve_upstream_tls;
use super::{HumanDuration, UpstreamAddress};
use crate::upstream::UpstreamConfig;

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
    let (name, address) = (value(upstream.name.take()), value(upstream.url.take()));
    if address.is_none() {
        let example = "url = \"http://127.0.0.1:3000\"";
        findings.push(Finding::missing(span, "url", example));
    }
    let is_secure = address.as_ref().is_some_and(UpstreamAddress::is_secure);
    let tls = resolve_upstream_tls(upstream.tls.take(), is_secure, folder, findings);
    let common = resolve_settings(upstream, common, findings);
    Some(UpstreamPlan {
        name: name?.0,
        config: UpstreamConfig {
            authority: address?.authority().clone(),
            tls,
            ..common
        },
    })
}

fn resolve_settings(
    upstream: Upstream,
    common: &UpstreamConfig,
    findings: &mut Vec<Finding>,
) -> UpstreamConfig {
    macro_rules! time {
        ($value:expr, $field:ident) => {
            Setting::text(
                stringify!($field),
                $value,
                |config: UpstreamConfig, value: HumanDuration| UpstreamConfig {
                    $field: value.get(),
                    ..config
                },
            )
        };
    }
    let settings = [
        time!(upstream.connect, connect_timeout),
        time!(upstream.response, response_timeout),
        time!(upstream.body, body_timeout),
        time!(upstream.idle, idle_timeout),
        Setting::count(
            "max_idle",
            upstream.idle_connections,
            |config: UpstreamConfig, max_idle: usize| UpstreamConfig { max_idle, ..config },
        ),
    ];
    let check = |config: &UpstreamConfig| config.check().map_err(Broken::from);
    settle(common, settings, check, findings)
}
