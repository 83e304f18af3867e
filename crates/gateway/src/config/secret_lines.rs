//! Which lines of a configuration no fault shows, because they may hold a secret.

use std::ops::Range;

/// Whether one of the lines of `span` may be of `[trace]` and what is in it, where the fields of
/// requests to a collector stand, and its address.
///
/// That is found out from the text alone, which may be no TOML at all and may have any name
/// misspelt, and rather too often than not: all does from the first line that names one of the two
/// tables to where another table begins.
pub(super) fn shows_secret(text: &str, span: &Range<usize>) -> bool {
    let (mut at, mut is_traced) = (0, false);
    for line in text.split_inclusive('\n') {
        let (from, to) = (at, at + line.len());
        at = to;
        if begins_table(line) {
            is_traced = line.contains("trace");
        }
        is_traced |= line.contains("otlp") || line.trim_start().starts_with("trace");
        if is_traced && span.start < to && from <= span.end {
            return true;
        }
    }
    // What is missing at the end of the text is shown with its last line.
    is_traced && span.start >= at
}

/// Whether a line is the head of a table, and not one of a text that begins with a bracket.
fn begins_table(line: &str) -> bool {
    let head = line.split('#').next().unwrap_or_default().trim();
    let is_of_name = |character: char| {
        character.is_alphanumeric() || matches!(character, '[' | ']' | '.' | '-' | '_' | ' ')
    };
    head.starts_with('[') && head.ends_with(']') && head.chars().all(is_of_name)
}
