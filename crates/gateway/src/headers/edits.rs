//! What a route adds to header fields, and takes from them.

use http::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, VIA};

use super::{forwarded, hop_by_hop, identity, request_id, spelling, trace_context};

/// Edits of the fields of a message: first what goes, then what is set, then what is added.
///
/// What goes, and what is set, goes in every spelling, so that no field of a client's stands beside
/// the one that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// The fields that go.
    pub remove: Box<[HeaderName]>,
    /// The fields that stand alone under their names.
    pub set: Box<[(HeaderName, HeaderValue)]>,
    /// The fields that stand beside those of their names.
    pub add: Box<[(HeaderName, HeaderValue)]>,
}

impl Edits {
    /// Makes the edits.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let set = self.set.iter().map(|(name, _)| name);
        for name in self.remove.iter().chain(set) {
            spelling::remove_where(headers, |other| spelling::same(other, name));
        }
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name, value.clone());
        }
    }

    /// Every name that is edited.
    pub(crate) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let pairs = self.set.iter().chain(&self.add).map(|(name, _)| name);
        self.remove.iter().chain(pairs)
    }

    /// Whether a field of a request may be edited: not what tells who asks, from where and on which
    /// host, what a message's length is, nor what belongs to one hop.
    pub(crate) fn may_edit_request(name: &HeaderName) -> bool {
        let of_way = [HOST, EXPECT].iter().any(|way| spelling::same(name, way));
        Self::may_edit_response(name) && !of_way && !forwarded::is_claim(name)
    }

    /// The same for a field of an answer.
    pub(crate) fn may_edit_response(name: &HeaderName) -> bool {
        let of_message = [CONTENT_LENGTH, VIA, request_id::X_REQUEST_ID];
        !(identity::is_ours(name)
            || hop_by_hop::is_known(name)
            || trace_context::is_ours(name)
            || of_message.iter().any(|own| spelling::same(name, own)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HeaderName {
        text.parse().unwrap()
    }

    #[test]
    fn edits_take_set_and_add_in_this_order_and_in_every_spelling() {
        let value = HeaderValue::from_static;
        let edits = Edits {
            remove: [name("x-debug")].into(),
            set: [(name("x-tenant"), value("acme"))].into(),
            add: [
                (name("x-tag"), value("b")),
                (name("x-debug"), value("ours")),
            ]
            .into(),
        };
        let mut headers = HeaderMap::new();
        for (field, own) in [
            ("x-debug", "1"),
            ("x_debug", "1"),
            ("X-Tenant", "evil"),
            ("x_tenant", "evil"),
            ("x-tag", "a"),
        ] {
            headers.append(name(field), value(own));
        }
        edits.apply(&mut headers);
        assert_eq!(headers.len(), 4, "{headers:?}");
        assert_eq!(headers["x-debug"], "ours");
        assert_eq!(headers["x-tenant"], "acme");
        assert!(headers.get_all("x-tag").iter().eq(["a", "b"]));
        assert_eq!(edits.names().count(), 4);
    }

    #[test]
    fn what_the_gateway_says_itself_is_not_edited() {
        for text in [
            "x-portcullis-owner",
            "x_portcullis_owner",
            "connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "keep-alive",
            "proxy-authorization",
            "content-length",
            "content_length",
            "via",
            "x-request-id",
            "traceparent",
        ] {
            assert!(!Edits::may_edit_request(&name(text)), "{text}");
            assert!(!Edits::may_edit_response(&name(text)), "{text}");
        }
        for text in [
            "host",
            "expect",
            "x-forwarded-for",
            "forwarded",
            "x_real_ip",
            "x-http-method",
        ] {
            assert!(!Edits::may_edit_request(&name(text)), "{text}");
        }
        for text in [
            "authorization",
            "cookie",
            "accept",
            "x-tenant",
            "content-type",
        ] {
            assert!(Edits::may_edit_request(&name(text)), "{text}");
            assert!(Edits::may_edit_response(&name(text)), "{text}");
        }
    }
}
