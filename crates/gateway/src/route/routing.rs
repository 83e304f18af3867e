use std::collections::HashMap;

use http::{HeaderMap, HeaderValue, Method};

use super::cors::preflighted;
use super::tree::{Owner, Tree};
use super::{HostPattern, Matching, RequestHost};
use crate::path::CanonicalPath;

/// What leads where.
///
/// The most specific host that has any route owns a request, and of its paths the most specific
/// one that fits: their routes answer it, or nobody does. There is no falling through to a less
/// specific one, where `POST /admin` guarded below an open `/` would open `GET /admin`.
#[derive(Debug)]
pub(crate) struct Routing<S> {
    exact: HashMap<Box<str>, Tree>,
    suffixes: HashMap<Box<str>, Tree>,
    any: Tree,
    places: Vec<Place<S>>,
}

/// A host and a path, and its routes: those that count first come first.
#[derive(Debug)]
struct Place<S> {
    routes: Vec<(Matching, S)>,
    /// The methods that any of them answers.
    allow: HeaderValue,
}

/// What a request leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a, S> {
    Route(&'a S),
    /// No path of the host fits.
    Nowhere,
    /// Servers may read the path in ways that lead to different places, or a field that routes
    /// are told apart by in another way.
    Unclear,
    /// No route of the place answers the method; those that are answered, for `Allow`.
    Method(&'a HeaderValue),
    /// No route of the place that answers the method has its conditions met.
    Condition,
}

impl<S> Routing<S> {
    /// Of routes without [conflicts](super::order::conflicts). Where there are any, what comes
    /// first counts.
    pub(crate) fn new(routes: impl IntoIterator<Item = (Matching, S)>) -> Self {
        let mut routing = Self {
            exact: HashMap::new(),
            suffixes: HashMap::new(),
            any: Tree::default(),
            places: Vec::new(),
        };
        for (matching, service) in routes {
            routing.add(matching, service);
        }
        for place in &mut routing.places {
            place.routes.sort_by_key(|(matching, _)| matching.rank());
            place.allow = allow(&place.routes);
        }
        routing
    }

    fn add(&mut self, matching: Matching, service: S) {
        let tree = match &matching.host {
            HostPattern::Any => &mut self.any,
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::Suffix(name) => self.suffixes.entry(name.clone()).or_default(),
        };
        let next = self.places.len();
        let place = *tree.place_mut(&matching.path).get_or_insert(next);
        if place == next {
            self.places.push(Place {
                routes: Vec::new(),
                allow: HeaderValue::from_static(""),
            });
        }
        if let Some(place) = self.places.get_mut(place) {
            place.routes.push((matching, service));
        }
    }

    /// Where a request goes.
    pub(crate) fn find(
        &self,
        host: Option<&RequestHost<'_>>,
        path: &CanonicalPath,
        method: &Method,
        headers: &HeaderMap,
    ) -> Found<'_, S> {
        let place = match self.tree(host).owner(path) {
            Owner::Place(place) | Owner::Perhaps(place) => self.places.get(place),
            Owner::Nobody => None,
            Owner::Unclear => return Found::Unclear,
        };
        place.map_or(Found::Nowhere, |place| place.find(method, headers))
    }

    /// The tree of the most specific host that there is.
    fn tree(&self, host: Option<&RequestHost<'_>>) -> &Tree {
        let Some(host) = host.map(RequestHost::as_str) else {
            return &self.any;
        };
        let mut above = host;
        let suffix = || loop {
            (_, above) = above.split_once('.')?;
            if let Some(tree) = self.suffixes.get(above) {
                return Some(tree);
            }
        };
        self.exact.get(host).or_else(suffix).unwrap_or(&self.any)
    }
}

impl<S> Place<S> {
    fn find(&self, method: &Method, headers: &HeaderMap) -> Found<'_, S> {
        if let Some(service) = self.preflight(method, headers) {
            return Found::Route(service);
        }
        let mut conditions = self
            .routes
            .iter()
            .flat_map(|(matching, _)| &matching.headers);
        if conditions.any(|condition| condition.is_unclear_in(headers)) {
            return Found::Unclear;
        }
        let mut routes = self.routes.iter();
        if let Some((_, service)) = routes.find(|(matching, _)| matching.takes(method, headers)) {
            return Found::Route(service);
        }
        let mut methods = self.routes.iter().map(|(matching, _)| &matching.methods);
        match methods.any(|methods| methods.contains(method)) {
            true => Found::Condition,
            false => Found::Method(&self.allow),
        }
    }
}

impl<S> Place<S> {
    /// The route that answers a preflight: the first that would answer the request behind it, as far
    /// as a preflight says what that is. It has no fields of its own yet.
    fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<&S> {
        let asked = preflighted(method, headers)?;
        let mut routes = self.routes.iter();
        let (_, service) = routes
            .find(|(matching, _)| matching.preflights && matching.methods.contains(&asked))?;
        Some(service)
    }
}

/// RFC 9110 section 10.2.1. Where a route takes any method it is never told.
fn allow<S>(routes: &[(Matching, S)]) -> HeaderValue {
    let mut names: Vec<&str> = Vec::new();
    for method in routes
        .iter()
        .flat_map(|(matching, _)| matching.methods.iter())
    {
        if !names.contains(&method.as_str()) {
            names.push(method.as_str());
        }
    }
    // Methods are made of characters that a field's value may have.
    HeaderValue::from_str(&names.join(", ")).unwrap_or_else(|_| HeaderValue::from_static(""))
}
