//! One id for each request: in the log, at the upstream, and in the answer.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use uuid::Uuid;

use super::spelling;
use super::values::Values;

/// The field that carries the id.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: a random UUID (version 4) that the gateway gave it.
///
/// A client's own is replaced: it would let a stranger write into the log and the audit trail, or
/// pass one request off as another. That is why this is not tower-http's `SetRequestIdLayer`,
/// which keeps the id that it finds. An upstream's is replaced in the answer as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    id: Uuid,
}

impl RequestId {
    /// Gives a request a new id, in its extensions. What it says itself of its id stays in its
    /// fields until [`set`](Self::set) takes its place, on the way to an upstream.
    pub fn assign<B>(request: &mut Request<B>) -> Self {
        let id = Self { id: Uuid::new_v4() };
        request.extensions_mut().insert(id);
        id
    }

    /// Sets the id in the response, in place of any that an upstream sent.
    pub fn echo<B>(self, response: &mut Response<B>) {
        self.set(response.headers_mut());
    }

    /// Sets the id among a message's fields, in place of any that is there in whatever spelling.
    pub fn set(self, headers: &mut HeaderMap) {
        let mut buffer = Uuid::encode_buffer();
        let text: &str = self.id.as_hyphenated().encode_lower(&mut buffer);
        replace(headers, HeaderValue::from_str(text).ok());
    }

    /// The same, with a value that shares its allocation with others.
    pub(crate) fn set_shared(self, headers: &mut HeaderMap, values: &mut Values) {
        let mut buffer = Uuid::encode_buffer();
        replace(
            headers,
            values.copied(self.id.as_hyphenated().encode_lower(&mut buffer)),
        );
    }
}

fn replace(headers: &mut HeaderMap, id: Option<HeaderValue>) {
    spelling::remove_where(headers, |name| spelling::is(name, "x-request-id"));
    if let Some(id) = id {
        headers.insert(X_REQUEST_ID, id);
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.id.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_id_is_replaced_and_ours_comes_back() {
        let mut request = Request::new(());
        request
            .headers_mut()
            .append("x-request-id", HeaderValue::from_static("mine"));
        request
            .headers_mut()
            .append("x_request_id", HeaderValue::from_static("mine"));
        let id = RequestId::assign(&mut request);
        id.set(request.headers_mut());
        assert_eq!(request.headers().len(), 1);
        assert_eq!(request.headers()["x-request-id"], id.to_string());
        assert_eq!(request.extensions().get(), Some(&id));

        let mut response = Response::new(());
        response
            .headers_mut()
            .append("x-request-id", HeaderValue::from_static("upstream's"));
        id.echo(&mut response);
        assert_eq!(response.headers().get_all(X_REQUEST_ID).iter().count(), 1);
        assert_eq!(response.headers()["x-request-id"], id.to_string());
    }

    #[test]
    fn ids_differ() {
        let id = || RequestId::assign(&mut Request::new(()));
        assert_ne!(id(), id());
    }
}
