//! `[access_log]`: off unless it is there, and what its fields allow.

use std::path::PathBuf;

use super::{faults, parse};
use crate::access::{AccessLogConfig, AccessOutput};

fn log(text: &str) -> Option<AccessLogConfig> {
    parse(text).expect(text).access_log
}

#[test]
fn the_table_turns_it_on_and_enabled_turns_it_off() {
    let default = AccessLogConfig::default();
    assert_eq!(log(""), None);
    assert_eq!(log("[access_log]"), Some(default.clone()));
    assert_eq!(log("[access_log]\nenabled = true"), Some(default));
    assert_eq!(log("[access_log]\nenabled = false\nlines = 20"), None);
    let log = log("[access_log]\npath = \"log/access\"\nlines = 16\npath_field = true");
    let file = PathBuf::from("/etc/portcullis/log/access");
    assert_eq!(
        log,
        Some(AccessLogConfig {
            output: AccessOutput::File(file),
            lines: 16,
            with_path: true,
        })
    );
}

#[test]
fn faults_are_told_with_their_place() {
    for (text, told) in [
        (
            "[access_log]\nlines = 15",
            "2:9 access_log.lines: expected 16 to 1048576 lines",
        ),
        (
            "[access_log]\nlines = 1048577",
            "2:9 access_log.lines: expected 16 to 1048576 lines",
        ),
        // Also where it is turned off.
        (
            "[access_log]\nenabled = false\nlines = -1",
            "3:9 access_log.lines: expected 16 to 1048576 lines",
        ),
        (
            "[access_log]\npath = \"\"",
            "2:8 access_log.path: expected the path of a file, or \"-\"",
        ),
        (
            "[access_log]\npath_field = 1",
            "2:14 access_log.path_field: invalid type: integer `1`, expected a boolean",
        ),
        (
            "access_log = 1",
            "1:14 access_log: invalid type: integer `1`",
        ),
    ] {
        let found = faults(text);
        assert!(found.len() == 1 && found[0].starts_with(told), "{found:?}");
    }
    for edge in [16, 1_048_576] {
        assert!(log(&format!("[access_log]\nlines = {edge}")).is_some());
    }
}
