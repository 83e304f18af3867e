//! `google.rpc.Status` with a `google.rpc.RetryInfo`, as clients of gRPC read
//! it from `grpc-status-details-bin`.
//!
//! Two messages of Protocol Buffers, written by hand: a code generator for them
//! would be more than what it generates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::HeaderValue;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `Status { code: 1, message: 2, details: 3 }` with one detail,
/// `RetryInfo { retry_delay: 1 }` of `Duration { seconds: 1 }`, in base64
/// without padding.
pub(super) fn retry_after(code: u16, message: &str, seconds: u64) -> Option<HeaderValue> {
    let mut duration = Vec::new();
    push_number(&mut duration, 1, seconds);
    let mut retry_info = Vec::new();
    push_bytes(&mut retry_info, 1, &duration);
    let mut any = Vec::new();
    push_bytes(&mut any, 1, RETRY_INFO.as_bytes());
    push_bytes(&mut any, 2, &retry_info);
    let mut status = Vec::new();
    push_number(&mut status, 1, code.into());
    push_bytes(&mut status, 2, message.as_bytes());
    push_bytes(&mut status, 3, &any);
    HeaderValue::try_from(STANDARD_NO_PAD.encode(status)).ok()
}

/// A field of wire type 0.
fn push_number(message: &mut Vec<u8>, field: u8, value: u64) {
    message.push(field << 3);
    push_varint(message, value);
}

/// A field of wire type 2.
fn push_bytes(message: &mut Vec<u8>, field: u8, value: &[u8]) {
    message.push(field << 3 | 2);
    push_varint(message, u64::try_from(value.len()).unwrap_or(u64::MAX));
    message.extend_from_slice(value);
}

fn push_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        message.push(low | 0x80);
        value >>= 7;
    }
    message.extend(u8::try_from(value));
}
