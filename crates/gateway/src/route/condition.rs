use http::header::{EXPECT, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::headers::{forwarded, hop_by_hop, identity, spelling};

/// Which methods a route answers. GET brings HEAD with it, which asks for the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum MethodSet {
    #[default]
    Any,
    Of(Box<[Method]>),
}

/// What a route demands of one header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderCondition {
    pub(crate) name: HeaderName,
    /// What each line of the field must be; anything where absent. There must be one at least.
    pub(crate) value: Option<HeaderValue>,
}

impl MethodSet {
    /// These methods, each once.
    pub(crate) fn of(methods: impl IntoIterator<Item = Method>) -> Self {
        let mut set = Vec::new();
        for method in methods {
            let head = (method == Method::GET).then_some(Method::HEAD);
            for method in std::iter::once(method).chain(head) {
                if !set.contains(&method) {
                    set.push(method);
                }
            }
        }
        Self::Of(set.into())
    }

    pub(crate) fn contains(&self, method: &Method) -> bool {
        match self {
            Self::Any => true,
            Self::Of(methods) => methods.contains(method),
        }
    }

    pub(crate) fn is_any(&self) -> bool {
        *self == Self::Any
    }

    /// The methods; none where any will do.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Method> {
        match self {
            Self::Any => [].iter(),
            Self::Of(methods) => methods.iter(),
        }
    }

    /// Whether a method is in both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Of(methods), other) | (other, Self::Of(methods)) => {
                methods.iter().any(|method| other.contains(method))
            }
            (Self::Any, Self::Any) => true,
        }
    }

    /// Whether all of the other's methods are in this.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Of(_), Self::Any) => false,
            (Self::Of(_), Self::Of(methods)) => methods.iter().all(|one| self.contains(one)),
        }
    }
}

impl HeaderCondition {
    pub(crate) fn is_met_by(&self, headers: &HeaderMap) -> bool {
        let mut lines = headers.get_all(&self.name).iter().peekable();
        lines.peek().is_some()
            && self
                .value
                .as_ref()
                .is_none_or(|value| lines.all(|line| line == value))
    }

    /// Whether the upstream may get, or read, another thing of the field than stands here: where
    /// it ends with the hop, and where another field has its name to servers that do not tell
    /// marks.
    pub(crate) fn is_unclear_in(&self, headers: &HeaderMap) -> bool {
        hop_by_hop::takes(headers, &self.name) || spelling::has_lookalike(headers, &self.name)
    }

    /// Whether the field goes to an upstream as it comes.
    pub(crate) fn is_forwarded(name: &HeaderName) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static("0"));
        hop_by_hop::remove(&mut headers);
        identity::strip(&mut headers);
        forwarded::strip(&mut headers);
        ![EXPECT, HOST].contains(name) && headers.contains_key(name)
    }

    /// Whether no request meets both.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.name == other.name
            && matches!((&self.value, &other.value), (Some(one), Some(two)) if one != two)
    }

    /// Whether what meets the other meets this.
    pub(crate) fn follows_from(&self, other: &Self) -> bool {
        self.name == other.name && (self.value.is_none() || self.value == other.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_get_answers_head_as_well() {
        let set = MethodSet::of([Method::GET, Method::POST, Method::GET]);
        let methods: Vec<&str> = set.iter().map(Method::as_str).collect();
        assert_eq!(methods, ["GET", "HEAD", "POST"]);
        assert!(!set.contains(&Method::DELETE) && MethodSet::Any.contains(&Method::DELETE));
        let lower = Method::from_bytes(b"get").expect("a method");
        assert!(!set.contains(&lower));
    }

    #[test]
    fn a_condition_counts_for_every_line_of_its_field() {
        let headers = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| HeaderValue::from_static(line));
            lines
                .map(|line| (HeaderName::from_static("x-version"), line))
                .collect::<HeaderMap>()
        };
        let condition = |value: Option<&'static str>| HeaderCondition {
            name: HeaderName::from_static("x-version"),
            value: value.map(HeaderValue::from_static),
        };
        let (two, there) = (condition(Some("2")), condition(None));
        assert!(two.is_met_by(&headers(&["2"])) && two.is_met_by(&headers(&["2", "2"])));
        for other in [&[][..], &["1"], &["2", "1"], &["2 "], &["2,2"]] {
            assert!(!two.is_met_by(&headers(other)), "{other:?}");
            assert_eq!(there.is_met_by(&headers(other)), !other.is_empty());
        }
        let odd = |name: &'static str, value| {
            let mut headers = headers(&["2"]);
            headers.append(name, HeaderValue::from_static(value));
            two.is_unclear_in(&headers)
        };
        assert!(odd("x_version", "1") && odd("connection", "close, X-Version"));
        assert!(!odd("x-versions", "1") && !odd("connection", "close") && !odd("x-version", "1"));
        assert!(two.excludes(&condition(Some("1"))) && !two.excludes(&there));
        assert!(there.follows_from(&two) && !two.follows_from(&there) && two.follows_from(&two));
    }

    #[test]
    fn what_an_upstream_does_not_get_is_no_condition() {
        for name in [
            "x-forwarded-proto",
            "x-real-ip",
            "forwarded",
            "x-portcullis-owner",
            "te",
            "upgrade",
            "expect",
            "host",
        ] {
            let name = HeaderName::from_static(name);
            assert!(!HeaderCondition::is_forwarded(&name), "{name}");
        }
        for name in ["x-version", "accept", "content-type"] {
            assert!(HeaderCondition::is_forwarded(&HeaderName::from_static(
                name
            )));
        }
    }
}
