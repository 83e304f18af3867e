use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use portcullis::key::Environment;
use portcullis::manager::ManagerConfig;
use proptest::prelude::*;

use super::{Config, ConfigError, TEMPLATE};
use crate::server::ServerConfig;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/portcullis/portcullis.toml"))
}

/// Every fault as `line:column field: message`.
fn faults(text: &str) -> Vec<String> {
    let error = parse(text).expect_err(text);
    let shown = error
        .faults()
        .iter()
        .map(|fault| format!("{}:{} {fault}", fault.line(), fault.column()));
    shown.collect()
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = parse("").expect("valid");
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(
        config.operations_listen,
        SocketAddr::from(([127, 0, 0, 1], 9090))
    );
    assert_eq!(
        config.store_path,
        Path::new("/etc/portcullis/portcullis.db")
    );
    assert_eq!(config.keyring_path, Path::new("/etc/portcullis/keyring"));
    assert_eq!(config.manager, ManagerConfig::default());
    assert_eq!(config.server, ServerConfig::default());
    assert!(config.credential_header.is_none() && config.services.is_empty());
}

/// The template with its comments taken away from every field, and from the service at its end.
fn uncommented() -> String {
    let (fields, service) = TEMPLATE
        .split_once("# [[services]]")
        .expect("a service at the end");
    let mut text = String::new();
    for line in fields.lines() {
        text.push_str(
            line.strip_prefix('#')
                .filter(|line| !line.starts_with([' ', '#']))
                .unwrap_or(line),
        );
        text.push('\n');
    }
    text.push_str("[[services]]\n");
    for line in service.lines() {
        text.push_str(line.strip_prefix("# ").unwrap_or(line));
        text.push('\n');
    }
    text
}

#[test]
fn the_template_is_the_defaults_and_its_comments_name_them() {
    let default = parse("").expect("valid");
    let template = parse(TEMPLATE).expect("the template is valid");
    assert_eq!(format!("{template:?}"), format!("{default:?}"));

    let text = uncommented();
    let mut spelled = parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let service = spelled.services.pop().expect("the service at the end");
    assert_eq!(service.name.as_str(), "orders");
    assert_eq!(service.rate.expect("a rate").to_string(), "100/s burst 200");
    assert_eq!(
        spelled.credential_header.take().expect("a header"),
        "x-api-key"
    );
    assert_eq!(format!("{spelled:?}"), format!("{default:?}"));
}

#[test]
fn the_template_names_every_field() {
    let text = uncommented();
    for (table, known) in [
        ("[manager]\nx = 1", 15),
        ("[timeouts]\nx = 1", 8),
        ("[limits]\nx = 1", 5),
        ("[[services]]\nx = 1", 6),
        ("x = 1", 9),
    ] {
        let found = faults(table);
        let known_fields = found
            .iter()
            .find_map(|fault| fault.split_once("expected one of "));
        let (_, fields) = known_fields.expect("an unknown field");
        let fields: Vec<&str> = fields
            .split(", ")
            .map(|field| field.trim_matches('`'))
            .collect();
        assert_eq!(fields.len(), known, "{fields:?}");
        for field in fields {
            let named = text.lines().any(|line| {
                line.starts_with(&format!("{field} = ")) || line.trim_matches(['[', ']']) == field
            });
            assert!(named, "{field} is not in the template");
        }
    }
}

