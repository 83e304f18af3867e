//! What is found, and what becomes of it.

mod doors;
mod found;
mod readings;
mod requests;

use http::{HeaderName, HeaderValue, Method};

use super::pattern::Reach;
use super::{HeaderCondition, Matching, MethodSet, PathPattern};
use crate::path::CanonicalPath;

/// `HOST PATH METHODS NAME=VALUE`, the last two if any; a path that ends with `/*` is a prefix.
pub(super) fn matching(text: &str) -> Matching {
    let mut parts = text.split(' ');
    let host = parts.next().expect("a host").parse().expect(text);
    let path = pattern(parts.next().expect("a path"));
    let methods = parts.next().map_or(MethodSet::Any, |methods| {
        let methods = methods.split(',').filter(|method| *method != "-");
        match methods
            .map(|name| name.parse().expect(text))
            .collect::<Vec<Method>>()
        {
            none if none.is_empty() => MethodSet::Any,
            methods => MethodSet::of(methods),
        }
    });
    let condition = |text: &str| {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        HeaderCondition {
            name: HeaderName::from_bytes(name.as_bytes()).expect(text),
            value: value.map(|value| HeaderValue::from_str(value).expect(text)),
        }
    };
    Matching {
        host,
        path,
        methods,
        headers: parts.map(condition).collect(),
        preflights: false,
    }
}

fn pattern(text: &str) -> PathPattern {
    match text.strip_suffix("/*") {
        Some("") => PathPattern::new("/".parse().expect(text), Reach::Prefix),
        Some(prefix) => PathPattern::new(prefix.parse().expect(text), Reach::Prefix),
        None => PathPattern::new(text.parse().expect(text), Reach::Exact),
    }
}

fn canonical(target: &str) -> CanonicalPath {
    CanonicalPath::from_uri(&target.parse().expect(target)).expect(target)
}
