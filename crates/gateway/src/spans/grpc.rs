//! As much of gRPC as one message each way needs (gRPC over HTTP/2, "Requests" and "Responses").

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;

use super::failure::Failure;

/// Flag and length, before a message.
const PREFIX: usize = 5;

/// A message as a body holds it.
pub(super) fn framed(message: &[u8]) -> Option<Bytes> {
    let length = u32::try_from(message.len()).ok()?;
    let mut framed = BytesMut::with_capacity(PREFIX + message.len());
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    Some(framed.freeze())
}

/// The one message of a body.
pub(super) fn message(body: &[u8]) -> Result<&[u8], Failure> {
    match body.split_first_chunk::<PREFIX>() {
        Some(([0, length @ ..], message))
            if u32::from_be_bytes(*length) as usize == message.len() =>
        {
            Ok(message)
        }
        _ => Err(Failure::Garbage),
    }
}

/// Whether the status says that all is well. It stands in the trailers, or in the head of an answer
/// that has nothing else.
pub(super) fn status(head: &HeaderMap, trailers: Option<&HeaderMap>) -> Result<(), Failure> {
    let of = |fields: &HeaderMap| {
        let status = fields.get("grpc-status")?.to_str().ok()?;
        status.parse::<u16>().ok()
    };
    match trailers.and_then(of).or_else(|| of(head)) {
        Some(0) => Ok(()),
        Some(code) => Err(Failure::Grpc(code)),
        None => Err(Failure::Garbage),
    }
}

#[cfg(test)]
mod tests {
    use super::{framed, message, status};
    use crate::spans::failure::Failure;

    #[test]
    fn one_message_is_read_as_it_is_written_and_nothing_else_is() {
        let body = framed(b"spans").expect("short enough");
        assert_eq!(message(&body), Ok(b"spans".as_slice()));
        assert_eq!(message(&framed(b"").expect("short")), Ok(b"".as_slice()));
        for body in [
            b"".as_slice(),
            b"\0\0\0\0",
            b"\0\0\0\0\x01",
            b"\0\0\0\0\x01ab",
            b"\x01\0\0\0\x01a",
            b"\0\xff\xff\xff\xffa",
            b"<html>",
        ] {
            assert_eq!(message(body), Err(Failure::Garbage), "{body:?}");
        }
    }

    #[test]
    fn a_status_stands_in_the_trailers_or_alone_in_the_head() {
        let of = |text: &str| {
            let mut fields = http::HeaderMap::new();
            fields.insert("grpc-status", text.parse().unwrap());
            fields
        };
        let none = http::HeaderMap::new();
        assert_eq!(status(&none, Some(&of("0"))), Ok(()));
        assert_eq!(status(&of("14"), None), Err(Failure::Grpc(14)));
        assert_eq!(status(&of("0"), Some(&of("8"))), Err(Failure::Grpc(8)));
        assert_eq!(status(&none, None), Err(Failure::Garbage));
        assert_eq!(status(&of("well"), Some(&none)), Err(Failure::Garbage));
    }
}
