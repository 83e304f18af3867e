//! Which routes cannot stand beside each other, for a configuration to tell.

use std::collections::HashMap;

use super::{Matching, PathPattern, SegmentPattern};

/// Two routes of one place that cannot both be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// The index of the one that is written first.
    pub(crate) earlier: usize,
    pub(crate) later: usize,
    pub(crate) kind: ConflictKind,
}

/// What is wrong with two routes of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConflictKind {
    /// All that the later one answers, the earlier one does, with the same precedence.
    Unreachable,
    /// There are requests that both answer with the same precedence.
    Ambiguous,
    /// They call the same segment by different names.
    ParameterNames,
}

/// Every route that cannot stand behind those before it, with the first of these that is in its
/// way.
///
/// Routes are compared two by two within their place. That several together leave nothing to
/// another, and that more specific places leave nothing to a prefix, is not looked for: both are
/// what one writes to have something left for what is added later.
pub(crate) fn conflicts<'a>(routes: impl IntoIterator<Item = &'a Matching>) -> Vec<Conflict> {
    let mut places: HashMap<_, Vec<(usize, &Matching)>> = HashMap::new();
    let mut found = Vec::new();
    for (later, route) in routes.into_iter().enumerate() {
        let place = places.entry((&route.host, route.path.shape())).or_default();
        let first = place.iter().find_map(|(earlier, other)| {
            let kind = conflict(other, route)?;
            Some(Conflict {
                earlier: *earlier,
                later,
                kind,
            })
        });
        found.extend(first);
        place.push((later, route));
    }
    found
}

fn conflict(earlier: &Matching, later: &Matching) -> Option<ConflictKind> {
    if !same_names(&earlier.path, &later.path) {
        return Some(ConflictKind::ParameterNames);
    }
    if earlier.rank() != later.rank() || !overlaps(earlier, later) {
        return None;
    }
    Some(match covers(earlier, later) {
        true => ConflictKind::Unreachable,
        false => ConflictKind::Ambiguous,
    })
}

/// Whether parameters of one place are called the same.
fn same_names(one: &PathPattern, two: &PathPattern) -> bool {
    let mut pairs = one.segments().iter().zip(two.segments());
    pairs.all(|(one, two)| matches!(one, SegmentPattern::Literal(_)) || one == two)
}

/// Whether there may be a request that both take.
fn overlaps(one: &Matching, two: &Matching) -> bool {
    let excluded = || {
        let mut pairs = one
            .headers
            .iter()
            .flat_map(|a| two.headers.iter().map(move |b| (a, b)));
        pairs.any(|(a, b)| a.excludes(b))
    };
    one.methods.overlaps(&two.methods) && !excluded()
}

/// Whether the earlier one takes all that the later one would.
fn covers(earlier: &Matching, later: &Matching) -> bool {
    let mut conditions = earlier.headers.iter();
    earlier.methods.covers(&later.methods)
        && conditions.all(|one| later.headers.iter().any(|other| one.follows_from(other)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::matching;
    use super::*;

    /// What is wrong between two routes, each `HOST PATH METHODS HEADERS`.
    fn between(one: &str, two: &str) -> Option<ConflictKind> {
        let routes = [matching(one), matching(two)];
        conflicts(&routes).pop().map(|conflict| conflict.kind)
    }

    #[test]
    fn what_can_never_be_reached_and_what_is_ambiguous_is_found() {
        use ConflictKind::{Ambiguous, ParameterNames, Unreachable};
        for (one, two, kind) in [
            ("* /a", "* /a", Some(Unreachable)),
            ("* /a", "* /a/", Some(Unreachable)),
            ("* /a GET,POST", "* /a GET", Some(Unreachable)),
            ("* /a GET", "* /a GET,POST", Some(Ambiguous)),
            ("* /a GET", "* /a HEAD", Some(Unreachable)),
            ("* /a GET", "* /a POST", None),
            ("* /a GET", "* /a", None),
            ("* /a", "* /a GET", None),
            ("* /a", "* /a/*", None),
            ("* /a/*", "* /a/*", Some(Unreachable)),
            ("* /a", "api.test /a", None),
            ("api.test /a", "api.test /a", Some(Unreachable)),
            ("*.test /a", "api.test /a", None),
            ("* /a", "* /b", None),
            ("* /a", "* /{x}", None),
            ("* /{x}", "* /{x} POST", None),
            ("* /{x} GET", "* /{y} POST", Some(ParameterNames)),
            ("* /{x}/a", "* /{y}/b", None),
            ("* /a GET v=1", "* /a GET v=2", None),
            ("* /a GET v=1", "* /a GET", None),
            ("* /a GET v=1", "* /a GET v=1", Some(Unreachable)),
            ("* /a GET v", "* /a GET v=1", Some(Unreachable)),
            ("* /a GET v=1", "* /a GET v", Some(Ambiguous)),
            ("* /a GET v=1", "* /a GET w=1", Some(Ambiguous)),
            ("* /a GET v=1", "* /a POST w=1", None),
        ] {
            assert_eq!(between(one, two), kind, "{one} and {two}");
        }
    }

    #[test]
    fn a_route_is_told_once_with_the_first_in_its_way() {
        let routes = ["* /a", "* /b", "* /a", "* /a"].map(matching);
        let found: Vec<_> = conflicts(&routes)
            .iter()
            .map(|conflict| (conflict.earlier, conflict.later))
            .collect();
        assert_eq!(found, [(0, 2), (0, 3)]);
    }
}
