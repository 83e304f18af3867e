use http::header::AUTHORIZATION;
use http::request::Parts;

use super::parts;
use crate::credential::{Credential, CredentialSource, Credentials, Malformed};

/// The user's name of `Authorization: Custom`, as somebody might write it.
#[derive(Debug)]
struct Custom;

impl CredentialSource for Custom {
    fn extract<'a>(&self, parts: &'a Parts) -> Result<Option<Credential<'a>>, Malformed> {
        let field = parts.headers.get(AUTHORIZATION);
        let token = field.and_then(|field| field.as_bytes().strip_prefix(b"Custom "));
        Ok(token.map(|token| Credential::decoded(token.to_vec())))
    }

    fn strip(&self, parts: &mut Parts) {
        if let Ok(Some(_)) = self.extract(parts) {
            parts.headers.remove(AUTHORIZATION);
        }
    }
}

/// A request with a credential in each of these places, and something beside
/// them.
fn with(places: &[&str]) -> Parts {
    let mut parts = parts(&[("accept", b"*/*")]);
    parts.uri = "/o?a=1".parse().expect("a target");
    for place in places {
        let (name, value) = match *place {
            "bearer" => ("authorization", "Bearer abc"),
            "custom" => ("authorization", "Custom abc"),
            "header" => ("x-api-key", "abc"),
            "cookie" => ("cookie", "key=abc; a=1"),
            _ => {
                parts.uri = "/o?a=1&api_key=abc".parse().expect("a target");
                continue;
            }
        };
        parts.headers.append(name, value.parse().expect("a value"));
    }
    parts
}

fn everywhere() -> Credentials {
    Credentials::bearer()
        .or_header("x-api-key")
        .or_cookie("key")
        .or_query("api_key")
        .or(Custom)
}

#[test]
fn each_place_alone_is_a_credential_and_two_are_malformed() {
    let places = ["bearer", "header", "cookie", "query", "custom"];
    for one in places {
        let alone = with(&[one]);
        let found = everywhere().extract(&alone).expect("one alone");
        assert!(found.is_some(), "{one}");
        for other in places.into_iter().filter(|other| *other != one) {
            let both = with(&[one, other]);
            assert_eq!(
                everywhere().extract(&both).err(),
                Some(Malformed),
                "{one} {other}"
            );
        }
    }
    assert!(matches!(everywhere().extract(&with(&[])), Ok(None)));
}

#[test]
fn all_places_are_stripped_and_all_else_stays() {
    for first in ["bearer", "custom"] {
        let mut parts = with(&[first, "header", "cookie", "query"]);
        everywhere().strip(&mut parts);
        assert_eq!(parts.uri, "/o?a=1");
        assert_eq!(parts.headers.len(), 2);
        assert_eq!(parts.headers["accept"], "*/*");
        assert_eq!(parts.headers["cookie"], "a=1");
    }
}

#[test]
fn a_place_that_is_named_twice_is_one_place() {
    let twice = Credentials::header("x-api-key")
        .or_header("x-api-key")
        .or_cookie("key")
        .or_cookie("key")
        .or_query("api_key")
        .or_query("api_key");
    for place in ["header", "cookie", "query"] {
        assert!(
            matches!(twice.extract(&with(&[place])), Ok(Some(_))),
            "{place}"
        );
    }
}

#[test]
fn no_credential_shows_in_debug() {
    let parts = with(&["custom"]);
    let found = everywhere().extract(&parts).expect("one");
    assert_eq!(format!("{found:?}"), "Some(Credential(..))");
}
