use super::Malformed;

const SCHEME: &[u8] = b"Bearer";

/// The `b64token` of an `Authorization` field's value (RFC 6750 section 2.1);
/// nothing where the value is of another scheme.
///
/// Exactly one space stands between scheme and token, as RFC 6750 writes it.
/// The scheme is read without regard to case (RFC 9110 section 11.1). A value
/// of another scheme with ours behind a comma is two fields that somebody on
/// the way made one, and malformed: a token may neither be overlooked nor go
/// on to the service behind. What a parameter of the other scheme quotes is no
/// field.
pub(super) fn token_of(value: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let (scheme, token) = match value.iter().position(|byte| *byte == b' ') {
        Some(at) => value.split_at(at),
        None => (value, &[][..]),
    };
    if scheme.is_empty() || !scheme.iter().copied().all(is_token_character) {
        return Err(Malformed);
    }
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        let mut behind = Elements(Some(value)).skip(1);
        return if behind.any(|piece| is_bearer(piece.trim_ascii_start())) {
            Err(Malformed)
        } else {
            Ok(None)
        };
    }
    match token {
        [b' ', token @ ..] if is_b64token(token) => Ok(Some(token)),
        _ => Err(Malformed),
    }
}

/// What stands between the commas of a list, but for those in a quoted-string
/// (RFC 9110 section 5.6.4). One that is never closed is none, and its commas
/// count.
struct Elements<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let list = self.0.take()?;
        let mut at = 0;
        while let Some((before, rest)) = list.split_at_checked(at) {
            match rest {
                [] => break,
                [b',', behind @ ..] => {
                    self.0 = Some(behind);
                    return Some(before);
                }
                [b'"', text @ ..] if before.trim_ascii_end().ends_with(b"=") => {
                    at += 1 + quoted(text).unwrap_or_default();
                }
                _ => at += 1,
            }
        }
        Some(list)
    }
}

/// How many bytes of a text belong to the quoted-string that it begins within,
/// the closing mark among them.
fn quoted(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    });
    end.map(|end| end + 1)
}

fn is_bearer(text: &[u8]) -> bool {
    text.split_at_checked(SCHEME.len())
        .is_some_and(|(scheme, rest)| {
            scheme.eq_ignore_ascii_case(SCHEME) && matches!(rest, [] | [b' ' | b'\t', ..])
        })
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`
pub(super) fn is_b64token(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = text.get(..text.len() - padding).unwrap_or_default();
    // Without a way out in the middle, so that many bytes are looked at in one go.
    let sound = digits
        .iter()
        .fold(true, |sound, byte| sound & is_b64digit(*byte));
    !digits.is_empty() && sound
}

const fn is_b64digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// `tchar` of RFC 9110 section 5.6.2, of which schemes and cookies' names are made.
pub(super) fn is_token_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
