use std::collections::BTreeMap;

use crate::audit::told::pruned_content;
use crate::audit::{AuditEvent, Content, Told};
use crate::store::StoredEvent;

/// What the events were that were pruned, the last of them at `sequence`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    sequence: u64,
    content: Content,
}

/// What a walk computes of the trail's content, and what it is told of it.
#[derive(Debug)]
pub(super) struct Proof {
    /// What the events are up to the last one that was looked at.
    content: Content,
    /// Whether that begins where the trail did: not behind a pruning, until
    /// the walk begins anew with what was found.
    grounded: bool,
    /// With what an earlier walk found that this one begins.
    start: Option<Start>,
    /// The last event that was pruned.
    pruned: u64,
    /// The content at each anchored place that the walk came to.
    marks: BTreeMap<u64, Option<Content>>,
    /// What the events up to the furthest place are, as an event tells that a
    /// root of the keyring signed.
    told: Option<Told>,
    /// What the event of the pruning says.
    found: Option<Start>,
}

impl Proof {
    pub(super) fn new() -> Self {
        Self {
            content: Content::EMPTY,
            grounded: true,
            start: None,
            pruned: 0,
            marks: BTreeMap::from([(0, Some(Content::EMPTY))]),
            told: None,
            found: None,
        }
    }

    pub(super) fn starting(self, start: Option<Start>) -> Self {
        Self { start, ..self }
    }

    /// An anchor is there: its place is one that events may tell of.
    pub(super) fn anchored(&mut self, sequence: u64) {
        self.marks.entry(sequence).or_insert(None);
    }

    /// Begins behind what was pruned.
    pub(super) fn begin(&mut self, pruned: u64) {
        self.pruned = pruned;
        let start = self.start.filter(|start| start.sequence == pruned);
        self.grounded = start.is_some();
        self.content = start.map_or(Content::EMPTY, |start| start.content);
        self.marks.insert(pruned, Some(self.content));
    }

    /// Takes in the next event, which follows one with the chain's value
    /// `previous`.
    pub(super) fn follow(&mut self, previous: &[u8; 32], event: &StoredEvent) {
        self.content = self.content.with(previous, event);
        if let Some(mark) = self.marks.get_mut(&event.sequence) {
            *mark = Some(self.content);
        }
    }

    /// Hears what an event tells that a root of the keyring signed.
    pub(super) fn hear(&mut self, event: &AuditEvent) -> Result<(), String> {
        let sequence = event.sequence;
        let unreadable =
            |_| format!("event {sequence} tells of the events before it, and cannot be read");
        let Some(told) = Told::of(event).map_err(unreadable)? else {
            return Ok(());
        };
        let through = told.through;
        if self.grounded && through >= self.pruned {
            match self.marks.get(&through).copied().flatten() {
                Some(content) if content == told.content => {}
                Some(_) => {
                    return Err(format!(
                        "the events up to {through} are not those of which event {sequence} tells"
                    ));
                }
                None => {
                    return Err(format!(
                        "event {sequence} tells of the events up to {through}, and no anchor is there"
                    ));
                }
            }
        }
        // Of two that walked at the same time the one that saw less may have
        // signed later.
        let known = self.told.as_ref().map_or(0, |known| known.through);
        if known <= through {
            self.told = Some(told);
        }
        Ok(())
    }

    /// Whether the event says that what is missing was pruned. Anybody's word
    /// will do for the content: another one would lead to another end.
    pub(super) fn finds_pruning(&mut self, event: &AuditEvent) -> bool {
        let content = pruned_content(event, self.pruned);
        let start = content.map(|content| Start {
            sequence: self.pruned,
            content,
        });
        self.found = self.found.or(start);
        start.is_some()
    }

    /// What the events up to the last one are.
    pub(super) fn content(&self) -> Content {
        self.content
    }

    /// What the last such event tells that reaches furthest.
    pub(super) fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Whether what was told was compared with what is there.
    pub(super) fn is_grounded(&self) -> bool {
        self.grounded
    }

    /// With what to begin anew, where the content could not be computed.
    pub(super) fn missed_start(&self) -> Option<Start> {
        self.found.filter(|_| !self.grounded)
    }
}
