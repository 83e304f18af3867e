use std::env;
use std::fs;
use std::process::Command;

use crate::figure;

/// What a process has of the machine's memory, in bytes: now, and the most
/// that it ever had. Nothing where the system does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident now.
    pub now: u64,
    /// The most that was resident at any time.
    pub peak: u64,
}

impl Memory {
    /// As the kernel counts it (`VmRSS` and `VmHWM`).
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        Self::of_process(std::process::id())
    }

    /// The same, of another process.
    #[must_use]
    pub fn of_process(id: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let kibibytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        Some(Self {
            now: kibibytes("VmRSS:")? << 10,
            peak: kibibytes("VmHWM:")? << 10,
        })
    }
}

/// Runs the body of the test of this name in a process of its own, so that
/// its memory is nobody else's.
///
/// # Panics
///
/// Where the test fails.
pub fn alone(test: &str, body: impl FnOnce()) {
    const ALONE: &str = "PORTCULLIS_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let program = env::current_exe().expect("the test's own program");
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("started");
    let (text, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{test}: {text}{said}");
    for line in said.lines() {
        if let Some(text) = line.strip_prefix("FIGURE ") {
            figure(text);
        }
    }
}
