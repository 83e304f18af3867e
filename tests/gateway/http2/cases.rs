use portcullis_tests::{Fate, Frame, request};

/// What is sent behind the preface and the settings, and what may become of it.
pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) rfc: &'static str,
    pub(super) octets: Vec<u8>,
    /// Any of them: RFC 9113 section 5.4 lets an error of a stream be taken for one of the
    /// connection.
    pub(super) fates: Vec<Fate>,
}

type Fields = Vec<(String, String)>;

const PROTOCOL_ERROR: u32 = 0x1;
const FLOW_CONTROL_ERROR: u32 = 0x3;
const STREAM_CLOSED: u32 = 0x5;
const FRAME_SIZE_ERROR: u32 = 0x6;
const COMPRESSION_ERROR: u32 = 0x9;
const ENHANCE_YOUR_CALM: u32 = 0xb;

const MALFORMED: &[Fate] = &[Fate::Reset(PROTOCOL_ERROR), Fate::GoAway(PROTOCOL_ERROR)];
const BROKEN: &[Fate] = &[Fate::GoAway(PROTOCOL_ERROR)];
/// The code is advice for whoever reads logs; that the connection ends is what counts.
const SIZE: &[Fate] = &[Fate::GoAway(FRAME_SIZE_ERROR), Fate::GoAway(PROTOCOL_ERROR)];

/// Everything that is no request, or none that is served. Each is on stream 1 of a connection of
/// its own.
pub(super) fn cases(token: &str) -> Vec<Case> {
    let mut cases = heads(token);
    cases.extend(bodies(token));
    cases.extend(connections(token));
    cases
}

