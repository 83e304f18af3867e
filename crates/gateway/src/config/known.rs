use portcullis::service::ServiceName;
use toml::Spanned;

use super::fault::Finding;
use super::file::{File, Route};
use super::name::Name;
use super::parsed::Parsed;
use super::section::Section;
use super::suggest::nearest;
use super::upstream_file::Upstream;
use crate::route::{Matching, PathPattern};
use crate::upstream::Protocol;

/// The most names that a message lists.
const MAX_LISTED: usize = 12;

/// What the tables of a file are called, and what the short form of services adds to them.
pub(super) struct Known {
    services: Vec<ServiceName>,
    upstreams: Vec<Name>,
    /// Those that are asked in HTTP/2 alone, in which nothing is switched.
    never_switch: Vec<Name>,
    pub(super) short: Vec<ShortRoute>,
    /// Whether there is no table without its name, which would have to be guessed.
    complete: bool,
}

/// The route of a service in the short form.
pub(super) struct ShortRoute {
    pub(super) name: Name,
    pub(super) matching: Matching,
}

/// Which services routes ask for by name.
pub(super) fn routed_services(routes: &[Spanned<Section<Route>>]) -> Vec<ServiceName> {
    let names = routes.iter().map(|route| &route.get_ref().0.service);
    names
        .flatten()
        .map(|name| name.get_ref().0.clone())
        .collect()
}

impl Known {
    pub(super) fn of(file: &File) -> Self {
        let services = file.services.iter().map(|service| &service.get_ref().0);
        let upstreams = file.upstreams.iter().map(|upstream| &upstream.get_ref().0);
        let short: Vec<ShortRoute> = services
            .clone()
            .filter_map(|service| {
                let (name, prefix) = (service.name.as_ref()?, service.prefix.as_ref()?);
                Some(ShortRoute {
                    name: Name(name.get_ref().0.as_str().into()),
                    matching: Matching::all_below(PathPattern::from(&prefix.get_ref().0)),
                })
            })
            .collect();
        let own = short.iter().map(|short| short.name.clone());
        let named = upstreams
            .clone()
            .filter_map(|upstream| upstream.name.as_ref());
        Self {
            complete: services.clone().all(|service| service.name.is_some())
                && upstreams.clone().all(|upstream| upstream.name.is_some()),
            services: services
                .filter_map(|service| Some(service.name.as_ref()?.get_ref().0.clone()))
                .collect(),
            never_switch: upstreams
                .filter(|upstream| is_http2(upstream))
                .filter_map(|upstream| Some(upstream.name.as_ref()?.get_ref().0.clone()))
                .collect(),
            upstreams: named
                .map(|name| name.get_ref().0.clone())
                .chain(own)
                .collect(),
            short,
        }
    }

    /// Whether a service of this name has a route, and with it an upstream, in the short form.
    pub(super) fn is_short(&self, name: &Name) -> bool {
        self.short.iter().any(|short| short.name == *name)
    }

    pub(super) fn check_service(&self, name: &Spanned<Parsed<ServiceName>>) -> Option<Finding> {
        let is_known = self.services.contains(&name.get_ref().0) || !self.complete;
        let known: Vec<_> = self.services.iter().map(ServiceName::as_str).collect();
        let written = name.get_ref().0.as_str();
        (!is_known).then(|| Finding::new(name.span(), one_of("service", written, &known)))
    }

    /// Whether an upstream can be asked for another protocol (RFC 9113 section 8.6).
    pub(super) fn switches(&self, upstream: &Name) -> bool {
        !self.never_switch.contains(upstream)
    }

    pub(super) fn check_upstream(&self, name: &Spanned<Parsed<Name>>) -> Option<Finding> {
        let is_known = self.upstreams.contains(&name.get_ref().0) || !self.complete;
        let known: Vec<_> = self.upstreams.iter().map(|name| &*name.0).collect();
        let written = &name.get_ref().0.0;
        (!is_known).then(|| Finding::new(name.span(), one_of("upstream", written, &known)))
    }
}

fn is_http2(upstream: &Upstream) -> bool {
    let protocol = upstream.protocol.as_ref();
    protocol.is_some_and(|protocol| protocol.get_ref().0 == Protocol::Http2)
}

/// What is allowed where a name is not among those that there are.
fn one_of(noun: &str, written: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return format!("expected the name of a [[{noun}s]] table: there is none");
    }
    let meant = match nearest(written, known.iter().copied()) {
        Some(meant) => format!(" (did you mean `{meant}`?)"),
        None => String::new(),
    };
    let mut known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    let more = known.len().saturating_sub(MAX_LISTED);
    known.truncate(MAX_LISTED);
    let rest = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "expected one of the {noun}s: {}{rest}{meant}",
        known.join(", ")
    )
}
