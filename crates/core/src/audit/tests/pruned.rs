//! Where a trail begins: what was pruned, and the anchors that vouch for it.

use super::{Trail, encode, faulty, keyring, name, place, pruning, whole};
use crate::audit::{Anchor, HeadCheck, Outcome};
use crate::clock::Timestamp;
use crate::error::ErrorKind;

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
