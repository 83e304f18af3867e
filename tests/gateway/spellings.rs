//! Show 5: whatever spelling of a guarded path is sent, the guarded upstream sees nothing of it
//! without a key, and the open one nothing that any server would take for it.

use portcullis_tests::{Gateway, Place, Upstream, get};

use crate::paths::leads_to_admin;
use crate::{PROGRAM, service, upstream_table};

/// What may stand before the name: all of it leads to the root.
const BEFORE: [&str; 18] = [
    "/",
    "//",
    "///",
    "/./",
    "/././",
    "/%2e/",
    "/%2E/./",
    "/x/../",
    "/x//../",
    "/x/y/../../",
    "/x/./../",
    "/x/%2e%2e/",
    "/x/%2E%2e/",
    "/x/.%2e/",
    "/x/%2e./",
    "/%78/../",
    "/x;a/../",
    "http://gateway.test//",
];

/// What may stand behind it.
const BEHIND: [&str; 22] = [
    "",
    "/",
    "//",
    "/x",
    "//x",
    "/./x",
    "/x/..",
    "?x",
    "?/../open",
    ";",
    ";a",
    ";a=b/x",
    "/;a",
    "%3b",
    "%3Ba/x",
    "%00",
    "%23",
    "%3fx",
    "%2f",
    "%2Fx",
    "%5cx",
    "\\x",
];

/// Spellings that are refused, or that hardly any server takes for the path.
const ODD: [&str; 24] = [
    "/%2fadmin",
    "/%2F%2fadmin",
    "/%5cadmin",
    "\\admin",
    "/\\admin",
    "/x\\..\\admin",
    "/x%2f..%2fadmin",
    "/x%2f%2e%2e%2fadmin",
    "/x%5c..%5cadmin",
    "/x/..;/admin",
    "/x/..;a=b/admin",
    "/x/%2e%2e;/admin",
    "/x/..%3b/admin",
    "/;/admin",
    "/;a/admin",
    "/.;/admin",
    "/../admin",
    "/../../admin",
    "/%2e%2e/admin",
    "/x/%252e%252e/admin",
    "/%252fadmin",
    "/%00/../admin",
    "/x/%c0%ae%c0%ae/admin",
    "/%c0%afadmin",
];

/// The name with each set of its letters encoded, with digits in lower case and in upper.
fn encoded_names() -> Vec<String> {
    let mut names = Vec::new();
    for set in 1..32_u32 {
        for upper in [false, true] {
            let letters = "admin".bytes().enumerate();
            let name = letters.map(|(at, letter)| match (set >> at & 1, upper) {
                (0, _) => char::from(letter).to_string(),
                (_, false) => format!("%{letter:02x}"),
                (_, true) => format!("%{letter:02X}"),
            });
            names.push(name.collect());
        }
    }
    // Encoded once more.
    names.extend(["%2561dmin", "a%2564min", "%2561%2564%256d%2569%256e"].map(str::to_owned));
    names
}

fn spellings() -> Vec<String> {
    let mut all: Vec<String> = ODD.iter().map(|&odd| odd.to_owned()).collect();
    for before in BEFORE {
        all.extend(BEHIND.iter().map(|behind| format!("{before}admin{behind}")));
    }
    for name in encoded_names() {
        all.extend(["/", "/x/../", "//"].map(|before| format!("{before}{name}")));
        all.push(format!("/{name}/x"));
    }
    all.sort();
    all.dedup();
    all
}

/// Paths that are somewhere else, however much they look like it.
fn legal() -> Vec<String> {
    let mut all: Vec<String> = "-._~!$&'()*+,=:@"
        .chars()
        .map(|mark| format!("/open/a{mark}b"))
        .collect();
    for code in [
        "20", "22", "3C", "3E", "5B", "5D", "5E", "60", "7B", "7C", "7D", "C3%A9", "E2%82%AC",
        "41", "7e", "2D", "2b", "26", "3D", "40",
    ] {
        all.push(format!("/open/%{code}"));
    }
    let others = [
        "/",
        "/?admin",
        "/adminx",
        "/admi",
        "/xadmin",
        "/a/admin",
        "/open/admin",
        "/open//admin",
        "/admin/../open",
        "/admin/x/../../open",
        "/open/./admin",
        "/open/..admin",
        "/open/a..b",
        "/open/...",
        "/open/.hidden",
        "/open?/../admin",
        "/open?q=%2fadmin",
        "/open?a=b&c=%00",
        "/open/a/",
        "/ADMIN-x",
        "http://gateway.test/open",
        "/open/%61dmin",
    ];
    all.extend(others.map(str::to_owned));
    all
}

#[test]
fn no_spelling_of_a_guarded_path_passes_by_an_open_route() {
    let (place, open, guarded) = (Place::new(PROGRAM), Upstream::start(), Upstream::start());
    let routes = service("admin", "/admin", &guarded)
        + &upstream_table("open", &open)
        + "[[routes]]\nname = \"open\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"open\"\n";
    let gateway = Gateway::start(&place, &routes);

    let spellings = spellings();
    assert!(spellings.len() >= 200, "{}", spellings.len());
    for spelling in &spellings {
        let answer = get(gateway.address, spelling, None);
        assert_eq!(
            guarded.count(),
            0,
            "{spelling} reached the guarded upstream"
        );
        for seen in open.take_seen() {
            let target = seen.line.split(' ').nth(1).unwrap_or_default().to_owned();
            assert!(!leads_to_admin(&target), "{spelling} went on as {target}");
        }
        let status = answer.status;
        assert!(
            matches!(status, 200 | 400 | 401 | 404),
            "{spelling}: {status}"
        );
    }

    let legal = legal();
    assert!(legal.len() >= 50, "{}", legal.len());
    for path in &legal {
        assert_eq!(get(gateway.address, path, None).status, 200, "{path}");
        assert_eq!(open.take_seen().len(), 1, "{path} arrives");
    }
    assert_eq!(guarded.count(), 0);

    // Whoever has a key gets there by each spelling that is no doubt the path.
    let token = place.issue("admin", &["--scope", "*"]);
    for before in &BEFORE[..16] {
        let spelling = format!("{before}admin/x");
        assert_eq!(gateway.get(&spelling, &token).status, 200, "{spelling}");
        let seen = guarded.take_seen().pop().expect("a request");
        assert_eq!(seen.line, "GET /admin/x HTTP/1.1", "{spelling}");
    }
}
