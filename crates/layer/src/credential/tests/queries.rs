use http::request::Parts;
use http::{Request, Uri};
use proptest::prelude::*;

use crate::credential::{CredentialSource, Credentials, Malformed};

fn target(uri: &str) -> Parts {
    Request::builder()
        .uri(uri)
        .body(())
        .expect("a target")
        .into_parts()
        .0
}

fn query() -> Credentials {
    Credentials::bearer().or_query("api_key")
}

fn found(uri: &str) -> Result<bool, Malformed> {
    query().extract(&target(uri)).map(|found| found.is_some())
}

fn stripped(uri: &str) -> String {
    let mut parts = target(uri);
    query().strip(&mut parts);
    parts.uri.to_string()
}

#[test]
fn exactly_one_parameter_of_the_name_is_a_credential() {
    for (uri, expected) in [
        ("/?api_key=abc", Ok(true)),
        ("/?a=1&api_key=abc&b", Ok(true)),
        ("/?api%5Fkey=abc", Ok(true)),
        ("/?%61pi%5fkey=%61bc", Ok(true)),
        ("http://host/?api_key=abc", Ok(true)),
        ("/", Ok(false)),
        ("/?", Ok(false)),
        ("/?Api_Key=abc", Ok(false)),
        ("/?api+key=abc", Ok(false)),
        ("/?api%_key=abc&api_key%=b&xapi_key=c", Ok(false)),
        ("/?a=api_key=abc", Ok(false)),
        ("/api_key=abc", Ok(false)),
        ("/?api_key=abc&api_key=abc", Err(Malformed)),
        ("/?api_key=abc&api%5Fkey=abd", Err(Malformed)),
        ("/?api_key", Err(Malformed)),
        ("/?api_key=", Err(Malformed)),
        ("/?api_key=a+b", Err(Malformed)),
        ("/?api_key=a%20b", Err(Malformed)),
        ("/?api_key=a%2", Err(Malformed)),
        ("/?api_key=a%zzb", Err(Malformed)),
        ("/?api_key=%ff", Err(Malformed)),
        ("/?api_key=a,b", Err(Malformed)),
        // Servers that part parameters at a semicolon would read ours in these.
        ("/?a=1;api_key=abc", Err(Malformed)),
        ("/?a=1;api_key=abc&b=2", Err(Malformed)),
        ("/?a;api_key=abc", Err(Malformed)),
        ("/?;api_key=abc", Err(Malformed)),
        ("/?a=1;api_key=", Err(Malformed)),
        // Without its sign of equality it is a word in the value of another.
        ("/?a=1;api_key", Ok(false)),
        ("/?q=a;api_key;b", Ok(false)),
        ("/?q=a;api_key&api_key=abc", Ok(true)),
        ("/?a=1;b=2;api%5Fkey=abc", Err(Malformed)),
        ("/?api_key=abc&a=1;api_key=abd", Err(Malformed)),
        ("/?api_key=abc;a=1", Err(Malformed)),
        ("/?api_key=abc;", Err(Malformed)),
        ("/?api_key;a=abc", Err(Malformed)),
        ("/?a=1;b=2", Ok(false)),
        ("/?a=1;xapi_key=2;api_keys=3", Ok(false)),
        ("/?api_key=abc&a=1;b=2", Ok(true)),
    ] {
        assert_eq!(found(uri), expected, "{uri}");
    }
    let unasked = Credentials::bearer();
    assert!(matches!(
        unasked.extract(&target("/?api_key=abc")),
        Ok(None)
    ));
}

#[test]
fn the_parameter_is_taken_out_and_every_other_byte_stays() {
    for (uri, rest) in [
        ("/o?api_key=abc", "/o"),
        ("/o?a=%20&api_key=abc&b=+%zz", "/o?a=%20&b=+%zz"),
        ("/o?api%5Fkey=abc&a", "/o?a"),
        ("/o?a&&api_key=abc", "/o?a&"),
        ("/o?api_key=abc&", "/o?"),
        ("/o?api_key=a&api_key=b&api_key", "/o"),
        (
            "http://user@host:80/o?api_key=abc&a=1",
            "http://user@host:80/o?a=1",
        ),
        ("http://host?api_key=abc", "http://host/"),
        ("/o?a=1&xapi_key=2", "/o?a=1&xapi_key=2"),
        ("/o?a=1;api_key=abc&b=2;c", "/o?b=2;c"),
        ("/o?api_key;a=abc", "/o"),
        ("/o?q=a;api_key&api_key=abc", "/o?q=a;api_key"),
        ("/o?", "/o?"),
        ("*", "*"),
    ] {
        assert_eq!(stripped(uri), rest, "{uri}");
    }
}

#[cfg(feature = "axum")]
#[test]
fn the_parameter_is_taken_out_of_what_axum_remembers() {
    use axum::extract::OriginalUri;

    let mut parts = target("/o?api_key=abc");
    parts
        .extensions
        .insert(OriginalUri(Uri::from_static("/v1/o?api_key=abc&a=1")));
    query().strip(&mut parts);
    let original = parts.extensions.get::<OriginalUri>().expect("still there");
    assert_eq!(original.0, "/v1/o?a=1");
}

proptest! {
    #[test]
    fn no_query_makes_reading_panic_and_none_keeps_the_parameter(
        query in "(api_key|api%5Fkey|a|%|=|&|;|[+]|abc|%61){0,12}",
    ) {
        let uri = format!("/o?{query}");
        if uri.parse::<Uri>().is_ok() {
            let _ = found(&uri);
            let rest = stripped(&uri);
            prop_assert_eq!(found(&rest), Ok(false), "{} of {}", rest, uri);
        }
    }
}
