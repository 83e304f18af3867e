use super::pattern::{PathPattern, PatternText, Reach, SegmentPattern};
use crate::path::CanonicalPath;

/// What an upstream is asked for in place of the path that a route was found by.
///
/// The guard looked at the path before it is rewritten; the upstream sees the one after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum PathRewrite {
    #[default]
    AsItIs,
    /// Without so many segments.
    WithoutFirst(usize),
    Template(PathTemplate),
}

/// A path with places for segments of the request's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathTemplate {
    parts: Box<[Part]>,
    /// How many segments of the request's path the template stands for; nothing where it stands
    /// for all of them.
    rest_behind: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    /// The segment of this number of the request's path, as it came.
    Captured(usize),
}

/// A name in a template that is no parameter of the route's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownParameter(pub(crate) Box<str>);

impl PathTemplate {
    /// What lies below the pattern, if it is a prefix, follows the template.
    ///
    /// # Errors
    ///
    /// [`UnknownParameter`] for a name that the pattern does not have.
    pub(crate) fn new(text: &PatternText, pattern: &PathPattern) -> Result<Self, UnknownParameter> {
        let parts = text.segments().iter().map(|segment| match segment {
            SegmentPattern::Literal(name) => Ok(Part::Literal(name.clone())),
            SegmentPattern::Parameter(name) => {
                let mut own = pattern.segments().iter();
                let at = own.position(|own| own == segment);
                at.map(Part::Captured)
                    .ok_or_else(|| UnknownParameter(name.clone()))
            }
        });
        Ok(Self {
            parts: parts.collect::<Result<_, _>>()?,
            rest_behind: match pattern.reach() {
                Reach::Prefix => Some(pattern.segments().len()),
                Reach::Exact => None,
            },
        })
    }

    fn of(&self, path: &CanonicalPath) -> Option<CanonicalPath> {
        let own = path.path();
        let mut text = String::with_capacity(own.len());
        for part in &self.parts {
            text.push('/');
            text.push_str(match part {
                Part::Literal(name) => name,
                Part::Captured(at) => own.split('/').nth(at + 1)?,
            });
        }
        if let Some(segments) = self.rest_behind {
            let at = own.match_indices('/').nth(segments).map(|(at, _)| at);
            text.push_str(at.and_then(|at| own.get(at..)).unwrap_or_default());
        }
        if text.is_empty() {
            text.push('/');
        }
        path.rewritten(&text)
    }
}

impl PathRewrite {
    /// The path that goes upstream; nothing where it would not be canonical.
    pub(super) fn of(&self, path: CanonicalPath) -> Option<CanonicalPath> {
        match self {
            Self::AsItIs => Some(path),
            Self::WithoutFirst(segments) => Some(path.without_first(*segments)),
            Self::Template(template) => template.of(&path),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn rewrite(template: &str, pattern: &str) -> PathRewrite {
        let (text, reach) = match pattern.strip_suffix("/*") {
            Some("") => ("/", Reach::Prefix),
            Some(prefix) => (prefix, Reach::Prefix),
            None => (pattern, Reach::Exact),
        };
        let pattern = PathPattern::new(text.parse().expect(pattern), reach);
        let template = template.parse().expect(template);
        PathRewrite::Template(PathTemplate::new(&template, &pattern).expect("known names"))
    }

    fn rewritten(rewrite: &PathRewrite, target: &str) -> String {
        let path = CanonicalPath::from_uri(&target.parse().expect(target)).expect(target);
        let path = rewrite.of(path).expect(target);
        path.path_and_query().to_string()
    }

    #[test]
    fn captured_segments_go_where_the_template_has_them() {
        for (template, pattern, target, expected) in [
            (
                "/v2/{id}/x",
                "/orders/{id}",
                "/orders/7?a=/b",
                "/v2/7/x?a=/b",
            ),
            ("/v2/{id}", "/orders/{id}", "/orders/7/", "/v2/7"),
            ("/{b}/{a}", "/{a}/{b}", "/1/2", "/2/1"),
            ("/", "/orders/{id}", "/orders/7", "/"),
            ("/v2/{id}", "/orders/{id}/*", "/orders/7", "/v2/7"),
            ("/v2/{id}", "/orders/{id}/*", "/orders/7/", "/v2/7/"),
            (
                "/v2/{id}",
                "/orders/{id}/*",
                "/orders/7/a/b?c",
                "/v2/7/a/b?c",
            ),
            ("/", "/orders/*", "/orders/a", "/a"),
            ("/", "/orders/*", "/orders", "/"),
            ("/new", "/*", "/a/b", "/new/a/b"),
            ("/v2/{id}", "/orders/{id}", "/orders/a%20%25", "/v2/a%20%25"),
        ] {
            let rewrite = rewrite(template, pattern);
            assert_eq!(rewritten(&rewrite, target), expected, "{template} {target}");
        }
    }

    #[test]
    fn a_template_has_the_names_of_its_pattern_alone() {
        let pattern = PathPattern::new("/orders/{id}".parse().unwrap(), Reach::Exact);
        let unknown = PathTemplate::new(&"/v2/{other}".parse().unwrap(), &pattern);
        assert_eq!(unknown, Err(UnknownParameter("other".into())));
    }

    proptest! {
        /// Whatever may come in goes out canonical, below the template, and with its query.
        #[test]
        fn what_is_rewritten_is_canonical(target in "/[-a-z0-9%./;:@]{0,20}(/[-a-zA-F0-9%./;é]{0,20}){0,3}(\\?[a-z/%.]{0,5})?") {
            let uri = target.parse::<Uri>();
            if let Some(path) = uri.ok().and_then(|uri| CanonicalPath::from_uri(&uri).ok()) {
                for (template, pattern) in [("/v2/{a}/x", "/{a}/*"), ("/{b}/{a}", "/{a}/{b}"), ("/n", "/*")] {
                    let mut segments = path.path().split('/').skip(1);
                    let enough = pattern.matches('{').count();
                    if segments.by_ref().take(enough).filter(|name| !name.is_empty()).count() < enough {
                        continue;
                    }
                    let rewritten = rewrite(template, pattern).of(path.clone());
                    let rewritten = rewritten.expect("canonical");
                    prop_assert_eq!(rewritten.query(), path.query());
                    let again = Uri::from(rewritten.path_and_query().clone());
                    prop_assert_eq!(&CanonicalPath::from_uri(&again).unwrap(), &rewritten);
                    let below = template.split('{').next().unwrap();
                    prop_assert!(rewritten.path().starts_with(below), "{rewritten:?}");
                }
            }
        }
    }
}
