use zeroize::Zeroize;

use crate::key::{Environment, KeyId};
use crate::token::Prefix;

/// A token's parts, after its form and checksum were found right. Nothing is
/// proved yet.
pub(crate) struct ParsedToken {
    pub(crate) prefix: Prefix,
    pub(crate) environment: Environment,
    pub(crate) id: KeyId,
    /// 24 random bytes, then the 8 bytes of the tag.
    pub(crate) secret: [u8; 32],
}

/// How many of the secret's bytes are random; the others are the tag.
pub(crate) const RANDOM_BYTES: usize = 24;

impl ParsedToken {
    /// The secret's random part and its tag.
    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        self.secret.split_at(RANDOM_BYTES)
    }

    /// The tag, which tells the tokens of a key apart. Without the random part
    /// it is good for nothing.
    pub(crate) fn tag(&self) -> [u8; 8] {
        let [.., a, b, c, d, e, f, g, h] = self.secret;
        [a, b, c, d, e, f, g, h]
    }
}

impl Drop for ParsedToken {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl std::fmt::Debug for ParsedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParsedToken({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::ParsedToken;
    use crate::key::{Environment, KeyId};
    use crate::token::Prefix;

    #[test]
    fn the_tag_is_the_secret_s_last_eight_bytes() {
        let token = ParsedToken {
            prefix: Prefix::DEFAULT,
            environment: Environment::Test,
            id: KeyId::random(),
            secret: std::array::from_fn(|at| u8::try_from(at).expect("small")),
        };
        assert_eq!(token.tag(), [24, 25, 26, 27, 28, 29, 30, 31]);
        let (random, tag) = token.parts();
        assert_eq!((random.len(), tag), (24, token.tag().as_slice()));
    }
}
