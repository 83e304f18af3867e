use http::header::COOKIE;

use super::{found, parts};
use crate::credential::{CredentialSource, Credentials, Malformed};

/// What remains of these cookies, a text for each field.
fn stripped(fields: &[&str]) -> Vec<String> {
    let fields: Vec<_> = fields
        .iter()
        .map(|text| ("cookie", text.as_bytes()))
        .collect();
    let mut parts = parts(&fields);
    Credentials::cookie("key").strip(&mut parts);
    let values = parts.headers.get_all(COOKIE).iter();
    values
        .map(|value| value.to_str().expect("visible").to_owned())
        .collect()
}

#[test]
fn exactly_one_cookie_of_the_name_is_a_credential() {
    let key = Credentials::cookie("key");
    for (text, expected) in [
        ("key=abc", Ok(true)),
        ("a=1; key=abc; b=2", Ok(true)),
        ("a=1;key=abc", Ok(true)),
        ("key=\"abc\"", Ok(true)),
        ("key=abc==", Ok(true)),
        ("a=key=abc", Ok(false)),
        ("Key=abc", Ok(false)),
        ("keys=abc; xkey=abc", Ok(false)),
        ("", Ok(false)),
        (";;", Ok(false)),
        ("abc", Ok(false)),
        ("key=abc; key=abc", Err(Malformed)),
        ("key=abc; a=1; key=", Err(Malformed)),
        ("key", Err(Malformed)),
        ("key=", Err(Malformed)),
        ("key=\"abc", Err(Malformed)),
        ("key=\"\"", Err(Malformed)),
        ("key=a b", Err(Malformed)),
        ("key=a,b", Err(Malformed)),
        ("key =abc", Err(Malformed)),
        ("key= abc", Err(Malformed)),
        // Servers that part cookies at a comma would read ours in these.
        ("a=1,key=abc", Err(Malformed)),
        ("a=1, key=abc; b=2", Err(Malformed)),
        ("a=1,key =abc", Err(Malformed)),
        ("a=\"1,key=abc\"", Err(Malformed)),
        (",key=abc", Err(Malformed)),
        // Without its sign of equality it is a word in the value of another.
        ("a,key", Ok(false)),
        ("theme=a,key", Ok(false)),
        ("theme=a,key; key=abc", Ok(true)),
        ("prefs=[\"name\",\"key\"]", Ok(false)),
        ("prefs=[\"name\",\"key\"=abc]", Err(Malformed)),
        ("theme=a,key=", Err(Malformed)),
        ("key=abc; a=1,key=abd", Err(Malformed)),
        ("key=abc,a=1", Err(Malformed)),
        ("a=1,keys=2,xkey=3", Ok(false)),
        ("key=abc; a=1,b=2", Ok(true)),
        ("a={\"key\":1,\"b\":2}", Ok(false)),
        ("\"key\"=abc", Err(Malformed)),
        ("=key=abc", Ok(false)),
    ] {
        assert_eq!(
            found(&key, &[("cookie", text.as_bytes())]),
            expected,
            "{text}"
        );
    }
    let bytes = b"a=\xff\xc3; key=abc".as_slice();
    assert_eq!(found(&key, &[("cookie", bytes)]), Ok(true));
    for other in [&b"key=\xff"[..], b"a=1; \xa0key=abc", b"key\xa0=abc"] {
        assert_eq!(
            found(&key, &[("cookie", other)]),
            Err(Malformed),
            "{other:?}"
        );
    }
}

#[test]
fn fields_in_parts_are_one_list() {
    let key = Credentials::cookie("key");
    let one: &[(&str, &[u8])] = &[("cookie", b"a=1"), ("cookie", b"key=abc")];
    assert_eq!(found(&key, one), Ok(true));
    let two: &[(&str, &[u8])] = &[("cookie", b"key=abc"), ("cookie", b"key=abd")];
    assert_eq!(found(&key, two), Err(Malformed));
}

#[test]
fn cookies_are_read_where_somebody_asked_for_them_alone() {
    let fields: &[(&str, &[u8])] = &[("cookie", b"key=abc")];
    assert_eq!(found(&Credentials::bearer(), fields), Ok(false));
    let mut kept = parts(fields);
    Credentials::bearer().strip(&mut kept);
    assert_eq!(kept.headers.len(), 1);
}

#[test]
fn the_cookie_is_taken_out_and_the_others_stay_as_they_are() {
    for (fields, rest) in [
        (&["key=abc"][..], &[][..]),
        (&["a=1; key=abc; b=2"], &["a=1; b=2"]),
        (&["key=abc; b=\"2\""], &["b=\"2\""]),
        (&["a=1; key=abc"], &["a=1"]),
        (&["a=1;key=abc;b=2"], &["a=1;b=2"]),
        (&["key=abc; key=abd; a=1"], &["a=1"]),
        (&["a=1; key ; key =x"], &["a=1"]),
        (&["a=1;; b=2"], &["a=1;; b=2"]),
        (&["a=1", "key=abc", "c=3; key=abc"], &["a=1", "c=3"]),
        (&["keys=1; xkey=2"], &["keys=1; xkey=2"]),
        (&["a=1,key=abc; b=2,c=3"], &["b=2,c=3"]),
        (&["theme=a,key; key=abc"], &["theme=a,key"]),
    ] {
        assert_eq!(stripped(fields), rest, "{fields:?}");
    }
}
