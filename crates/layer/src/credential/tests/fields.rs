use super::{found, parts};
use crate::credential::{CredentialSource, Credentials, Malformed};

#[test]
fn the_bearer_scheme_is_read_without_regard_to_case() {
    let bearer = Credentials::bearer();
    for value in [
        &b"Bearer abc"[..],
        b"bearer abc",
        b"BEARER abc",
        b"Bearer a-b._~+/c==",
        b"Bearer 0",
    ] {
        assert_eq!(
            found(&bearer, &[("authorization", value)]),
            Ok(true),
            "{value:?}"
        );
    }
}

#[test]
fn other_schemes_are_no_credential_of_ours() {
    let bearer = Credentials::bearer();
    assert_eq!(found(&bearer, &[]), Ok(false));
    for value in [
        &b"Basic dXNlcjpwYXNz"[..],
        b"Negotiate",
        b"Bearerish abc",
        b"Digest a=\"b\", c=\"d\"",
        b"Digest a=\"b\", bearers=\"d\", Bearerish=c",
        b"Digest username=\"x, Bearer y\"",
        b"Digest username = \"x, Bearer y\", realm=\"z\"",
        b"Digest username=\"x\\\", Bearer y\", realm=\"\\\\\"",
    ] {
        assert_eq!(
            found(&bearer, &[("authorization", value)]),
            Ok(false),
            "{value:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_malformed() {
    let bearer = Credentials::bearer();
    let values: [&[u8]; 25] = [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Bearer  abc",
        b"Bearer abc ",
        b"Bearer a b",
        b"Bearer a,b",
        b"Bearer a, Bearer b",
        b"Bearer =",
        b"Bearer a=b",
        b"Bearer \xc3\xa9",
        b"\xff\xfe abc",
        b"Bearer\tabc",
        b"Bearer \tabc",
        b"bearer  abc",
        b"Bearer abc, Basic dXNlcjpwYXNz",
        b"Basic dXNlcjpwYXNz, Bearer abc",
        b"Basic dXNlcjpwYXNz,bearer abc",
        b"Basic dXNlcjpwYXNz ,\tBEARER\tabc",
        b"Negotiate, Bearer",
        // What is quoted ends where it ends, and begins as a parameter's value alone.
        b"Digest a=\"b\", Bearer abc",
        b"Digest a=\"b\\\\\", Bearer abc",
        b"Digest a=\"b, Bearer abc",
        b"Digest a=\"b\\\", Bearer abc",
        b"Basic \"x, Bearer abc, y\"",
    ];
    for value in values {
        assert_eq!(
            found(&bearer, &[("authorization", value)]),
            Err(Malformed),
            "{value:?}"
        );
    }
}

#[test]
fn a_huge_value_is_read_like_any_other() {
    let long = [&b"Bearer "[..], &vec![b'a'; 64 * 1024]].concat();
    assert_eq!(
        found(&Credentials::bearer(), &[("authorization", &long)]),
        Ok(true)
    );
    let spaces = [&b"Bearer "[..], &vec![b' '; 64 * 1024], b"a"].concat();
    assert_eq!(
        found(&Credentials::bearer(), &[("authorization", &spaces)]),
        Err(Malformed)
    );
}

#[test]
fn one_credential_at_most() {
    let both = Credentials::bearer()
        .or_header("x-api-key")
        .or_header("api-key");
    let one: [&[(&str, &[u8])]; 3] = [
        &[("x-api-key", b"abc")],
        &[("api-key", b"abc")],
        &[
            ("authorization", b"Basic dXNlcjpwYXNz"),
            ("x-api-key", b"abc"),
        ],
    ];
    for fields in one {
        assert_eq!(found(&both, fields), Ok(true), "{fields:?}");
    }
    let several: [&[(&str, &[u8])]; 6] = [
        &[
            ("authorization", b"Bearer abc"),
            ("authorization", b"Bearer abc"),
        ],
        &[
            ("authorization", b"Bearer abc"),
            ("authorization", b"Basic dXNlcjpwYXNz"),
        ],
        &[("authorization", b"Bearer abc"), ("x-api-key", b"abc")],
        &[("x-api-key", b"abc"), ("x-api-key", b"abc")],
        &[("x-api-key", b"abc"), ("api-key", b"abc")],
        &[("authorization", b"Bearer"), ("x-api-key", b"abc")],
    ];
    for fields in several {
        assert_eq!(found(&both, fields), Err(Malformed), "{fields:?}");
    }
    for value in [&b""[..], b"a b", b"a,b", b"\xff"] {
        assert_eq!(
            found(&both, &[("x-api-key", value)]),
            Err(Malformed),
            "{value:?}"
        );
    }
}

#[test]
fn another_spelling_of_a_field_is_malformed_and_goes_no_further() {
    let both = Credentials::bearer().or_header("x-api-key");
    let respelled: [&[(&str, &[u8])]; 4] = [
        &[("x_api_key", b"abc")],
        &[("x-api-key", b"abc"), ("x_api-key", b"other")],
        &[("authorization", b"Bearer abc"), ("x_api_key", b"other")],
        &[("authorization", b"Bearer abc"), ("x.api.key", b"\xff")],
    ];
    for fields in respelled {
        assert_eq!(found(&both, fields), Err(Malformed), "{fields:?}");
        let mut parts = parts(fields);
        both.strip(&mut parts);
        assert!(parts.headers.is_empty(), "{fields:?}");
    }
    let other: &[(&str, &[u8])] = &[
        ("authorization", b"Bearer abc"),
        ("x-api-keys", b"other"),
        ("xxapixkey", b"other"),
    ];
    assert_eq!(found(&both, other), Ok(true));
    let mut kept = parts(other);
    both.strip(&mut kept);
    assert_eq!(kept.headers.len(), 2);
    let two = Credentials::header("x-api-key").or_header("x_api_key");
    assert_eq!(found(&two, &[("x_api_key", b"abc")]), Ok(true));
}

#[test]
fn a_field_that_was_not_named_is_no_credential() {
    assert_eq!(
        found(&Credentials::bearer(), &[("x-api-key", b"abc")]),
        Ok(false)
    );
    let header = Credentials::header("x-api-key");
    assert_eq!(
        found(&header, &[("authorization", b"Bearer abc")]),
        Ok(false)
    );
    assert_eq!(found(&header, &[("x-api-key", b"abc")]), Ok(true));
}

#[test]
fn every_credential_is_stripped_and_nothing_else() {
    let both = Credentials::bearer().or_header("x-api-key");
    let mut ours = parts(&[
        ("authorization", b"Bearer abc"),
        ("x-api-key", b"abc"),
        ("accept", b"*/*"),
    ]);
    both.strip(&mut ours);
    assert_eq!(
        ours.headers
            .keys()
            .map(|name| name.as_str())
            .collect::<Vec<_>>(),
        ["accept"]
    );
    let mut foreign = parts(&[("authorization", b"Basic dXNlcjpwYXNz")]);
    both.strip(&mut foreign);
    assert_eq!(foreign.headers.len(), 1);
    let mut bearer = parts(&[("authorization", b"Bearer abc"), ("x-api-key", b"abc")]);
    Credentials::header("x-api-key").strip(&mut bearer);
    assert_eq!(
        bearer
            .headers
            .keys()
            .map(|name| name.as_str())
            .collect::<Vec<_>>(),
        ["authorization"]
    );
}
