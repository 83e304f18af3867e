use subtle::ConstantTimeEq;

use crate::audit::{
    Action, Anchor, AuditEvent, AuditReport, AuditSeal, HeadCheck, Outcome, PRUNED_THROUGH,
    RETIRED_ROOT,
};
use crate::keyring::{Keyring, RootName};
use crate::store::{AuditHead, StoredEvent};

/// The most roots that signed events, were retired and are gone. A store that
/// names more is not believed.
const MOST_GONE: usize = 256;

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
    sequence: u64,
    mac: [u8; 32],
    /// Whether the walk has begun.
    begun: bool,
    /// Why nothing vouches so far for what was looked at.
    unproven: Option<String>,
    /// Roots that the keyring lacks and that signed what was looked at: an event
    /// has yet to say of each that it was retired.
    gone: Vec<RootName>,
    /// Those of which an event has said so.
    retired: Vec<RootName>,
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
            sequence: 0,
            mac: [0; 32],
            begun: false,
            unproven: None,
            gone: Vec::new(),
            retired: Vec::new(),
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

    /// The last event that was looked at: zero and zeros before the first.
    pub(crate) fn place(&self) -> AuditHead {
        AuditHead {
            sequence: self.sequence,
            mac: self.mac,
        }
    }

    /// Checks the next event against all before it.
    pub(crate) fn check(&mut self, event: &StoredEvent) -> Result<(), String> {
        if !self.begun {
            self.begin(event)?;
        }
        let expected = self.sequence.saturating_add(1);
        if event.sequence != expected {
            return Err(format!(
                "event {expected} is missing: event {} follows",
                event.sequence
            ));
        }
        match self.keyring.root(&event.root) {
            Some(root) => {
                let mac = AuditSeal::of(root).seal(expected, &self.mac, &event.bytes);
                if !same(&mac, &event.mac) {
                    return Err(format!("event {expected} is not as it was written"));
                }
                self.verified = self.verified.saturating_add(1);
                self.see_retirement(event);
            }
            None => {
                let root = &event.root;
                let why = format!(
                    "event {expected} was signed under root {root}, which the keyring lacks"
                );
                self.unproven.get_or_insert(why);
                self.miss(root, expected)?;
            }
        }
        (self.sequence, self.mac) = (expected, event.mac);
        if self.owes_pruning {
            self.owes_pruning = !says_pruned(event, self.pruned);
        }
        self.meet_anchor()?;
        self.meet_exported()
    }

    /// Compares the end of the walk with the stored head.
    pub(crate) fn finish(&self, head: &AuditHead) -> Result<(), String> {
        if head.sequence != self.sequence {
            return Err(format!(
                "the chain ends at event {}: the head says {}",
                self.sequence, head.sequence
            ));
        }
        if !same(&head.mac, &self.mac) {
            return Err(format!("the head is not that of event {}", self.sequence));
        }
        if let Some(beyond) = self.anchors.last().map(|anchor| anchor.place.sequence)
            && beyond > self.sequence
        {
            return Err(format!(
                "the chain ends at event {}: an anchor was signed at event {beyond}",
                self.sequence
            ));
        }
        if let Some(why) = &self.unproven {
            return Err(format!("{why}, and no anchor follows that vouches for it"));
        }
        if let Some(root) = self.gone.first() {
            return Err(format!(
                "events were signed under root {root}, which the keyring lacks, and none that can \
                 be verified says that it was retired"
            ));
        }
        if self.owes_pruning {
            return Err(format!(
                "the events up to {} are gone, and no event says that they were pruned",
                self.pruned
            ));
        }
        match self.exported {
            Some(exported) if exported.sequence > self.sequence => Err(format!(
                "the chain ends at event {}: the head that was kept is of event {}, so that events were cut off",
                self.sequence, exported.sequence
            )),
            Some(exported) if exported.sequence == 0 && !same(&exported.mac, &[0; 32]) => {
                Err("the head that was kept is that of no trail".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// What was found, with the fault that ended the walk.
    pub(crate) fn report(self, fault: Option<String>) -> AuditReport {
        AuditReport {
            pruned: self.pruned,
            verified: self.verified,
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
            self.unproven = Some(why);
            self.miss(root, before)?;
        }
        (self.sequence, self.mac) = (before, anchor.place.mac);
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

    /// Whoever can write the database can name any root. Only one of which a
    /// verified event says later that it was retired is let pass, and nothing
    /// was made under it from then on.
    fn miss(&mut self, root: &RootName, sequence: u64) -> Result<(), String> {
        if self.retired.contains(root) {
            return Err(format!(
                "event {sequence} was signed under root {root}, which was retired before"
            ));
        }
        if !self.gone.contains(root) {
            if self.gone.len() == MOST_GONE {
                return Err(format!(
                    "event {sequence} bears one more root that the keyring lacks"
                ));
            }
            self.gone.push(root.clone());
        }
        Ok(())
    }

    fn see_retirement(&mut self, event: &StoredEvent) {
        if let Some(root) = says_retired(event) {
            self.gone.retain(|gone| *gone != root);
            if !self.retired.contains(&root) {
                self.retired.push(root);
            }
        }
    }

    fn meet_anchor(&mut self) -> Result<(), String> {
        let found = self
            .anchors
            .binary_search_by_key(&self.sequence, |anchor| anchor.place.sequence);
        let Some(anchor) = found.ok().and_then(|at| self.anchors.get(at)) else {
            return Ok(());
        };
        if !same(&anchor.place.mac, &self.mac) {
            return Err(format!(
                "event {} is not the one that was anchored",
                self.sequence
            ));
        }
        if self.unproven.take().is_some() {
            self.rests_on = Some(anchor.clone());
        }
        Ok(())
    }

    fn meet_exported(&mut self) -> Result<(), String> {
        match self.exported {
            Some(exported) if exported.sequence == self.sequence => {
                if !same(&exported.mac, &self.mac) {
                    return Err(format!(
                        "event {} is not that of the head that was kept: the trail was rewritten",
                        self.sequence
                    ));
                }
                self.head = Some(HeadCheck::Confirmed);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether the event says that the manager removed what was up to `through`.
fn says_pruned(event: &StoredEvent, through: u64) -> bool {
    let Ok(event) = AuditEvent::decode(event.sequence, &event.bytes) else {
        return false;
    };
    let through = through.to_string();
    event.action == Action::AuditPrune
        && event.outcome == Outcome::Done
        && event.changes.iter().any(|change| {
            change.field == PRUNED_THROUGH && change.after.as_deref() == Some(through.as_str())
        })
}

/// The root of which the event says that the manager retired it.
fn says_retired(event: &StoredEvent) -> Option<RootName> {
    let event = AuditEvent::decode(event.sequence, &event.bytes).ok()?;
    let done = event.action == Action::KeyringRetire && event.outcome == Outcome::Done;
    let name = event
        .changes
        .iter()
        .find(|change| change.field == RETIRED_ROOT)?;
    name.after.as_deref()?.parse().ok().filter(|_| done)
}

fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.ct_eq(other).into()
}
