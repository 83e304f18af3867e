//! Every request is fed at once, in two pieces at every place, and octet by octet: what goes up,
//! and what is refused, is the same.

mod hyper_agrees;
mod legal;
mod refused;

use http::Version;
use proptest::prelude::*;
use tokio::io::ReadBuf;

use super::substitute::SUBSTITUTE;
use super::{Feed, Given, HeadLimits};
use crate::server::HeadFault;
use crate::server::phase::{Part, Phase};

const LIMITS: HeadLimits = HeadLimits {
    octets: 1024,
    fields: 10,
};

/// What hyper got to see of what a client sent.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Each message on its own, as far as it came.
    messages: Vec<String>,
    /// Whether the last of them came whole.
    is_whole: bool,
    refused: Option<HeadFault>,
    spoiled: Option<HeadFault>,
}

/// A connection whose hyper is played: it notes what comes up, and answers what came whole.
struct Played {
    feed: Feed,
    phase: Phase,
    seen: Seen,
    parts: Option<(Part, Option<Part>)>,
}

impl Played {
    fn new() -> Self {
        Self {
            feed: Feed::new(LIMITS),
            phase: Phase::default(),
            seen: Seen {
                is_whole: true,
                ..Seen::default()
            },
            parts: None,
        }
    }

    /// Takes what is in the buffer up, as hyper does: a head that is whole is a request at once.
    fn hear(&mut self, buffer: &ReadBuf<'_>) {
        if std::mem::take(&mut self.seen.is_whole) {
            self.seen.messages.push(String::new());
        }
        let octets = buffer.filled().iter().map(|octet| char::from(*octet));
        self.seen.messages.last_mut().unwrap().extend(octets);
        if self.parts.is_none() && self.feed.given > self.phase.requests() {
            self.parts = Some(self.phase.begin(Version::HTTP_11, true));
            self.seen.refused = self.phase.take_refusal();
        }
    }

    /// Answers the message, if one came whole.
    fn answer(&mut self) -> bool {
        let is_whole = matches!(
            self.feed.state,
            super::state::State::Ended | super::state::State::Substituted
        );
        let answers = is_whole && self.parts.take().is_some();
        self.seen.is_whole |= answers;
        answers
    }

    /// Plays until nothing more happens; hyper's buffer has room for so many octets.
    fn play(mut self, pieces: &[&[u8]], room: usize) -> Seen {
        let mut pieces = pieces.iter().flat_map(|piece| piece.chunks(room));
        let mut space = vec![0; room];
        loop {
            let mut buffer = ReadBuf::new(&mut space);
            match self.feed.give(&mut buffer, &self.phase) {
                Given::Octets => {
                    self.hear(&buffer);
                    continue;
                }
                Given::End => break,
                Given::Nothing => {}
            }
            assert!(self.feed.held.len() <= room.max(LIMITS.octets + room));
            let piece = self.feed.is_hungry().then(|| pieces.next()).flatten();
            match piece {
                Some(piece) => {
                    buffer.put_slice(piece);
                    self.feed.take(&mut buffer, 0, &self.phase);
                    if !buffer.filled().is_empty() {
                        self.hear(&buffer);
                    }
                }
                None if self.answer() => {}
                None => break,
            }
        }
        self.seen.spoiled = self.phase.spoiled();
        self.seen
    }
}

fn fed(pieces: &[&[u8]]) -> Seen {
    Played::new().play(pieces, 64 * 1024)
}

/// What is seen of this, however it is cut.
fn seen(sent: &[u8]) -> Seen {
    let seen = fed(&[sent]);
    for at in 0..sent.len() {
        let (first, second) = sent.split_at(at);
        assert_eq!(fed(&[first, second]), seen, "cut at {at}");
    }
    let octets: Vec<&[u8]> = sent.chunks(1).collect();
    assert_eq!(fed(&octets), seen, "octet by octet");
    assert_eq!(Played::new().play(&[sent], 7), seen, "with little room");
    seen
}

