use std::cmp::Reverse;

use http::{HeaderMap, Method};

use super::{HeaderCondition, HostPattern, MethodSet, PathPattern};

/// Which requests a route answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matching {
    pub(crate) host: HostPattern,
    pub(crate) path: PathPattern,
    pub(crate) methods: MethodSet,
    /// All of them must be met.
    pub(crate) headers: Box<[HeaderCondition]>,
    /// Whether it answers preflights of the CORS protocol for what it answers.
    pub(crate) preflights: bool,
}

impl Matching {
    /// All requests for what lies at or below a path.
    pub(crate) fn all_below(path: PathPattern) -> Self {
        Self {
            host: HostPattern::Any,
            path,
            methods: MethodSet::Any,
            headers: Box::default(),
            preflights: false,
        }
    }

    /// Whether a request for the route's place has its method and its fields.
    pub(super) fn takes(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.methods.contains(method) && self.headers.iter().all(|one| one.is_met_by(headers))
    }

    /// The least comes first: routes with methods before those without, and of these the ones with
    /// more conditions.
    pub(super) fn rank(&self) -> (bool, Reverse<usize>) {
        (self.methods.is_any(), Reverse(self.headers.len()))
    }
}
