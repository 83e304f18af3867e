use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Version;
use hyper::header::{CONTENT_LENGTH, ETAG};
use portcullis_tests::{Gateway, Place};

use super::client::{Client, counted, open};
use super::upstream::{EVENTS, EXPECTED, SEEN, Upstream};
use crate::PROGRAM;

const LONG: Duration = Duration::from_secs(30);
const VERSIONS: [(&str, Version); 2] = [("http1", Version::HTTP_11), ("http2", Version::HTTP_2)];

/// A gateway in front of an upstream of either protocol, each below its name.
struct World {
    upstreams: Vec<(&'static str, Version, Upstream)>,
    gateway: Gateway,
    token: String,
    _place: Place,
}

impl World {
    async fn new() -> Self {
        let (place, mut upstreams) = (Place::new(PROGRAM), Vec::new());
        let mut text = "[[services]]\nname = \"orders\"\n".to_owned();
        for (name, version) in VERSIONS {
            let upstream = Upstream::start(version).await;
            text += &format!(
                "[[upstreams]]\nname = \"{name}\"\nurl = \"http://{}\"\nprotocol = \"{name}\"\n\
                 [[routes]]\nname = \"{name}\"\nprefix = \"/{name}\"\nstrip_prefix = true\n\
                 service = \"orders\"\nupstream = \"{name}\"\n",
                upstream.address
            );
            upstreams.push((name, version, upstream));
        }
        let gateway = Gateway::start(&place, &text);
        let token = place.issue("orders", &[]);
        Self {
            upstreams,
            gateway,
            token,
            _place: place,
        }
    }

    async fn client(&self, version: Version) -> Client {
        Client::connect(self.gateway.address, version, &self.token).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_any_length_pass_in_either_protocol() {
    let world = World::new().await;
    let octets: Vec<u8> = (0..1_048_577_u32).map(|at| (at % 251) as u8).collect();
    let octets = Bytes::from(octets);
    for (_, asked) in VERSIONS {
        let mut client = world.client(asked).await;
        for (name, version, _) in &world.upstreams {
            for length in [0, 1, 16_384, 65_537, octets.len()] {
                let octets = octets.slice(..length);
                for body in [counted(octets.clone()), open(&octets)] {
                    let answer = client.ask("POST", &format!("/{name}/echo"), body).await;
                    let told = format!("{asked:?} to {version:?}, {length}");
                    assert_eq!(answer.head.status(), 200, "{told}");
                    assert!(answer.body == octets, "{told}");
                    let seen = format!("{version:?} POST");
                    assert_eq!(answer.field(SEEN), Some(seen.as_str()), "{told}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_body_have_none_in_either_protocol() {
    let world = World::new().await;
    let nothing = || counted(Bytes::new());
    for (_, asked) in VERSIONS {
        let mut client = world.client(asked).await;
        for (name, version, _) in &world.upstreams {
            let told = format!("{asked:?} to {version:?}");
            for (method, path, status, length) in [
                ("HEAD", "sized", 200, Some("1000")),
                ("GET", "nothing", 204, None),
                ("GET", "same", 304, None),
            ] {
                let path = format!("/{name}/{path}");
                let answer = client.ask(method, &path, nothing()).await;
                assert_eq!(answer.head.status(), status, "{told} {path}");
                assert_eq!(answer.body, "", "{told} {path}");
                assert_eq!(answer.field(ETAG.as_str()), Some("\"1\""), "{told} {path}");
                assert_eq!(
                    answer.field(CONTENT_LENGTH.as_str()),
                    length,
                    "{told} {path}"
                );
            }
            let answer = client
                .ask("GET", &format!("/{name}/sized"), nothing())
                .await;
            assert_eq!(answer.body.len(), 1_000, "the connection goes on: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_and_early_answers_pass_in_either_protocol() {
    let world = World::new().await;
    for (_, asked) in VERSIONS {
        for (name, version, _) in &world.upstreams {
            let mut client = world.client(asked).await;
            let told = format!("{asked:?} to {version:?}");
            let nothing = counted(Bytes::new());
            let answer = client
                .ask("GET", &format!("/{name}/trailers"), nothing)
                .await;
            assert_eq!(answer.body, "whole", "{told}");
            assert_eq!(answer.trailers.get("x-sum").expect(&told), "5");
            assert!(
                !answer.trailers.contains_key("x-portcullis-owner"),
                "{told}"
            );

            let upload = open(&Bytes::from(vec![b'y'; 60_000]));
            let answer = client.ask("POST", &format!("/{name}/early"), upload).await;
            assert_eq!(
                (answer.head.status().as_u16(), &*answer.body),
                (200, &b"whole"[..])
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_one_by_one_in_either_protocol() {
    let world = World::new().await;
    for (_, asked) in VERSIONS {
        let mut client = world.client(asked).await;
        for (name, version, upstream) in &world.upstreams {
            let told = format!("{asked:?} to {version:?}");
            let nothing = counted(Bytes::new());
            let answer = client
                .begin("GET", &format!("/{name}/events"), nothing)
                .await;
            let mut body = answer.into_body();
            for number in 0..EVENTS {
                upstream.events.add_permits(1);
                let event = tokio::time::timeout(LONG, body.frame()).await.expect(&told);
                let event = event.expect(&told).expect(&told).into_data().expect(&told);
                assert_eq!(event, format!("data: {number}\n\n"), "{told}");
            }
            let end = tokio::time::timeout(LONG, body.collect())
                .await
                .expect(&told);
            assert_eq!(end.expect(&told).to_bytes(), "", "{told}");
        }
    }
}

/// Nobody behind the gateway is asked to go on: whoever sends what it asked about, is heard.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_expects_is_the_gateway_s_to_meet_in_either_protocol() {
    let world = World::new().await;
    let octets = Bytes::from(vec![b'z'; 60_000]);
    for (_, asked) in VERSIONS {
        for (name, version, _) in &world.upstreams {
            let mut client = world.client(asked).await;
            let told = format!("{asked:?} to {version:?}");
            let path = format!("/{name}/echo");
            client.expects = Some("100-continue");
            for body in [counted(octets.clone()), open(&octets)] {
                let answer = client.ask("POST", &path, body).await;
                assert_eq!(answer.head.status(), 200, "{told}");
                assert!(answer.body == octets, "{told}");
                assert_eq!(answer.field(EXPECTED), None, "{told}");
            }
            client.expects = Some("a-miracle");
            let answer = client.ask("POST", &path, counted(Bytes::new())).await;
            assert_eq!(answer.head.status(), 417, "{told}");
        }
    }
}
