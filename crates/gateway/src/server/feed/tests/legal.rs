use super::{LIMITS, seen};

/// The octets, and how many messages they are.
const LEGAL: &[(&str, usize)] = &[
    ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    ("GET / HTTP/1.1\r\n\r\n", 1), // that `Host` is missing is for the service to say
    ("GET / HTTP/1.0\r\n\r\n", 1),
    ("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", 1),
    ("HEAD /a/b?c=d&e=%20 HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    ("GET http://a/b HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    ("GET /\"{|}\" HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    ("M-SEARCH!#$%&'*+-.^_`|~ / HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    // RFC 9112 section 2.2: at least one empty line before a request is overlooked.
    ("\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", 1),
    (
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
        2,
    ),
    ("GET / HTTP/1.1\r\nhost:a\r\nx:\r\ny: \t b\tc \t\r\n\r\n", 1),
    ("GET / HTTP/1.1\r\nx: \u{80}\u{ff}\r\n\r\n", 1),
    ("POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", 1),
    ("POST / HTTP/1.1\r\nCONTENT-length: \t005\t\r\n\r\nhello", 1),
    ("GET / HTTP/1.1\r\ncontent-length: 3\r\n\r\n\r\n\n", 1),
    ("DELETE / HTTP/1.0\r\ncontent-length: 1\r\n\r\nx", 1),
    (
        "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\nx",
        1,
    ),
    (
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        1,
    ),
    (
        "POST / HTTP/1.1\r\nTransfer-Encoding: \tChUnKeD \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        1,
    ),
    (
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0000A;x=\"y\";z\r\n0123456789\r\n00\r\n\r\n",
        1,
    ),
    (
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na: b\r\nc:\r\n\r\n",
        1,
    ),
    (
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2;\r\n\r\n\r\n0\r\n\r\n",
        1,
    ),
    (
        "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n",
        3,
    ),
    (
        "POST /1 HTTP/1.1\r\ncontent-length: 5\r\n\r\nGET /POST /2 HTTP/1.1\r\ntransfer-encoding: \
         chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /3 HTTP/1.1\r\n\r\n",
        3,
    ),
    (
        "GET / HTTP/1.1\r\nx-content-length: a, b\r\nte: trailers\r\n\r\n",
        1,
    ),
    (
        "GET / HTTP/1.1\r\na:1\r\nb:2\r\nc:3\r\nd:4\r\ne:5\r\nf:6\r\ng:7\r\nh:8\r\ni:9\r\nj:0\r\n\r\n",
        1,
    ),
];

/// One octet for each character.
fn octets(text: &str) -> Vec<u8> {
    text.chars()
        .map(|octet| u8::try_from(octet).unwrap())
        .collect()
}

#[test]
fn legal_messages_arrive_one_by_one_and_as_they_are() {
    for (text, count) in LEGAL.iter().copied() {
        let seen = seen(&octets(text));
        assert_eq!((seen.refused, seen.spoiled), (None, None), "{text:?}");
        assert_eq!(seen.messages.len(), count, "{text:?}");
        assert!(seen.is_whole, "{text:?}");
        assert_eq!(seen.messages.concat(), text);
    }
}

#[test]
fn head_may_be_as_long_as_the_limit() {
    let begin = "GET / HTTP/1.1\r\nx: ";
    let filling = "y".repeat(LIMITS.octets - begin.len() - 4);
    let text = format!("{begin}{filling}\r\n\r\n");
    let seen = seen(text.as_bytes());
    assert_eq!(seen.refused, None);
    assert_eq!(seen.messages, [text]);
}

#[test]
fn upgrade_is_kept_from_hyper_and_all_else_is_not() {
    let sent = "POST / HTTP/1.1\r\nupgrade: h2c\r\nhost: a\r\nUpgrade: websocket, x\r\nupgraded: \
                1\r\nUPGRADE:\r\ncontent-length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nupgrade: \
                a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let seen = seen(sent.as_bytes());
    assert_eq!(
        seen.messages,
        [
            "POST / HTTP/1.1\r\nhost: a\r\nupgraded: 1\r\ncontent-length: 4\r\n\r\nbody",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        ]
    );
}

#[test]
fn message_that_breaks_off_is_not_whole() {
    for text in [
        "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhell",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\r\n\r",
    ] {
        let seen = seen(text.as_bytes());
        assert!(!seen.is_whole, "{text:?}");
        assert_eq!(seen.messages, [text]);
    }
    for text in ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: a\r\n\r"] {
        assert_eq!(seen(text.as_bytes()).messages, [""; 0], "{text:?}");
    }
}
