use crate::audit::{Anchor, AuditSeal};
use crate::store::{
    AuditHead, EventRecord, EventsRequest, StoreError, StoreErrorKind, StoredEvent,
};

/// The audit trail.
#[derive(Debug, Clone)]
pub(super) struct Trail {
    head: AuditHead,
    /// How many events were removed; the first one kept is the next.
    pruned: u64,
    events: Vec<StoredEvent>,
    anchors: Vec<Anchor>,
}

/// The beginning of the trail before an anchor was kept: what went for it.
#[derive(Debug)]
pub(super) struct Removed {
    events: Vec<StoredEvent>,
    pruned: u64,
    anchors: Vec<Anchor>,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            head: AuditHead {
                sequence: 0,
                mac: [0; 32],
            },
            pruned: 0,
            events: Vec::new(),
            anchors: Vec::new(),
        }
    }
}

impl Trail {
    pub(super) fn head(&self) -> AuditHead {
        self.head
    }

    pub(super) fn anchors(&self) -> Vec<Anchor> {
        self.anchors.clone()
    }

    pub(super) fn append(&mut self, seal: &AuditSeal, event: EventRecord) {
        let EventRecord {
            at,
            service,
            key,
            bytes,
        } = event;
        let sequence = self.head.sequence.saturating_add(1);
        let mac = seal.seal(sequence, &self.head.mac, &bytes);
        self.head = AuditHead { sequence, mac };
        self.events.push(StoredEvent {
            sequence,
            at,
            service,
            key,
            root: seal.root().clone(),
            bytes,
            mac,
        });
    }

    pub(super) fn events(&self, request: &EventsRequest) -> Vec<StoredEvent> {
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let wanted = |event: &&StoredEvent| {
            let of_service = request.service.is_none() || event.service == request.service;
            of_service && (request.key.is_none() || event.key == request.key)
        };
        self.events
            .iter()
            .skip(self.place(request.after))
            .filter(wanted)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn anchor(&mut self, anchor: Anchor) -> Result<Removed, StoreError> {
        self.check(&anchor)?;
        let removed = self.removed(Vec::new());
        self.keep(anchor);
        Ok(removed)
    }

    pub(super) fn prune(&mut self, anchor: Anchor) -> Result<Removed, StoreError> {
        self.check(&anchor)?;
        let gone = self.place(anchor.place.sequence);
        let events = self.events.drain(..gone).collect();
        let removed = self.removed(events);
        self.pruned = anchor.place.sequence;
        // Nothing can be verified from before the first event that is kept.
        let pruned = self.pruned;
        self.anchors.retain(|old| old.place.sequence >= pruned);
        self.keep(anchor);
        Ok(removed)
    }

    /// Undoes what removed this.
    pub(super) fn put_back(&mut self, removed: Removed) {
        self.events.splice(..0, removed.events);
        self.pruned = removed.pruned;
        self.anchors = removed.anchors;
    }

    /// Takes off what was appended after `head`.
    pub(super) fn cut_back(&mut self, head: AuditHead) {
        self.events.truncate(self.place(head.sequence));
        self.head = head;
    }

    fn removed(&self, events: Vec<StoredEvent>) -> Removed {
        Removed {
            events,
            pruned: self.pruned,
            anchors: self.anchors.clone(),
        }
    }

    fn keep(&mut self, anchor: Anchor) {
        self.anchors
            .retain(|old| old.place.sequence != anchor.place.sequence);
        self.anchors.push(anchor);
        self.anchors.sort_by_key(|anchor| anchor.place.sequence);
    }

    fn check(&self, anchor: &Anchor) -> Result<(), StoreError> {
        let sequence = anchor.place.sequence;
        let before = self.place(sequence.saturating_sub(1));
        let found = self.events.get(before);
        if found.is_some_and(|event| event.sequence == sequence && event.mac == anchor.place.mac) {
            return Ok(());
        }
        let message = format!("the audit trail has no event {sequence} with the anchor's value");
        Err(StoreError::new(StoreErrorKind::Conflict, message))
    }

    /// How many of the kept events have a sequence up to this one.
    fn place(&self, sequence: u64) -> usize {
        let place = usize::try_from(sequence.saturating_sub(self.pruned)).unwrap_or(usize::MAX);
        place.min(self.events.len())
    }
}
