use http::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Request, Uri, Version};

/// The head of a request as HTTP/2 has it (RFC 9113 section 8.3.1): its host as `:authority`, and
/// nothing that is about a connection of HTTP/1.
///
/// The fields are copied, so that the request can be sent again where it comes back whole.
pub(super) fn head(parts: &Parts, scheme: Scheme, own: &HeaderValue) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = parts.method.clone();
    *request.version_mut() = Version::HTTP_2;
    let mut headers = parts.headers.clone();
    headers.remove(CONNECTION);
    headers.remove(TRANSFER_ENCODING);
    let named = headers.remove(HOST);
    let authority = named.as_ref().and_then(authority);
    let mut uri = parts.uri.clone().into_parts();
    uri.scheme = Some(scheme);
    uri.authority = authority.or_else(|| self::authority(own));
    // A path is there, and whatever lacks an authority as well is refused by h2.
    *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
    *request.headers_mut() = headers;
    request
}

fn authority(host: &HeaderValue) -> Option<Authority> {
    Authority::try_from(host.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_the_authority_and_no_field_is_about_a_connection() {
        let own = HeaderValue::from_static("own.test:81");
        for (host, authority) in [(Some("asked.test"), "asked.test"), (None, "own.test:81")] {
            let mut request = Request::builder().uri("/a?b=c").body(()).unwrap();
            let headers = request.headers_mut();
            for (name, value) in [
                ("connection", "te"),
                ("transfer-encoding", "chunked"),
                ("te", "trailers"),
                ("cookie", "a=1"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            if let Some(host) = host {
                headers.insert(HOST, HeaderValue::from_static(host));
            }
            let head = head(&request.into_parts().0, Scheme::HTTP, &own);
            assert_eq!(*head.uri(), *format!("http://{authority}/a?b=c"));
            let mut names: Vec<_> = head.headers().keys().map(|name| name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, ["cookie", "te"]);
        }
    }
}
