use portcullis::text::visible;

/// Text of several lines in which nothing else than these line breaks moves the cursor, hides or
/// reorders: for whatever repeats what is stored, which somebody else may have written.
pub(crate) fn visible_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    lines.join("\n")
}
