use std::ops::Range;

use toml::Spanned;

use super::ServiceConfig;
use super::fault::Finding;
use super::file::Route;
use super::known::Known;
use super::plan::{HandlingPlan, RoutePlan};
use super::route::Reader;
use super::section::Section;
use super::services::find_repeated;
use crate::route::{ConflictKind, conflicts};

/// The most tables of routes in one file.
const MAX_ROUTES: usize = 1_000;

/// Checks every route, and all of them against each other.
pub(super) fn resolve_routes(
    routes: Vec<Spanned<Section<Route>>>,
    known: &Known,
    services: &[ServiceConfig],
    common: &HandlingPlan,
    findings: &mut Vec<Finding>,
) -> Vec<RoutePlan> {
    if let Some(first) = routes.get(MAX_ROUTES) {
        let message = format!("expected at most {MAX_ROUTES} routes");
        findings.push(Finding::new(first.span(), message));
        return Vec::new();
    }
    find_repeated(
        &routes,
        |route| route.name.as_ref(),
        "name",
        "route",
        findings,
    );
    let mut resolved = Vec::new();
    for route in routes {
        let table = route.span();
        let mut reader = Reader {
            table: table.clone(),
            known,
            services,
            common,
            findings,
        };
        let pattern = place_of(&route.get_ref().0);
        if let Some(plan) = reader.route(route.into_inner().0) {
            resolved.push((pattern.unwrap_or(table), plan));
        }
    }
    find_conflicts(&resolved, known, findings);
    resolved.into_iter().map(|(_, plan)| plan).collect()
}

/// Where a route says which paths are its own.
fn place_of(route: &Route) -> Option<Range<usize>> {
    route
        .path
        .as_ref()
        .or(route.prefix.as_ref())
        .map(Spanned::span)
}

/// Finds each route that cannot stand behind those before it. Those of the short form stand first;
/// that two of these have one prefix is told already.
fn find_conflicts(
    routes: &[(Range<usize>, RoutePlan)],
    known: &Known,
    findings: &mut Vec<Finding>,
) {
    let short = known
        .short
        .iter()
        .map(|short| (&short.name.0, &short.matching));
    let long = routes.iter().map(|(_, plan)| (&plan.name, &plan.matching));
    let (names, matchings): (Vec<_>, Vec<_>) = short.chain(long).unzip();
    for conflict in conflicts(matchings) {
        let at = conflict.later.checked_sub(known.short.len());
        let later = at.and_then(|at| routes.get(at));
        let (Some((span, plan)), Some(earlier)) = (later, names.get(conflict.earlier)) else {
            continue;
        };
        let name = &plan.name;
        let message = match conflict.kind {
            ConflictKind::Unreachable => format!(
                "route `{name}` can never be reached: route `{earlier}` takes all of its \
                 requests; expected another host, path, method or header condition"
            ),
            ConflictKind::Ambiguous => format!(
                "some requests belong to route `{name}` as much as to route `{earlier}`; expected \
                 methods or header conditions that tell them apart, or more of them in one"
            ),
            ConflictKind::ParameterNames => format!(
                "routes `{name}` and `{earlier}` have the same path but for the names of its \
                 parameters; expected the same names"
            ),
        };
        findings.push(Finding::new(span.clone(), message));
    }
}
