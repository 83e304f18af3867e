//! Values that stand in variables and files.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use crate::config::{Config, ConfigError};

/// The value that no message may have.
const CANARY: &str = "s3cr3t-c4n4ry";

fn variables(name: &str) -> Option<OsString> {
    Some(match name {
        "ADDRESS" => "0.0.0.0:80".into(),
        "HOST" => "orders.internal".into(),
        "NUMBER" => "12".into(),
        "YES" => "true".into(),
        "TIME" => "3s".into(),
        "NAME" => "orders".into(),
        "INJECT" => "127.0.0.1:1\"\n[[services]]\nname = \"x".into(),
        "CANARY" => CANARY.into(),
        "CANARY_LOW" => "canary-name".into(),
        "CANARY_PREFIX" => "/s3cr3t-c4n4ry/../x".into(),
        _ => return None,
    })
}

fn parse_in(folder: &Path, text: &str) -> Result<Config, ConfigError> {
    Config::parse_with(text, &folder.join("portcullis.toml"), &variables)
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    parse_in(Path::new("/etc/portcullis"), text)
}

fn faults(text: &str) -> Vec<String> {
    let error = parse(text).expect_err(text);
    let faults = error.faults().iter();
    faults
        .map(|fault| format!("{}:{} {fault}", fault.line(), fault.column()))
        .collect()
}

#[test]
fn variables_have_values_of_every_type() {
    let config = parse(
        r#"
        listen = "${ADDRESS}"
        [timeouts]
        header = "${TIME}"
        idle = "${NONE:-90s}"
        [limits]
        headers = "${NUMBER}"
        connections = "${NONE:-77}"
        [[services]]
        name = "${NAME}"
        permissions = ["${NAME}:read", "orders:${NONE:-list}"]
        [[upstreams]]
        name = "up"
        url = "http://${HOST}:3${NUMBER}"
        [[routes]]
        name = "all"
        prefix = "/${NAME}"
        service = "orders"
        upstream = "up"
        strip_prefix = "${YES}"
        end_with_key = "${NONE:-false}"
        headers = [{ name = "x-a", value = "$${NAME}" }]
        [[routes]]
        name = "text"
        path = "/text"
        auth = "open"
        respond = { status = "${NONE:-201}", body = "a ${NAME} $${NAME} $5" }
        "#,
    )
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.server.header_read_timeout, Duration::from_secs(3));
    assert_eq!(config.server.idle_timeout, Duration::from_secs(90));
    assert_eq!(config.server.max_headers, 12);
    assert_eq!(config.server.max_connections, 77);
    let routes = format!("{:?}", config.routes());
    for part in [
        "orders:list",
        "with_key: Stays",
        "${NAME}",
        "a orders ${NAME} $5",
        "201",
    ] {
        assert!(routes.contains(part), "{part} in {routes}");
    }
    let upstreams = config.upstreams();
    let upstream = format!("{:?}", upstreams[0].config);
    assert!(upstream.contains("orders.internal:312"), "{upstream}");
}

#[test]
fn a_value_cannot_leave_its_place() {
    let found = faults("listen = \"${INJECT}\"");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("1:10 listen: expected an IP address"),
        "{found:?}"
    );
}

#[test]
fn what_cannot_be_found_is_told_with_its_place_and_field() {
    for (text, expected) in [
        (
            "[limits]\nheaders = \"${NONE}\"",
            &[
                "2:11 limits.headers: the variable NONE is not set: expected a value in the environment, or a default as in ${NONE:-default}",
            ][..],
        ),
        (
            "listen = \"${\"",
            &["1:10 listen: expected ${NAME} or ${NAME:-default}"],
        ),
        (
            "[[services]]\nname = \"${A}\"\nprefix = \"/\"\nupstream = \"http://${B}\"",
            &[
                "2:8 services[0].name: the variable A",
                "4:12 services[0].upstream: the variable B",
            ],
        ),
        (
            "[limits]\nheaders = \"${NAME}\"",
            &["2:11 limits.headers: expected a whole number"],
        ),
        (
            "[limits]\nheaders = \"${NONE:-0}\"",
            &["2:11 limits.headers: expected 1 to 1000 fields"],
        ),
        (
            "[limits]\nheaders = \"12\"",
            &["2:11 limits.headers: invalid type: string \"12\""],
        ),
        (
            "[[routes]]\nname = \"a\"\npath = \"/\"\nauth = \"open\"\nrespond = { status = 204 }\nstrip_prefix = \"${NUMBER}\"",
            &["6:16 routes[0].strip_prefix: expected true or false"],
        ),
        ("store = \"${NAME}\"", &["1:9 store: expected a table"]),
        (
            "services = \"${NAME}\"",
            &["1:12 services: expected a list"],
        ),
        (
            "nothing = \"${NONE}\"",
            &["1:11 nothing: the variable NONE is not set"],
        ),
        (
            "[credentials]\nheader = { file = \"none\" }",
            &["2:10 credentials.header: cannot read the file none: "],
        ),
        (
            "listen = { flie = \"x\" }",
            &["1:10 listen: expected a value, or { file = \"PATH\" }"],
        ),
        (
            "listen = { file = \"${NONE}\" }",
            &["1:10 listen: the variable NONE is not set"],
        ),
        (
            "listen = { file = \"\" }",
            &["1:10 listen: expected the path of a file"],
        ),
        (
            "listen = { file = \"/\" }",
            &["1:10 listen: cannot read the file /: expected a regular file"],
        ),
    ] {
        let found = faults(text);
        assert_eq!(found.len(), expected.len(), "{text}\n{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                found.starts_with(expected),
                "{text}\nfound    {found}\nexpected {expected}"
            );
        }
    }
}

