//! What is done to the events, where all of them are still there.

use super::{EMPTY, Trail, draft, encode, faulty, keyring, name, place, whole};
use crate::audit::{Action, HeadCheck, Outcome};
use crate::clock::Timestamp;
use crate::key::KeyId;
use crate::store::StoredEvent;

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
