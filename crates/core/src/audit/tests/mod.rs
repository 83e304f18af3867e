//! What is done to a trail, and what a walk finds of it.

mod gone;

use crate::audit::{
    Action, Actor, Anchor, AuditEvent, AuditReport, AuditSeal, CONTENT, ChainCheck, Content,
    EventDraft, HeadCheck, Outcome, PRUNED_THROUGH, RETIRED_ROOT, Told,
};
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::key::KeyId;
use crate::keyring::{Keyring, RootName};
use crate::store::{AuditHead, StoredEvent};

fn name(text: &str) -> RootName {
    text.parse().expect(text)
}

/// A keyring with roots k1, k2 and k3, the second one current.
fn keyring() -> Keyring {
    let keyring = Keyring::generate(name("k1")).expect("entropy");
    let keyring = keyring.add(name("k2")).expect("added");
    let keyring = keyring.add(name("k3")).expect("added");
    keyring.make_current(&name("k2")).expect("current")
}

/// A trail as a store holds it.
#[derive(Clone)]
struct Trail {
    keyring: Keyring,
    events: Vec<StoredEvent>,
    anchors: Vec<Anchor>,
}

impl Trail {
    /// So many events under each of these roots, in this order.
    fn of(roots: &[(&str, u64)]) -> Self {
        let mut trail = Self {
            keyring: keyring(),
            events: Vec::new(),
            anchors: Vec::new(),
        };
        for &(root, count) in roots {
            for _ in 0..count {
                let sequence = trail.head().sequence + 1;
                trail.append(root, format!("event {sequence}").into_bytes());
            }
        }
        trail
    }

    fn head(&self) -> AuditHead {
        self.events.last().map_or(EMPTY, place)
    }

    fn append(&mut self, root: &str, bytes: Vec<u8>) {
        let AuditHead { sequence, mac } = self.head();
        let seal = AuditSeal::of(self.keyring.root(&name(root)).expect(root));
        let said = AuditEvent::decode(sequence + 1, &bytes).ok();
        self.events.push(StoredEvent {
            sequence: sequence + 1,
            at: said
                .as_ref()
                .map_or(Timestamp::from_millis(1), |said| said.at),
            service: said.as_ref().and_then(|said| said.service.clone()),
            key: said.and_then(|said| said.key),
            root: name(root),
            mac: seal.seal(sequence + 1, &mac, &bytes),
            bytes,
        });
    }

    /// Anchors the event of this sequence under a root.
    fn anchor(&mut self, sequence: u64, root: &str) {
        let event = self.events.iter().find(|event| event.sequence == sequence);
        let root = self.keyring.root(&name(root)).expect(root);
        let at = Timestamp::from_millis(7);
        self.anchors
            .push(Anchor::new(place(event.expect("there")), at, root));
    }

    /// Removes the events up to this one, and says so in the trail.
    fn prune(&mut self, through: u64, root: &str) {
        let content = self.content(through);
        self.anchor(through, root);
        let event = pruning(through).after(CONTENT, content);
        self.append(root, encode(event, Outcome::Done));
        self.events.retain(|event| event.sequence > through);
    }

    /// What the events up to this one are.
    fn content(&self, through: u64) -> Content {
        let mut contents = Vec::new();
        let seen = |event: &StoredEvent, content| contents.push((event.sequence, content));
        let (report, _) = self.walk(&self.keyring, self.head(), None, true, seen);
        whole(&report);
        let (_, content) = contents
            .into_iter()
            .rfind(|(sequence, _)| *sequence == through)
            .expect("an event");
        content
    }

    /// What a manager with this keyring says of it.
    fn check(&self, keyring: &Keyring, head: AuditHead, kept: Option<AuditHead>) -> AuditReport {
        self.walk(keyring, head, kept, false, |_, _| {}).0
    }

    /// Walks as the manager does, again where it learns the start.
    fn walk(
        &self,
        keyring: &Keyring,
        head: AuditHead,
        kept: Option<AuditHead>,
        to_be_told: bool,
        mut seen: impl FnMut(&StoredEvent, Content),
    ) -> (AuditReport, Told) {
        let mut start = None;
        for _ in 0..2 {
            let mut check = ChainCheck::new(keyring).through(kept).starting(start);
            let walked = check.anchored(self.anchors.clone()).and_then(|()| {
                self.events.iter().try_for_each(|event| {
                    check.check(event)?;
                    seen(event, check.content());
                    Ok(())
                })
            });
            if walked.is_ok()
                && let Some(found) = check.missed_start(to_be_told)
            {
                start = Some(found);
                continue;
            }
            let walked = walked.and_then(|()| check.finish(&head));
            let told = check.to_tell();
            return (check.report(walked.err()), told);
        }
        panic!("a walk that knows the start learns it no more");
    }

