//! What is left of the trail of a root that is gone.

use super::{Trail, draft, encode, faulty, name, pruning, retirement, whole};
use crate::audit::{Action, AuditReport, CONTENT, Content, Outcome, Told};
use crate::error::ErrorKind;
use crate::keyring::{Keyring, RootName};
use crate::store::StoredEvent;

impl Trail {
    /// What somebody with this keyring may tell of the trail.
    fn told(&self, keyring: &Keyring) -> Told {
        let (report, told) = self.walk(keyring, self.head(), None, true, |_, _| {});
        whole(&report);
        told
    }

    /// Anchors the end as the manager does, under a root of this keyring.
    fn anchor_end(&mut self, keyring: &Keyring, root: &str) {
        let told = self.told(keyring);
        self.anchor(told.through, root);
        let event = told.on(draft(Action::AuditAnchor));
        self.append(root, encode(event, Outcome::Done));
    }

    /// Retires a root as the manager does, by another one.
    fn retire(&mut self, keyring: &Keyring, root: &str, by: &str) {
        let told = self.told(keyring);
        self.anchor(told.through, by);
        let anchor = told.on(draft(Action::AuditAnchor));
        self.append(by, encode(anchor, Outcome::Done));
        self.append(by, encode(told.on(retirement(root)), Outcome::Done));
    }

    /// What a keyring without these roots says once the event of this sequence
    /// was changed.
    fn changed(
        &self,
        without: &[&str],
        sequence: u64,
        change: impl Fn(&mut StoredEvent),
    ) -> AuditReport {
        let mut trail = self.clone();
        let mut events = trail.events.iter_mut();
        change(
            events
                .find(|event| event.sequence == sequence)
                .expect("there"),
        );
        trail.without(without)
    }
}

/// Verified, attested and unproven.
fn counts(report: &AuditReport) -> (u64, u64, u64) {
    (report.verified, report.attested, report.unproven)
}

/// Puts the name of a root that is gone on an event, with other bytes.
fn relabel(root: &str) -> impl Fn(&mut StoredEvent) {
    let root: RootName = name(root);
    move |event| {
        event.root = root.clone();
        event.bytes.push(b'!');
    }
}

#[test]
fn what_a_retired_root_signed_is_proved_by_its_retirement() {
    let mut trail = Trail::of(&[("k1", 2), ("k2", 2), ("k1", 1), ("k2", 1)]);
    trail.retire(&trail.keyring.clone(), "k1", "k2");
    trail.append("k2", b"after".to_vec());
    let report = trail.without(&["k1"]);
    whole(&report);
    assert_eq!(counts(&report), (6, 3, 0));
    assert_eq!(report.rests_on.expect("an anchor").place.sequence, 6);
    assert_eq!(counts(&trail.report()), (9, 0, 0));

    // Whoever can write to the store: to what the root signed, and to what
    // another one did, before the retirement and after it.
    for sequence in 1..=9 {
        for relabelled in ["k1", "zz"] {
            let report = trail.changed(&["k1"], sequence, relabel(relabelled));
            assert!(!report.is_whole(), "event {sequence} as {relabelled}'s");
            assert_eq!(report.attested, 0);
        }
    }
    let other = "the events up to 6 are not those of which event 7 tells";
    for sequence in [1, 2, 5] {
        let bytes = trail.changed(&["k1"], sequence, |event| event.bytes.push(b'!'));
        faulty(&bytes, other);
        let name = trail.changed(&["k1"], sequence, |event| event.root = name("zz"));
        faulty(&name, other);
    }
    faulty(&trail.changed(&["k1"], 3, relabel("k1")), other);
    // One that the next one binds by no key.
    faulty(&trail.changed(&["k1"], 1, |event| event.mac[0] ^= 1), other);
    // What nothing told of.
    faulty(
        &trail.changed(&["k1"], 7, relabel("k1")),
        "event 7 was signed under root k1, which the keyring lacks, and no event follows that tells",
    );
    let mut gone = trail.clone();
    gone.anchors.clear();
    faulty(&gone.without(&["k1"]), "no anchor is there");
}

