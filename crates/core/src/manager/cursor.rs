//! Cursors that cannot be forged: a place in one listing, signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use subtle::ConstantTimeEq;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::key::{KeyFilter, LastUsed, Span};
use crate::keyring::{Keyring, Root};
use crate::store::PagePosition;

/// Half an HMAC: nobody can guess it, and nothing secret hangs on it.
const SIGNATURE: usize = 16;
/// Enough to tell filters apart that nobody can choose by it.
const MARK: usize = 8;
/// More than any cursor has.
const LONGEST: usize = 256;

/// What is signed, so that nothing else that was signed can stand for it.
const MARK_PURPOSE: &[u8] = b"portcullis filter of a listing of keys 1\0";
const CURSOR_PURPOSE: &[u8] = b"portcullis cursor of a listing of keys 1\0";

/// Writes the cursor of the page that follows `position` in this listing.
pub(super) fn encode(keyring: &Keyring, filter: &KeyFilter, position: &PagePosition) -> String {
    let root = keyring.current();
    let mark = mark(root, filter);
    let mut bytes = sign(root, &mark, position).to_vec();
    bytes.extend_from_slice(&mark);
    bytes.extend_from_slice(position.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor that any root of the keyring made for this listing.
pub(super) fn decode(
    keyring: &Keyring,
    filter: &KeyFilter,
    cursor: &str,
) -> Result<PagePosition, Error> {
    let (signature, found, position) = split(cursor).ok_or_else(|| {
        refused("it is cut short, or was not made here: take it whole from the page before")
    })?;
    let ours = |root: &Root| bool::from(sign(root, &found, &position).ct_eq(&signature));
    let Some(root) = keyring.roots().iter().find(|root| ours(root)) else {
        return Err(refused(
            "it was altered or cut short, or made with another keyring",
        ));
    };
    if bool::from(mark(root, filter).ct_eq(&found)) {
        Ok(position)
    } else {
        Err(refused(
            "it belongs to another listing: ask for the same filter as for the page before",
        ))
    }
}

fn split(cursor: &str) -> Option<([u8; SIGNATURE], [u8; MARK], PagePosition)> {
    if cursor.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (signature, rest) = bytes.split_first_chunk()?;
    let (mark, position) = rest.split_first_chunk()?;
    Some((*signature, *mark, PagePosition::new(position).ok()?))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Cursor, format!("invalid cursor: {why}"))
}

fn sign(root: &Root, mark: &[u8; MARK], position: &PagePosition) -> [u8; SIGNATURE] {
    let mut mac = root.cursor();
    mac.update(CURSOR_PURPOSE);
    mac.update(mark);
    mac.update(position.as_bytes());
    start_of(mac.finalize().into_bytes().into())
}

fn mark(root: &Root, filter: &KeyFilter) -> [u8; MARK] {
    let mut mac = root.cursor();
    mac.update(MARK_PURPOSE);
    mac.update(&written(filter));
    start_of(mac.finalize().into_bytes().into())
}

fn start_of<const N: usize>(full: [u8; 32]) -> [u8; N] {
    let mut start = [0; N];
    start
        .iter_mut()
        .zip(full)
        .for_each(|(target, byte)| *target = byte);
    start
}

/// The filter as bytes: no two filters have the same ones. Each part stands in
/// its place, absent or with its length before it.
fn written(filter: &KeyFilter) -> Vec<u8> {
    let KeyFilter {
        service,
        owner,
        environment,
        status,
        scope,
        created,
        last_used,
        expires_before,
        name,
    } = filter;
    let text = |part: &str| part.as_bytes().to_vec();
    let parts = [
        service.as_ref().map(|service| text(service.as_str())),
        owner.as_ref().map(|owner| text(owner.as_str())),
        environment.map(|environment| text(environment.as_str())),
        status.map(|status| text(status.as_str())),
        scope.as_ref().map(|scope| text(&scope.to_string())),
        created.map(span),
        last_used.map(|wanted| match wanted {
            LastUsed::Never => Vec::new(),
            LastUsed::Within(within) => span(within),
        }),
        expires_before.map(|before| time(Some(before)).to_vec()),
        name.as_ref().map(|part| text(part.folded())),
    ];
    let mut bytes = Vec::new();
    for part in parts {
        match part {
            None => bytes.push(0),
            Some(part) => {
                bytes.push(1);
                bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                bytes.extend_from_slice(&part);
            }
        }
    }
    bytes
}

fn span(span: Span) -> Vec<u8> {
    [time(span.from), time(span.until)].concat()
}

/// No time lies before the epoch, so that no bound has a number of its own.
fn time(at: Option<Timestamp>) -> [u8; 8] {
    at.map_or(-1, Timestamp::as_millis).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{decode, encode, written};
    use crate::clock::Timestamp;
    use crate::error::ErrorKind;
    use crate::key::{Environment, KeyFilter, KeyStatus, LastUsed, Span};
    use crate::keyring::Keyring;
    use crate::service::ServiceName;
    use crate::store::PagePosition;

    fn keyring() -> Keyring {
        Keyring::generate("k1".parse().expect("name")).expect("entropy")
    }

    /// Filters that differ in one thing each, and could be taken for another.
    fn filters() -> Vec<KeyFilter> {
        let (none, at) = (KeyFilter::default(), Timestamp::from_millis);
        let spans = [
            Span::default(),
            Span {
                from: Some(at(0)),
                until: None,
            },
            Span {
                from: None,
                until: Some(at(0)),
            },
            Span {
                from: Some(at(1)),
                until: Some(at(2)),
            },
        ];
        let mut filters = vec![
            none.clone(),
            KeyFilter {
                service: Some(ServiceName::from_static("orders")),
                ..none.clone()
            },
            KeyFilter {
                service: Some(ServiceName::from_static("order")),
                ..none.clone()
            },
            KeyFilter {
                owner: Some("orders".parse().expect("owner")),
                ..none.clone()
            },
            KeyFilter {
                name: Some("orders".parse().expect("part")),
                ..none.clone()
            },
            KeyFilter {
                scope: Some("orders".parse().expect("scope")),
                ..none.clone()
            },
            KeyFilter {
                scope: Some("orders:*".parse().expect("scope")),
                ..none.clone()
            },
            KeyFilter {
                environment: Some(Environment::Live),
                ..none.clone()
            },
            KeyFilter {
                environment: Some(Environment::Test),
                ..none.clone()
            },
            KeyFilter {
                status: Some(KeyStatus::Active),
                ..none.clone()
            },
            KeyFilter {
                status: Some(KeyStatus::Expired),
                ..none.clone()
            },
            KeyFilter {
                last_used: Some(LastUsed::Never),
                ..none.clone()
            },
            KeyFilter {
                expires_before: Some(at(0)),
                ..none.clone()
            },
            KeyFilter {
                expires_before: Some(at(1)),
                ..none.clone()
            },
        ];
        for span in spans {
            filters.push(KeyFilter {
                created: Some(span),
                ..none.clone()
            });
            filters.push(KeyFilter {
                last_used: Some(LastUsed::Within(span)),
                ..none.clone()
            });
        }
        filters
    }

    #[test]
    fn a_cursor_counts_for_its_own_listing_alone() {
        let keyring = keyring();
        let position = PagePosition::new(b"anywhere").expect("bytes");
        let filters = filters();
        let written: HashSet<_> = filters.iter().map(written).collect();
        assert_eq!(
            written.len(),
            filters.len(),
            "two filters are written alike"
        );
        for (at, filter) in filters.iter().enumerate() {
            let cursor = encode(&keyring, filter, &position);
            for (other_at, other) in filters.iter().enumerate() {
                match decode(&keyring, other, &cursor) {
                    Ok(read) => assert!(at == other_at && read == position, "{filter:?} {other:?}"),
                    Err(error) => {
                        assert_ne!(at, other_at, "{error}");
                        assert_eq!(error.kind(), ErrorKind::Cursor);
                        assert!(error.to_string().contains("another listing"), "{error}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_altered_or_cut_or_signed_by_others_is_refused() {
        let (ours, theirs, filter) = (keyring(), keyring(), KeyFilter::default());
        let position = PagePosition::new(&[7; PagePosition::MAX_BYTES]).expect("bytes");
        let cursor = encode(&ours, &filter, &position);
        assert_eq!(decode(&ours, &filter, &cursor).expect("ours"), position);
        let error = decode(&theirs, &filter, &cursor).expect_err("another keyring's");
        assert!(error.to_string().contains("another keyring"), "{error}");
        for end in 0..cursor.len() {
            let error = decode(&ours, &filter, &cursor[..end]).expect_err("cut");
            assert_eq!(error.kind(), ErrorKind::Cursor);
            assert!(error.to_string().contains("cut short"), "{error}");
        }
        for at in 0..cursor.len() {
            let mut flipped = cursor.clone().into_bytes();
            flipped[at] = if flipped[at] == b'B' { b'C' } else { b'B' };
            let flipped = String::from_utf8(flipped).expect("ASCII");
            // The last digit's spare bits are not ours to change either.
            assert!(decode(&ours, &filter, &flipped).is_err(), "{at}");
        }
        let long = "A".repeat(100_000);
        for forged in [
            "",
            "x",
            "é",
            "====",
            "AAAA",
            &long,
            &format!("{cursor}AAAA"),
        ] {
            let error = decode(&ours, &filter, forged).expect_err(forged);
            assert_eq!(error.kind(), ErrorKind::Cursor);
        }
    }
}
