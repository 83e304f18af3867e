use super::case::{Case, chunks, get, post};

const GET: &[(&str, &str)] = &[("GET /g", "")];
const EMPTY: &[(&str, &str)] = &[("POST /p", "")];
const HELLO: &[(&str, &str)] = &[("POST /p", "hello")];

/// What must arrive.
pub(super) const LEGAL: &[Case] = &[
    Case::arrives(get!("\r\n"), GET, "RFC 9112 2.1"),
    Case::arrives(
        "HEAD /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        &[("HEAD /g", "")],
        "RFC 9110 9.3.2",
    ),
    Case::arrives(
        "GET http://a.test/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        GET,
        "RFC 9112 3.2.2",
    ),
    Case::arrives(
        "GET /g HTTP/1.1\r\nHOST:A.TEST:80\r\n\r\n",
        GET,
        "RFC 9110 4.2.3",
    ),
    Case::arrives(
        "\r\nGET /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        GET,
        "RFC 9112 2.2",
    ),
    Case::arrives(
        "GET /g HTTP/1.0\r\nhost: a.test\r\nconnection: keep-alive\r\n\r\n",
        GET,
        "RFC 9112 9.3",
    ),
    Case::arrives_last("GET /g HTTP/1.0\r\n\r\n", GET, "RFC 9112 9.3"),
    Case::arrives_last(get!("connection: close\r\n\r\n"), GET, "RFC 9112 9.6"),
    Case::arrives(
        get!("accept: a,\t b ,c\r\nx:\r\n\r\n"),
        GET,
        "RFC 9110 5.6.1",
    ),
    Case::arrives(
        get!("content-length: 5\r\n\r\nhello"),
        &[("GET /g", "hello")],
        "RFC 9110 9.3.1",
    ),
    Case::arrives(
        "DELETE /d HTTP/1.1\r\nhost: a.test\r\ncontent-length: 5\r\n\r\nhello",
        &[("DELETE /d", "hello")],
        "RFC 9110 9.3.5",
    ),
    Case::arrives(
        "GET /g HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        &[("GET /g", "hello")],
        "RFC 9112 6.1",
    ),
    Case::arrives(post!("content-length: 0\r\n\r\n"), EMPTY, "RFC 9110 8.6"),
    Case::arrives(
        post!("content-length: 5\r\n\r\nhello"),
        HELLO,
        "RFC 9110 8.6",
    ),
    Case::arrives(
        post!("CONTENT-LENGTH:\t005 \r\n\r\nhello"),
        HELLO,
        "RFC 9110 8.6",
    ),
    Case::arrives(
        post!("content-length: 4\r\n\r\n\r\n\r\n"),
        &[("POST /p", "\r\n\r\n")],
        "RFC 9112 6.2",
    ),
    Case::arrives(
        post!("expect: 100-continue\r\ncontent-length: 5\r\n\r\nhello"),
        HELLO,
        "RFC 9110 10.1.1",
    ),
    Case::arrives(chunks!("0\r\n\r\n"), EMPTY, "RFC 9112 7.1"),
    Case::arrives(chunks!("5\r\nhello\r\n0\r\n\r\n"), HELLO, "RFC 9112 7.1"),
    Case::arrives(
        chunks!("2\r\nhe\r\n003\r\nllo\r\n000\r\n\r\n"),
        HELLO,
        "RFC 9112 7.1",
    ),
    Case::arrives(
        chunks!("A\r\n0123456789\r\n0\r\n\r\n"),
        &[("POST /p", "0123456789")],
        "RFC 9112 7.1",
    ),
    Case::arrives(
        chunks!("5;a;b=c;d=\"e;f\"\r\nhello\r\n0;last\r\n\r\n"),
        HELLO,
        "RFC 9112 7.1.1",
    ),
    Case::arrives(
        chunks!("5\r\nhello\r\n0\r\nx: y\r\nz:\r\n\r\n"),
        HELLO,
        "RFC 9112 7.1.2",
    ),
    Case::arrives(
        chunks!("2\r\n\r\n\r\n0\r\n\r\n"),
        &[("POST /p", "\r\n")],
        "RFC 9112 7.1",
    ),
    Case::arrives(
        post!("Transfer-Encoding: \tChunKed \r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        HELLO,
        "RFC 9112 7",
    ),
    Case::arrives(
        "M-SEARCH!#$%&'*+.^_`|~ /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        &[("M-SEARCH!#$%&'*+.^_`|~ /g", "")],
        "RFC 9110 5.6.2",
    ),
    Case::arrives(
        get!("x-content-length: 5\r\nx-transfer-encoding: chunked\r\n\r\n"),
        GET,
        "RFC 9110 5.1",
    ),
];

/// Several requests on one connection: all of them are whole, and none is taken for another.
pub(super) const SEVERAL: &[Case] = &[
    Case::arrives(
        "GET /1 HTTP/1.1\r\nhost: a.test\r\n\r\nGET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n\
         GET /3 HTTP/1.1\r\nhost: a.test\r\n\r\n",
        &[("GET /1", ""), ("GET /2", ""), ("GET /3", "")],
        "RFC 9112 9.3.2",
    ),
    // A request in a body is no request.
    Case::arrives(
        post!("content-length: 39\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r"),
        &[("POST /p", "GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r")],
        "RFC 9112 6.2",
    ),
    Case::arrives(
        chunks!("28\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n\r\n0\r\n\r\n"),
        &[("POST /p", "GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n")],
        "RFC 9112 7.1",
    ),
    Case::arrives(
        get!("content-length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        &[("GET /g", "GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n")],
        "RFC 9112 6.3",
    ),
    Case::arrives(
        "HEAD /g HTTP/1.1\r\nhost: a.test\r\ncontent-length: 40\r\n\r\n\
         GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n",
        &[("HEAD /g", "GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n")],
        "RFC 9112 6.3",
    ),
    // A chunk that looks like the last one, in a body that is counted.
    Case::arrives(
        post!("content-length: 5\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        &[("POST /p", "0\r\n\r\n"), ("GET /2", "")],
        "RFC 9112 6.2",
    ),
    // Without a length there is no body: what follows is a request.
    Case::arrives(
        post!("\r\nGET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        &[("POST /p", ""), ("GET /2", "")],
        "RFC 9112 6.3",
    ),
    Case::arrives(
        chunks!("5\r\nhello\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        &[("POST /p", "hello"), ("GET /2", "")],
        "RFC 9112 7.1",
    ),
    Case::arrives(
        chunks!("0\r\ncontent-length: 5\r\n\r\nGET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        &[("POST /p", ""), ("GET /2", "")],
        "RFC 9110 6.5.1",
    ),
    // One empty line between them is none of either.
    Case::arrives(
        post!("content-length: 5\r\n\r\nhello\r\nGET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        &[("POST /p", "hello"), ("GET /2", "")],
        "RFC 9112 2.2",
    ),
    // Another protocol that is not agreed on is not spoken.
    Case::arrives(
        get!(
            "connection: upgrade\r\nupgrade: websocket\r\n\r\n"
            "GET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n"
        ),
        &[("GET /g", ""), ("GET /2", "")],
        "RFC 9110 7.8",
    ),
    Case::arrives(
        get!(
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMA\r\n\r\n"
            "GET /2 HTTP/1.1\r\nhost: a.test\r\n\r\n"
        ),
        &[("GET /g", ""), ("GET /2", "")],
        "RFC 9113 3.1",
    ),
    Case::arrives(
        post!("connection: content-length\r\ncontent-length: 5\r\n\r\nhello"),
        &[("POST /p", "hello")],
        "RFC 9110 7.6.1",
    ),
    Case::arrives(
        post!("connection: transfer-encoding\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        &[("POST /p", "")],
        "RFC 9110 7.6.1",
    ),
    Case::arrives(
        get!("connection: host\r\n\r\n"),
        &[("GET /g", "")],
        "RFC 9110 7.6.1",
    ),
];
