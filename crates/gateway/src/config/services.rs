use portcullis::scope::{Permission, Requirement};
use portcullis::service::ServiceName;
use toml::Spanned;

use super::fault::Finding;
use super::file::{Permissions, Service, Text};
use super::parsed::Parsed;
use super::section::Section;
use super::{ServiceConfig, ServiceRoute};
use crate::path;
use crate::route::{InvalidPattern, PathPattern};
use crate::tls::UpstreamTls;
use crate::upstream::{EndpointConfig, UpstreamConfig};

/// The most services of one file: metrics have a label for each.
const MAX_SERVICES: usize = 1_000;
/// The most permissions that a service may require.
const MAX_PERMISSIONS: usize = 64;

/// Checks every service, and all of them against each other. Those that are `routed` need no route
/// of their own.
pub(super) fn resolve_services(
    services: Vec<Spanned<Section<Service>>>,
    routed: &[ServiceName],
    upstream: &UpstreamConfig,
    findings: &mut Vec<Finding>,
) -> Vec<ServiceConfig> {
    if let Some(first) = services.get(MAX_SERVICES) {
        let message = format!("expected at most {MAX_SERVICES} services");
        findings.push(Finding::new(first.span(), message));
    }
    find_repeated(
        &services,
        |service| service.name.as_ref(),
        "name",
        "service",
        findings,
    );
    find_repeated(
        &services,
        |service| service.prefix.as_ref(),
        "prefix",
        "service",
        findings,
    );
    let resolved = services
        .into_iter()
        .map(|service| resolve_service(service, routed, upstream, findings));
    resolved.flatten().collect()
}

/// Nothing where a field is missing that a service cannot be without.
fn resolve_service(
    service: Spanned<Section<Service>>,
    routed: &[ServiceName],
    upstream: &UpstreamConfig,
    findings: &mut Vec<Finding>,
) -> Option<ServiceConfig> {
    let span = service.span();
    let service = service.into_inner().0;
    let permissions = permissions(service.permissions, findings);
    let prefix_span = service.prefix.as_ref().map(Spanned::span);
    let mut missing = |field, example: &str| {
        findings.push(Finding::missing(span.clone(), field, example));
    };
    let (name, prefix, address) = (
        value(service.name),
        value(service.prefix),
        value(service.upstream),
    );
    if name.is_none() {
        missing("name", "name = \"orders\"");
    }
    let elsewhere = name.as_ref().is_some_and(|name| routed.contains(name));
    let needs_route = prefix.is_some() || address.is_some() || !elsewhere;
    if needs_route && prefix.is_none() {
        missing("prefix", "prefix = \"/orders\"");
    }
    if needs_route && address.is_none() {
        missing("upstream", "upstream = \"http://127.0.0.1:3000\"");
    }
    let deep = prefix_span.filter(|_| {
        let depth = prefix.as_ref().map_or(0, path::Prefix::depth);
        depth > PathPattern::MAX_SEGMENTS
    });
    if let Some(span) = deep {
        findings.push(Finding::new(span, InvalidPattern::TooLong.to_string()));
    }
    let route = prefix.zip(address).map(|(prefix, address)| ServiceRoute {
        prefix,
        upstream: UpstreamConfig {
            tls: address.is_secure().then(UpstreamTls::default),
            ..upstream.at(vec![EndpointConfig::new(address.authority().clone())])
        },
    });
    Some(ServiceConfig {
        name: name?,
        environment: value(service.environment),
        requirement: Requirement::all_of(permissions),
        rate: value(service.rate),
        route,
    })
}

/// Permissions without their places, however many more there are than may be.
pub(super) fn permissions(listed: Permissions, findings: &mut Vec<Finding>) -> Vec<Permission> {
    if let Some(first) = listed.get(MAX_PERMISSIONS) {
        let message = format!("expected at most {MAX_PERMISSIONS} permissions");
        findings.push(Finding::new(first.span(), message));
    }
    let values = listed
        .into_iter()
        .map(|permission| permission.into_inner().0);
    values.collect()
}

/// What a field says, without its place.
pub(super) fn value<T>(text: Text<T>) -> Option<T> {
    text.map(|value| value.into_inner().0)
}

/// Finds each value that a table before has already.
pub(super) fn find_repeated<'a, S, T: PartialEq + 'a>(
    tables: &'a [Spanned<Section<S>>],
    field: impl Fn(&'a S) -> Option<&'a Spanned<Parsed<T>>>,
    name: &str,
    noun: &str,
    findings: &mut Vec<Finding>,
) {
    let values: Vec<_> = tables
        .iter()
        .filter_map(|table| field(&table.get_ref().0))
        .collect();
    for (at, value) in values.iter().enumerate().take(MAX_SERVICES) {
        let repeated = values
            .iter()
            .take(at)
            .any(|before| before.get_ref().0 == value.get_ref().0);
        if repeated {
            let message = format!("expected a {name} that no {noun} before has");
            findings.push(Finding::new(value.span(), message));
        }
    }
}