    fn report(&self) -> AuditReport {
        self.check(&self.keyring, self.head(), None)
    }

    fn with_kept(&self, kept: AuditHead) -> AuditReport {
        self.check(&self.keyring, self.head(), Some(kept))
    }

    /// As seen by a keyring that has lost these roots.
    fn without(&self, roots: &[&str]) -> AuditReport {
        self.check(&self.keyring_without(roots), self.head(), None)
    }

    fn keyring_without(&self, roots: &[&str]) -> Keyring {
        let last = self.keyring.make_current(&name("k3")).expect("there");
        roots.iter().fold(last, |keyring, root| {
            keyring.without(&name(root)).expect(root)
        })
    }
}

const EMPTY: AuditHead = AuditHead {
    sequence: 0,
    mac: [0; 32],
};

fn place(event: &StoredEvent) -> AuditHead {
    AuditHead {
        sequence: event.sequence,
        mac: event.mac,
    }
}

fn draft(action: Action) -> EventDraft {
    EventDraft::new(action, &Actor::new("test").expect("name"))
}

fn encode(draft: EventDraft, outcome: Outcome) -> Vec<u8> {
    let event = AuditEvent {
        outcome,
        ..draft.into_event(Timestamp::from_millis(1))
    };
    event.encode().expect("encoded")
}

/// As versions wrote it that told no content.
fn pruning(through: u64) -> EventDraft {
    draft(Action::AuditPrune).after(PRUNED_THROUGH, through)
}

/// As versions wrote it that told no content.
fn retirement(root: &str) -> EventDraft {
    draft(Action::KeyringRetire).after(RETIRED_ROOT, root)
}

/// The fault has this word in it.
#[track_caller]
fn faulty(report: &AuditReport, word: &str) {
    let fault = report.fault.as_deref().expect("a fault");
    assert!(fault.contains(word), "{fault}");
    assert!(!report.is_whole());
}

#[track_caller]
fn whole(report: &AuditReport) {
    assert_eq!(report.fault, None);
    assert!(report.is_whole());
}

#[test]
fn whatever_is_done_to_a_chain_is_found() {
    let trail = Trail::of(&[("k1", 3), ("k2", 2)]);
    whole(&trail.report());
    assert_eq!(trail.report().verified, 5);
    whole(&Trail::of(&[]).report());

    let head = trail.head();
    let found = |change: &dyn Fn(&mut Vec<StoredEvent>)| {
        let mut trail = trail.clone();
        change(&mut trail.events);
        trail.check(&trail.keyring, head, None)
    };
    faulty(
        &found(&|events| events[2].bytes[0] ^= 1),
        "event 3 is not as it was written",
    );
    faulty(
        &found(&|events| events[2].mac[0] ^= 1),
        "event 3 is not as it was written",
    );
    faulty(
        &found(&|events| events[4].root = name("k1")),
        "event 5 is not as it was written",
    );
    faulty(
        &found(&|events| drop(events.remove(2))),
        "event 3 is missing: event 4 follows",
    );
    faulty(&found(&|events| events.swap(1, 2)), "event 2 is missing");
    faulty(
        &found(&|events| drop(events.pop())),
        "the chain ends at event 4",
    );
    faulty(&found(&Vec::clear), "the chain ends at event 0");
    faulty(
        &found(&|events| drop(events.remove(0))),
        "no anchor vouches",
    );
    let renumber = |events: &mut Vec<StoredEvent>| {
        for (event, sequence) in events.iter_mut().zip(1..) {
            event.sequence = sequence;
        }
    };
    faulty(
        &found(&|events| {
            events.remove(2);
            renumber(events);
        }),
        "event 3 is not as it was written",
    );
    faulty(
        &found(&|events| {
            events.insert(2, events[1].clone());
            renumber(events);
        }),
        "event 3 is not as it was written",
    );
    let mut other = head;
    other.mac[31] ^= 1;
    faulty(
        &trail.check(&trail.keyring, other, None),
        "the head is not that of event 5",
    );
    faulty(
        &trail.check(&keyring(), head, None),
        "event 1 is not as it was written",
    );
}