fn heads(token: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |what, rfc, fates: &[Fate], edit: &dyn Fn(&mut Fields)| {
        let mut fields = request("GET", "/x", token);
        edit(&mut fields);
        cases.push(Case {
            what,
            rfc,
            octets: whole(&Frame::block(&fields)),
            fates: fates.to_vec(),
        });
    };
    let add = |name: &'static str, value: &'static str| {
        move |fields: &mut Fields| fields.push((name.into(), value.into()))
    };
    let set = |name: &'static str, value: &'static str| {
        move |fields: &mut Fields| {
            for field in fields.iter_mut().filter(|field| field.0 == name) {
                field.1 = value.into();
            }
        }
    };
    let without =
        |name: &'static str| move |fields: &mut Fields| fields.retain(|field| field.0 != name);
    let first = |name: &'static str, value: &'static str| {
        move |fields: &mut Fields| fields.insert(0, (name.into(), value.into()))
    };

    for name in ["X-Upper", "x-uppeR", "Authorization"] {
        case("an upper-case name", "8.2.1", MALFORMED, &add(name, "1"));
    }
    for name in ["x y", "x:y", "x\u{1}", "x\u{7f}", "x\r\ny", "é", "", ":"] {
        case(
            "a name that is no token",
            "8.2.1",
            MALFORMED,
            &add(name, "1"),
        );
    }
    for value in [
        "a\r\nx-forged: 1",
        "a\rb",
        "a\nb",
        "a\0b",
        "\r\n",
        "a\u{7f}",
    ] {
        case(
            "a control character in a value",
            "8.2.1",
            MALFORMED,
            &add("x", value),
        );
    }
    for value in [" a", "a ", "\ta", "a\t"] {
        let refused = &[Fate::Status(400), Fate::Reset(PROTOCOL_ERROR)];
        case(
            "white space around a value",
            "8.2.1",
            refused,
            &add("x", value),
        );
    }
    for (name, value) in [
        ("connection", "close"),
        ("connection", "x-forged"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity"),
        ("upgrade", "websocket"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("te", "trailers, gzip"),
    ] {
        case(
            "a field of a connection",
            "8.2.2",
            MALFORMED,
            &add(name, value),
        );
    }
    for name in [":method", ":scheme", ":path"] {
        case(
            "a pseudo field is missing",
            "8.3.1",
            MALFORMED,
            &without(name),
        );
    }
    for (name, value) in [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/x"),
        (":path", "/other"),
        (":authority", "gateway.test"),
    ] {
        case(
            "a pseudo field is repeated",
            "8.3",
            MALFORMED,
            &first(name, value),
        );
        case(
            "a pseudo field behind others",
            "8.3",
            MALFORMED,
            &add(name, value),
        );
    }
    case(
        "a pseudo field of answers",
        "8.3",
        MALFORMED,
        &first(":status", "200"),
    );
    case(
        "an unknown pseudo field",
        "8.3",
        MALFORMED,
        &first(":forged", "1"),
    );
    case(
        "a protocol without CONNECT",
        "8.3",
        MALFORMED,
        &first(":protocol", "websocket"),
    );
    for path in ["", "x", "admin/x", "?x", "#x", "\\x", "http://other/x", "*"] {
        let refused = &[MALFORMED, &[Fate::Status(400)]].concat();
        case(
            "a path without a slash",
            "8.3.1",
            refused,
            &set(":path", path),
        );
    }
    for path in ["/a b", "/a\r\nb", "/a\0", "/\u{7f}"] {
        let refused = &[MALFORMED, &[Fate::Status(400)]].concat();
        case(
            "a path with what no path has",
            "8.3.1",
            refused,
            &set(":path", path),
        );
    }
    for path in ["/%2e%2e/x", "/a%2fb", "/%00", "/a\\b"] {
        case(
            "a path that is read in several ways",
            "-",
            &[Fate::Status(400)],
            &set(":path", path),
        );
    }
    case(
        "a path that is too long",
        "-",
        &[Fate::Status(414)],
        &|fields| {
            fields[3].1 = format!("/{}", "x".repeat(9_000));
        },
    );
    for host in ["other.test", "gateway.test:81", "gateway.test.evil"] {
        let refused = &[Fate::Status(400), Fate::Reset(PROTOCOL_ERROR)];
        case(
            "an authority and another host",
            "8.3.1",
            refused,
            &add("host", host),
        );
    }
    case(
        "two hosts",
        "RFC 9112, 3.2",
        &[Fate::Status(400)],
        &|fields| {
            for _ in 0..2 {
                fields.push(("host".into(), "gateway.test".into()));
            }
        },
    );
    case(
        "no authority and no host",
        "8.3.1",
        &[Fate::Status(400)],
        &without(":authority"),
    );
    for authority in [
        "user@gateway.test",
        "a b",
        "a/b",
        "",
        "gateway.test:x",
        "[::1",
    ] {
        let refused = &[MALFORMED, &[Fate::Status(400)]].concat();
        case(
            "an authority that is none",
            "8.3.1",
            refused,
            &set(":authority", authority),
        );
    }
    for scheme in ["ftp", "ws", "1", ""] {
        let refused = &[MALFORMED, &[Fate::Status(400)]].concat();
        case("another scheme", "8.3.1", refused, &set(":scheme", scheme));
    }
    let unserved = &[Fate::Status(501)];
    case("CONNECT", "8.5", unserved, &|fields| {
        fields[0].1 = "CONNECT".into();
        fields.retain(|field| field.0 != ":path" && field.0 != ":scheme");
    });
    case(
        "CONNECT with a path",
        "8.5",
        MALFORMED,
        &set(":method", "CONNECT"),
    );
    case("an extended CONNECT", "RFC 8441, 3", MALFORMED, &|fields| {
        fields[0].1 = "CONNECT".into();
        fields.insert(0, (":protocol".into(), "websocket".into()));
    });
    for method in ["TRACE", "post", "gET"] {
        case(
            "a method that is not served",
            "-",
            unserved,
            &set(":method", method),
        );
    }
    for method in ["", "G ET", "GET\r\n"] {
        case(
            "a method that is no token",
            "8.3.1",
            MALFORMED,
            &set(":method", method),
        );
    }
    case("two credentials", "-", &[Fate::Status(400)], &|fields| {
        let again = fields[4].clone();
        fields.push(again);
    });
    case(
        "no credential",
        "-",
        &[Fate::Status(401)],
        &without("authorization"),
    );
    case(
        "too many fields",
        "RFC 6585, 5",
        &[Fate::Status(431)],
        &|fields| {
            fields.extend((0..101).map(|at| (format!("x-{at}"), String::new())));
        },
    );
    case(
        "a head that is too long",
        "10.5.1",
        &[Fate::Status(431)],
        &|fields| {
            fields.extend((0..4).map(|at| (format!("x-{at}"), "x".repeat(8_100))));
        },
    );
    for length in [
        "5",
        "0, 5",
        "5, 5",
        "+0",
        "-1",
        "0x0",
        "99999999999999999999",
        "",
    ] {
        let refused = &[MALFORMED, &[Fate::Status(400)]].concat();
        case(
            "a length without a body",
            "8.1.1",
            refused,
            &add("content-length", length),
        );
    }
    cases
}

fn bodies(token: &str) -> Vec<Case> {
    let head = |flags, fields: &[(&str, &str)]| {
        let mut all = request("POST", "/x", token);
        let more = fields
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        all.extend(more);
        Frame::octets(Frame::HEADERS, flags, 1, &Frame::block(&all))
    };
    let data = |flags, octets: &[u8]| Frame::octets(Frame::DATA, flags, 1, octets);
    let trailers = |flags, fields: &[(&str, &str)]| {
        Frame::octets(Frame::HEADERS, flags, 1, &Frame::block(fields))
    };
    let open = Frame::END_HEADERS;
    let five = [("content-length", "5")];
    let three = ("content-length", "3");
    let either: &[Fate] = &[MALFORMED, &[Fate::Status(400)]].concat();
    let closed = [&[Fate::Reset(STREAM_CLOSED)], MALFORMED].concat();
    let padding = Frame::octets(Frame::DATA, Frame::PADDED, 1, &[9, 1, 2]);
    let table: [(&str, &str, &[Fate], Vec<u8>); 10] = [
        (
            "less than its length",
            "8.1.1",
            MALFORMED,
            [head(open, &five), data(1, b"abc")].concat(),
        ),
        (
            "more than its length",
            "8.1.1",
            MALFORMED,
            [head(open, &five), data(0, b"abcdef"), data(1, b"")].concat(),
        ),
        (
            "two lengths, the first of them right",
            "8.1.1",
            either,
            [head(open, &[three, five[0]]), data(1, b"abc")].concat(),
        ),
        (
            "two lengths, the second of them right",
            "8.1.1",
            either,
            [head(open, &[five[0], three]), data(1, b"abc")].concat(),
        ),
        (
            "less than its length, ended by trailers",
            "8.1.1",
            MALFORMED,
            [
                head(open, &five),
                data(0, b"abc"),
                trailers(Frame::WHOLE, &[("x", "1")]),
            ]
            .concat(),
        ),
        (
            "an upper-case name in trailers",
            "8.2.1",
            MALFORMED,
            [head(open, &[]), trailers(Frame::WHOLE, &[("X", "1")])].concat(),
        ),
        (
            "trailers that end nothing",
            "8.1",
            MALFORMED,
            [head(open, &[]), trailers(open, &[("x", "1")])].concat(),
        ),
        (
            "data behind the end",
            "5.1",
            &closed,
            [head(open, &[]), data(1, b"a"), data(1, b"b")].concat(),
        ),
        (
            "padding longer than its frame",
            "6.1",
            BROKEN,
            [head(open, &[]), padding].concat(),
        ),
        (
            "a stream that depends on itself",
            "5.3.1 of RFC 7540",
            MALFORMED,
            [
                head(open, &[]),
                Frame::octets(Frame::PRIORITY, 0, 1, &[0, 0, 0, 1, 9]),
            ]
            .concat(),
        ),
    ];
    let case = |(what, rfc, fates, octets): (_, _, &[Fate], _)| Case {
        what,
        rfc,
        octets,
        fates: fates.to_vec(),
    };
    table.into_iter().map(case).collect()
}

fn connections(token: &str) -> Vec<Case> {
    let block = Frame::block(&request("GET", "/x", token));
    let headers = |flags, stream| Frame::octets(Frame::HEADERS, flags, stream, &block);
    let compression: &[Fate] = &[Fate::GoAway(COMPRESSION_ERROR)];
    let either = &[BROKEN, compression].concat()[..];
    let flow: &[Fate] = &[
        Fate::GoAway(FLOW_CONTROL_ERROR),
        Fate::Reset(FLOW_CONTROL_ERROR),
    ];
    let closed: &[Fate] = &[Fate::GoAway(PROTOCOL_ERROR), Fate::GoAway(STREAM_CLOSED)];
    let bomb = bomb();
    let table = [
        ("a request on the connection", "6.2", BROKEN, headers(5, 0)),
        ("a stream of the server's", "5.1.1", BROKEN, headers(5, 2)),
        (
            "data on the connection",
            "6.1",
            BROKEN,
            frame(Frame::DATA, 0, 0, 1),
        ),
        (
            "data on no stream",
            "5.1",
            BROKEN,
            frame(Frame::DATA, 0, 1, 1),
        ),
        (
            "a window of no stream",
            "5.1",
            BROKEN,
            frame(Frame::WINDOW_UPDATE, 0, 1, 4),
        ),
        (
            "the end of no stream",
            "6.4",
            BROKEN,
            frame(Frame::RST_STREAM, 0, 1, 4),
        ),
        (
            "a head that goes on from none",
            "6.10",
            BROKEN,
            frame(Frame::CONTINUATION, 4, 1, 1),
        ),
        (
            "a frame within a head",
            "6.10",
            BROKEN,
            [headers(1, 1), frame(Frame::PING, 0, 0, 8)].concat(),
        ),
        (
            "a head that goes on on another stream",
            "6.10",
            BROKEN,
            [headers(1, 1), frame(Frame::CONTINUATION, 4, 3, 0)].concat(),
        ),
        (
            "a promise of a client's",
            "8.4",
            BROKEN,
            frame(Frame::PUSH_PROMISE, 4, 1, 8),
        ),
        (
            "a frame that is too long",
            "4.2",
            SIZE,
            frame(Frame::DATA, 0, 1, 16_385),
        ),
        (
            "settings of an odd length",
            "6.5",
            SIZE,
            frame(Frame::SETTINGS, 0, 0, 5),
        ),
        (
            "settings of a stream",
            "6.5",
            BROKEN,
            frame(Frame::SETTINGS, 0, 1, 6),
        ),
        (
            "an acknowledgement with settings",
            "6.5",
            SIZE,
            frame(Frame::SETTINGS, 1, 0, 6),
        ),
        (
            "a window that is too large from the start",
            "6.5.2",
            &[
                Fate::GoAway(FLOW_CONTROL_ERROR),
                Fate::GoAway(PROTOCOL_ERROR),
            ],
            Frame::octets(Frame::SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]),
        ),
        (
            "frames that are larger than any may be",
            "6.5.2",
            BROKEN,
            Frame::octets(Frame::SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1]),
        ),
        ("a short ping", "6.7", SIZE, frame(Frame::PING, 0, 0, 7)),
        (
            "a ping of a stream",
            "6.7",
            BROKEN,
            frame(Frame::PING, 0, 1, 8),
        ),
        (
            "a window of nothing more",
            "6.9",
            BROKEN,
            frame(Frame::WINDOW_UPDATE, 0, 0, 4),
        ),
        (
            "a short window",
            "6.9",
            SIZE,
            frame(Frame::WINDOW_UPDATE, 0, 0, 3),
        ),
        (
            "a window without a bound",
            "6.9.1",
            flow,
            Frame::octets(Frame::WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
        ),
        (
            "no field of the table",
            "RFC 7541, 2.3.3",
            either,
            Frame::octets(1, 5, 1, &[0x80]),
        ),
        (
            "a field behind the table",
            "RFC 7541, 2.3.3",
            either,
            Frame::octets(1, 5, 1, &[0xff, 9]),
        ),
        (
            "a table that is too large",
            "RFC 7541, 6.3",
            either,
            Frame::octets(1, 5, 1, &[0x3f, 0xff, 0xff, 0x7f]),
        ),
        (
            "a text behind its block",
            "RFC 7541, 5.2",
            either,
            Frame::octets(1, 5, 1, &[0, 9, b'x']),
        ),
        (
            "more of a head than anybody reads",
            "10.5.1",
            &[Fate::Status(431), Fate::GoAway(ENHANCE_YOUR_CALM)],
            bomb,
        ),
        (
            "two requests on one stream",
            "5.1.1",
            closed,
            [headers(5, 3), headers(5, 1)].concat(),
        ),
    ];
    let case = |(what, rfc, fates, octets): (_, _, &[Fate], _)| Case {
        what,
        rfc,
        octets,
        fates: fates.to_vec(),
    };
    table.into_iter().map(case).collect()
}

/// A request without a body in as many frames as it takes.
fn whole(block: &[u8]) -> Vec<u8> {
    let (first, mut rest) = block.split_at(block.len().min(16_384));
    let flags = |rest: &[u8]| {
        if rest.is_empty() {
            Frame::END_HEADERS
        } else {
            0
        }
    };
    let end = Frame::END_STREAM;
    let mut octets = Frame::octets(Frame::HEADERS, end | flags(rest), 1, first);
    while !rest.is_empty() {
        let (next, behind) = rest.split_at(rest.len().min(16_384));
        octets.extend(Frame::octets(Frame::CONTINUATION, flags(behind), 1, next));
        rest = behind;
    }
    octets
}

/// A frame of zeros.
fn frame(kind: u8, flags: u8, stream: u32, length: usize) -> Vec<u8> {
    Frame::octets(kind, flags, stream, &vec![0; length])
}

/// One field that is remembered, and named again by an octet each: four megabytes in one frame of
/// 16 KiB.
fn bomb() -> Vec<u8> {
    let mut block = vec![0x40, 1, b'x', 127, 0x81, 0x0f];
    block.extend([b'y'; 2_048]);
    block.extend([0xbe].repeat(14_000));
    Frame::octets(Frame::HEADERS, Frame::WHOLE, 1, &block)
}
