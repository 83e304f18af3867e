use super::case::Case;

/// Requests that are refused for another reason than where they end, each with a body that is a
/// request by itself.
pub(super) const HIDDEN: &[Case] = &[
    Case::refused_with_body(
        "POST /p HTTP/1.1\r\nhost: a.test\r\nhost: b.test\r\n\
         content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_with_body(
        "POST /p HTTP/1.1\r\nhost: a.test\r\nhost: b.test\r\n\
         transfer-encoding: chunked\r\n\r\n28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_with_body(
        "POST /p HTTP/1.1\r\n\
         content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_with_body(
        "POST /p HTTP/1.1\r\n\
         transfer-encoding: chunked\r\n\r\n28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_with_body(
        "GET /g HTTP/1.1\r\nhost: a.test/g\r\n\
         content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_with_body(
        "GET /g HTTP/1.1\r\nhost: a.test/g\r\n\
         transfer-encoding: chunked\r\n\r\n28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_with_body(
        "POST http://b.test/p HTTP/1.1\r\nhost: a.test\r\n\
         content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_with_body(
        "POST http://b.test/p HTTP/1.1\r\nhost: a.test\r\n\
         transfer-encoding: chunked\r\n\r\n28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_with_body(
        "TRACE /g HTTP/1.1\r\nhost: a.test\r\n\
         content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        501,
        "RFC 9110 9.1",
    ),
    Case::refused_with_body(
        "TRACE /g HTTP/1.1\r\nhost: a.test\r\n\
         transfer-encoding: chunked\r\n\r\n28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n",
        501,
        "RFC 9110 9.1",
    ),
    Case::refused_with_body(
        "get /g HTTP/1.1\r\nhost: a.test\r\n\
         content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        501,
        "RFC 9110 9.1",
    ),
    Case::refused_with_body(
        "get /g HTTP/1.1\r\nhost: a.test\r\n\
         transfer-encoding: chunked\r\n\r\n28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n",
        501,
        "RFC 9110 9.1",
    ),
    Case::refused_with_body(
        "POST /%2e%2e%2f HTTP/1.1\r\nhost: a.test\r\n\
         content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 3986 2.4",
    ),
    Case::refused_with_body(
        "POST /%2e%2e%2f HTTP/1.1\r\nhost: a.test\r\n\
         transfer-encoding: chunked\r\n\r\n28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n",
        400,
        "RFC 3986 2.4",
    ),
];
