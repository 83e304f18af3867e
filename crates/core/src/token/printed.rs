use std::fmt;

use zeroize::Zeroizing;

use crate::key::{Digest, Environment, KeyId};
use crate::keyring::Keyring;
use crate::token::base62::{CHECK_DIGITS, SECRET_DIGITS, encode_check, encode_secret};
use crate::token::parsed::RANDOM_BYTES;
use crate::token::{ParsedToken, Prefix};

/// A token just issued: shown once to its holder, never stored, never logged.
///
/// There is no `Display`: [`Token::expose`] says in the code where a secret
/// leaves. The text is overwritten when the token is dropped.
pub struct Token {
    text: Zeroizing<String>,
    digest: Digest,
}

impl Token {
    /// Makes a new secret for the key `id`, from the operating system's
    /// generator, with the tag of the keyring's current root.
    pub(crate) fn issue(
        keyring: &Keyring,
        prefix: Prefix,
        environment: Environment,
        id: KeyId,
    ) -> Result<Self, getrandom::Error> {
        let mut parsed = ParsedToken {
            prefix,
            environment,
            id,
            secret: [0; 32],
        };
        let (random, tag) = parsed.secret.split_at_mut(RANDOM_BYTES);
        getrandom::fill(random)?;
        let made = keyring.current().tag(prefix, environment, id, random);
        tag.copy_from_slice(&made);
        let digest = keyring.current().digest(&parsed);
        Ok(Self {
            text: print(&parsed),
            digest,
        })
    }

    /// The token's text. Handle it as what it is: a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored in place of the token.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

fn print(parsed: &ParsedToken) -> Zeroizing<String> {
    let mut id = [0; 32];
    parsed.id.write_digits(&mut id);
    let mut secret = Zeroizing::new([0; SECRET_DIGITS]);
    encode_secret(&parsed.secret, &mut secret);
    // The capacity holds the whole token: a string that grew would leave
    // copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(super::Presented::MAX));
    text.push_str(parsed.prefix.as_str());
    text.push('_');
    text.push_str(parsed.environment.as_str());
    text.push('_');
    push_ascii(&mut text, &id);
    text.push('_');
    push_ascii(&mut text, &*secret);
    let mut check = [0; CHECK_DIGITS];
    encode_check(crc32fast::hash(text.as_bytes()), &mut check);
    push_ascii(&mut text, &check);
    text
}

fn push_ascii(text: &mut String, digits: &[u8]) {
    text.extend(digits.iter().map(|digit| char::from(*digit)));
}
