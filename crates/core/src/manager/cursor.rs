//! Cursors that cannot be forged: a place in one service's listing, signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use subtle::ConstantTimeEq;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::key::KeyId;
use crate::keyring::{Keyring, Root};
use crate::service::ServiceName;
use crate::store::PagePosition;

/// Milliseconds and id.
const BODY: usize = 8 + 16;
/// Half an HMAC: nobody can guess it, and nothing secret hangs on it.
const SIGNATURE: usize = 16;

/// Writes the cursor of the page that follows `position`.
pub(super) fn encode(keyring: &Keyring, service: &ServiceName, position: PagePosition) -> String {
    let mut bytes = [0; BODY + SIGNATURE];
    let (body, signature) = bytes.split_at_mut(BODY);
    let (millis, id) = body.split_at_mut(8);
    millis.copy_from_slice(&position.created_at.as_millis().to_be_bytes());
    id.copy_from_slice(position.id.as_bytes());
    signature.copy_from_slice(&sign(keyring.current(), service, body));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor that any root of the keyring made for this service.
pub(super) fn decode(
    keyring: &Keyring,
    service: &ServiceName,
    cursor: &str,
) -> Result<PagePosition, Error> {
    let refused = || {
        Error::new(
            ErrorKind::Cursor,
            "invalid cursor: expected the one that the page before returned for the same listing",
        )
    };
    let bytes: [u8; BODY + SIGNATURE] = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(refused)?;
    let (body, signature) = bytes.split_at(BODY);
    let ours = keyring
        .roots()
        .iter()
        .any(|root| bool::from(sign(root, service, body).ct_eq(signature)));
    let parts = body
        .split_first_chunk::<8>()
        .and_then(|(millis, id)| Some((millis, id.first_chunk::<16>()?)));
    match parts {
        Some((millis, id)) if ours => Ok(PagePosition {
            created_at: Timestamp::from_millis(i64::from_be_bytes(*millis)),
            id: KeyId::from_bytes(*id),
        }),
        _ => Err(refused()),
    }
}

fn sign(root: &Root, service: &ServiceName, body: &[u8]) -> [u8; SIGNATURE] {
    let mut mac = root.cursor();
    mac.update(b"keys of service ");
    mac.update(service.as_str().as_bytes());
    mac.update(b"\0");
    mac.update(body);
    let full: [u8; 32] = mac.finalize().into_bytes().into();
    let mut signature = [0; SIGNATURE];
    signature
        .iter_mut()
        .zip(full)
        .for_each(|(target, byte)| *target = byte);
    signature
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};
    use crate::clock::Timestamp;
    use crate::error::ErrorKind;
    use crate::key::KeyId;
    use crate::keyring::Keyring;
    use crate::service::ServiceName;
    use crate::store::PagePosition;

    #[test]
    fn only_our_own_cursor_for_the_same_listing_is_read() {
        let keyring = || Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let (ours, theirs) = (keyring(), keyring());
        let (orders, other) = (
            ServiceName::from_static("orders"),
            ServiceName::from_static("order"),
        );
        let position = PagePosition {
            created_at: Timestamp::from_millis(77),
            id: KeyId::random(),
        };
        let cursor = encode(&ours, &orders, position);
        assert_eq!(decode(&ours, &orders, &cursor).expect("ours"), position);

        let long = "A".repeat(100_000);
        let mut flipped = cursor.clone().into_bytes();
        flipped[0] = if flipped[0] == b'B' { b'C' } else { b'B' };
        let flipped = String::from_utf8(flipped).expect("ASCII");
        for forged in [
            "",
            "x",
            "é",
            &cursor[1..],
            &cursor[..cursor.len() - 1],
            &long,
            &flipped,
            "====",
        ] {
            let error = decode(&ours, &orders, forged).expect_err(forged);
            assert_eq!(error.kind(), ErrorKind::Cursor);
        }
        assert!(
            decode(&theirs, &orders, &cursor).is_err(),
            "another keyring's"
        );
        assert!(decode(&ours, &other, &cursor).is_err(), "another listing's");
    }
}
