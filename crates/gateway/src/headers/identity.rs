//! Who is calling, for the upstream: `X-Portcullis-*`, set by us alone.

use std::fmt::Write;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::spelling;
use super::values::Values;

/// The key's stable id: 36 characters, the UUID in its usual form.
pub const KEY_ID: HeaderName = HeaderName::from_static("x-portcullis-key-id");
/// Who owns the key; percent-encoded, see [`IdentityFields::new`].
pub const OWNER: HeaderName = HeaderName::from_static("x-portcullis-owner");
/// The service that the key was issued for.
pub const SERVICE: HeaderName = HeaderName::from_static("x-portcullis-service");
/// The key's environment: `live` or `test`.
pub const ENVIRONMENT: HeaderName = HeaderName::from_static("x-portcullis-environment");
/// The key's scopes, with a space between two.
pub const SCOPES: HeaderName = HeaderName::from_static("x-portcullis-scopes");

const PREFIX: &str = "x-portcullis-";

/// What an upstream learns of the key that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// For [`KEY_ID`].
    pub key_id: &'a str,
    /// For [`OWNER`].
    pub owner: &'a str,
    /// For [`SERVICE`].
    pub service: &'a str,
    /// For [`ENVIRONMENT`].
    pub environment: &'a str,
    /// For [`SCOPES`].
    pub scopes: &'a str,
}

/// The five fields of an [`Identity`], ready to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFields {
    key_id: HeaderValue,
    owner: HeaderValue,
    service: HeaderValue,
    environment: HeaderValue,
    scopes: HeaderValue,
}

/// Room for the values of most keys, in bytes.
const ROOM: usize = 256;

/// Removes every field whose name begins with `x-portcullis-`, with any mark read as `-`: of a
/// request,
/// for a client has no say in who it is; of an upstream's response, for they are not the client's
/// business.
pub fn strip(headers: &mut HeaderMap) {
    spelling::remove_where(headers, is_ours);
}

/// Whether a name is one of ours, in any spelling.
pub(crate) fn is_ours(name: &HeaderName) -> bool {
    spelling::begins_with(name, PREFIX)
}

impl IdentityFields {
    /// Values are visible ASCII. A byte of `owner` (UTF-8) that is not, and the percent sign, is
    /// percent-encoded (RFC 3986 section 2.1); decoding gives back the owner as it was. The other
    /// values are visible ASCII by their own rules; should one not be, it is encoded the same way,
    /// except for the spaces between scopes.
    #[must_use]
    pub fn new(identity: &Identity<'_>) -> Self {
        let mut values = Values::with_capacity(ROOM);
        Self {
            key_id: value(&mut values, identity.key_id),
            owner: value(&mut values, identity.owner),
            service: value(&mut values, identity.service),
            environment: value(&mut values, identity.environment),
            scopes: list(&mut values, identity.scopes),
        }
    }

    /// Sets the five fields, each replacing what bears its name.
    pub fn set(self, headers: &mut HeaderMap) {
        headers.insert(KEY_ID, self.key_id);
        headers.insert(OWNER, self.owner);
        headers.insert(SERVICE, self.service);
        headers.insert(ENVIRONMENT, self.environment);
        headers.insert(SCOPES, self.scopes);
    }
}

fn value(values: &mut Values, text: &str) -> HeaderValue {
    visible(values, text, |byte| byte.is_ascii_graphic() && byte != b'%')
}

fn list(values: &mut Values, text: &str) -> HeaderValue {
    visible(values, text, |byte| {
        byte == b' ' || (byte.is_ascii_graphic() && byte != b'%')
    })
}

fn visible(values: &mut Values, text: &str, stays: impl Fn(u8) -> bool) -> HeaderValue {
    if !text.bytes().all(&stays) {
        return ascii(values, &percent_encode(text, stays));
    }
    ascii(values, text)
}

fn percent_encode(text: &str, stays: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if stays(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[expect(
    clippy::expect_used,
    reason = "space and visible ASCII are legal in every field value"
)]
fn ascii(values: &mut Values, text: &str) -> HeaderValue {
    let value = values.copied(text);
    value.expect("space and visible ASCII make a field value")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn value(text: &str) -> HeaderValue {
        super::value(&mut Values::with_capacity(0), text)
    }

    const SOMEONE: Identity<'static> = Identity {
        key_id: "7b0d0d7e-6e46-4b0e-9d0a-0d3c3c1f4b11",
        owner: "acme",
        service: "orders",
        environment: "live",
        scopes: "orders:read orders:*",
    };

    #[test]
    fn every_spelling_is_stripped() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-portcullis-key-id",
            "X-Portcullis-Owner",
            "x_portcullis_owner",
            "X_PORTCULLIS-SCOPES",
            "x-portcullis_service",
            "x.portcullis.owner",
            "x-portcullis-",
            "x-portcullis-anything-later",
        ] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(&name, HeaderValue::from_static("root"));
            headers.append(&name, HeaderValue::from_static("again"));
        }
        headers.append("x-portculli", HeaderValue::from_static("other"));
        headers.append("portcullis-owner", HeaderValue::from_static("other"));
        strip(&mut headers);
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn set_replaces_and_names_five_fields() {
        let mut headers = HeaderMap::new();
        headers.append(OWNER, HeaderValue::from_static("a"));
        headers.append(OWNER, HeaderValue::from_static("b"));
        IdentityFields::new(&SOMEONE).set(&mut headers);
        assert_eq!(headers.len(), 5);
        assert_eq!(headers["x-portcullis-key-id"], SOMEONE.key_id);
        assert_eq!(headers["x-portcullis-owner"], "acme");
        assert_eq!(headers["x-portcullis-service"], "orders");
        assert_eq!(headers["x-portcullis-environment"], "live");
        assert_eq!(headers["x-portcullis-scopes"], "orders:read orders:*");
    }

    #[test]
    fn what_is_not_visible_is_percent_encoded() {
        assert_eq!(value("a b"), "a%20b");
        assert_eq!(value("100%"), "100%25");
        assert_eq!(value("a\r\nx-admin: 1"), "a%0D%0Ax-admin:%201");
        assert_eq!(value("zoë"), "zo%C3%AB");
        assert_eq!(list(&mut Values::with_capacity(0), "a b\n"), "a b%0A");
    }

    proptest! {
        #[test]
        fn any_owner_is_one_line_and_comes_back(owner in any::<String>()) {
            let value = value(&owner);
            prop_assert!(value.as_bytes().iter().all(u8::is_ascii_graphic));
            prop_assert_eq!(decoded(value.as_bytes()), owner.into_bytes());
        }
    }

    fn decoded(mut text: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let [first, rest @ ..] = text {
            if *first == b'%' {
                let pair = std::str::from_utf8(&rest[..2]).unwrap();
                bytes.push(u8::from_str_radix(pair, 16).unwrap());
                text = &rest[2..];
            } else {
                bytes.push(*first);
                text = rest;
            }
        }
        bytes
    }
}
