//! Every fault is told: where it is, and what is allowed there.

use super::{faults, parse};
use crate::config::Config;

#[test]
fn every_fault_is_told_with_its_place_its_field_and_what_is_allowed() {
    let table: &[(&str, &[&str])] = &[
        (
            "listen = 8080",
            &["1:10 listen: invalid type: integer `8080`, expected a string"],
        ),
        (
            "listen = \"nonsense\"",
            &["1:10 listen: expected an IP address and a port"],
        ),
        (
            "lissten = \"x\"",
            &["1:1 lissten: unknown field `lissten`, expected one of `listen`"],
        ),
        (
            "[store]\npaht = \"x\"",
            &["2:1 store.paht: unknown field `paht`, expected `path`"],
        ),
        (
            "[store]\npath = \"\"",
            &["2:8 store.path: expected the path of a file"],
        ),
        (
            "store = [\"x\"]",
            &["1:9 store: invalid type: sequence, expected a table"],
        ),
        (
            "store = 5",
            &["1:9 store: invalid type: integer `5`, expected a table"],
        ),
        (
            "services = 5",
            &["1:12 services: invalid type: integer `5`, expected a sequence"],
        ),
        (
            "services = [5]",
            &["1:13 services[0]: invalid type: integer `5`, expected a table"],
        ),
        (
            "[manager]\ncache_ttl = \"0s\"\npoll_interval = \"2m\"\ndefault_quota = -1",
            &[
                "2:13 manager.cache_ttl: expected a duration from 1s to",
                "3:17 manager.poll_interval: expected a duration from 10ms to",
                "4:17 manager.default_quota: expected 1 to 100,000,000 keys",
            ],
        ),
        (
            "[manager]\ncache_ttl = \"5 s\"",
            &["2:13 manager.cache_ttl: expected a whole number and one of"],
        ),
        (
            "[manager]\npoll_interval = \"20s\"",
            &["2:17 manager.poll_interval: does not go with max_staleness: expected at least two"],
        ),
        (
            "[manager]\nmax_lifetime = \"1h\"",
            &[
                "2:16 manager.max_lifetime: does not go with default_lifetime: expected a duration up",
            ],
        ),
        (
            "[manager]\nmax_lifetime = \"forever\"",
            &["2:16 manager.max_lifetime: expected never, or"],
        ),
        (
            "[manager]\ndefault_quota = 1.5",
            &["2:17 manager.default_quota: invalid type: floating"],
        ),
        (
            "[manager]\ndefault_quota = 99999999999999999999",
            &["2:17 manager.default_quota: "],
        ),
        (
            "[manager]\nnamespace = \"a b\"",
            &["2:13 manager.namespace: expected 1 to 63 characters"],
        ),
        (
            "[manager]\nenvironment = \"prod\"",
            &["2:15 manager.environment: expected live or test"],
        ),
        (
            "[timeouts]\nheader = \"0s\"",
            &["2:10 timeouts.header: expected 1ms to 600s"],
        ),
        (
            "[timeouts]\nconnect = \"6m\"",
            &["2:11 timeouts.connect: expected 1ms to 300s"],
        ),
        (
            "[limits]\nconnections = 0",
            &["2:15 limits.connections: expected 1 to 1000000"],
        ),
        (
            "[limits]\nidle_upstream_connections = -1",
            &["2:29 limits.idle_upstream_connections: expected 0 to 65536 connections"],
        ),
        (
            "[limits]\npath_bytes = 1",
            &["2:14 limits.path_bytes: expected 64 to 65536 bytes"],
        ),
        (
            "[credentials]\nheader = \"a b\"",
            &["2:10 credentials.header: expected a header name"],
        ),
        (
            "[credentials]\nheader = \"Authorization\"",
            &["2:10 credentials.header: expected a header that has no other meaning"],
        ),
        (
            "listen = \"127.0.0.1:80\"\noperations.listen = \"127.0.0.1:80\"",
            &["2:21 operations.listen: expected different addresses"],
        ),
        (
            "[[services]]\nname = \"Orders\"\nprefix = \"orders\"\nrate = \"0/s\"\nupstream = \"ftp://a\"",
            &[
                "2:8 services[0].name: expected 1 to 63 characters",
                "3:10 services[0].prefix: a path prefix begins with a slash",
                "4:8 services[0].rate: expected 1 to 1,000,000 requests",
                "5:12 services[0].upstream: expected http://HOST",
            ],
        ),
        (
            "[[services]]\nname = \"orders\"\n",
            &[
                "1:1 services[0].prefix: is missing: expected for example prefix",
                "1:1 services[0].upstream: is missing",
            ],
        ),
        (
            "[[services]]\nname = \"a\"\nprefix = \"/a\"\nupstream = \"http://a\"\npermissions = [\"a:*\", \"b\"]",
            &["5:16 services[0].permissions[0]: expected 1 to 8 segments"],
        ),
        (
            "[[services]]\nname = \"a\"\nprefix = \"/a\"\nupstream = \"http://a\"\n\
             [[services]]\nname = \"a\"\nprefix = \"/a/\"\nupstream = \"http://a\"",
            &[
                "6:8 services[1].name: expected a name that no service before has",
                "7:10 services[1].prefix: expected a prefix that no service before has",
            ],
        ),
        ("listen = ", &["1:10 "]),
        ("a = 1\na = 2", &["2:1 duplicate key"]),
        ("[store", &["1:7 "]),
        ("\u{0}", &["1:"]),
    ];
    for (text, expected) in table {
        let found = faults(text);
        assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
        for (found, expected) in found.iter().zip(*expected) {
            assert!(
                found.starts_with(expected),
                "{text}\nfound    {found}\nexpected {expected}"
            );
        }
    }
}

