use std::fmt;

use portcullis_core::token::Presented;
use zeroize::Zeroizing;

/// What a request presents: bytes as they came, or as they were decoded.
///
/// A source need not know what a token looks like: bytes that are none are
/// refused later, as any other bad token. Decoded bytes are overwritten when
/// they are dropped, and `Debug` shows none.
pub struct Credential<'a>(Text<'a>);

enum Text<'a> {
    Borrowed(&'a [u8]),
    Decoded(Zeroizing<Vec<u8>>),
}

impl<'a> Credential<'a> {
    /// Bytes of the request itself: nothing is copied.
    #[must_use]
    pub const fn borrowed(bytes: &'a [u8]) -> Self {
        Self(Text::Borrowed(bytes))
    }

    /// Bytes that do not stand in the request in this form, for example those
    /// that were percent-encoded there.
    #[must_use]
    pub fn decoded(bytes: Vec<u8>) -> Self {
        Self(Text::Decoded(Zeroizing::new(bytes)))
    }

    /// The credential as the gatekeeper takes it.
    #[must_use]
    pub fn presented(&self) -> Presented<'_> {
        Presented::new(match &self.0 {
            Text::Borrowed(bytes) => bytes,
            Text::Decoded(bytes) => bytes,
        })
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
