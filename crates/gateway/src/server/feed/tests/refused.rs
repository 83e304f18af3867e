use super::{LIMITS, SUBSTITUTE, seen};
use crate::server::HeadFault::{self, *};

/// Heads that are refused. The octets are those of the characters.
const HEADS: &[(HeadFault, &str)] = &[
    // RFC 9112 section 6.3: what could be a length and a coding at once is how requests are
    // smuggled.
    (
        LengthAndCoding,
        "POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        LengthAndCoding,
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    ),
    (
        LengthAndCoding,
        "POST / HTTP/1.1\r\nTRANSFER-ENCODING:chunked\r\nx: y\r\nCONTENT-LENGTH:0\r\n\r\n",
    ),
    (
        SeveralLengths,
        "POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    ),
    (
        SeveralLengths,
        "POST / HTTP/1.1\r\ncontent-length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ),
    // RFC 9110 section 8.6: `1*DIGIT`.
    (
        Length,
        "POST / HTTP/1.1\r\ncontent-length: 5, 5\r\n\r\nhello",
    ),
    (Length, "POST / HTTP/1.1\r\ncontent-length: +5\r\n\r\nhello"),
    (Length, "POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\nhello"),
    (
        Length,
        "POST / HTTP/1.1\r\ncontent-length: 0x5\r\n\r\nhello",
    ),
    (
        Length,
        "POST / HTTP/1.1\r\ncontent-length: 5 5\r\n\r\nhello",
    ),
    (
        Length,
        "POST / HTTP/1.1\r\ncontent-length: 5.0\r\n\r\nhello",
    ),
    (Length, "POST / HTTP/1.1\r\ncontent-length:\r\n\r\nhello"),
    (
        Length,
        "POST / HTTP/1.1\r\ncontent-length: \u{b2}\r\n\r\nhello",
    ),
    (
        Length,
        "POST / HTTP/1.1\r\ncontent-length: 18446744073709551621\r\n\r\nhello",
    ),
    (
        Length,
        "POST / HTTP/1.1\r\ncontent-length: 00000000000000000005\r\n\r\nhello",
    ),
    // RFC 9112 section 6.1.
    (Coding, "POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n"),
    (
        Coding,
        "POST / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n",
    ),
    (
        Coding,
        "POST / HTTP/1.1\r\ntransfer-encoding: xchunked\r\n\r\n",
    ),
    (
        Coding,
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked;q=1\r\n\r\n",
    ),
    (
        Coding,
        "POST / HTTP/1.1\r\ntransfer-encoding: \"chunked\"\r\n\r\n",
    ),
    (
        Coding,
        "POST / HTTP/1.1\r\ntransfer-encoding: chu nked\r\n\r\n",
    ),
    (Coding, "POST / HTTP/1.1\r\ntransfer-encoding:\r\n\r\n"),
    (
        Coding,
        "POST / HTTP/1.1\r\ntransfer-encoding: \u{a0}chunked\r\n\r\n",
    ),
    (
        SeveralCodings,
        "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
    ),
    (
        SeveralCodings,
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked, chunked\r\n\r\n",
    ),
    (
        SeveralCodings,
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
    ),
    (
        SeveralCodings,
        "POST / HTTP/1.1\r\ntransfer-encoding: , chunked\r\n\r\n",
    ),
    (
        SeveralCodings,
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
    ),
    (
        SeveralCodings,
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n",
    ),
    (
        FieldValue,
        "POST / HTTP/1.1\r\ntransfer-encoding: \u{b}chunked\r\n\r\n",
    ),
    (
        CodingInHttp10,
        "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        LookalikeFraming,
        "POST / HTTP/1.1\r\ncontent_length: 5\r\n\r\nhello",
    ),
    (
        LookalikeFraming,
        "POST / HTTP/1.1\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        LookalikeFraming,
        "POST / HTTP/1.1\r\ntransfer.encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    // RFC 9112 section 2.2: lines end with both, and nothing else tears them apart.
    (BareLineFeed, "GET / HTTP/1.1\nhost: a\r\n\r\n"),
    (BareLineFeed, "GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n"),
    (BareLineFeed, "GET / HTTP/1.1\r\nhost: a\r\n\n"),
    (BareLineFeed, "GET / HTTP/1.1\r\nhost: a\n\r\n"),
    (BareLineFeed, "GET / HTTP/1.1\n\n"),
    (BareLineFeed, "\nGET / HTTP/1.1\r\n\r\n"),
    (
        BareCarriageReturn,
        "GET / HTTP/1.1\r\nhost: a\rx: y\r\n\r\n",
    ),
    (BareCarriageReturn, "GET / HTTP/1.1\r\r\nhost: a\r\n\r\n"),
    (BareCarriageReturn, "GET / HTTP/1.1\r\nhost: a\r\r\n\r\n"),
    (BareCarriageReturn, "GET / HTTP/1.1\rhost: a\r\n\r\n"),
    (
        BareCarriageReturn,
        "GET / HTTP/1.1\r\nhost: a\r\n\r\r\n\r\n",
    ),
    (BareCarriageReturn, "GET / HTTP/1.1\r\nho\rst: a\r\n\r\n"),
    (BareCarriageReturn, "\rGET / HTTP/1.1\r\n\r\n"),
    (EmptyLines, "\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
    (Nul, "GET /\0 HTTP/1.1\r\n\r\n"),
    (Nul, "GET / HTTP/1.1\r\nx: a\0b\r\n\r\n"),
    (Nul, "GET / HTTP/1.1\r\nx\0: a\r\n\r\n"),
    // RFC 9112 section 3: one space between three parts.
    (Method, "\x16\x03\x01\x02"),
    (Method, " GET / HTTP/1.1\r\n\r\n"),
    (Method, "G@T / HTTP/1.1\r\n\r\n"),
    (Method, "GET\t/\tHTTP/1.1\r\n\r\n"),
    (Connect, "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"),
    (Target, "GET  / HTTP/1.1\r\n\r\n"),
    (Target, "GET /  HTTP/1.1\r\n\r\n"),
    (Target, "GET /\r\n\r\n"),
    (Target, "GET\r\n\r\n"),
    (Target, "GET /a b HTTP/1.1\r\n\r\n"),
    (Target, "GET / HTTP/1.1 \r\n\r\n"),
    (Target, "GET /\x7f HTTP/1.1\r\n\r\n"),
    (Target, "GET /\t HTTP/1.1\r\n\r\n"),
    (Target, "GET /\u{e9} HTTP/1.1\r\n\r\n"),
    (Target, "GET a/b HTTP/1.1\r\n\r\n"),
    (Target, "GET ?a HTTP/1.1\r\n\r\n"),
    (Target, "GET a.example HTTP/1.1\r\n\r\n"),
    (Target, "GET http:// HTTP/1.1\r\n\r\n"),
    (Target, "GET /<> HTTP/1.1\r\n\r\n"),
    (Fragment, "GET /#/../admin HTTP/1.1\r\n\r\n"),
    (Version, "GET / http/1.1\r\n\r\n"),
    (Version, "GET / HTTP/1\r\n\r\n"),
    (Version, "GET / HTTP/1.11\r\n\r\n"),
    (Version, "GET / HTTP/1,1\r\n\r\n"),
    (VersionUnsupported, "GET / HTTP/1.2\r\n\r\n"),
    (VersionUnsupported, "GET / HTTP/0.9\r\n\r\n"),
    (VersionUnsupported, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    // RFC 9112 section 5.
    (SpaceBeforeColon, "GET / HTTP/1.1\r\nhost : a\r\n\r\n"),
    (
        SpaceBeforeColon,
        "GET / HTTP/1.1\r\ncontent-length\t: 5\r\n\r\nhello",
    ),
    (SpaceBeforeColon, "GET / HTTP/1.1\r\n host: a\r\n\r\n"),
    (Folded, "GET / HTTP/1.1\r\nhost: a\r\n b\r\n\r\n"),
    (
        Folded,
        "GET / HTTP/1.1\r\nhost: a\r\n\tcontent-length: 5\r\n\r\n",
    ),
    (Folded, "GET / HTTP/1.1\r\nhost: a\r\n \r\n\r\n"),
    (NoColon, "GET / HTTP/1.1\r\nhost\r\n\r\n"),
    (FieldName, "GET / HTTP/1.1\r\n: a\r\n\r\n"),
    (FieldName, "GET / HTTP/1.1\r\nx y: a\r\n\r\n"),
    (
        FieldName,
        "GET / HTTP/1.1\r\ncontent length: 5\r\n\r\nhello",
    ),
    (FieldName, "GET / HTTP/1.1\r\nx\u{e9}: a\r\n\r\n"),
    (FieldName, "GET / HTTP/1.1\r\n(x): a\r\n\r\n"),
    (FieldValue, "GET / HTTP/1.1\r\nx: a\x1bb\r\n\r\n"),
    (FieldValue, "GET / HTTP/1.1\r\nx: a\x7f\r\n\r\n"),
    (
        TooManyFields,
        "GET / HTTP/1.1\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\na:\r\n\r\n",
    ),
];

/// Behind this head: what goes up of the body, and what goes on and does not.
const CHUNKS: &[(HeadFault, &str, &str)] = &[
    // RFC 9112 section 7.1.
    (Chunk, "", "\r\n"),
    (Chunk, "", "x\r\n"),
    (Chunk, "", "-1\r\n"),
    (Chunk, "", "+1\r\nx"),
    (Chunk, "0", "x5\r\nhello"),
    (Chunk, "", " 5\r\nhello"),
    (Chunk, "5", " \r\nhello"),
    (Chunk, "5", "\t;a\r\nhello"),
    (Chunk, "5", "\nhello"),
    (Chunk, "5\r", "hello"),
    (Chunk, "5;a", "\nhello"),
    (Chunk, "5;a", "\0\r\nhello"),
    (Chunk, "5;a\r", "\r\nhello"),
    (Chunk, "", ";a\r\n"),
    (Chunk, "0000000000000000", "0\r\n\r\n"),
    (Chunk, "fffffffffffffff0", "0\r\n"),
    (Chunk, "5\r\nhello", "5\r\nworld"),
    (Chunk, "5\r\nhello", "\n0\r\n\r\n"),
    (Chunk, "5\r\nhello\r", "0\r\n\r\n"),
    (Chunk, "4\r\nhell", "o\r\n0\r\n\r\n"),
    (Chunk, "5\r\nhello\r\n", "\r\n0\r\n\r\n"),
    (Chunk, "0", "\n\r\n"),
    (Trailer, "0\r\n", "\n"),
    (Trailer, "0\r\n\r", "x"),
    (Trailer, "0\r\n", " a: b\r\n\r\n"),
    (Trailer, "0\r\na", " : b\r\n\r\n"),
    (Trailer, "0\r\na", "\r\n\r\n"),
    (Trailer, "0\r\n", ": b\r\n\r\n"),
    (Trailer, "0\r\na: b", "\n\r\n"),
    (Trailer, "0\r\na: b\r", "c: d\r\n\r\n"),
    (Trailer, "0\r\na: ", "\0\r\n\r\n"),
    (Trailer, "0\r\na: b\r\n", " c\r\n\r\n"),
    (Trailer, "0\r\nGET", " / HTTP/1.1\r\n\r\n"),
];

const SUFFIX: &str = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

fn octets(text: &str) -> Vec<u8> {
    text.chars()
        .map(|octet| u8::try_from(octet).unwrap())
        .collect()
}

fn substitute() -> String {
    String::from_utf8(SUBSTITUTE.to_vec()).unwrap()
}

#[test]
fn what_can_be_read_in_two_ways_never_goes_up() {
    let first = "GET /first HTTP/1.1\r\nhost: a\r\n\r\n";
    for (fault, text) in HEADS {
        let alone = seen(&octets(text));
        assert_eq!(alone.refused, Some(*fault), "{text:?}");
        assert_eq!(alone.messages, [substitute()], "{text:?}");

        let behind = seen(&octets(&format!("{first}{text}{SUFFIX}")));
        assert_eq!(behind.refused, Some(*fault), "{text:?}");
        assert_eq!(behind.messages, [first, &substitute()], "{text:?}");
        assert!(behind.is_whole);
    }
}

#[test]
fn malformed_chunks_end_the_connection_where_they_begin() {
    let head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    for (fault, good, bad) in CHUNKS {
        let seen = seen(&octets(&format!("{head}{good}{bad}{SUFFIX}")));
        assert_eq!(seen.spoiled, Some(*fault), "{good:?} {bad:?}");
        assert_eq!(seen.messages, [format!("{head}{good}")], "{bad:?}");
        assert!(!seen.is_whole, "{good:?} {bad:?}");
        assert_eq!(seen.refused, None);
    }
}

#[test]
fn what_a_chunked_body_may_hold_beside_its_data_is_bounded() {
    let head = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    let long = |octets: usize| format!("{head}1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(octets));
    assert_eq!(seen(long(256).as_bytes()).spoiled, None);
    assert_eq!(seen(long(257).as_bytes()).spoiled, Some(Chunk));

    let many = |chunks: usize| {
        let chunk = format!("1;{}\r\nx\r\n", "e".repeat(200));
        super::fed(&[format!("{head}{}0\r\n\r\n", chunk.repeat(chunks)).as_bytes()]).spoiled
    };
    assert_eq!(many(80), None);
    assert_eq!(many(82), Some(Chunk));

    let trailers =
        |fields: usize| seen(format!("{head}0\r\n{}\r\n", "a: b\r\n".repeat(fields)).as_bytes());
    assert_eq!(trailers(64).spoiled, None);
    assert_eq!(trailers(65).spoiled, Some(Trailer));
    let wide =
        |octets: usize| seen(format!("{head}0\r\na: {}\r\n\r\n", "b".repeat(octets)).as_bytes());
    assert_eq!(wide(LIMITS.octets - 8).spoiled, None);
    assert_eq!(wide(LIMITS.octets - 7).spoiled, Some(Trailer));
}

#[test]
fn head_that_is_too_long_is_refused_before_its_end() {
    let line = format!("GET /{} HTTP/1.1\r\n", "x".repeat(LIMITS.octets));
    let fields = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(LIMITS.octets));
    let many = format!(
        "GET / HTTP/1.1\r\n{}\r\n",
        "xxxxxxxxxxxxxxxx: y\r\n".repeat(60)
    );
    for (fault, text) in [(TargetTooLong, line), (TooLong, fields), (TooLong, many)] {
        let seen = seen(text.as_bytes());
        assert_eq!(seen.refused, Some(fault));
        assert_eq!(seen.messages, [substitute()]);
    }
}

#[test]
fn names_and_targets_without_a_type_are_refused_before_hyper_meets_them() {
    let limits = super::HeadLimits {
        octets: 1024 * 1024,
        fields: 10,
    };
    let vet = |head: String| super::super::vet::vet(head.as_bytes(), &limits).map(|_| ());
    let target = |octets| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(octets));
    assert_eq!(vet(target(65_533)), Ok(()));
    assert_eq!(vet(target(65_534)), Err(TargetTooLong));
    let name = |octets| format!("GET / HTTP/1.1\r\n{}: y\r\n\r\n", "x".repeat(octets));
    assert_eq!(vet(name(65_535)), Ok(()));
    assert_eq!(vet(name(65_536)), Err(TooLong));
}
