use std::time::{Duration, Instant};

/// Asks until `check` says yes, for 20 seconds at most.
///
/// # Panics
///
/// Where it never does.
pub fn eventually(what: &str, check: impl FnMut() -> bool) {
    eventually_within(Duration::from_secs(20), what, check);
}

/// Asks until `check` says yes, for so long at most.
///
/// # Panics
///
/// Where it never does.
pub fn eventually_within(limit: Duration, what: &str, mut check: impl FnMut() -> bool) {
    let began = Instant::now();
    while !check() {
        assert!(began.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
