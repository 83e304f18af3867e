//! Text that people write and other people read.

use std::borrow::Cow;

use crate::error::Invalid;
use crate::token::holds_token;

/// The text with every character escaped that changes how a line is shown
/// without being seen: control, bidirectional, zero-width and other invisible
/// ones, line breaks among them (Unicode Technical Report 36, section 2).
///
/// New text has none of them. What is stored may: written by another version,
/// or by somebody else into the database. For terminals and logs.
///
/// ```
/// use portcullis_core::text::visible;
///
/// assert_eq!(visible("a\u{1b}[2Jb\u{202e}"), r"a\u{1b}[2Jb\u{202e}");
/// ```
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_deceptive(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Judges a line of text that somebody brings: 1 to `max` characters, nothing
/// that hides or reorders what is shown, and no token.
///
/// What is stored was judged by the rules of its time, and is read by
/// [`check_length`] alone.
pub(crate) fn check_line(field: &'static str, text: &str, max: usize) -> Result<(), Invalid> {
    check_length(field, text, max)?;
    if text.trim() != text {
        return Err(Invalid::new(
            field,
            "no white space at the start or the end",
        ));
    }
    if text.chars().any(is_deceptive) {
        return Err(Invalid::new(
            field,
            "no control, bidirectional or zero-width characters",
        ));
    }
    // It would go on into listings and the audit trail.
    if holds_token(text) {
        return Err(Invalid::new(field, "no token: it is a secret"));
    }
    Ok(())
}

/// Checks that a line of text has 1 to `max` characters.
pub(crate) fn check_length(field: &'static str, text: &str, max: usize) -> Result<(), Invalid> {
    if (1..=max).contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(Invalid::new(field, format!("1 to {max} characters")))
    }
}

/// The text in lower case, for searching: independent of any language.
pub(crate) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Characters that change how a line is shown without being seen: Unicode's
/// general category `Cc`, the bidirectional controls (UAX 9), zero-width and
/// other invisible format characters, and the line separators.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
            | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::{check_line, visible};

    #[test]
    fn plain_text_of_any_language_is_allowed() {
        for text in ["billing job", "Zoë", "決済", "key #1 (nightly)", "x"] {
            assert_eq!(check_line("name", text, 64), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_hides_something_is_shown_escaped() {
        for (text, shown) in [
            ("Zoë 決済\\", "Zoë 決済\\"),
            ("a\u{1b}]0;x\u{7}", r"a\u{1b}]0;x\u{7}"),
            ("a\r\nb\u{9b}", r"a\u{d}\u{a}b\u{9b}"),
            ("\u{202e}\u{2066}\u{200b}", r"\u{202e}\u{2066}\u{200b}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn text_that_hides_something_is_refused() {
        for text in [
            "",
            " a",
            "a ",
            "a\nb",
            "a\0b",
            "a\u{200B}b",
            "a\u{202E}b",
            "a\u{2066}b",
            "\u{FEFF}a",
            "a\u{7f}",
        ] {
            assert!(check_line("name", text, 64).is_err(), "{text:?}");
        }
        assert!(check_line("name", &"x".repeat(65), 64).is_err());
        let token = format!("pck_live_{}_{}", "0".repeat(32), "x".repeat(49));
        let error = check_line("name", &token, 128).expect_err("a secret");
        assert!(!error.to_string().contains("xxx"), "{error}");
    }
}
