use super::case::{Case, get, post};

/// Lengths and codings that end a body at one place or at another.
pub(super) const BODIES: &[Case] = &[
    Case::refused(
        post!("content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("CONTENT-LENGTH:5\r\nTRANSFER-ENCODING:CHUNKED\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("Transfer-Encoding: Chunked\r\nx: y\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 0\r\nContent-Length: 5\r\n\r\nhello"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5\r\nContent-Length: 0\r\n\r\nhello"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5\r\nContent-Length: \r\n\r\nhello"),
        400,
        "RFC 9112 6.3",
    ),
    Case::refused(
        post!("content-length: 5, 5\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5,6\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: +5\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: -5\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: -0\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 0x5\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5 5\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5.0\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5e0\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(post!("content-length:\r\n\r\nhello"), 400, "RFC 9110 8.6"),
    Case::refused(post!("content-length: \r\n\r\nhello"), 400, "RFC 9110 8.6"),
    Case::refused(
        post!("content-length: five\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5;\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: \"5\"\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: ,5\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5,\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5_0\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: \u{b2}\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 18446744073709551621\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 99999999999999999999\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 00000000000000000005\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5\0\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: \u{b}5\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("content-length: 5\u{a0}\r\n\r\nhello"),
        400,
        "RFC 9110 8.6",
    ),
    Case::refused(
        post!("transfer-encoding: gzip\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: identity\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunkedx\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chu nked\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding:\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: \u{a0}chunked\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\u{a0}\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\u{85}\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked,\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: , chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked,identity\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: \u{b}chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\u{c}\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\0\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: [chunked]\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked=1\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 6.1",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\r\ntransfer-encoding: \r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        "POST /p HTTP/1.0\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(
        "POST /p HTTP/1.0\r\nhost: a.test\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "RFC 9112 6.1",
    ),
    Case::refused(post!("content_length: 5\r\n\r\nhello"), 400, "RFC 9112 5.1"),
    Case::refused(post!("CONTENT_LENGTH: 5\r\n\r\nhello"), 400, "RFC 9112 5.1"),
    Case::refused(
        post!("Transfer_Encoding: chunked\r\n\r\nhello"),
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        post!("transfer.encoding: chunked\r\n\r\nhello"),
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        post!("content-length : 5\r\n\r\nhello"),
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        post!("content-length\t: 5\r\n\r\nhello"),
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        post!("transfer-encoding : chunked\r\n\r\nhello"),
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(post!("content length: 5\r\n\r\nhello"), 400, "RFC 9112 5.1"),
    Case::refused(
        post!("transfer-encoding\0: chunked\r\n\r\nhello"),
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        post!("\u{b}transfer-encoding: chunked\r\n\r\nhello"),
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        post!("X: y\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        post!("x: y\rtransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        post!("x: y\r\n\ttransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 5.2",
    ),
    Case::refused(
        post!("transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
        501,
        "RFC 9112 5.2",
    ),
    Case::refused(
        post!("transfer-encoding: chunked\r\n , identity\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 5.2",
    ),
    Case::refused(
        post!("content-length: 5\r\n 0\r\n\r\n0\r\n\r\n"),
        400,
        "RFC 9112 5.2",
    ),
];

/// Lines that end where they should not, or request lines that are none.
pub(super) const LINES: &[Case] = &[
    Case::refused("GET /g HTTP/1.1\nhost: a.test\r\n\r\n", 400, "RFC 9112 2.2"),
    Case::refused("GET /g HTTP/1.1\r\nhost: a.test\n\r\n", 400, "RFC 9112 2.2"),
    Case::refused("GET /g HTTP/1.1\r\nhost: a.test\r\n\n", 400, "RFC 9112 2.2"),
    Case::refused("GET /g HTTP/1.1\nhost: a.test\n\n", 400, "RFC 9112 2.2"),
    Case::refused(
        "\nGET /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused("GET /g HTTP/1.1\rhost: a.test\r\n\r\n", 400, "RFC 9112 2.2"),
    Case::refused(
        "GET /g HTTP/1.1\r\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        "GET /g HTTP/1.1\r\nhost: a.test\r\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        "GET /g HTTP/1.1\r\nhost: a.test\r\n\r\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        "GET /g HTTP/1.1\r\nho\rst: a.test\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        "\rGET /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        "GET /g HTTP/1.1\r\nhost: a.test\r\nx: y\rz: a\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        "\r\n\r\nGET /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.2",
    ),
    Case::refused(
        " GET /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "GET  /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "GET /g  HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "GET /g HTTP/1.1 \r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "GET\t/g\tHTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "GET /g\u{b}HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused("GET /g\r\nhost: a.test\r\n\r\n", 400, "RFC 9112 3"),
    Case::refused("GET\r\nhost: a.test\r\n\r\n", 400, "RFC 9112 3"),
    Case::refused("G@T /g HTTP/1.1\r\nhost: a.test\r\n\r\n", 400, "RFC 9112 3"),
    Case::refused(
        "GET: /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "G\0T /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "\u{16}\u{3}\u{1}\u{2}\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "GET /a b HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "\"GET\" /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3",
    ),
    Case::refused(
        "GET /g http/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.3",
    ),
    Case::refused("GET /g HTTP/1\r\nhost: a.test\r\n\r\n", 400, "RFC 9112 2.3"),
    Case::refused(
        "GET /g HTTP/1.11\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTP/01.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTP/1,1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTPS/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTP/ 1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTP/1.2\r\nhost: a.test\r\n\r\n",
        505,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTP/0.9\r\nhost: a.test\r\n\r\n",
        505,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTP/2.0\r\nhost: a.test\r\n\r\n",
        505,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "GET /g HTTP/3.0\r\nhost: a.test\r\n\r\n",
        505,
        "RFC 9112 2.3",
    ),
    Case::refused(
        "PRI * HTTP/2.0\r\nhost: a.test\r\n\r\n",
        505,
        "RFC 9113 3.4",
    ),
];

/// Fields that are another one, or part of another one, to somebody.
pub(super) const FIELDS: &[Case] = &[
    Case::refused(
        "GET /g HTTP/1.1\r\nhost : a.test\r\n\r\n",
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        "GET /g HTTP/1.1\r\nhost\t: a.test\r\n\r\n",
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        "GET /g HTTP/1.1\r\n host: a.test\r\n\r\n",
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(
        "GET /g HTTP/1.1\r\n\thost: a.test\r\n\r\n",
        400,
        "RFC 9112 5.1",
    ),
    Case::refused(get!("x: y\r\n z\r\n\r\n"), 400, "RFC 9112 5.2"),
    Case::refused(
        get!("x: y\r\n\tcontent-length: 5\r\n\r\n"),
        400,
        "RFC 9112 5.2",
    ),
    Case::refused(get!("x: y\r\n \r\n\r\n"), 400, "RFC 9112 5.2"),
    Case::refused(get!("x:\r\n y\r\n\r\n"), 400, "RFC 9112 5.2"),
    Case::refused(get!("x\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x y: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!(": z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x\u{e9}: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("(x): z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x\u{7f}: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x[]: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x,y: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x\0: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("@: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x;y: z\r\n\r\n"), 400, "RFC 9110 5.1"),
    Case::refused(get!("x: a\0b\r\n\r\n"), 400, "RFC 9110 5.5"),
    Case::refused(get!("x: a\u{1b}b\r\n\r\n"), 400, "RFC 9110 5.5"),
    Case::refused(get!("x: a\u{7f}\r\n\r\n"), 400, "RFC 9110 5.5"),
    Case::refused(get!("x: \u{1}\r\n\r\n"), 400, "RFC 9110 5.5"),
    Case::refused(get!("x: a\u{b}b\r\n\r\n"), 400, "RFC 9110 5.5"),
    Case::refused(get!("x: a\u{8}\r\n\r\n"), 400, "RFC 9110 5.5"),
    Case::refused(
        "CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n",
        501,
        "RFC 9110 9.3.6",
    ),
    Case::refused(
        "CONNECT /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        501,
        "RFC 9110 9.3.6",
    ),
];

/// Targets and hosts that lead to two places, and what else is asked that is not served.
pub(super) const TARGETS: &[Case] = &[
    Case::refused(
        "GET /g#x HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET /#/../g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET /g?# HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET # HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET http://a.test/# HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET /\u{e9} HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET /\u{7f} HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET /\t HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET /\0 HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET /<>\u{80} HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET ?g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET a.test/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET http:// HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused(
        "GET //:x\u{1} HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET http://b.test/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_and_kept(
        "GET https://b.test/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_and_kept(
        "GET http://a.test:81/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_and_kept(
        "GET http://u@a.test/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_and_kept(
        "GET ftp://a.test/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_and_kept(
        "GET http://a.test@b.test/g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2.2",
    ),
    Case::refused_and_kept("GET /g HTTP/1.1\r\n\r\n", 400, "RFC 9112 3.2"),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: a.test\r\nhost: a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: a.test\r\nHost: b.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: u@a.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept("GET /g HTTP/1.1\r\nhost:\r\n\r\n", 400, "RFC 9112 3.2"),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: a.test, b.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: a.test/g\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: a test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: a.test:x\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: a.test:99999\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "GET /g HTTP/1.1\r\nhost: \u{e9}.test\r\n\r\n",
        400,
        "RFC 9112 3.2",
    ),
    Case::refused_and_kept(
        "TRACE /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        501,
        "RFC 9110 9.1",
    ),
    Case::refused_and_kept(
        "get /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        501,
        "RFC 9110 9.1",
    ),
    Case::refused_and_kept(
        "Get /g HTTP/1.1\r\nhost: a.test\r\n\r\n",
        501,
        "RFC 9110 9.1",
    ),
    Case::refused_and_kept(get!("expect: \r\n\r\n"), 417, "RFC 9110 10.1.1"),
    Case::refused_and_kept(get!("expect: 200-ok\r\n\r\n"), 417, "RFC 9110 10.1.1"),
    Case::refused_and_kept(
        get!("expect: 100-continue, x\r\n\r\n"),
        417,
        "RFC 9110 10.1.1",
    ),
    Case::refused_and_kept(
        get!("expect: 100-continue;x\r\n\r\n"),
        417,
        "RFC 9110 10.1.1",
    ),
];