#[test]
fn what_came_while_a_root_was_retired_needs_a_proof_of_its_own() {
    let mut trail = Trail::of(&[("k1", 3)]);
    let all = trail.keyring.clone();
    let told = trail.told(&all);
    trail.anchor(3, "k2");
    // Between the walk and the retirement.
    trail.append("k1", b"late".to_vec());
    let anchor = told.on(draft(Action::AuditAnchor));
    trail.append("k2", encode(anchor, Outcome::Done));
    let retired = told.on(retirement("k1"));
    trail.append("k2", encode(retired, Outcome::Done));
    faulty(
        &trail.without(&["k1"]),
        "event 4 was signed under root k1, which the keyring lacks, and no event follows that tells",
    );
    trail.anchor_end(&all, "k2");
    let report = trail.without(&["k1"]);
    whole(&report);
    assert_eq!(counts(&report), (3, 4, 0));
    // One that walked before and signed after it takes nothing back.
    let anchor = told.on(draft(Action::AuditAnchor));
    trail.append("k2", encode(anchor, Outcome::Done));
    whole(&trail.without(&["k1"]));
}

#[test]
fn of_several_retirements_each_proves_the_earlier_ones() {
    let mut trail = Trail::of(&[("k1", 3), ("k2", 1)]);
    trail.retire(&trail.keyring.clone(), "k1", "k2");
    trail.append("k2", b"between".to_vec());
    trail.retire(&trail.keyring_without(&["k1"]), "k2", "k3");
    let gone = ["k1", "k2"];
    let report = trail.without(&gone);
    whole(&report);
    assert_eq!(counts(&report), (2, 7, 0));
    for sequence in 1..=9 {
        for relabelled in ["k1", "k2", "zz"] {
            let report = trail.changed(&gone, sequence, relabel(relabelled));
            assert!(!report.is_whole(), "event {sequence} as {relabelled}'s");
        }
    }
    // Nobody but the one that is here was believed.
    let mut forged = trail.clone();
    forged.append("k2", b"forged".to_vec());
    faulty(&forged.without(&gone), "k2, which was retired before");
}

#[test]
fn what_is_kept_of_a_pruned_trail_is_proved_from_there_on() {
    let mut trail = Trail::of(&[("k1", 5)]);
    let all = trail.keyring.clone();
    trail.prune(1, "k1");
    trail.retire(&all, "k1", "k2");
    let report = trail.without(&["k1"]);
    whole(&report);
    assert_eq!((report.pruned, counts(&report)), (1, (2, 5, 0)));
    // Once more, by somebody who lacks the root.
    trail.prune(3, "k2");
    let report = trail.without(&["k1"]);
    whole(&report);
    assert_eq!((report.pruned, counts(&report)), (3, (3, 3, 0)));
    for sequence in 4..=6 {
        let report = trail.changed(&["k1"], sequence, |event| event.bytes.push(b'!'));
        faulty(&report, "are not those of which event");
    }
    // And by the next root, which then retires the other one. Now nobody here
    // can verify who pruned.
    trail.retire(&trail.keyring_without(&["k1"]), "k2", "k3");
    let gone = ["k1", "k2"];
    let report = trail.without(&gone);
    whole(&report);
    assert_eq!(counts(&report), (2, 6, 0));
    let told = trail.changed(&gone, 9, |event| {
        let other = pruning(3).after(CONTENT, Content::EMPTY);
        event.bytes = encode(other, Outcome::Done);
    });
    faulty(&told, "are not those of which event");
    // All that the retired roots signed goes at last.
    trail.prune(trail.head().sequence, "k3");
    assert_eq!(counts(&trail.without(&gone)), (1, 0, 0));
}

#[test]
fn what_could_not_be_proved_stays_so_and_becomes_no_more() {
    let mut trail = Trail::of(&[("k1", 3), ("k2", 2)]);
    trail.append("k2", encode(retirement("k1"), Outcome::Done));
    trail.anchor(4, "k2");
    assert_eq!(counts(&trail.without(&["k1"])), (3, 0, 3));
    // As an earlier version left it, nothing tells one that is k1's from
    // another that bears its name. The number does.
    let report = trail.changed(&["k1"], 4, relabel("k1"));
    assert_eq!((report.is_whole(), counts(&report)), (true, (2, 0, 4)));

    // The first place that this version signs fixes what is there.
    let known = trail.clone();
    let without = trail.keyring_without(&["k1"]);
    trail.anchor_end(&without, "k2");
    let report = trail.without(&["k1"]);
    whole(&report);
    assert_eq!(counts(&report), (4, 0, 3));
    faulty(
        &trail.changed(&["k1"], 4, relabel("k1")),
        "of which event 7",
    );
    faulty(
        &trail.changed(&["k1"], 1, relabel("k1")),
        "of which event 7",
    );
    trail.retire(&without, "k2", "k3");
    assert_eq!(counts(&trail.without(&["k1", "k2"])), (2, 4, 3));

    // With the root still there it proves what the root signed.
    let mut trail = known;
    trail.anchor_end(&trail.keyring.clone(), "k2");
    assert_eq!(counts(&trail.without(&["k1"])), (4, 3, 0));
}

