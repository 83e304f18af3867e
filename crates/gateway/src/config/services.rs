use portcullis::scope::Requirement;
use toml::Spanned;

use super::ServiceConfig;
use super::fault::Finding;
use super::file::{Service, Text};
use super::parsed::Parsed;
use super::section::Section;
use crate::upstream::UpstreamConfig;

/// The most services of one file: metrics have a label for each.
const MAX_SERVICES: usize = 1_000;
/// The most permissions that a service may require.
const MAX_PERMISSIONS: usize = 64;

/// Checks every service, and all of them against each other.
pub(super) fn resolve_services(
    services: Vec<Spanned<Section<Service>>>,
    upstream: &UpstreamConfig,
    findings: &mut Vec<Finding>,
) -> Vec<ServiceConfig> {
    if let Some(first) = services.get(MAX_SERVICES) {
        let message = format!("expected at most {MAX_SERVICES} services");
        findings.push(Finding::new(first.span(), message));
    }
    find_repeated(&services, |service| service.name.as_ref(), "name", findings);
    find_repeated(
        &services,
        |service| service.prefix.as_ref(),
        "prefix",
        findings,
    );
    let resolved = services
        .into_iter()
        .map(|service| resolve_service(service, upstream, findings));
    resolved.flatten().collect()
}

/// Nothing where a field is missing that a service cannot be without.
fn resolve_service(
    service: Spanned<Section<Service>>,
    upstream: &UpstreamConfig,
    findings: &mut Vec<Finding>,
) -> Option<ServiceConfig> {
    let span = service.span();
    let service = service.into_inner().0;
    if let Some(first) = service.permissions.get(MAX_PERMISSIONS) {
        let message = format!("expected at most {MAX_PERMISSIONS} permissions");
        findings.push(Finding::new(first.span(), message));
    }
    let mut missing = |field, example: &str| {
        findings.push(Finding::missing(span.clone(), field, example));
    };
    let (name, prefix, address) = (
        required(service.name),
        required(service.prefix),
        required(service.upstream),
    );
    if name.is_none() {
        missing("name", "name = \"orders\"");
    }
    if prefix.is_none() {
        missing("prefix", "prefix = \"/orders\"");
    }
    if address.is_none() {
        missing("upstream", "upstream = \"http://127.0.0.1:3000\"");
    }
    let authority = address?.authority().clone();
    Some(ServiceConfig {
        name: name?,
        prefix: prefix?,
        environment: required(service.environment),
        requirement: Requirement::all_of(
            service
                .permissions
                .into_iter()
                .map(|permission| permission.into_inner().0),
        ),
        rate: required(service.rate),
        upstream: UpstreamConfig {
            authority,
            ..upstream.clone()
        },
    })
}

fn required<T>(value: Text<T>) -> Option<T> {
    value.map(|value| value.into_inner().0)
}

/// Finds each value that a service before has already.
fn find_repeated<'a, T: PartialEq + 'a>(
    services: &'a [Spanned<Section<Service>>],
    field: impl Fn(&'a Service) -> Option<&'a Spanned<Parsed<T>>>,
    name: &str,
    findings: &mut Vec<Finding>,
) {
    let values: Vec<_> = services
        .iter()
        .filter_map(|service| field(&service.get_ref().0))
        .collect();
    for (at, value) in values.iter().enumerate().take(MAX_SERVICES) {
        let repeated = values
            .iter()
            .take(at)
            .any(|before| before.get_ref().0 == value.get_ref().0);
        if repeated {
            let message = format!("expected a {name} that no service before has");
            findings.push(Finding::new(value.span(), message));
        }
    }
}