#[test]
fn no_message_repeats_what_a_variable_or_a_file_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("canary"), CANARY).expect("written");
    fs::write(folder.path().join("name"), "canary-name\n").expect("written");
    let route = "[[routes]]\nname = \"a\"\nprefix = \"/\"\nauth = \"open\"\n";
    for value in ["\"${CANARY}\"", "{ file = \"canary\" }"] {
        for text in [
            format!("listen = {value}"),
            format!("[store]\npath = \"x\"\n[operations]\nlisten = {value}"),
            format!("[limits]\nheaders = {value}"),
            format!("[manager]\nnamespace = {value}\ncache_ttl = {value}\nprefix = {value}"),
            format!("[manager]\ndefault_lifetime = {value}\nenvironment = {value}"),
            format!("[credentials]\nheader = {value}\n[timeouts]\nheader = {value}"),
            format!(
                "[[services]]\nname = {value}\nprefix = {value}\nupstream = {value}\nrate = {value}"
            ),
            format!("{route}upstream = {value}"),
            format!("{route}redirect = {{ to = {value}, status = {value} }}"),
            format!("{route}respond = {{ status = {value}, body = {value} }}"),
            format!("{route}respond = {{ status = 204 }}\nmethods = [{value}]\nhost = {value}"),
            format!(
                "{route}respond = {{ status = 204 }}\nheaders = [{{ name = \"a b\", value = {value} }}]"
            ),
            format!("store = {value}"),
            format!("routes = [{value}]"),
            format!("unknown = {value}"),
        ] {
            let Err(error) = parse_in(folder.path(), &text) else {
                continue;
            };
            let told = format!("{error}\n{error:?}");
            let name = CANARY.to_ascii_lowercase();
            assert!(!told.to_ascii_lowercase().contains(&name), "{text}\n{told}");
        }
    }
    let prefix =
        "[[services]]\nname = \"a\"\nprefix = \"${CANARY_PREFIX}\"\nupstream = \"http://a\"";
    let told = parse(prefix).expect_err("no prefix").to_string();
    assert!(
        told.contains("a path prefix begins") && !told.contains(CANARY),
        "{told}"
    );
    // A good name in a message about another field.
    for name in ["\"${CANARY_LOW}\"", "{ file = \"name\" }"] {
        let text = format!(
            "[[upstreams]]\nname = {name}\nurl = \"http://a\"\n{route}upstream = \"other\"\n"
        );
        let told = parse_in(folder.path(), &text)
            .expect_err("unknown")
            .to_string();
        assert!(
            told.contains("routes[0].upstream: expected one of the upstreams"),
            "{told}"
        );
        assert!(!told.contains("canary-name"), "{told}");
    }
}

#[test]
fn a_file_is_read_without_the_blanks_around_it_and_remembered() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("secrets"))?;
    fs::write(folder.path().join("secrets/field"), " \tvalue of it\r\n\n")?;
    fs::write(folder.path().join("port"), "77\n")?;
    let path = folder.path().join("portcullis.toml");
    fs::write(
        &path,
        "[limits]\nheaders = { file = \"port\" }\n[[routes]]\nname = \"a\"\npath = \"/\"\n\
         auth = \"open\"\nrespond = { status = 200, body = { file = \"secrets/field\" } }\n",
    )?;
    let reading = Config::read(&path);
    let config = reading.config().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.server.max_headers, 77);
    assert!(format!("{:?}", config.routes()).contains("b\"value of it\""));
    let mut files: Vec<_> = reading.sources().files().to_vec();
    files.sort();
    let expected = ["port", "portcullis.toml", "secrets/field"];
    assert_eq!(files, expected.map(|name| folder.path().join(name)));

    let before = reading.sources().digest();
    assert_eq!(Config::read(&path).sources().digest(), before);
    fs::write(folder.path().join("port"), "78\n")?;
    assert_ne!(Config::read(&path).sources().digest(), before);

    fs::write(folder.path().join("port"), "7".repeat(64 * 1024 + 1))?;
    let told = Config::load(&path).expect_err("too long").to_string();
    assert!(
        told.contains("cannot read the file port: expected at most 64 KiB"),
        "{told}"
    );
    fs::write(folder.path().join("port"), [0xff])?;
    let told = Config::load(&path).expect_err("no text").to_string();
    assert!(told.contains("the file port is no text"), "{told}");
    Ok(())
}

#[test]
fn all_values_together_are_bounded() {
    let long = |_: &str| Some(OsString::from("x".repeat(64 * 1024)));
    let many = "\"${A}\", ".repeat(100);
    let text = format!("[[services]]\npermissions = [{many}]");
    let error = Config::parse_with(&text, Path::new("p.toml"), &long).expect_err("too long");
    let told = error
        .faults()
        .iter()
        .any(|fault| fault.message().contains("at most 1 MiB"));
    assert!(told, "{error}");
}
