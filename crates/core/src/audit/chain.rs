use subtle::ConstantTimeEq;

use crate::audit::gone::Gone;
use crate::audit::proof::{Proof, Start};
use crate::audit::told::retired_root;
use crate::audit::{Anchor, AuditEvent, AuditReport, AuditSeal, Content, HeadCheck, Told};
use crate::keyring::{Keyring, RootName};
use crate::store::{AuditHead, StoredEvent};

/// A walk over the chain, event by event, from the first one that is kept. It
/// holds nothing but the anchors, however many events there are.
pub(crate) struct ChainCheck<'a> {
    keyring: &'a Keyring,
    /// Those signed under a root of the keyring, by sequence.
    anchors: Vec<Anchor>,
    /// The others, of which nobody here can say whether they are true.
    foreign: Vec<Anchor>,
    exported: Option<AuditHead>,
    /// The last event that was looked at.
    place: AuditHead,
    proof: Proof,
    /// Whether the walk has begun.
    begun: bool,
    /// Why no anchor vouches so far for what was looked at.
    unvouched: Option<String>,
    gone: Gone,
    /// Whether an event of the trail has yet to say that what is missing was
    /// pruned.
    owes_pruning: bool,
    pruned: u64,
    verified: u64,
    rests_on: Option<Anchor>,
    head: Option<HeadCheck>,
}

impl<'a> ChainCheck<'a> {
    pub(crate) fn new(keyring: &'a Keyring) -> Self {
        Self {
            keyring,
            anchors: Vec::new(),
            foreign: Vec::new(),
            exported: None,
            place: AuditHead {
                sequence: 0,
                mac: [0; 32],
            },
            proof: Proof::new(),
            begun: false,
            unvouched: None,
            gone: Gone::default(),
            owes_pruning: false,
            pruned: 0,
            verified: 0,
            rests_on: None,
            head: None,
        }
    }

    /// The anchors of the trail, read before its head. Each must be as it was
    /// signed, as far as the keyring can tell.
    pub(crate) fn anchored(&mut self, anchors: Vec<Anchor>) -> Result<(), String> {
        for anchor in anchors {
            self.proof.anchored(anchor.place.sequence);
            match self.keyring.root(&anchor.root) {
                Some(root) if anchor.is_signed_by(root) => self.anchors.push(anchor),
                Some(_) => {
                    let sequence = anchor.place.sequence;
                    return Err(format!(
                        "the anchor of event {sequence} is not as it was signed"
                    ));
                }
                None => self.foreign.push(anchor),
            }
        }
        self.anchors.sort_by_key(|anchor| anchor.place.sequence);
        Ok(())
    }

    /// A head that was kept elsewhere, and must be on the chain.
    pub(crate) fn through(self, exported: Option<AuditHead>) -> Self {
        Self { exported, ..self }
    }

    /// And with what an earlier walk found at the start of the trail.
    pub(crate) fn starting(self, start: Option<Start>) -> Self {
        Self {
            proof: self.proof.starting(start),
            ..self
        }
    }

    /// The last event that was looked at: zero and zeros before the first.
    pub(crate) fn place(&self) -> AuditHead {
        self.place
    }

    /// What the events up to that one are.
    pub(crate) fn content(&self) -> Content {
        self.proof.content()
    }

    /// What is known of the events up to that one, to be told by who signs its
    /// place.
    pub(crate) fn to_tell(&self) -> Told {
        Told {
            through: self.place.sequence,
            content: self.proof.content(),
            unproven: self.gone.unproven_names(self.proof.told()),
        }
    }

    /// With what to begin anew, where the walk could not compute the content:
    /// because there are events that nothing else proves, or because it is `to
    /// be told`.
    pub(crate) fn missed_start(&self, to_be_told: bool) -> Option<Start> {
        let needed = to_be_told || !self.gone.is_empty();
        self.proof.missed_start().filter(|_| needed)
    }

    /// Checks the next event against all before it.
    pub(crate) fn check(&mut self, event: &StoredEvent) -> Result<(), String> {
        if !self.begun {
            self.begin(event)?;
        }
        let expected = self.place.sequence.saturating_add(1);
        if event.sequence != expected {
            return Err(format!(
                "event {expected} is missing: event {} follows",
                event.sequence
            ));
        }
        let decoded = AuditEvent::decode(expected, &event.bytes).ok();
        match self.keyring.root(&event.root) {
            Some(root) => {
                let mac = AuditSeal::of(root).seal(expected, &self.place.mac, &event.bytes);
                if !same(&mac, &event.mac) {
                    return Err(format!("event {expected} is not as it was written"));
                }
                self.verified = self.verified.saturating_add(1);
                if let Some(decoded) = &decoded {
                    self.proof.hear(decoded)?;
                }
            }
            None => {
                let root = &event.root;
                let why = format!(
                    "event {expected} was signed under root {root}, which the keyring lacks"
                );
                self.unvouched.get_or_insert(why);
                self.gone.meet(root, expected, 1)?;
            }
        }
        if let Some(decoded) = &decoded {
            if !stands_as_it_says(event, decoded) {
                return Err(format!(
                    "event {expected} is stored under another time, service or key than it names"
                ));
            }
            self.see(decoded, &event.root)?;
        }
        self.proof.follow(&self.place.mac, event);
        self.place = AuditHead {
            sequence: expected,
            mac: event.mac,
        };
        self.meet_anchor()?;
        self.meet_exported()
    }