/// What may come of a message, so that it is often nearly one.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: Vec<&[u8]> = vec![
        b"GET / HTTP/1.1\r\n",
        b"POST /a HTTP/1.1\r\n",
        b"GET / HTTP/1.0\r\n",
        b"host: a\r\n",
        b"content-length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"transfer-encoding: chunked\r\n",
        b"upgrade: websocket\r\n",
        b"\r\n",
        b"hello",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"0\r\na: b\r\n\r\n",
        b"a;b=c\r\n0123456789\r\n",
        b"\n",
        b"\r",
    ];
    prop_oneof![
        20 => proptest::sample::select(known).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|octet| vec![octet]),
    ]
}

fn sent() -> impl Strategy<Value = Vec<u8>> {
    let request = prop_oneof![
        Just(&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..]),
        Just(&b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"[..]),
        Just(&b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"[..]),
        Just(&b""[..]),
    ];
    (request, proptest::collection::vec(piece(), 0..12))
        .prop_map(|(request, pieces)| [request.to_vec(), pieces.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_depends_on_how_a_request_is_cut(
        sent in sent(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        room in 1_usize..200,
    ) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(sent.len() + 1)).collect();
        at.extend([0, sent.len()]);
        at.sort_unstable();
        let pieces: Vec<&[u8]> = at.windows(2).map(|ends| &sent[ends[0]..ends[1]]).collect();
        let whole = fed(&[&sent]);
        prop_assert_eq!(&fed(&pieces), &whole);
        prop_assert_eq!(&Played::new().play(&pieces, room), &whole);
    }
}

#[test]
fn next_message_waits_for_the_answer() {
    let phase = Phase::default();
    let mut feed = Feed::new(LIMITS);
    let mut space = [0; 256];
    let mut buffer = ReadBuf::new(&mut space);
    let first = b"POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok";
    let second = b"GET /2 HTTP/1.1\r\nhost: a\r\n\r\n";
    buffer.put_slice(first);
    buffer.put_slice(second);
    feed.take(&mut buffer, 0, &phase);
    assert_eq!(buffer.filled(), first);
    let (answer, body) = phase.begin(Version::HTTP_11, true);
    buffer.clear();
    drop(body);
    assert_eq!(feed.give(&mut buffer, &phase), Given::Nothing);
    assert!(!feed.is_hungry(), "what came fills the place");
    drop(answer);
    assert_eq!(feed.give(&mut buffer, &phase), Given::Octets);
    assert_eq!(buffer.filled(), second);
    assert_eq!(feed.held.capacity(), 0, "nothing is kept for nothing");
}

#[test]
fn body_that_nobody_reads_any_more_is_no_head() {
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\n\r\n";
    let begun = |feed: &mut Feed, phase: &Phase| {
        let mut space = [0; 256];
        let mut buffer = ReadBuf::new(&mut space);
        buffer.put_slice(head);
        feed.take(&mut buffer, 0, phase);
        assert_eq!(buffer.filled(), head);
    };
    let mut space = [0; 256];
    let mut buffer = ReadBuf::new(&mut space);

    let (phase, mut feed) = (Phase::default(), Feed::new(LIMITS));
    begun(&mut feed, &phase);
    let (answer, body) = phase.begin(Version::HTTP_11, true);
    drop(answer);
    assert_eq!(feed.give(&mut buffer, &phase), Given::Nothing);
    assert!(feed.is_hungry(), "an upload goes on behind its answer");
    drop(body);
    assert_eq!(feed.give(&mut buffer, &phase), Given::End);
    assert!(!feed.is_hungry());

    // What hyper did not take for a head is none.
    let (phase, mut feed) = (Phase::default(), Feed::new(LIMITS));
    begun(&mut feed, &phase);
    assert_eq!(feed.give(&mut buffer, &phase), Given::End);
}

#[test]
fn substitute_is_one_head() {
    let seen = seen(SUBSTITUTE);
    assert_eq!(seen.messages.len(), 1);
    assert!(seen.is_whole && seen.refused.is_none());
}
