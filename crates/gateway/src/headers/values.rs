//! Field values that share one allocation.

use bytes::{BufMut, BytesMut};
use http::HeaderValue;

/// Makes field values of texts that are written one behind the other.
///
/// A value of its own costs one allocation, and the first copy of it another. Of these, all
/// together cost two, and copies none: a request that may be sent once more is copied.
#[derive(Debug)]
pub(crate) struct Values {
    text: BytesMut,
}

impl Values {
    /// Room for so many bytes of text; more is allocated where it is not enough.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: BytesMut::with_capacity(bytes),
        }
    }

    /// The value of what is written; nothing where it may not stand in a field.
    pub(crate) fn value(&mut self, write: impl FnOnce(&mut BytesMut)) -> Option<HeaderValue> {
        write(&mut self.text);
        HeaderValue::from_maybe_shared(self.text.split().freeze()).ok()
    }

    /// The value of a text.
    pub(crate) fn copied(&mut self, text: &str) -> Option<HeaderValue> {
        self.value(|into| into.put_slice(text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_its_own_text_and_the_bad_one_none() {
        let mut values = Values::with_capacity(4);
        let one = values.copied("one");
        assert_eq!(values.copied("two\r\n"), None);
        let long = "beyond the room that there was".repeat(3);
        assert_eq!(values.copied(&long).unwrap(), long.as_str());
        assert_eq!(values.copied("").unwrap(), "");
        assert_eq!(one.unwrap(), "one");
    }
}