    /// Compares the end of the walk with the stored head.
    pub(crate) fn finish(&mut self, head: &AuditHead) -> Result<(), String> {
        let end = self.place;
        if head.sequence != end.sequence {
            return Err(format!(
                "the chain ends at event {}: the head says {}",
                end.sequence, head.sequence
            ));
        }
        if !same(&head.mac, &end.mac) {
            return Err(format!("the head is not that of event {}", end.sequence));
        }
        if let Some(beyond) = self.anchors.last().map(|anchor| anchor.place.sequence)
            && beyond > end.sequence
        {
            return Err(format!(
                "the chain ends at event {}: an anchor was signed at event {beyond}",
                end.sequence
            ));
        }
        self.judge_gone()?;
        if self.owes_pruning {
            return Err(format!(
                "the events up to {} are gone, and no event says that they were pruned",
                self.pruned
            ));
        }
        match self.exported {
            Some(exported) if exported.sequence > end.sequence => Err(format!(
                "the chain ends at event {}: the head that was kept is of event {}, so that events were cut off",
                end.sequence, exported.sequence
            )),
            Some(exported) if exported.sequence == 0 && !same(&exported.mac, &[0; 32]) => {
                Err("the head that was kept is that of no trail".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// What was found, with the fault that ended the walk.
    pub(crate) fn report(self, fault: Option<String>) -> AuditReport {
        let gone = self.gone.events();
        let unproven = match &fault {
            None => self.gone.unproven(self.proof.told()),
            // Where there is a fault, nothing is proved by what comes after.
            Some(_) => gone,
        };
        AuditReport {
            pruned: self.pruned,
            verified: self.verified,
            attested: gone.saturating_sub(unproven),
            unproven,
            rests_on: self.rests_on,
            // The head of an empty trail is that of every trail.
            head: match self.exported {
                Some(exported) if exported.sequence == 0 => Some(HeadCheck::Confirmed),
                _ => self.head,
            }
            .filter(|_| fault.is_none()),
            fault,
        }
    }

    /// Begins at the first event that is kept: the trail's first one, or one
    /// that follows an anchor.
    fn begin(&mut self, first: &StoredEvent) -> Result<(), String> {
        self.begun = true;
        let before = first.sequence.saturating_sub(1);
        if before == 0 {
            return Ok(());
        }
        let at = |anchor: &&Anchor| anchor.place.sequence == before;
        let known = self.anchors.iter().find(at);
        let Some(anchor) = known.or_else(|| self.foreign.iter().find(at)).cloned() else {
            return Err(format!(
                "the trail begins at event {}, and no anchor vouches for what was before",
                first.sequence
            ));
        };
        let foreign = known.is_none();
        if foreign {
            let root = &anchor.root;
            let why = format!(
                "the anchor of event {before} was signed under root {root}, which the keyring lacks"
            );
            self.unvouched = Some(why);
            self.gone.meet(root, before, 0)?;
        }
        self.place = anchor.place;
        self.proof.begin(before);
        // Every anchor can stand where a trail begins. What was removed by the
        // manager, and by nobody else, the trail itself tells.
        (self.pruned, self.owes_pruning) = (before, true);
        if let Some(exported) = self.exported
            && exported.sequence < before
        {
            self.head = Some(HeadCheck::Pruned);
        }
        self.meet_exported()
    }

    /// Sees what any event says: that of a root that is gone counts only as far
    /// as a later one proves it.
    fn see(&mut self, event: &AuditEvent, signer: &RootName) -> Result<(), String> {
        if let Some(root) = retired_root(event) {
            self.gone.retire(root, event.sequence, signer)?;
        }
        if self.owes_pruning {
            self.owes_pruning = !self.proof.finds_pruning(event);
        }
        Ok(())
    }

    /// Whether what roots signed that are gone is proved, or was made by a
    /// version that could not prove it.
    fn judge_gone(&mut self) -> Result<(), String> {
        if self.gone.is_empty() {
            return Ok(());
        }
        match self.proof.told() {
            Some(told) => {
                let at = |anchor: &&Anchor| anchor.place.sequence == told.through;
                let mut anchors = self.anchors.iter().chain(&self.foreign);
                self.rests_on = anchors.find(at).cloned();
            }
            None => {
                if let Some(why) = &self.unvouched {
                    return Err(format!("{why}, and no anchor follows that vouches for it"));
                }
            }
        }
        self.gone.judge(self.proof.told())?;
        // What was told was compared with nothing.
        if self.proof.told().is_some() && !self.proof.is_grounded() && !self.owes_pruning {
            return Err("what was pruned is not told, so that nothing is proved".to_owned());
        }
        Ok(())
    }

    fn meet_anchor(&mut self) -> Result<(), String> {
        let found = self
            .anchors
            .binary_search_by_key(&self.place.sequence, |anchor| anchor.place.sequence);
        let Some(anchor) = found.ok().and_then(|at| self.anchors.get(at)) else {
            return Ok(());
        };
        if !same(&anchor.place.mac, &self.place.mac) {
            return Err(format!(
                "event {} is not the one that was anchored",
                self.place.sequence
            ));
        }
        if self.unvouched.take().is_some() {
            self.rests_on = Some(anchor.clone());
        }
        Ok(())
    }

    fn meet_exported(&mut self) -> Result<(), String> {
        match self.exported {
            Some(exported) if exported.sequence == self.place.sequence => {
                if !same(&exported.mac, &self.place.mac) {
                    return Err(format!(
                        "event {} is not that of the head that was kept: the trail was rewritten",
                        self.place.sequence
                    ));
                }
                self.head = Some(HeadCheck::Confirmed);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether listings find the event by what it says: no chain covers what the
/// store has beside its bytes.
fn stands_as_it_says(event: &StoredEvent, said: &AuditEvent) -> bool {
    (event.at, &event.service, event.key) == (said.at, &said.service, said.key)
}

fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.ct_eq(other).into()
}
