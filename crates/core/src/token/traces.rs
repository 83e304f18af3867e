use std::borrow::Cow;
use std::ops::Range;

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";

/// Base62 digits behind an id from which on they are taken for a secret. A
/// token that was cut off gives away as much as it still has.
const LEAST_DIGITS: usize = 8;

/// The text with the secret part of every token in it made unreadable, whole
/// or cut off, of whatever keyring. For texts that repeat what somebody wrote
/// where no token belongs: an error, a remark, a line of a log.
///
/// ```
/// use portcullis_core::token::redact;
///
/// let id = "0f8fad5bd9cb469fa16570867728950e";
/// let text = format!("no such file: pck_live_{id}_0123456789abcdefgh");
/// assert_eq!(redact(&text), format!("no such file: pck_live_{id}_[redacted]"));
/// ```
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut redacted = String::new();
    let mut done = 0;
    while let Some(secret) = next_secret(text, done) {
        redacted.push_str(text.get(done..secret.start).unwrap_or_default());
        redacted.push_str(REDACTED);
        done = secret.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    redacted.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(redacted)
}

/// Whether a token stands in the text.
pub(crate) fn holds_token(text: &str) -> bool {
    next_secret(text, 0).is_some()
}

/// Where the secret part of the next token from `from` on stands.
fn next_secret(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text.get(from..)?;
    rest.match_indices('_').find_map(|(at, _)| {
        let id = rest.get(at..)?;
        let id = id
            .strip_prefix("_live_")
            .or_else(|| id.strip_prefix("_test_"))?;
        let (id, secret) = id.split_at_checked(32)?;
        let secret = secret.strip_prefix('_')?;
        let is_id = id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = secret.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let start = text.len() - secret.len();
        (is_id && digits >= LEAST_DIGITS).then(|| start..start + digits)
    })
}

#[cfg(test)]
mod tests {
    use super::{holds_token, redact};
    use crate::key::{Environment, KeyId};
    use crate::keyring::Keyring;
    use crate::token::{Prefix, Token};

    #[test]
    fn every_secret_in_a_text_is_made_unreadable() {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let issue = |environment| {
            let id = KeyId::random();
            let token = Token::issue(&keyring, Prefix::DEFAULT, environment, id);
            token.expect("entropy").expose().to_owned()
        };
        let (one, other) = (issue(Environment::Live), issue(Environment::Test));
        let text = format!("é{one}é, \"{other}\"_live_ and {}", &one[..60]);
        let told = redact(&text);
        for token in [&one, &other] {
            let secret = &token[token.len() - 49..];
            for at in 0..secret.len() - 8 {
                assert!(!told.contains(&secret[at..at + 8]), "{told}");
            }
            let named = &token[..token.len() - 49];
            assert!(told.contains(&format!("{named}[redacted]")), "{told}");
        }
        assert!(told.starts_with('é') && told.contains("]é, ") && told.contains("_live_ and"));
        assert!(holds_token(&one) && !holds_token(&told));
    }

    #[test]
    fn what_is_no_token_stays_as_it_is() {
        let id = "0f8fad5bd9cb469fa16570867728950e";
        for text in [
            String::new(),
            "_".repeat(1_000),
            format!("the key {id} is revoked"),
            format!("pck_live_{id}"),
            format!("pck_live_{id}_"),
            format!("pck_live_{id}_short"),
            format!("pck_prod_{id}_0123456789abcdefgh"),
            format!("_live_{}_0123456789", "é".repeat(16)),
            format!("pck_live_{}x_0123456789", &id[1..]),
        ] {
            assert_eq!(redact(&text), text);
            assert!(!holds_token(&text), "{text}");
        }
    }
}
