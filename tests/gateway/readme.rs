use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_tests::{Place, Process, has_tool};

use crate::PROGRAM;

const QUICKSTART: &str = "cargo run --release --locked -p portcullis-gateway -- quickstart";
const TESTS: &str = "cargo test --workspace --locked";

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The README's fenced blocks, without what stands behind the fence.
fn blocks() -> Vec<String> {
    let text = fs::read_to_string(root().join("README.md")).expect("a README");
    let blocks = text.split("```").skip(1).step_by(2);
    blocks
        .filter_map(|block| Some(block.split_once('\n')?.1.to_owned()))
        .collect()
}

/// Their lines.
fn commands() -> Vec<String> {
    let blocks = blocks();
    blocks
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned))
        .collect()
}

#[test]
fn the_readme_s_commands_work_one_after_the_other() {
    let begin = "portcullis() { \"$P\" \"$@\"; }\nset -eu\n";
    let mut script = begin.to_owned();
    for first in [
        "portcullis config check",
        "portcullis services create",
        "token=",
        "portcullis keys list --all-services",
        "portcullis keys rotate",
        "portcullis audit list",
    ] {
        let found = blocks().into_iter().find(|block| block.starts_with(first));
        let block = found.unwrap_or_else(|| panic!("no block begins with {first}"));
        for line in block.lines() {
            // What the reader puts in; and events of which there are thousands.
            script += &line.replace(" ID", " \"$(printf %s \"$token\" | cut -d_ -f3)\"");
            script = script.replace("--after 4711", "--after 1") + "\n";
        }
    }
    let place = Place::new(PROGRAM);
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .env("P", PROGRAM)
        .env("PORTCULLIS_CONFIG", place.config())
        .current_dir(place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (status, printed, told) = Process::start(&mut command).wait_with_output();
    assert_eq!(status, 0, "{script}\n{printed}\n{told}");
    let retired = script.contains("services retire");
    assert!(!retired, "a service that is in use is not ended in passing");
}

#[test]
fn the_readme_s_tests_are_those_that_ci_runs() {
    let found: Vec<_> = commands()
        .into_iter()
        .filter(|line| line.starts_with("cargo test"))
        .collect();
    assert_eq!(found, [TESTS]);
    let script = fs::read_to_string(root().join(".ci/run")).expect("a script");
    assert!(
        script.contains("command=$(readme_command \"cargo test\")")
            && script.contains("bash -c \"$command\""),
        "CI runs what it takes out of the README"
    );
    // The script's own function, on the README as it is.
    let begin = script.find("readme_command() {").expect("a function");
    let end = begin + script[begin..].find("\n}\n").expect("its end") + 3;
    let call = format!("{}readme_command 'cargo test'", &script[begin..end]);
    let taken = Command::new("bash")
        .args(["-c", &call])
        .current_dir(root())
        .output()
        .expect("bash");
    assert_eq!(String::from_utf8_lossy(&taken.stdout).trim_end(), TESTS);
}

#[test]
fn the_readme_s_quickstart_prints_curl_lines_that_work_and_ends_on_ctrl_c() {
    let found: Vec<_> = commands()
        .into_iter()
        .filter(|line| line.contains("quickstart"))
        .collect();
    assert_eq!(found[0], QUICKSTART);
    // Cargo would build in release what was built for this test already; all
    // else is as the README says. That the package has this program is what
    // `cargo metadata` says.
    let (cargo, arguments) = QUICKSTART.split_once(" -- ").expect("arguments");
    let package = cargo.rsplit(' ').next().expect("a package");
    assert_eq!(default_program(package), "portcullis");
    if !has_tool("the_readme_s_quickstart", "curl") {
        return;
    }
    let mut command = Command::new(PROGRAM);
    command.args(arguments.split(' ')).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = Process::start(&mut command);
    let mut lines = BufReader::new(process.stdout()).lines();
    let mut curls = Vec::new();
    let mut told = String::new();
    while curls.len() < 2 {
        let line = lines.next().expect("more to come").expect("text");
        if line.trim_start().starts_with("curl ") {
            curls.push(line.trim().to_owned());
        }
        told = told + &line + "\n";
    }
    assert!(
        told.contains("200 OK") && told.contains("401 Unauthorized"),
        "{told}"
    );
    let status = |curl: &str| {
        let output = Command::new("sh")
            .args(["-c", &format!("{curl} -sS")])
            .output()
            .expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let status = text
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse::<u16>().ok());
        (status, text)
    };
    let (with_key, text) = status(&curls[0]);
    assert_eq!(with_key, Some(200), "{text}");
    assert!(
        text.to_ascii_lowercase().contains("x-portcullis-owner"),
        "the upstream saw who it was: {text}"
    );
    assert_eq!(status(&curls[1]).0, Some(401));

    process.signal("INT");
    assert_eq!(process.wait(), 0);
}

#[test]
fn quickstart_can_check_itself_and_end() {
    let output = Command::new(PROGRAM)
        .args(["quickstart", "--check"])
        .output()
        .expect("started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        text.contains("200 OK") && text.contains("401 Unauthorized"),
        "{text}"
    );
}

fn default_program(package: &str) -> String {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let found = packages
        .iter()
        .find(|found| found["name"] == package)
        .expect(package);
    found["default_run"]
        .as_str()
        .expect("a default program")
        .to_owned()
}