#[test]
fn an_event_that_listings_find_by_what_it_does_not_say_is_a_fault() {
    let mut trail = Trail::of(&[("k2", 2)]);
    let of_key = draft(Action::KeyCreate)
        .service_name(&"orders".parse().expect("a name"))
        .key_id(KeyId::random());
    trail.append("k2", encode(of_key, Outcome::Done));
    whole(&trail.report());
    let found = |change: &dyn Fn(&mut StoredEvent)| {
        let mut trail = trail.clone();
        change(&mut trail.events[2]);
        trail.report()
    };
    let other = "event 3 is stored under another time, service or key than it names";
    faulty(&found(&|event| event.key = None), other);
    faulty(&found(&|event| event.key = Some(KeyId::random())), other);
    faulty(&found(&|event| event.service = None), other);
    faulty(&found(&|event| event.at = Timestamp::from_millis(2)), other);
}

#[test]
fn a_head_that_was_kept_elsewhere_finds_what_was_cut_off_or_written_anew() {
    let trail = Trail::of(&[("k2", 5)]);
    for event in &trail.events {
        let report = trail.with_kept(place(event));
        whole(&report);
        assert_eq!(report.head, Some(HeadCheck::Confirmed));
    }
    assert_eq!(trail.with_kept(EMPTY).head, Some(HeadCheck::Confirmed));
    assert_eq!(trail.report().head, None);

    let kept = trail.head();
    let mut cut = trail.clone();
    cut.events.truncate(3);
    whole(&cut.report());
    faulty(&cut.with_kept(kept), "cut off");
    faulty(&Trail::of(&[]).with_kept(kept), "cut off");
    // Written anew, by somebody who has the keyring.
    cut.append("k2", b"another fourth event".to_vec());
    cut.append("k2", b"another fifth event".to_vec());
    whole(&cut.report());
    faulty(
        &cut.with_kept(kept),
        "event 5 is not that of the head that was kept",
    );
    let mut impossible = EMPTY;
    impossible.mac[0] = 1;
    faulty(&trail.with_kept(impossible), "that of no trail");
}

#[test]
fn a_pruned_trail_begins_behind_its_anchor_and_says_so() {
    let mut trail = Trail::of(&[("k2", 6)]);
    let (first, fourth, fifth) = (
        place(&trail.events[0]),
        place(&trail.events[3]),
        place(&trail.events[4]),
    );
    trail.prune(4, "k2");
    let report = trail.report();
    whole(&report);
    assert_eq!((report.pruned, report.verified), (4, 3));
    assert_eq!(report.rests_on, None);
    let kept = |head| trail.with_kept(head).head;
    assert_eq!(kept(fifth), Some(HeadCheck::Confirmed));
    assert_eq!(
        kept(fourth),
        Some(HeadCheck::Confirmed),
        "the anchor has it"
    );
    assert_eq!(kept(first), Some(HeadCheck::Pruned), "nothing can be said");
    let mut other = fourth;
    other.mac[0] ^= 1;
    faulty(
        &trail.with_kept(other),
        "event 4 is not that of the head that was kept",
    );

    // Pruned again.
    trail.prune(6, "k2");
    trail.anchors.remove(0);
    let report = trail.report();
    whole(&report);
    assert_eq!((report.pruned, report.verified), (6, 2));
}

#[test]
fn an_anchor_that_is_not_as_it_was_signed_is_found() {
    let mut trail = Trail::of(&[("k2", 6)]);
    trail.prune(4, "k2");
    let found = |change: &dyn Fn(&mut Anchor)| {
        let mut trail = trail.clone();
        change(&mut trail.anchors[0]);
        trail.report()
    };
    let altered = "the anchor of event 4 is not as it was signed";
    faulty(&found(&|anchor| anchor.signature[0] ^= 1), altered);
    faulty(&found(&|anchor| anchor.place.mac[0] ^= 1), altered);
    faulty(
        &found(&|anchor| anchor.at = Timestamp::from_millis(8)),
        altered,
    );
    faulty(&found(&|anchor| anchor.root = name("k1")), altered);
    faulty(
        &found(&|anchor| anchor.place.sequence = 3),
        "the anchor of event 3 is not as it was signed",
    );
    // One of another keyring with a root of the same name.
    let foreign = Anchor::new(
        trail.anchors[0].place,
        trail.anchors[0].at,
        keyring().current(),
    );
    faulty(&found(&|anchor| *anchor = foreign.clone()), altered);
    // One that a root unknown here signed.
    faulty(
        &found(&|anchor| anchor.root = name("k9")),
        "k9, which the keyring lacks",
    );
    let mut gone = trail.clone();
    gone.anchors.clear();
    faulty(&gone.report(), "no anchor vouches");
    let mut beyond = Trail::of(&[("k2", 3)]);
    beyond.anchor(3, "k2");
    beyond.events.truncate(2);
    faulty(&beyond.report(), "an anchor was signed at event 3");
    let mut altered = Trail::of(&[("k2", 3)]);
    altered.anchor(2, "k2");
    altered.events.truncate(1);
    altered.append("k2", b"another".to_vec());
    altered.append("k2", b"and another".to_vec());
    faulty(
        &altered.report(),
        "event 2 is not the one that was anchored",
    );
}

