use portcullis_tests::{Gateway, Place, Upstream, get};

use crate::{PROGRAM, service};

#[test]
fn no_spelling_of_a_guarded_path_passes_with_a_key_of_the_service_around_it() {
    let (place, outer, inner) = (Place::new(PROGRAM), Upstream::start(), Upstream::start());
    let services = service("outer", "/", &outer) + &service("admin", "/admin", &inner);
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("outer", &["--scope", "*"]);
    assert_eq!(gateway.get("/open", &token).status, 200);

    let spellings = [
        "/admin",
        "/admin/",
        "/admin/x",
        "//admin",
        "/./admin",
        "/x/../admin",
        "/x/./../admin",
        "/%61dmin",
        "/%61%64%6d%69%6e",
        "/%2e/admin",
        "/x/%2e%2e/admin",
        "/x/%2E%2E/admin",
        "/x/.%2e/admin",
        "/admin?x=1",
        "/admin/../admin",
        "/x/..//admin",
        "/admin/./",
        "/%2fadmin",
        "/%2Fadmin",
        "/x%2f..%2fadmin",
        "/x%5c..%5cadmin",
        "/x\\..\\admin",
        "/\\admin",
        "/%5cadmin",
        "/admin%2fx",
        "/admin%00",
        "/%00/../admin",
        "/x/..;/admin",
        "/x/..;a=b/admin",
        "/admin;x",
        "/admin;x/y",
        "/;/admin",
        "/x/%252e%252e/admin",
        "/%252fadmin",
        "/%2561dmin",
        "/../admin",
        "/../../admin",
        "/admin%3fx",
        "/admin%23x",
        "/admin%3bx",
        "/%c0%af/admin",
        "/x/%c0%ae%c0%ae/admin",
        "http://other.test/admin",
        "http://other.test//admin/x",
        "http://other.test/%61dmin",
    ];
    for spelling in spellings {
        let answer = get(gateway.address, spelling, Some(&token));
        for seen in outer.take_seen() {
            let target = seen.line.split(' ').nth(1).unwrap_or_default().to_owned();
            assert!(
                !leads_to_admin(&target),
                "{spelling} went to the outer service as {target}"
            );
        }
        assert_eq!(inner.count(), 0, "{spelling} reached the guarded service");
        assert!(
            matches!(answer.status, 0 | 200 | 400 | 401 | 404),
            "{spelling}: {}",
            answer.status
        );
    }

    // Whoever has a key of the guarded service reaches it, in the one spelling.
    let admin = place.issue("admin", &["--scope", "*"]);
    for spelling in ["/admin/x", "//admin///x", "/y/../admin/x", "/%61dmin/x"] {
        assert_eq!(gateway.get(spelling, &admin).status, 200, "{spelling}");
        let seen = inner.take_seen().pop().expect("a request");
        assert_eq!(seen.line, "GET /admin/x HTTP/1.1", "{spelling}");
    }
    for legal in [
        "/adminx",
        "/a/admin",
        "/open/a.b/..c/d..",
        "/open/%41%7e%C3%A9",
        "/open/a%20b?q=/admin",
    ] {
        assert_eq!(gateway.get(legal, &token).status, 200, "{legal}");
    }
}

/// Whether the laxest server that we know of would serve `/admin` for a target:
/// one that decodes everything, twice, takes a backslash for a slash, drops
/// parameters and empty segments, and resolves dots last.
pub(crate) fn leads_to_admin(target: &str) -> bool {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let path = decode(&decode(path)).replace('\\', "/");
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment
            .split([';', '?', '#', '\0'])
            .next()
            .unwrap_or_default()
        {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.first() == Some(&"admin")
}

fn decode(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let byte = rest
            .get(at + 1..at + 3)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            None => {
                out.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    out + rest
}
