use bytes::Bytes;
use http::Uri;
use proptest::prelude::{
    ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest,
};
use proptest::sample::select;

use super::PathErrorKind::{
    AboveRoot, Backslash, Control, DoubleEncoding, EncodedSlash, InvalidEncoding, InvalidUtf8,
    NonAscii, Parameters,
};
use super::{CanonicalPath, PathErrorKind, Prefix};

/// What a spelling must come to, with `/admin` guarded under an open `/`.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Refused(PathErrorKind),
    Guarded(&'static str),
    Open(&'static str),
    /// `http::Uri` refuses it before us.
    NoUri,
}
use Fate::{Guarded, NoUri, Open, Refused};

const SPELLINGS: &[(&str, Fate)] = &[
    ("/admin", Guarded("/admin")),
    ("/admin/", Guarded("/admin/")),
    ("/admin/users", Guarded("/admin/users")),
    ("/admin?x=/../public", Guarded("/admin?x=/../public")),
    ("/admin#/public", Guarded("/admin")),
    ("//admin", Guarded("/admin")),
    ("///admin//", Guarded("/admin/")),
    ("/./admin", Guarded("/admin")),
    ("/.//./admin/.", Guarded("/admin/")),
    ("/public/../admin", Guarded("/admin")),
    ("/public/..//admin", Guarded("/admin")),
    ("/public//../admin", Guarded("/admin")),
    ("/public/x/../../admin", Guarded("/admin")),
    ("/public/./../admin", Guarded("/admin")),
    ("/public/%2e%2e/admin", Guarded("/admin")),
    ("/public/%2E%2e/admin", Guarded("/admin")),
    ("/public/.%2e/admin", Guarded("/admin")),
    ("/public/%2e./admin", Guarded("/admin")),
    ("/%2e/admin", Guarded("/admin")),
    ("/%2e%2fadmin", Refused(EncodedSlash)),
    ("/%61dmin", Guarded("/admin")),
    ("/%61%64%6d%69%6E", Guarded("/admin")),
    ("/adm%69n/users", Guarded("/admin/users")),
    ("/admin/x/..", Guarded("/admin/")),
    ("/admin/..", Open("/")),
    ("/admin/../", Open("/")),
    ("/admin/../public", Open("/public")),
    ("/..", Refused(AboveRoot)),
    ("/../admin", Refused(AboveRoot)),
    ("/public/../../admin", Refused(AboveRoot)),
    ("/%2e%2e/admin", Refused(AboveRoot)),
    ("/public/..%2fadmin", Refused(EncodedSlash)),
    ("/public/..%2Fadmin", Refused(EncodedSlash)),
    ("/public%2f..%2fadmin", Refused(EncodedSlash)),
    ("/public%2f%2e%2e%2fadmin", Refused(EncodedSlash)),
    ("/%2fadmin", Refused(EncodedSlash)),
    ("/admin%2fusers", Refused(EncodedSlash)),
    ("/public/..\\admin", Refused(Backslash)),
    ("/\\admin", Refused(Backslash)),
    ("\\admin", NoUri),
    ("/public/..%5cadmin", Refused(Backslash)),
    ("/public%5C..%5Cadmin", Refused(Backslash)),
    ("/public/..;/admin", Refused(Parameters)),
    ("/public/..;a=b/admin", Refused(Parameters)),
    ("/public/%2e%2e;/admin", Refused(Parameters)),
    ("/public/..%3b/admin", Refused(Parameters)),
    ("/public/.;/admin", Refused(Parameters)),
    ("/;/admin", Refused(Parameters)),
    ("/;a=b/admin", Refused(Parameters)),
    ("/%3B/admin", Refused(Parameters)),
    ("/public/..%23/admin", Refused(Parameters)),
    ("/public/..%3f/admin", Refused(Parameters)),
    ("/admin;", Guarded("/admin;")),
    ("/admin;a=b", Guarded("/admin;a=b")),
    ("/admin;a=b/users", Guarded("/admin;a=b/users")),
    ("/admin%3ba", Guarded("/admin%3Ba")),
    ("/admin%3Fa", Guarded("/admin%3Fa")),
    ("/admin%23a", Guarded("/admin%23a")),
    ("/public;a/../admin", Guarded("/admin")),
    ("/admin%00", Refused(Control)),
    ("/admin%00.css", Refused(Control)),
    ("/admin%0a", Refused(Control)),
    ("/admin%09", Refused(Control)),
    ("/admin%7f", Refused(Control)),
    ("/admin\u{7f}", NoUri),
    ("/ad min", NoUri),
    ("/%", Refused(InvalidEncoding)),
    ("/admin%", Refused(InvalidEncoding)),
    ("/admin%2", Refused(InvalidEncoding)),
    ("/admin%zz", Refused(InvalidEncoding)),
    ("/%u0061dmin", Refused(InvalidEncoding)),
    ("/%%36%31dmin", Refused(InvalidEncoding)),
    ("/%2561dmin", Refused(DoubleEncoding)),
    ("/%25%36%31dmin", Refused(DoubleEncoding)),
    ("/%252561dmin", Refused(DoubleEncoding)),
    ("/public/%252e%252e/admin", Refused(DoubleEncoding)),
    ("/public/..%252fadmin", Refused(DoubleEncoding)),
    ("/public/..%255cadmin", Refused(DoubleEncoding)),
    ("/admin%253ba", Refused(DoubleEncoding)),
    ("/admin%2500", Refused(DoubleEncoding)),
    ("/public/%c0%ae%c0%ae/admin", Refused(InvalidUtf8)),
    ("/public/..%c0%afadmin", Refused(InvalidUtf8)),
    ("/public/%e0%80%ae/admin", Refused(InvalidUtf8)),
    ("/admin%ff", Refused(InvalidUtf8)),
    ("/admin/\u{e9}", Refused(NonAscii)),
    ("/administrator", Open("/administrator")),
    ("/admin.", Open("/admin.")),
    ("/...", Open("/...")),
    ("/.../admin", Open("/.../admin")),
    ("/..admin", Open("/..admin")),
    ("/.admin", Open("/.admin")),
    ("/public/admin", Open("/public/admin")),
    ("/caf%c3%a9", Open("/caf%C3%A9")),
    ("/a%20b", Open("/a%20b")),
    ("/a{b}\"", Open("/a%7Bb%7D%22")),
    ("/proxy/http%253A%2520x", Open("/proxy/http%253A%2520x")),
    ("/100%25", Open("/100%25")),
    ("/tags/%23rust", Open("/tags/%23rust")),
    ("http://gateway.test/public/../admin", Guarded("/admin")),
    ("http://gateway.test", Open("/")),
    ("http://gateway.test?a=b", Open("/?a=b")),
    ("http://gateway.test/?//..", Open("/?//..")),
];

#[test]
fn evil_spellings_of_a_guarded_path_are_refused_or_guarded() {
    assert!(SPELLINGS.len() >= 60);
    let admin: Prefix = "/admin".parse().unwrap();
    for (spelling, fate) in SPELLINGS {
        let found = match Uri::from_maybe_shared(Bytes::from_static(spelling.as_bytes())) {
            Err(_) => NoUri,
            Ok(uri) => match CanonicalPath::from_uri(&uri) {
                Err(error) => Refused(error.kind()),
                Ok(path) => {
                    let text: &'static str = path.path_and_query().to_string().leak();
                    match path.starts_with_prefix(&admin) {
                        true => Guarded(text),
                        false => Open(text),
                    }
                }
            },
        };
        assert_eq!(&found, fate, "{spelling}");
        if let Open(path) = found {
            assert!(!reads_as_admin(path), "{spelling}");
        }
    }
}

#[test]
fn other_forms_of_the_target_are_refused() {
    let kind = |target: &str| {
        CanonicalPath::from_uri(&target.parse().unwrap())
            .unwrap_err()
            .kind()
    };
    assert_eq!(kind("*"), PathErrorKind::Asterisk);
    assert_eq!(kind("example.com:443"), PathErrorKind::Authority);
    assert_eq!(kind("example.com"), PathErrorKind::Authority);
}

#[test]
fn length_is_bounded_before_and_after_encoding() {
    let bound = |path: String, max| {
        CanonicalPath::within(&path.parse().unwrap(), max).map_err(|error| error.kind())
    };
    assert!(bound("/".repeat(8), 8).is_ok());
    assert_eq!(bound("/".repeat(9), 8), Err(PathErrorKind::TooLong));
    assert_eq!(bound("/?aaaaaaa".into(), 8), Err(PathErrorKind::TooLong));
    assert_eq!(bound("/{{{".into(), 8), Err(PathErrorKind::TooLong));
    let long: Uri = format!("/{}", "a".repeat(8 * 1024)).parse().unwrap();
    assert_eq!(
        CanonicalPath::from_uri(&long).unwrap_err().kind(),
        PathErrorKind::TooLong
    );
}

#[test]
fn canonical_path_is_not_copied() {
    for target in ["/orders/1?a=b", "/", "/a%20b/%3D", "/a/"] {
        let uri: Uri = target.parse().unwrap();
        let path = CanonicalPath::from_uri(&uri).unwrap();
        assert_eq!(path.path().as_ptr(), uri.path().as_ptr(), "{target}");
    }
}

#[test]
fn query_stays_byte_for_byte() {
    let path = CanonicalPath::from_uri(&"/a//b?x=%2e%2E/../%zz&&".parse().unwrap()).unwrap();
    assert_eq!(path.path(), "/a/b");
    assert_eq!(path.query(), Some("x=%2e%2E/../%zz&&"));
}

#[test]
fn prefix_ends_at_a_segment() {
    let holds = |prefix: &str, path: &str| {
        CanonicalPath::from_uri(&path.parse().unwrap())
            .unwrap()
            .starts_with_prefix(&prefix.parse().unwrap())
    };
    for path in [
        "/orders",
        "/orders/",
        "/orders/1",
        "/orders?x",
        "/orders;v=1/2",
    ] {
        assert!(holds("/orders", path), "{path}");
        assert!(holds("/orders/", path), "{path}");
        assert!(holds("/", path), "{path}");
    }
    for path in [
        "/ordersx",
        "/order",
        "/",
        "/x/orders",
        "/Orders",
        "/ordersx;/1",
    ] {
        assert!(!holds("/orders", path), "{path}");
    }
    assert!(holds("/a/b", "/a;x/b;y/c"));
    assert!(holds("/a/b", "/a;/b"));
    assert!(!holds("/a/b", "/a;x=b"));
}

#[test]
fn character_of_a_prefix_counts_however_it_is_encoded() {
    for mark in ":@!$&'()*+,=".chars() {
        let prefix: Prefix = format!("/v1{mark}admin").parse().unwrap();
        let code = u32::from(mark);
        for spelling in [
            mark.to_string(),
            format!("%{code:02X}"),
            format!("%{code:02x}"),
            format!("%25{code:02X}"),
            format!("%25{code:02x}"),
        ] {
            let target = format!("/v1{spelling}admin/x");
            let path = CanonicalPath::from_uri(&target.parse().unwrap()).unwrap();
            assert!(path.starts_with_prefix(&prefix), "{target}");
            assert!(
                !path.starts_with_prefix(&"/v1".parse().unwrap()),
                "{target}"
            );
        }
    }
    let space: Prefix = "/a%20b".parse().unwrap();
    let holds = |target: &str| {
        CanonicalPath::from_uri(&target.parse().unwrap())
            .unwrap()
            .starts_with_prefix(&space)
    };
    assert!(holds("/a%20b/c") && holds("/a%2520b;x"));
    assert!(!holds("/a%20bc") && !holds("/a+b") && !holds("/a%2520"));
}

#[test]
fn prefix_is_written_in_canonical_form() {
    for (text, hint) in [
        ("", None),
        ("orders", None),
        ("/orders?x", None),
        ("/orders;v=1", None),
        ("/a%2fb", None),
        ("/a%23b", None),
        ("/a//b", Some("/a/b")),
        ("/a/../b", Some("/b")),
        ("/%61", Some("/a")),
        ("/v1%3Aadmin", Some("/v1:admin")),
        ("/v1%253aadmin", Some("/v1:admin")),
    ] {
        let error = text.parse::<Prefix>().unwrap_err().to_string();
        assert_eq!(error.contains("did you mean"), hint.is_some(), "{text}");
        assert!(error.contains(hint.unwrap_or_default()), "{error}");
    }
    let depth = |text: &str| text.parse::<Prefix>().unwrap().depth();
    assert_eq!([depth("/"), depth("/a"), depth("/a/b/")], [0, 1, 2]);
    for text in ["/v1:admin", "/@me", "/a%20b", "/caf%C3%A9", "/100%25"] {
        assert_eq!(text.parse::<Prefix>().unwrap().as_str(), text);
    }
    assert_eq!("/a/".parse::<Prefix>().unwrap().as_str(), "/a");
    assert_eq!(Prefix::root().as_str(), "/");
}

/// The worst server we can think of: decodes until nothing changes, ends the path at `?` or `#`,
/// takes backslashes for slashes, drops parameters, and stays at the
/// root when told to climb. Whether it would serve `/admin`.
fn reads_as_admin(path: &str) -> bool {
    reads_as(path, "admin")
}

fn reads_as(path: &str, name: &str) -> bool {
    let mut text = path.split(['?', '#']).next().unwrap().as_bytes().to_vec();
    loop {
        let decoded = decode_once(&text);
        if decoded == text {
            break;
        }
        text = decoded;
    }
    let text = String::from_utf8_lossy(&text).replace('\\', "/");
    let text = text.split(['?', '#', '\0']).next().unwrap();
    let mut segments = Vec::new();
    for segment in text.split('/') {
        match segment.split(';').next().unwrap() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    segments.first() == Some(&name)
}

fn decode_once(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let pair = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match pair {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    decoded
}

fn evil_path() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "/",
        "/",
        "/",
        "//",
        ".",
        "..",
        "/../",
        "/./",
        "admin",
        "%61dmin",
        "adm%69n",
        "public",
        "x",
        "%2e",
        "%2E",
        "%25",
        "25",
        "2e",
        "61",
        "%252e",
        "%2f",
        "%2F",
        "%5c",
        ";",
        ";a=b",
        "%3b",
        "%3B",
        "%3f",
        "%23",
        "%20",
        "%C3%A9",
        "%c3",
        "%00",
        "%",
        "{",
        "~",
        "%7e",
        "%3a",
        "?",
        "#",
        "v1:admin",
        "v1%3Aadmin",
        "v1",
        ":",
        "%3A",
        "%253a",
        "%25253A",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn canonical_form_is_clean_and_final(text in evil_path()) {
        let Ok(uri) = text.parse::<Uri>() else { return Ok(()) };
        let Ok(path) = CanonicalPath::from_uri(&uri) else { return Ok(()) };
        let form = path.path();
        prop_assert!(form.starts_with('/'));
        prop_assert!(!form.contains("//") && !form.contains('\\'));
        prop_assert!(!form.split('/').any(|segment| segment == "." || segment == ".."));
        prop_assert!(!form.to_ascii_lowercase().contains("%2f"));
        prop_assert!(form.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(path.query(), uri.query());
        prop_assert!(!uri.path().ends_with('/') || form.ends_with('/'));
        let again = CanonicalPath::from_uri(&path.path_and_query().clone().into()).unwrap();
        prop_assert_eq!(&again, &path);
    }

    #[test]
    fn open_path_is_not_read_as_the_guarded_one(text in evil_path()) {
        let Ok(uri) = text.parse::<Uri>() else { return Ok(()) };
        let Ok(path) = CanonicalPath::from_uri(&uri) else { return Ok(()) };
        let guarded = path.starts_with_prefix(&"/admin".parse().unwrap());
        prop_assert!(guarded || !reads_as_admin(path.path()), "{}", path.path());
        let guarded = path.starts_with_prefix(&"/v1:admin".parse().unwrap());
        prop_assert_eq!(guarded, reads_as(path.path(), "v1:admin"), "{}", path.path());
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut target = b"/".to_vec();
        target.extend(bytes);
        if let Ok(uri) = Uri::from_maybe_shared(Bytes::from(target)) {
            let _ = CanonicalPath::from_uri(&uri);
        }
    }
}
