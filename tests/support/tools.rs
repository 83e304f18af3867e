use std::io::Write as _;
use std::process::{Command, Stdio};

/// Whether a program is there. Where it is not, the test says that it is
/// skipped, past the capture of the test runner.
#[must_use]
pub fn has_tool(test: &str, tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: there is no {tool} here");
    }
    found
}

/// Tells what was measured, past the capture of the test runner.
pub fn figure(text: &str) {
    let _ = writeln!(std::io::stderr(), "FIGURE {text}");
}
