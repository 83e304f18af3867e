//! Which lines of a configuration no fault shows, because they may hold a secret.

use std::ops::Range;

/// Whether one of the lines of `span` may be of `trace.otlp.headers`.
///
/// That is found out from the text alone, which may be no TOML at all, and rather too often than
/// not: all does from the first line that names the fields, in or below one that names the table,
/// to where another table begins.
pub(super) fn shows_secret(text: &str, span: &Range<usize>) -> bool {
    let (mut at, mut is_otlp, mut is_secret) = (0, false, false);
    for line in text.split_inclusive('\n') {
        let (from, to) = (at, at + line.len());
        at = to;
        if line.trim_start().starts_with('[') {
            (is_otlp, is_secret) = (false, false);
        }
        is_otlp |= line.contains("otlp");
        is_secret |= is_otlp && line.contains("headers");
        if is_secret && span.start < to && from <= span.end {
            return true;
        }
    }
    // What is missing at the end of the text is shown with its last line.
    is_secret && span.start >= at
}