#[test]
fn removing_what_was_anchored_is_no_pruning() {
    // Whoever can write to the store finds an anchor there, and cuts at it.
    let mut trail = Trail::of(&[("k2", 6)]);
    trail.anchor(4, "k2");
    whole(&trail.report());
    trail.events.drain(..4);
    faulty(&trail.report(), "no event says that they were pruned");
    // Neither a pruning that was refused nor one of other events says so.
    trail.append(
        "k2",
        encode(pruning(4), Outcome::Refused(ErrorKind::Conflict)),
    );
    trail.append("k2", encode(pruning(3), Outcome::Done));
    faulty(&trail.report(), "no event says that they were pruned");
    trail.append("k2", encode(pruning(4), Outcome::Done));
    whole(&trail.report());
}

#[test]
fn events_of_the_first_version_are_still_read() {
    let bytes = br#"{"v":1,"at":1790000000123,"actor":"cli:alice","address":"192.0.2.7","request":"r-1","action":"key.rotate","service":"orders","key":"0f8fad5b-d9cb-469f-a165-70867728950e","changes":[{"field":"secret","before":"1","after":"2"},{"field":"grace_seconds","after":"0"}]}"#;
    let event = AuditEvent::decode(9, bytes).expect("read");
    assert_eq!(event.sequence, 9);
    assert_eq!(event.at, Timestamp::from_millis(1_790_000_000_123));
    assert_eq!(event.actor.name(), "cli:alice");
    assert_eq!(event.actor.in_request(), Some("r-1"));
    let address = event
        .actor
        .from_address()
        .map(|address| address.to_string());
    assert_eq!(address.as_deref(), Some("192.0.2.7"));
    assert_eq!(event.action, Action::KeyRotate);
    assert_eq!(event.service.expect("named").as_str(), "orders");
    let id: KeyId = "0f8fad5b-d9cb-469f-a165-70867728950e"
        .parse()
        .expect("an id");
    assert_eq!(event.key, Some(id));
    assert_eq!(event.changes.len(), 2);
    assert_eq!(event.changes[1].before, None);
    assert_eq!(event.outcome, Outcome::Done);
}

#[test]
fn an_event_is_read_whatever_is_asked_of_a_new_actor() {
    let token = format!("pck_live_{}_{}", "0".repeat(32), "x".repeat(49));
    for text in [token.as_str(), " a", "a\u{200B}b"] {
        assert!(Actor::new(text).is_err(), "{text:?}");
        let bytes = serde_json::json!({
            "v": 2, "at": 1, "actor": text, "request": text, "action": "key.create"
        });
        let event = AuditEvent::decode(1, bytes.to_string().as_bytes()).expect("read");
        assert_eq!(event.actor.name(), text);
        assert_eq!(event.actor.in_request(), Some(text));
    }
}

#[test]
fn what_is_no_event_of_ours_is_refused() {
    let outcome = |text: &str| {
        let bytes = format!(r#"{{"v":2,"at":1,"actor":"a","action":"key.create"{text}}}"#);
        AuditEvent::decode(1, bytes.as_bytes()).map(|event| event.outcome)
    };
    assert_eq!(outcome(""), Ok(Outcome::Done));
    let refused = Outcome::Refused(ErrorKind::QuotaReached);
    assert_eq!(outcome(r#","refused":"quota_reached""#), Ok(refused));
    assert!(outcome(r#","refused":"because""#).is_err());
    assert!(outcome(r#","more":1"#).is_err());
    for bytes in [
        "",
        "{}",
        "null",
        r#"{"v":0,"at":1,"actor":"a","action":"key.create"}"#,
        r#"{"v":3,"at":1,"actor":"a","action":"key.create"}"#,
        r#"{"v":2,"at":1,"actor":"","action":"key.create"}"#,
        r#"{"v":2,"at":1,"actor":"a","action":"key.steal"}"#,
        r#"{"v":2,"at":1.5,"actor":"a","action":"key.create"}"#,
    ] {
        assert!(AuditEvent::decode(1, bytes.as_bytes()).is_err(), "{bytes}");
    }
}
