//! What `config show` prints means the same as the file.

use super::{parse, template};
use crate::config::{Effective, TEMPLATE};

/// Texts with everything that the template knows, and with little of it.
fn texts() -> Vec<String> {
    vec![
        String::new(),
        TEMPLATE.to_owned(),
        template::uncommented(),
        "[timeouts]\nconnect = \"9s\"\n[limits]\nidle_upstream_connections = 3\n[[upstreams]]\n\
         name = \"a\"\nurl = \"http://a\"\nbody = \"1s\"\n[[routes]]\nname = \"a\"\nprefix = \"/\"\n\
         auth = \"open\"\nupstream = \"a\"\n"
            .to_owned(),
    ]
}

#[test]
fn what_is_shown_is_the_same_configuration_with_its_defaults() {
    for text in texts() {
        let shown = Effective::of(&text).print();
        let (before, after) = (parse(&text).expect("valid"), parse(&shown));
        let after = after.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(format!("{after:?}"), format!("{before:?}"), "{shown}");
        assert_eq!(Effective::of(&shown).print(), shown);
        for line in [
            "listen = \"",
            "header = \"10s\"",
            "headers = 100",
            "path = \"portcullis.db\"",
        ] {
            assert!(shown.contains(line), "{line} in\n{shown}");
        }
    }
}

#[test]
fn an_upstream_shows_what_holds_for_all() {
    let shown = Effective::of(&texts()[3]).print();
    let (_, upstream) = shown.split_once("[[upstreams]]").expect("an upstream");
    for line in ["connect = \"9s\"", "body = \"1s\"", "idle_connections = 3"] {
        assert!(upstream.contains(line), "{line} in\n{shown}");
    }
    let (_, route) = shown.split_once("[[routes]]").expect("a route");
    assert!(!route.contains("cut_off"), "it asks for no key: {shown}");
}

#[test]
fn what_may_be_secret_is_not_shown() {
    let token = "pck_live_6f9619ff8b86d011b42d00c04fc964ff_\
                 0000000000000000000000000000000000000000000000000";
    let text = format!(
        "[[services]]\nname = \"orders\"\n[[routes]]\nname = \"a\"\nprefix = \"/\"\n\
         service = \"orders\"\nheaders = [\n\
         {{ name = \"x-cdn-token\", value = \"first\" }}, {{ name = \"x-b\", value = \"{token}\" }},\n\
         {{ name = \"X_API_KEY\", value = \"a${{B}}\" }}, {{ name = \"cookie\", value = \"${{C:-second}}\" }},\n\
         {{ name = \"x-secret\", value = \"${{KEPT}}\" }}, {{ name = \"x-token\", value = {{ file = \"f\" }} }},\n\
         {{ name = \"x-plain\", value = \"shown\" }}]\nrespond = {{ status = 204 }}\n"
    );
    let shown = Effective::of(&text).print();
    for secret in ["first", "second", "00000000000", "a${B}"] {
        assert!(!shown.contains(secret), "{secret} in\n{shown}");
    }
    for kept in [
        "${KEPT}",
        "file = \"f\"",
        "shown",
        "x-cdn-token",
        "[redacted]",
    ] {
        assert!(shown.contains(kept), "{kept} in\n{shown}");
    }
}

#[test]
fn differences_are_told_by_field() {
    let (one, other) = (
        Effective::of("listen = \"a\"\n[limits]\nheaders = 1\npath_bytes = 8192"),
        Effective::of("[limits]\nconnections = 7\n[[routes]]\nname = \"a\""),
    );
    let found: Vec<_> = one.differences(&other).into_iter().collect();
    assert_eq!(
        found,
        ["limits.connections", "limits.headers", "listen", "routes"]
    );
    assert!(one.differences(&one).is_empty());
}
