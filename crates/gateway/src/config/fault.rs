use std::fmt;
use std::ops::Range;

use super::suggest::nearest;

/// One thing that is wrong in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(super) span: Range<usize>,
    line: usize,
    column: usize,
    field: String,
    message: String,
}

impl Fault {
    /// The fault with another message.
    pub(super) fn telling(self, message: String) -> Self {
        Self { message, ..self }
    }

    pub(super) fn new(text: &str, finding: Finding, field: String) -> Self {
        let (line, column) = position(text, finding.span.start);
        Self {
            span: finding.span,
            line,
            column,
            field,
            message: finding.message,
        }
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The path of the field, for example `services[1].rate`; empty where the fault is the file's
    /// syntax.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong, and what is allowed.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// A fault before its field's path and its line are looked up.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    /// A field that should stand below what the span covers.
    pub(super) missing: Option<&'static str>,
}

impl Finding {
    pub(super) fn new(span: Range<usize>, message: impl AsRef<str>) -> Self {
        Self {
            span,
            message: plain(message.as_ref()),
            missing: None,
        }
    }

    /// A field that the table at `span` must have.
    pub(super) fn missing(span: Range<usize>, field: &'static str, example: &str) -> Self {
        Self {
            missing: Some(field),
            ..Self::new(span, format!("is missing: expected for example {example}"))
        }
    }

    /// What the parser found; at `end` where it does not say where.
    pub(super) fn of(error: &toml::de::Error, end: usize) -> Self {
        let message = error.message().trim_end();
        let mut finding = Self::new(error.span().unwrap_or(end..end), message);
        if let Some(meant) = meant(message) {
            finding
                .message
                .push_str(&format!(" (did you mean `{meant}`?)"));
        }
        finding
    }
}

/// The field that is near to one that is not known, from serde's "unknown field `a`, expected `b`"
/// or "expected one of `b`, `c`".
fn meant(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field `")?;
    let (written, expected) = rest.rsplit_once("`, expected ")?;
    nearest(written, expected.split('`').skip(1).step_by(2))
}

/// A message as it may repeat what a stranger wrote: neither endless nor able to steer a terminal.
fn plain(message: &str) -> String {
    const MOST: usize = 600;
    let mut text = String::new();
    for character in message.chars().take(MOST) {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    if message.chars().nth(MOST).is_some() {
        text.push_str("...");
    }
    text
}

/// Line and column, in characters, of the byte at `at`, both from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    let column = before
        .get(line_start..)
        .map_or(0, |line| line.chars().count())
        + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::position;

    #[test]
    fn positions_count_characters_from_one() {
        let text = "a = 1\né = 2\n";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, 4), (1, 5));
        assert_eq!(position(text, 6), (2, 1));
        assert_eq!(position(text, 9), (2, 3));
        assert_eq!(position(text, text.len()), (3, 1));
        assert_eq!(position("", 0), (1, 1));
    }
}
