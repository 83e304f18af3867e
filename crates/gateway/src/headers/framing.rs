//! How long a message is, said once and by us (RFC 9112 section 6).
//!
//! The fields by which a message came are about the connection that it came on. What goes out is
//! described from the body alone, so that no pair of contradicting lengths can pass through.

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http_body::Body;

/// Sets `Content-Length`, or `Transfer-Encoding: chunked` where the length is not known.
///
/// To be called after [`hop_by_hop::remove`](super::hop_by_hop::remove). A body that is at its end
/// leaves the fields alone but for a length other than zero, of which `kept` decides, and for what
/// is no length or several.
pub fn describe<B: Body>(headers: &mut HeaderMap, body: &B, kept: EmptyLength) {
    if body.is_end_stream() {
        let stays =
            only_length(headers).is_some_and(|length| length == 0 || kept == EmptyLength::Kept);
        if !stays {
            headers.remove(CONTENT_LENGTH);
        }
        return;
    }
    match body.size_hint().exact() {
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {
            headers.remove(CONTENT_LENGTH);
            // Said by us and not left to hyper, whose client takes a GET with a body of unknown
            // length to have none.
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}

/// The one length that the fields tell, where they tell one: digits and nothing else.
fn only_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let digits = value.as_bytes();
    let text = value.to_str().ok()?;
    // `parse` would take a sign.
    digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| text.parse().ok())?
}

/// What becomes of the length of a body that is not sent. In answers to HEAD, and in 304, it is
/// true (RFC 9110 section 8.6), elsewhere it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyLength {
    /// It is removed unless it is zero.
    Dropped,
    /// It stays as it is.
    Kept,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::{Empty, Full};

    use super::*;
    use crate::body::ChannelBody;

    fn described<B: Body>(fields: &[(&'static str, &'static str)], body: &B) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        describe(&mut headers, body, EmptyLength::Dropped);
        headers
    }

    #[test]
    fn known_length_replaces_what_was_said() {
        let body = Full::new(Bytes::from_static(b"abc"));
        let headers = described(&[("content-length", "7"), ("content-length", "8")], &body);
        assert_eq!(
            headers.get_all(CONTENT_LENGTH).iter().collect::<Vec<_>>(),
            ["3"]
        );
        assert!(!headers.contains_key(TRANSFER_ENCODING));
    }

    #[test]
    fn unknown_length_is_chunked_and_nothing_else() {
        let (_sender, body) = ChannelBody::new();
        let headers = described(&[("content-length", "7")], &body);
        assert!(!headers.contains_key(CONTENT_LENGTH));
        assert_eq!(headers[TRANSFER_ENCODING], "chunked");
    }

    #[test]
    fn length_of_no_body_is_zero_or_that_of_a_body_elsewhere() {
        let empty = Empty::<Bytes>::new();
        assert!(described(&[("content-length", "7")], &empty).is_empty());
        assert_eq!(
            described(&[("content-length", "0")], &empty)[CONTENT_LENGTH],
            "0"
        );
        let mut head = HeaderMap::new();
        head.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
        describe(&mut head, &empty, EmptyLength::Kept);
        assert_eq!(head[CONTENT_LENGTH], "7");
        for lengths in [
            &["7", "8"][..],
            &["7", "7"],
            &["x"],
            &["+7"],
            &["7, 7"],
            &[""],
        ] {
            let mut head = HeaderMap::new();
            for length in lengths {
                head.append(CONTENT_LENGTH, HeaderValue::from_static(length));
            }
            describe(&mut head, &empty, EmptyLength::Kept);
            assert!(head.is_empty(), "{lengths:?}");
        }
        assert!(described(&[("content-length", "0"), ("content-length", "5")], &empty).is_empty());
    }
}