#[test]
fn no_root_that_is_gone_speaks_for_itself() {
    // Two retirements by an earlier version.
    let mut trail = Trail::of(&[("k1", 2), ("k2", 1)]);
    trail.append("k2", encode(retirement("k1"), Outcome::Done));
    trail.append("k3", encode(retirement("k2"), Outcome::Done));
    trail.anchor(4, "k3");
    let gone = ["k1", "k2"];
    assert_eq!(counts(&trail.without(&gone)), (1, 0, 4));
    let report = trail.changed(&gone, 3, |event| {
        event.root = name("zz");
        event.bytes = encode(retirement("zz"), Outcome::Done);
    });
    faulty(&report, "events were signed under root zz");
}

#[test]
fn where_nothing_was_told_events_of_a_retired_root_rest_on_an_anchor_and_are_unproven() {
    let mut trail = Trail::of(&[("k1", 3), ("k2", 3)]);
    faulty(&trail.without(&["k1"]), "event 1 was signed under root k1");
    trail.anchor(2, "k2");
    faulty(&trail.without(&["k1"]), "event 3 was signed under root k1");
    trail.anchor(4, "k1");
    faulty(&trail.without(&["k1"]), "no anchor follows");
    trail.anchor(5, "k2");
    // Whoever can write to the store can name a root that nobody retired.
    faulty(&trail.without(&["k1"]), "says that it was retired");
    trail.append("k2", encode(retirement("k9"), Outcome::Done));
    trail.append(
        "k2",
        encode(retirement("k1"), Outcome::Refused(ErrorKind::InUse)),
    );
    faulty(&trail.without(&["k1"]), "says that it was retired");
    trail.append("k2", encode(retirement("k1"), Outcome::Done));
    let report = trail.without(&["k1"]);
    whole(&report);
    assert_eq!(counts(&report), (6, 0, 3));
    assert_eq!(report.rests_on.expect("an anchor").place.sequence, 5);
    assert_eq!(trail.report().rests_on, None, "with the root nothing rests");
    assert_eq!(trail.report().verified, 9);
    // Nothing was made under it from then on.
    let mut late = trail.clone();
    late.append("k1", b"late".to_vec());
    late.append("k2", b"after".to_vec());
    late.anchor(11, "k2");
    faulty(&late.without(&["k1"]), "k1, which was retired before");

    // What was pruned under the retired root rests on a later anchor as well.
    let mut trail = Trail::of(&[("k1", 4)]);
    trail.anchor(2, "k1");
    trail.append("k1", encode(pruning(2), Outcome::Done));
    trail.events.drain(..2);
    trail.append("k2", b"after".to_vec());
    faulty(
        &trail.without(&["k1"]),
        "the anchor of event 2 was signed under root k1",
    );
    trail.anchor(6, "k2");
    trail.append("k2", encode(retirement("k1"), Outcome::Done));
    let report = trail.without(&["k1"]);
    whole(&report);
    assert_eq!((report.pruned, counts(&report)), (2, (2, 0, 3)));

    // An event of a known root is checked wherever it stands.
    let mut trail = Trail::of(&[("k2", 2), ("k1", 2), ("k2", 2)]);
    trail.anchor(6, "k2");
    trail.append("k2", encode(retirement("k1"), Outcome::Done));
    whole(&trail.without(&["k1"]));
    // An event of a root that is here, under the name of one that never was.
    let mut relabelled = trail.clone();
    relabelled.events[1].root = name("zz");
    relabelled.events[1].bytes.push(b'!');
    faulty(&relabelled.report(), "root zz, which the keyring lacks");
    trail.events[1].bytes.push(b'!');
    faulty(&trail.without(&["k1"]), "event 2 is not as it was written");
}
