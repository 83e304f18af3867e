use portcullis_tests::{Fate, Frame, FrameClient, Gateway, Place, Upstream, request};

use crate::{PROGRAM, service};

fn head(flags: u8, stream: u32, fields: &[(String, String)]) -> Vec<u8> {
    Frame::octets(Frame::HEADERS, flags, stream, &Frame::block(fields))
}

#[test]
fn requests_arrive_as_http1_says_them() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let mut client = FrameClient::connect(gateway.address);

    let mut fields = request("GET", "/a/../b?c=%20", &token);
    for (name, value) in [
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("te", "trailers"),
        ("host", "GATEWAY.test:80"),
        ("x-portcullis-owner", "root"),
    ] {
        fields.push((name.into(), value.into()));
    }
    client.send(&head(Frame::WHOLE, 1, &fields)).expect("sent");
    assert_eq!(client.fate(1), Fate::Status(200));
    let seen = upstream.take_seen().pop().expect("a request");
    assert_eq!(seen.line, "GET /b?c=%20 HTTP/1.1");
    assert_eq!(seen.field("cookie"), ["a=1; b=2"]);
    assert_eq!(seen.field("via"), ["2 portcullis"]);
    assert_eq!(seen.field("x-forwarded-host").len(), 1, "{seen:?}");
    assert_eq!(seen.field("x-portcullis-owner"), ["acme"]);
    assert_eq!(seen.field("host"), [upstream.address().to_string()]);
    assert_eq!(seen.field("te"), ["trailers"]);
    assert_eq!(seen.field("connection"), ["te"]);
    for gone in ["authorization", "transfer-encoding", "content-length"] {
        assert!(seen.field(gone).is_empty(), "{gone}: {seen:?}");
    }
    assert!(!seen.text().contains("root"), "{seen:?}");

    let known = [("content-length".to_owned(), "5".to_owned())];
    let counted = [&request("POST", "/counted", &token)[..], &known].concat();
    let trailers = [
        (":path".to_owned(), "/forged".to_owned()),
        ("x".into(), "1".into()),
    ];
    for (stream, octets, length) in [
        (
            3,
            [
                head(Frame::END_HEADERS, 3, &counted),
                Frame::octets(Frame::DATA, 1, 3, b"hello"),
            ]
            .concat(),
            &["5"][..],
        ),
        (
            5,
            [
                head(Frame::END_HEADERS, 5, &request("POST", "/unknown", &token)),
                Frame::octets(Frame::DATA, Frame::PADDED, 5, b"\x02hel\0\0"),
                Frame::octets(Frame::DATA, 0, 5, b"lo"),
                head(Frame::WHOLE, 5, &trailers),
            ]
            .concat(),
            &[],
        ),
    ] {
        client.send(&octets).expect("sent");
        assert_eq!(client.fate(stream), Fate::Status(200));
        let seen = upstream.take_seen().pop().expect("a request");
        assert_eq!(
            (seen.body.as_str(), seen.field("content-length")),
            ("hello", length.to_vec())
        );
        assert_eq!(seen.field("transfer-encoding").len(), 1 - length.len());
        assert!(
            !seen.text().contains("forged"),
            "trailers go nowhere: {seen:?}"
        );
    }
}

#[test]
fn an_upload_that_is_reset_without_an_error_is_no_request() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    let mut client = FrameClient::connect(gateway.address);
    for at in 0..50_u32 {
        let stream = 2 * at + 1;
        let octets = [
            head(
                Frame::END_HEADERS,
                stream,
                &request("POST", "/half", &token),
            ),
            Frame::octets(Frame::DATA, 0, stream, b"half of it"),
            Frame::octets(Frame::PING, 0, 0, &[0; 8]),
        ];
        client.send(&octets.concat()).expect("sent");
        while client.receive().expect("an answer").kind != Frame::PING {}
        let reset = Frame::octets(Frame::RST_STREAM, 0, stream, &[0; 4]);
        client.send(&reset).expect("sent");
    }
    client.get(201, "/whole", &token);
    assert_eq!(client.fate(201), Fate::Status(200));
    let seen: Vec<String> = upstream
        .take_seen()
        .into_iter()
        .map(|seen| seen.line)
        .collect();
    assert_eq!(seen, ["GET /whole HTTP/1.1"]);
}

#[test]
fn it_can_be_turned_off() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = "[http2]\nenabled = false\n".to_owned() + &service("orders", "/", &upstream);
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("orders", &["--scope", "*"]);
    let mut client = FrameClient::connect(gateway.address);
    client.get(1, "/", &token);
    assert_eq!(client.fate(1), Fate::Closed);
    assert_eq!(gateway.get("/", &token).status, 200);
    assert_eq!(upstream.take_seen().len(), 1);
}
