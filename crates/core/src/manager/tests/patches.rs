//! Patches and new keys as people write them in JSON.

use crate::manager::{Expiry, KeyPatch, NewKey, ServicePatch};

fn refused<T: std::str::FromStr<Err = crate::error::Invalid>>(json: &str) -> String {
    match json.parse::<T>() {
        Ok(_) => panic!("{} was taken", &json[..json.len().min(200)]),
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 500, "what was written is not repeated");
            text
        }
    }
}

#[test]
fn absent_stays_null_goes_and_a_value_takes_its_place() {
    let patch: KeyPatch = r#"{"rate":null,"expires_at":null,"note":"n","owner":"acme"}"#
        .parse()
        .expect("valid");
    assert!(patch.scopes.is_keep() && patch.addresses.is_keep());
    assert_eq!(patch.expiry, Some(Expiry::Never));
    assert_eq!((&patch.name, patch.owner.is_some()), (&None, true));
    assert_eq!("{}".parse(), Ok(KeyPatch::new()));
    assert_eq!("{}".parse(), Ok(ServicePatch::new()));
}

#[test]
fn a_patch_of_a_key_that_cannot_be_is_refused_with_its_member() {
    let deep = format!(
        r#"{{"metadata":{}1{}}}"#,
        r#"{"a":"#.repeat(9),
        "}".repeat(9)
    );
    let bomb = format!(r#"{{"metadata":{{"a":{}"#, "[".repeat(50_000));
    let huge = format!(r#"{{"note":"{}"}}"#, "x".repeat(70_000));
    let many: Vec<String> = (0..33).map(|at| format!("\"10.0.{at}.0/24\"")).collect();
    let many = format!(r#"{{"addresses":[{}]}}"#, many.join(","));
    let scopes: Vec<String> = (0..65).map(|at| format!("\"a{at}:b\"")).collect();
    let scopes = format!(r#"{{"scopes":[{}]}}"#, scopes.join(","));
    for (json, words) in [
        ("", "invalid patch: expected a JSON object"),
        ("[]", "invalid patch: expected a JSON object"),
        ("null", "invalid patch: expected a JSON object"),
        ("{}{}", "invalid patch: expected a JSON object"),
        (
            r#"{"name":null}"#,
            "invalid name: expected a value: it cannot be null",
        ),
        (
            r#"{"owner":null}"#,
            "invalid owner: expected a value: it cannot be null",
        ),
        (r#"{"name":7}"#, "invalid name: expected text"),
        (
            r#"{"name":"a\u202eb"}"#,
            "invalid name: expected no control, bidirectional or zero-width",
        ),
        (
            r#"{"name":"a\u200bb"}"#,
            "invalid name: expected no control",
        ),
        (
            r#"{"owner":"a\u0000b"}"#,
            "invalid owner: expected no control",
        ),
        (r#"{"note":"a\nb"}"#, "invalid note: expected no control"),
        (r#"{"name":"a","name":"b"}"#, "stands twice"),
        (r#"{"metadata":{"a":1,"a":2}}"#, "stands twice"),
        (
            r#"{"metadata":[]}"#,
            "invalid metadata: expected a JSON object",
        ),
        (&deep, "too deep"),
        (&bomb, "too deep"),
        (&huge, "at most 64 KiB"),
        (
            r#"{"scopes":"orders:read"}"#,
            "invalid scopes: expected a list",
        ),
        (r#"{"scopes":["Orders"]}"#, "invalid scopes: expected"),
        (r#"{"scopes":[1]}"#, "invalid scopes: expected text"),
        (&scopes, "at most 64 scopes"),
        (r#"{"rate":"0/s"}"#, "invalid rate: expected"),
        (r#"{"rate":5}"#, "invalid rate: expected text"),
        (
            r#"{"expires_at":"tomorrow"}"#,
            "invalid expires_at: expected an RFC 3339 time",
        ),
        (
            r#"{"addresses":["10.0.0.0/8","10.1.0.0/16"]}"#,
            "do not overlap",
        ),
        (r#"{"addresses":["0.0.0.0/0"]}"#, "whole internet"),
        // A list that holds nothing would allow every address.
        (r#"{"addresses":[]}"#, "null for every address"),
        (r#"{"addresses":[""]}"#, "one network in each item"),
        (
            r#"{"addresses":["10.0.0.0/8"," "]}"#,
            "one network in each item",
        ),
        (
            r#"{"addresses":["10.0.0.1/8"]}"#,
            "10.0.0.0/8 for 10.0.0.1/8",
        ),
        (&many, "at most 32"),
        (r#"{"id":"x"}"#, "no id: it cannot be changed this way"),
        (r#"{"service":"other"}"#, "no service: it cannot"),
        (r#"{"environment":"test"}"#, "no environment: it cannot"),
        (r#"{"prefix":"x"}"#, "no prefix: it cannot"),
        (r#"{"status":"revoked"}"#, "no status: it cannot"),
        (r#"{"created_at":"x"}"#, "no created_at: it cannot"),
        (r#"{"created_by":"x"}"#, "no created_by: it cannot"),
        (r#"{"secrets":[]}"#, "no secrets: it cannot"),
        (r#"{"version":1}"#, "no version: it cannot"),
        (
            r#"{"color":"red"}"#,
            "scopes, rate, addresses, note, not color",
        ),
    ] {
        let told = refused::<KeyPatch>(json);
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_name_that_could_be_a_secret_is_not_repeated() {
    let token = format!("pck_live_{}", "a1".repeat(40));
    let told = refused::<KeyPatch>(&format!(r#"{{"{token}":1}}"#));
    assert!(
        told.ends_with(
            "members of expires_at, metadata, name, owner, scopes, rate, addresses, note"
        ),
        "{told}"
    );
    let told = refused::<KeyPatch>(r#"{"\u202e":1}"#);
    assert!(told.is_ascii(), "{told}");
}

#[test]
fn a_patch_of_a_service_that_cannot_be_is_refused_with_its_member() {
    for (json, words) in [
        (
            r#"{"quota":-1}"#,
            "invalid quota: expected 1 to 100,000,000",
        ),
        (
            r#"{"quota":1.5}"#,
            "invalid quota: expected 1 to 100,000,000",
        ),
        (
            r#"{"quota":4294967296}"#,
            "invalid quota: expected 1 to 100,000,000",
        ),
        (
            r#"{"quota":"10"}"#,
            "invalid quota: expected 1 to 100,000,000",
        ),
        (
            r#"{"default_rate":"1/w"}"#,
            "invalid default_rate: expected",
        ),
        (
            r#"{"default_lifetime_seconds":"90d"}"#,
            "whole number of seconds",
        ),
        (r#"{"max_lifetime_seconds":-1}"#, "whole number of seconds"),
        (r#"{"prefix":"P"}"#, "invalid prefix: expected 2 to 16"),
        (
            r#"{"name":"other"}"#,
            "no name: it cannot be changed this way",
        ),
        (r#"{"version":1}"#, "no version: it cannot"),
        (r#"{"retired_at":null}"#, "no retired_at: it cannot"),
        (r#"{"default_lifetime":"90d"}"#, "not default_lifetime"),
    ] {
        let told = refused::<ServicePatch>(json);
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_new_key_needs_a_service_an_owner_and_a_name() {
    let json = r#"{"service":"orders","owner":"acme","name":"n","environment":"test",
        "scopes":["orders:read"],"rate":"1/s","expires_at":null,"addresses":["192.0.2.1"],
        "metadata":{"a":1},"note":"x"}"#;
    let new: NewKey = json.parse().expect("valid");
    assert_eq!(new.expiry, Expiry::Never);
    assert_eq!(new.addresses.to_string(), "192.0.2.1/32");
    assert_eq!(new.metadata.as_str(), r#"{"a":1}"#);
    let plain: NewKey = r#"{"service":"orders","owner":"acme","name":"n"}"#
        .parse()
        .expect("valid");
    assert_eq!((plain.expiry, plain.environment), (Expiry::Default, None));
    for (json, words) in [
        (
            r#"{"owner":"acme","name":"n"}"#,
            "invalid service: expected a value: it is missing",
        ),
        (
            r#"{"service":"orders","name":"n"}"#,
            "invalid owner: expected a value: it is missing",
        ),
        (
            r#"{"service":"orders","owner":"acme"}"#,
            "invalid name: expected a value: it is missing",
        ),
        (
            r#"{"service":"Orders","owner":"acme","name":"n"}"#,
            "invalid service: expected 1 to 63",
        ),
        (
            r#"{"service":"orders","owner":"acme","name":"n","rate":null}"#,
            "cannot be null",
        ),
        (
            r#"{"service":"orders","owner":"acme","name":"n","token":"x"}"#,
            "not token",
        ),
    ] {
        let told = refused::<NewKey>(json);
        assert!(told.contains(words), "{words}: {told}");
    }
}
