use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::path::{InvalidPrefix, Prefix};

/// Which paths a route answers for.
///
/// `/users/{id}` stands for every path with `users` and one more segment; as a prefix, for all
/// below such a path as well. The slash that a path may end with is none, in the pattern and in
/// what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathPattern {
    segments: Box<[SegmentPattern]>,
    reach: Reach,
}

/// What a pattern demands of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SegmentPattern {
    /// This name, written canonically.
    Literal(Box<str>),
    /// Any name, and how the pattern calls it.
    Parameter(Box<str>),
}

/// How far a pattern goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// The path itself.
    Exact,
    /// The path and all below it.
    Prefix,
}

/// The segments of a pattern, as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatternText(Box<[SegmentPattern]>);

/// A path pattern that no canonical path fits, or that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InvalidPattern {
    Literal(InvalidPrefix),
    Parameter,
    Repeated,
    TooLong,
}

impl PathPattern {
    /// The most segments of a pattern. What a request costs is bounded by it.
    pub(crate) const MAX_SEGMENTS: usize = 32;

    pub(crate) fn new(text: PatternText, reach: Reach) -> Self {
        Self {
            segments: text.0,
            reach,
        }
    }

    pub(crate) fn segments(&self) -> &[SegmentPattern] {
        &self.segments
    }

    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }

    /// What tells the place of this pattern from others: how parameters are called does not.
    pub(super) fn shape(&self) -> (Vec<Option<&str>>, Reach) {
        let names = self.segments.iter().map(|segment| match segment {
            SegmentPattern::Literal(name) => Some(&**name),
            SegmentPattern::Parameter(_) => None,
        });
        (names.collect(), self.reach)
    }
}

impl fmt::Display for PathPattern {
    /// As OpenTelemetry writes routes: `/users/{id}`, and `/users/*` for what lies below as well.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                SegmentPattern::Literal(name) => write!(f, "/{name}")?,
                SegmentPattern::Parameter(name) => write!(f, "/{{{name}}}")?,
            }
        }
        match self.reach {
            Reach::Prefix => f.write_str("/*"),
            Reach::Exact if self.segments.is_empty() => f.write_str("/"),
            Reach::Exact => Ok(()),
        }
    }
}

impl PatternText {
    pub(super) fn segments(&self) -> &[SegmentPattern] {
        &self.0
    }
}

impl From<&Prefix> for PathPattern {
    fn from(prefix: &Prefix) -> Self {
        let names = prefix.as_str().split('/').filter(|name| !name.is_empty());
        let segments = names.map(|name| SegmentPattern::Literal(name.into()));
        Self {
            segments: segments.collect(),
            reach: Reach::Prefix,
        }
    }
}

impl FromStr for PatternText {
    type Err = InvalidPattern;

    /// # Errors
    ///
    /// [`InvalidPattern`] for what is not written canonically but for its parameters, names one of
    /// them twice, or has more than [`PathPattern::MAX_SEGMENTS`].
    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let segments = match text.strip_prefix('/') {
            Some(path) if text.contains('{') => with_parameters(path)?,
            _ => {
                let prefix: Prefix = text.parse().map_err(InvalidPattern::Literal)?;
                PathPattern::from(&prefix).segments
            }
        };
        if segments.len() > PathPattern::MAX_SEGMENTS {
            return Err(InvalidPattern::TooLong);
        }
        let repeated = segments.iter().enumerate().any(|(at, segment)| {
            matches!(segment, SegmentPattern::Parameter(_))
                && segments.iter().take(at).any(|before| before == segment)
        });
        if repeated {
            return Err(InvalidPattern::Repeated);
        }
        Ok(Self(segments))
    }
}

fn with_parameters(path: &str) -> Result<Box<[SegmentPattern]>, InvalidPattern> {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(segment).collect()
}

fn segment(text: &str) -> Result<SegmentPattern, InvalidPattern> {
    if let Some(name) = text
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'))
    {
        return match is_name(name) {
            true => Ok(SegmentPattern::Parameter(name.into())),
            false => Err(InvalidPattern::Parameter),
        };
    }
    if text.is_empty() || text.contains(['{', '}']) {
        return Err(InvalidPattern::Parameter);
    }
    let alone: Prefix = format!("/{text}")
        .parse()
        .map_err(InvalidPattern::Literal)?;
    match alone.as_str().strip_prefix('/') {
        Some(name) if name == text => Ok(SegmentPattern::Literal(name.into())),
        _ => Err(InvalidPattern::Parameter),
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && name.len() <= 32
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(invalid) => invalid.fmt(f),
            Self::Parameter => f.write_str(
                "expected whole segments with one slash before each, as in /users/{id}: names in \
                 canonical form, or 1 to 32 of a-z, 0-9 and _ in braces, a letter first",
            ),
            Self::Repeated => f.write_str("expected another name for each parameter"),
            Self::TooLong => write!(f, "expected at most {} segments", PathPattern::MAX_SEGMENTS),
        }
    }
}

impl Error for InvalidPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_literal_names_and_parameters() {
        let shown = |text: &str| {
            let PatternText(segments) = text.parse().expect(text);
            let names = segments.iter().map(|segment| match segment {
                SegmentPattern::Literal(name) => name.to_string(),
                SegmentPattern::Parameter(name) => format!("<{name}>"),
            });
            names.collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("/", ""),
            ("/orders", "orders"),
            ("/orders/", "orders"),
            ("/orders/{id}", "orders <id>"),
            ("/{a}/x/{b_2}/", "<a> x <b_2>"),
            ("/v1:admin/{id}/a%20b", "v1:admin <id> a%20b"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_no_canonical_path_fits_is_no_pattern() {
        for text in [
            "",
            "orders",
            "{id}",
            "/{}",
            "/{Id}",
            "/{1}",
            "/{a b}",
            "/x{id}",
            "/{id}x",
            "/{id}//x",
            "/{id}/..",
            "/{id}/./x",
            "/%61/{id}",
            "/{id}/%61",
            "/{id}/v1%3Aadmin",
            "/{id};x",
            "/{id}/a;x",
            "/{id}/a?x",
            "/{id}/a#x",
            "/{id}/a%2Fb",
            "/{id}/{id}",
            "/a/../b",
            "//{id}",
            "/{*rest}",
            "/a{",
            "/}",
        ] {
            assert!(text.parse::<PatternText>().is_err(), "{text}");
        }
        let hint = "/a/../b".parse::<PatternText>().expect_err("not canonical");
        assert!(hint.to_string().contains("did you mean `/b`?"), "{hint}");
        let deep = |segments| "/x".repeat(segments).parse::<PatternText>();
        assert!(deep(32).is_ok() && deep(33) == Err(InvalidPattern::TooLong));
        assert!(
            format!("/{{{}}}", "a".repeat(33))
                .parse::<PatternText>()
                .is_err()
        );
    }
}
