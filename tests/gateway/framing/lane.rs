use portcullis_tests::{Gateway, Place, eventually, get};

use super::case::{Case, Expects, Fate, Leaving, Way};
use super::client::Client;
use super::strict::Message;
use super::upstream::Witness;
use crate::PROGRAM;

/// A gateway and its upstream, for one case after the other.
pub(super) struct Lane {
    gateway: Gateway,
    witness: Witness,
    /// What the gateway must have counted.
    refused: usize,
    arrived: usize,
    _place: Place,
}

impl Lane {
    pub(super) fn new() -> Self {
        let (place, witness) = (Place::new(PROGRAM), Witness::start());
        let text = format!(
            "[[upstreams]]\nname = \"strict\"\nurl = \"http://{}\"\n\
             [[routes]]\nname = \"all\"\nprefix = \"/\"\nauth = \"open\"\nupstream = \"strict\"\n",
            witness.address
        );
        Self {
            gateway: Gateway::start(&place, &text),
            witness,
            refused: 0,
            arrived: 0,
            _place: place,
        }
    }

    /// Sends a case in one way, and holds what comes of it against what it says.
    pub(super) fn run(&mut self, case: &Case, way: Way) {
        let what = format!("{:?} {way:?} ({})", case.text, case.rfc);
        let mut client = Client::connect(self.gateway.address);
        client.send(&way.pieces(case.octets()));
        let mut whole = Vec::new();
        if way == Way::BehindAnother {
            whole.push(("GET /first", ""));
            answered(&mut client, "GET /first", &what);
        }
        let fate = match case.expects {
            Expects::Arrives(requests, fate) => {
                for (asked, _) in requests {
                    answered(&mut client, asked, &what);
                }
                whole.extend(requests);
                fate
            }
            Expects::Refused(status, fate) => {
                refused(&mut client, status, fate, &what);
                self.refused += 1;
                fate
            }
            Expects::Malformed(status) => {
                refused(&mut client, status, Fate::Closed, &what);
                Fate::Closed
            }
            Expects::Left(leaving) => {
                self.leave(client, leaving, &what);
                self.settle(&whole, &what);
                return self.go_on(&what);
            }
        };
        match fate {
            Fate::Kept => {
                client.send(&[b"GET /after HTTP/1.1\r\nhost: a.test\r\n\r\n".to_vec()]);
                answered(&mut client, "GET /after", &what);
                whole.push(("GET /after", ""));
            }
            Fate::Closed => {
                let end = client
                    .answer()
                    .unwrap_or_else(|error| panic!("{error}: {what}"));
                assert_eq!(end, None, "{what}");
            }
            Fate::Either => {
                client.send(&[b"GET /after HTTP/1.1\r\nhost: a.test\r\n\r\n".to_vec()]);
                // Where it is closed, what was sent may have met a reset.
                if let Ok(Some(answer)) = client.answer() {
                    assert_eq!(
                        (answer.status, &*answer.asked),
                        (200, "GET /after"),
                        "{what}"
                    );
                    whole.push(("GET /after", ""));
                }
            }
        }
        self.settle(&whole, &what);
        self.go_on(&what);
    }

    /// Goes away once the upstream has the beginning.
    fn leave(&self, mut client: Client, leaving: Leaving, what: &str) {
        eventually(&format!("a request has begun: {what}"), || {
            self.witness.seen().underway == 1
        });
        client.leave(leaving);
        if leaving == Leaving::Finished {
            while let Ok(Some(answer)) = client.answer() {
                assert!(answer.status >= 400, "{answer:?}: {what}");
            }
        }
    }

    /// The upstream has seen these to their end, and nothing else.
    fn settle(&mut self, whole: &[(&str, &str)], what: &str) {
        eventually(&format!("nothing is under way: {what}"), || {
            self.witness.seen().underway == 0
        });
        let mut seen = self.witness.seen();
        assert!(seen.nonsense.is_empty(), "{:?}: {what}", seen.nonsense);
        let expected: Vec<Message> = whole
            .iter()
            .map(|(asked, body)| Message {
                asked: (*asked).to_owned(),
                body: (*body).to_owned(),
            })
            .collect();
        assert_eq!(seen.whole, expected, "{what}");
        seen.whole.clear();
        self.arrived += expected.len();
    }

    /// Others are served as if nothing had been.
    fn go_on(&mut self, what: &str) {
        let answer = get(self.gateway.address, "/next", None);
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(answer.field("x-asked"), Some("GET /next"), "{what}");
        self.settle(&[("GET /next", "")], what);
    }

    /// The gateway has counted what came to the upstream, and what it refused.
    pub(super) fn check_counts(&self) {
        let metrics = get(self.gateway.operations, "/metrics", None).body;
        let answered: usize = metrics
            .lines()
            .filter(|line| line.starts_with("portcullis_upstream_requests_total{"))
            .filter(|line| line.contains("outcome=\"answered\""))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok())
            .sum();
        assert_eq!(answered, self.arrived);
        let refused = self.gateway.metric("portcullis_refused_total");
        assert_eq!(refused.to_string(), self.refused.to_string());
    }
}

/// The upstream's answer to this request is next.
fn answered(client: &mut Client, asked: &str, what: &str) {
    let answer = client
        .answer()
        .unwrap_or_else(|error| panic!("{error}: {what}"));
    let answer = answer.unwrap_or_else(|| panic!("no answer to {asked}: {what}"));
    assert_eq!((answer.status, &*answer.asked), (200, asked), "{what}");
}

/// An answer of the gateway's own is next, and says whether it is the last.
fn refused(client: &mut Client, status: u16, fate: Fate, what: &str) {
    let answer = client
        .answer()
        .unwrap_or_else(|error| panic!("{error}: {what}"));
    let answer = answer.unwrap_or_else(|| panic!("no answer: {what}"));
    assert_eq!((answer.status, &*answer.asked), (status, ""), "{what}");
    if fate != Fate::Either {
        assert_eq!(answer.closes, fate == Fate::Closed, "{what}");
    }
}
