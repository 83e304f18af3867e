//! A trail as a store holds it, and what is asked of it.

use crate::audit::{
    Action, Actor, Anchor, AuditEvent, AuditReport, AuditSeal, CONTENT, ChainCheck, Content,
    EventDraft, Outcome, PRUNED_THROUGH, RETIRED_ROOT, Told,
};
use crate::clock::Timestamp;
use crate::keyring::{Keyring, RootName};
use crate::store::{AuditHead, StoredEvent};

/// A trail as a store holds it.
#[derive(Clone)]
pub(super) struct Trail {
    pub(super) keyring: Keyring,
    pub(super) events: Vec<StoredEvent>,
    pub(super) anchors: Vec<Anchor>,
}

impl Trail {
    /// So many events under each of these roots, in this order.
    pub(super) fn of(roots: &[(&str, u64)]) -> Self {
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

    pub(super) fn head(&self) -> AuditHead {
        self.events.last().map_or(EMPTY, place)
    }

    pub(super) fn append(&mut self, root: &str, bytes: Vec<u8>) {
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
    pub(super) fn anchor(&mut self, sequence: u64, root: &str) {
        let event = self.events.iter().find(|event| event.sequence == sequence);
        let root = self.keyring.root(&name(root)).expect(root);
        let at = Timestamp::from_millis(7);
        self.anchors
            .push(Anchor::new(place(event.expect("there")), at, root));
    }

    /// Removes the events up to this one, and says so in the trail.
    pub(super) fn prune(&mut self, through: u64, root: &str) {
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
    pub(super) fn check(
        &self,
        keyring: &Keyring,
        head: AuditHead,
        kept: Option<AuditHead>,
    ) -> AuditReport {
        self.walk(keyring, head, kept, false, |_, _| {}).0
    }

    /// Walks as the manager does, again where it learns the start.
    pub(super) fn walk(
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

    pub(super) fn report(&self) -> AuditReport {
        self.check(&self.keyring, self.head(), None)
    }

    pub(super) fn with_kept(&self, kept: AuditHead) -> AuditReport {
        self.check(&self.keyring, self.head(), Some(kept))
    }

    /// As seen by a keyring that has lost these roots.
    pub(super) fn without(&self, roots: &[&str]) -> AuditReport {
        self.check(&self.keyring_without(roots), self.head(), None)
    }

    pub(super) fn keyring_without(&self, roots: &[&str]) -> Keyring {
        let last = self.keyring.make_current(&name("k3")).expect("there");
        roots.iter().fold(last, |keyring, root| {
            keyring.without(&name(root)).expect(root)
        })
    }
}

pub(super) const EMPTY: AuditHead = AuditHead {
    sequence: 0,
    mac: [0; 32],
};

pub(super) fn place(event: &StoredEvent) -> AuditHead {
    AuditHead {
        sequence: event.sequence,
        mac: event.mac,
    }
}

pub(super) fn name(text: &str) -> RootName {
    text.parse().expect(text)
}

/// A keyring with roots k1, k2 and k3, the second one current.
pub(super) fn keyring() -> Keyring {
    let keyring = Keyring::generate(name("k1")).expect("entropy");
    let keyring = keyring.add(name("k2")).expect("added");
    let keyring = keyring.add(name("k3")).expect("added");
    keyring.make_current(&name("k2")).expect("current")
}

pub(super) fn draft(action: Action) -> EventDraft {
    EventDraft::new(action, &Actor::new("test").expect("name"))
}

pub(super) fn encode(draft: EventDraft, outcome: Outcome) -> Vec<u8> {
    let event = AuditEvent {
        outcome,
        ..draft.into_event(Timestamp::from_millis(1))
    };
    event.encode().expect("encoded")
}

/// As versions wrote it that told no content.
pub(super) fn pruning(through: u64) -> EventDraft {
    draft(Action::AuditPrune).after(PRUNED_THROUGH, through)
}

/// As versions wrote it that told no content.
pub(super) fn retirement(root: &str) -> EventDraft {
    draft(Action::KeyringRetire).after(RETIRED_ROOT, root)
}

/// The fault has this word in it.
#[track_caller]
pub(super) fn faulty(report: &AuditReport, word: &str) {
    let fault = report.fault.as_deref().expect("a fault");
    assert!(fault.contains(word), "{fault}");
    assert!(!report.is_whole());
}

#[track_caller]
pub(super) fn whole(report: &AuditReport) {
    assert_eq!(report.fault, None);
    assert!(report.is_whole());
}