#[test]
fn a_slip_is_told_with_what_was_meant() {
    for (text, meant) in [
        ("lissten = \"x\"", "(did you mean `listen`?)"),
        (
            "[manager]\ncache_tll = \"1s\"",
            "(did you mean `cache_ttl`?)",
        ),
        (
            "[[upstreams]]\nname = \"billing\"\nurl = \"http://a\"\n[[routes]]\nname = \"a\"\n\
             prefix = \"/\"\nauth = \"open\"\nupstream = \"biling\"",
            "expected one of the upstreams: `billing` (did you mean `billing`?)",
        ),
        (
            "[[services]]\nname = \"orders\"\n[[routes]]\nname = \"a\"\nprefix = \"/\"\n\
             service = \"ordesr\"\nrespond = { status = 204 }",
            "(did you mean `orders`?)",
        ),
    ] {
        let found = faults(text);
        let told = found.iter().any(|fault| fault.ends_with(meant));
        assert!(told, "{text}\n{found:#?}");
    }
    let far = faults("xyzzyx = 1");
    assert!(!far[0].contains("did you mean"), "{far:?}");
}

#[test]
fn an_error_shows_the_line_with_a_mark() {
    let error =
        parse("# é\nlisten = \"nonsense\"\n[manager]\npoll_interval = 5\n").expect_err("faults");
    let expected = "\
the configuration /etc/portcullis/portcullis.toml has 2 faults

listen: expected an IP address and a port, for example 127.0.0.1:8080 or [::1]:8080
 --> /etc/portcullis/portcullis.toml:2:10
  |
2 | listen = \"nonsense\"
  |          ^^^^^^^^^^

manager.poll_interval: invalid type: integer `5`, expected a string
 --> /etc/portcullis/portcullis.toml:4:17
  |
4 | poll_interval = 5
  |                 ^";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn many_faults_are_bounded_and_long_ones_are_cut() {
    let many: String = (0..500).map(|n| format!("x{n} = 1\n")).collect();
    let error = parse(&many).expect_err("faults");
    assert_eq!(error.faults().len(), 20);
    assert!(error.to_string().contains("has at least 20 faults"));

    let long = format!("\"{}\\u001b\" = 1", "x".repeat(100_000));
    let error = parse(&long).expect_err("faults").to_string();
    assert!(
        error.len() < 4_000 && !error.contains('\u{1b}'),
        "{} bytes",
        error.len()
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let missing = folder.path().join("none.toml");
    let error = Config::load(&missing).expect_err("missing");
    assert!(error.to_string().contains("none.toml"));
    assert!(error.faults().is_empty() && std::error::Error::source(&error).is_some());

    let huge = folder.path().join("huge.toml");
    std::fs::write(&huge, "#".repeat(1024 * 1024 + 1)).expect("written");
    assert!(Config::load(&huge).is_err());
    std::fs::write(&huge, [b'#', 0xff]).expect("written");
    assert!(Config::load(&huge).is_err());
    assert!(Config::load(folder.path()).is_err());
}
