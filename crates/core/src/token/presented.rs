use std::fmt;

use crate::key::Environment;
use crate::token::base62::{CHECK_DIGITS, SECRET_DIGITS, decode_check, decode_secret};
use crate::token::{ParsedToken, Prefix};

/// What a stranger presents as a token: any bytes at all.
///
/// Borrowed, never logged, and of no use but to be validated.
#[derive(Clone, Copy)]
pub struct Presented<'a>(&'a [u8]);

impl<'a> Presented<'a> {
    /// The longest token: any longer one is malformed without a look at it.
    pub const MAX: usize = Prefix::MAX + "_live_".len() + 32 + 1 + SECRET_DIGITS + CHECK_DIGITS;

    /// Takes the bytes as they came.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads the token's parts and compares its checksum.
    pub(crate) fn parse(self) -> Result<ParsedToken, TokenFault> {
        let shape = self.split().ok_or(TokenFault::Malformed)?;
        let check = decode_check(shape.check).ok_or(TokenFault::Malformed)?;
        let secret = decode_secret(shape.secret).ok_or(TokenFault::Malformed)?;
        if crc32fast::hash(shape.checked) != check {
            return Err(TokenFault::Checksum);
        }
        Ok(ParsedToken {
            prefix: shape.prefix,
            environment: shape.environment,
            id: crate::key::KeyId::from_bytes(shape.id),
            secret,
        })
    }

    fn split(self) -> Option<Shape<'a>> {
        if self.0.len() > Self::MAX {
            return None;
        }
        let (checked, check) = self.0.split_last_chunk::<CHECK_DIGITS>()?;
        let (head, secret) = checked.split_last_chunk::<SECRET_DIGITS>()?;
        let (head, digits) = head.strip_suffix(b"_")?.split_last_chunk::<32>()?;
        let (prefix, environment) = if let Some(prefix) = head.strip_suffix(b"_live_") {
            (prefix, Environment::Live)
        } else {
            (head.strip_suffix(b"_test_")?, Environment::Test)
        };
        Some(Shape {
            prefix: Prefix::from_bytes(prefix)?,
            environment,
            id: decode_id(digits)?,
            secret,
            check,
            checked,
        })
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presented(..)")
    }
}

/// Why bytes are no token of ours, decided without any key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenFault {
    /// Not of a token's form.
    Malformed,
    /// Of a token's form, with another checksum than its text has.
    Checksum,
}

struct Shape<'a> {
    prefix: Prefix,
    environment: Environment,
    id: [u8; 16],
    secret: &'a [u8; SECRET_DIGITS],
    check: &'a [u8; CHECK_DIGITS],
    checked: &'a [u8],
}

/// Lower-case hexadecimal alone: a token has one spelling.
fn decode_id(digits: &[u8; 32]) -> Option<[u8; 16]> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut id = [0; 16];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, [high, low]) in id.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Presented, TokenFault};
    use crate::key::{Environment, KeyId};
    use crate::keyring::Keyring;
    use crate::token::{Prefix, Token};

    fn issued() -> String {
        issued_with(Prefix::DEFAULT, Environment::Live)
    }

    fn issued_with(prefix: Prefix, environment: Environment) -> String {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let token = Token::issue(&keyring, prefix, environment, KeyId::random());
        token.expect("entropy").expose().to_owned()
    }

    #[test]
    fn an_issued_token_has_the_published_form() {
        let text = issued();
        assert_eq!(text.len(), 3 + 6 + 32 + 1 + 49);
        assert!(text.starts_with("pck_live_"));
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        );
        assert!(Presented::new(text.as_bytes()).parse().is_ok());
    }

    #[test]
    fn the_longest_token_is_read() {
        for environment in [Environment::Live, Environment::Test] {
            let prefix = "abcdefghijklmno9".parse().expect("16 characters");
            let text = issued_with(prefix, environment);
            assert_eq!((text.len(), Presented::MAX), (104, 104));
            let parsed = Presented::new(text.as_bytes()).parse().expect("a token");
            assert_eq!((parsed.prefix, parsed.environment), (prefix, environment));
        }
    }

    #[test]
    fn every_wrong_shape_is_malformed() {
        let text = issued();
        let long = "a".repeat(64 * 1024);
        let shapes = [
            String::new(),
            "_".into(),
            "pck".into(),
            "pck_live_".into(),
            "Bearer x".into(),
            long,
            text.to_uppercase(),
            text.replacen("_live_", "_prod_", 1),
            text.replacen("pck", "p", 1),
            text.replacen("pck", "pckpckpckpckpckpc", 1),
            text.replacen("pck", "1ck", 1),
            text.replacen("pck", "p_k", 1),
            text.replacen("_live_", "-live_", 1),
            format!(" {text}"),
            format!("{text} "),
            format!("{text}\n"),
            format!("{text}0"),
            text.replacen("pck", "pé", 1),
            text[1..].to_owned() + "é",
        ];
        for shape in &shapes {
            let fault = Presented::new(shape.as_bytes()).parse().expect_err(shape);
            assert_eq!(fault, TokenFault::Malformed, "{shape}");
        }
        let mut raw = text.clone().into_bytes();
        raw[20] = 0xff;
        assert!(Presented::new(&raw).parse().is_err());
        assert!(
            Presented::new(&text.as_bytes()[..text.len() - 1])
                .parse()
                .is_err()
        );
    }

    #[test]
    fn every_single_typing_error_is_found_without_a_key() {
        let text = issued().into_bytes();
        for at in 0..text.len() {
            for other in [b'0', b'a', b'Z', b'_'] {
                let mut typed = text.clone();
                if typed[at] != other {
                    typed[at] = other;
                    assert!(Presented::new(&typed).parse().is_err(), "at {at}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Presented::new(&bytes).parse();
        }
    }
}
