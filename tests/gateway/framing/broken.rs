use super::case::{Case, Leaving, chunks, post};

/// Chunks that are none.
pub(super) const CHUNKS: &[Case] = &[
    Case::malformed(chunks!("\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("x\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("-5\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("+5\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("0x5\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5h\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!(" 5\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5 \r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5\t;a\r\nhello\r\n"), "RFC 9112 7.1.1"),
    Case::malformed(chunks!("5_0\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!(";a=5\r\nhello\r\n"), "RFC 9112 7.1.1"),
    Case::malformed(chunks!("5\nhello\r\n0\r\n\r\n"), "RFC 9112 2.2"),
    Case::malformed(chunks!("5\rhello\r\n0\r\n\r\n"), "RFC 9112 2.2"),
    Case::malformed(chunks!("5\r\r\nhello\r\n0\r\n\r\n"), "RFC 9112 2.2"),
    Case::malformed(chunks!("5;a\nhello\r\n0\r\n\r\n"), "RFC 9112 7.1.1"),
    Case::malformed(chunks!("5;a\r\r\nhello\r\n0\r\n\r\n"), "RFC 9112 7.1.1"),
    Case::malformed(chunks!("5;\0\r\nhello\r\n0\r\n\r\n"), "RFC 9112 7.1.1"),
    Case::malformed(chunks!("5;a\n\r\nhello\r\n0\r\n\r\n"), "RFC 9112 7.1.1"),
    Case::malformed(chunks!("00000000000000005\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("10000000000000005\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("ffffffffffffffffb\r\nhello\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5\r\nhello"), "RFC 9112 7.1"),
    Case::malformed(chunks!("4\r\nhello\r\n0\r\n\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("6\r\nhello\r\n0\r\n\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5\r\nhello\n0\r\n\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5\r\nhello\r0\r\n\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5\r\nhello\r\n\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5\r\nhello\r\n0\n\r\n"), "RFC 9112 7.1"),
    Case::malformed(chunks!("5\r\nhello\r\n0\r\n\n"), "RFC 9112 7.1.2"),
    Case::malformed(chunks!("5\r\nhello\r\n0\r\n"), "RFC 9112 7.1.2"),
    Case::malformed(
        chunks!("5\r\nhello\r\n0\r\n x: y\r\n\r\n"),
        "RFC 9112 7.1.2",
    ),
    Case::malformed(
        chunks!("5\r\nhello\r\n0\r\nx : y\r\n\r\n"),
        "RFC 9112 7.1.2",
    ),
    Case::malformed(
        chunks!("5\r\nhello\r\n0\r\nx: y\r\n z\r\n\r\n"),
        "RFC 9112 5.2",
    ),
    Case::malformed(chunks!("5\r\nhello\r\n0\r\nx: y\n\r\n"), "RFC 9112 2.2"),
    Case::malformed(
        chunks!("5\r\nhello\r\n0\r\nx: y\rz: a\r\n\r\n"),
        "RFC 9112 2.2",
    ),
    Case::malformed(chunks!("5\r\nhello\r\n0\r\n: y\r\n\r\n"), "RFC 9112 7.1.2"),
    Case::malformed(chunks!("5\r\nhello\r\n0\r\nx: \0\r\n\r\n"), "RFC 9110 5.5"),
];

/// Bodies whose client goes away before their end.
pub(super) const LEFT: &[Case] = &[
    Case::left(
        post!("content-length: 10\r\n\r\nhello"),
        Leaving::Finished,
        "RFC 9112 8",
    ),
    Case::left(
        post!("content-length: 10\r\n\r\nhello"),
        Leaving::Reset,
        "RFC 9112 8",
    ),
    Case::left(
        post!("content-length: 41\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        Leaving::Finished,
        "RFC 9112 8",
    ),
    Case::left(
        post!("content-length: 41\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n"),
        Leaving::Reset,
        "RFC 9112 8",
    ),
    Case::left(chunks!("5\r\nhello\r\n"), Leaving::Finished, "RFC 9112 8"),
    Case::left(chunks!("5\r\nhello\r\n"), Leaving::Reset, "RFC 9112 8"),
    Case::left(chunks!("a\r\nhello"), Leaving::Finished, "RFC 9112 8"),
    Case::left(chunks!("a\r\nhello"), Leaving::Reset, "RFC 9112 8"),
    Case::left(chunks!("5\r\nhello\r\n0"), Leaving::Finished, "RFC 9112 8"),
    Case::left(
        chunks!("5\r\nhello\r\n0\r\n"),
        Leaving::Finished,
        "RFC 9112 8",
    ),
    Case::left(chunks!("5\r\nhello\r\n0\r\n"), Leaving::Reset, "RFC 9112 8"),
    Case::left(
        chunks!("5\r\nhello\r\n0\r\nx: y\r\n"),
        Leaving::Finished,
        "RFC 9112 8",
    ),
    Case::left(
        chunks!("5\r\nhello\r\n0\r\nx: y\r\n\r"),
        Leaving::Reset,
        "RFC 9112 8",
    ),
];