#[test]
fn values_reach_their_fields() {
    let config = parse(
        r#"
        listen = "[::1]:80"
        store.path = "/var/lib/keys.db"
        [operations]
        listen = "127.0.0.1:0"
        [manager]
        cache_ttl = "5m"
        default_lifetime = "never"
        environment = "test"
        namespace = "edge-1"
        [timeouts]
        header = "3s"
        upstream_idle = "7s"
        [limits]
        connections = 12
        [[services]]
        name = "orders"
        prefix = "/orders/"
        permissions = ["orders:read", "orders:list"]
        upstream = "http://127.0.0.1:3000/"
        "#,
    )
    .expect("valid");
    assert_eq!(config.listen.port(), 80);
    assert_eq!(config.store_path, Path::new("/var/lib/keys.db"));
    let manager = ManagerConfig::default()
        .cache_ttl(Duration::from_secs(300))
        .default_lifetime(None)
        .environment(Environment::Test)
        .namespace("edge-1");
    assert_eq!(config.manager, manager);
    assert_eq!(config.server.header_read_timeout, Duration::from_secs(3));
    assert_eq!(config.server.max_connections, 12);
    let [service] = config.services.as_slice() else {
        panic!("one service")
    };
    assert_eq!(service.prefix.as_str(), "/orders");
    assert_eq!(service.requirement.to_string(), "orders:read orders:list");
    assert_eq!(service.upstream.authority, "127.0.0.1:3000");
    assert_eq!(service.upstream.idle_timeout, Duration::from_secs(7));
    assert!(service.environments().contain(Environment::Live));
}

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
            "[[services]]\nname = \"Orders\"\nprefix = \"orders\"\nrate = \"0/s\"\nupstream = \"https://a\"",
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
fn a_credential_has_a_header_of_its_own() {
    for name in [
        "x-request-id",
        "X_Request_Id",
        "user-agent",
        "Accept",
        "accept-encoding",
        "origin",
        "date",
        "keep-alive",
        "x_portcullis_owner",
        "x.forwarded.for",
        "content_type",
        "sec-gpc",
    ] {
        let found = faults(&format!("[credentials]\nheader = \"{name}\""));
        let expected = "2:10 credentials.header: expected a header that has no other meaning";
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{name}: {found:?}"
        );
    }
    for name in [
        "x-api-key",
        "api-key",
        "Apikey",
        "x-acme-token",
        "x-auth-token",
    ] {
        let config = parse(&format!("[credentials]\nheader = \"{name}\"")).expect(name);
        assert!(config.credential_header.is_some());
    }
}

#[test]
fn rates_of_all_cached_keys_are_remembered() {
    for (keys, rates) in [
        (1, 1_000_000),
        (1_000_000, 1_000_000),
        (2_000_001, 2_000_001),
    ] {
        let config = parse(&format!("[manager]\ncache_capacity = {keys}")).expect("valid");
        assert_eq!(config.rate_capacity, rates);
    }
    assert_eq!(parse("").expect("valid").rate_capacity, 1_000_000);
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

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Err(error) = parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn nothing_like_toml_makes_it_panic(lines in prop::collection::vec(line(), 0..12)) {
        let text = lines.join("\n");
        if let Err(error) = parse(&text) {
            prop_assert!(!error.faults().is_empty(), "{}", text);
            prop_assert!(error.faults().iter().all(|fault| fault.line() <= lines.len() + 1));
            let _ = error.to_string();
        }
    }
}

/// Lines made of what such a file is made of, well put together and not.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "listen",
        "store.path",
        "services",
        "name",
        "prefix",
        "permissions",
        "manager.cache_ttl",
        "rate",
        "upstream",
        "\"é\"",
        "x",
        "[services]",
        "[[services]]",
        "[manager]",
        "[limits]",
        "",
    ]);
    let value = prop::sample::select(vec![
        "",
        " = \"a\"",
        " = 1",
        " = -1",
        " = [",
        "]",
        " = [[1], {a = 1}]",
        " = {path = 1}",
        " = \"127.0.0.1:1\"",
        " = 1979-05-27T07:32:00Z",
        " = nan",
        " = 0x7fffffffffffffff",
        " = '''",
        " = \"\"\"",
        " = true",
        " = \"/a\"",
        " = \"\u{202e}\"",
        "\r",
        "\t# é",
    ]);
    (key, value).prop_map(|(key, value)| format!("{key}{value}"))
}
