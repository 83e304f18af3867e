use std::error::Error as StdError;

use crate::audit::SignedEvent;
use crate::error::{Error, ErrorKind, Invalid};
use crate::key::KeyId;
use crate::manager::KeyManager;
use crate::service::ServiceName;
use crate::store::{AuditHead, EventsRequest, StoredEvent};

/// Which audit events to list, and from where on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEvents {
    request: EventsRequest,
}

impl ListEvents {
    /// The most events of a page.
    pub const MAX_LIMIT: u32 = 1_000;

    /// The first 50 events that are kept.
    #[must_use]
    pub fn new() -> Self {
        Self {
            request: EventsRequest {
                limit: 50,
                ..EventsRequest::default()
            },
        }
    }

    /// Those after the event of this sequence: what the page before returned
    /// as its [`next`](AuditPage::next).
    #[must_use]
    pub fn after(mut self, sequence: u64) -> Self {
        self.request.after = sequence;
        self
    }

    /// At most so many events, 1 to 1,000.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.request.limit = limit;
        self
    }

    /// Those that concern this service, or a key of it.
    #[must_use]
    pub fn service(mut self, service: ServiceName) -> Self {
        self.request.service = Some(service);
        self
    }

    /// Those that concern this key.
    #[must_use]
    pub fn key(mut self, key: KeyId) -> Self {
        self.request.key = Some(key);
        self
    }
}

impl Default for ListEvents {
    fn default() -> Self {
        Self::new()
    }
}

/// A page of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The events, in their order.
    pub events: Vec<SignedEvent>,
    /// The sequence after which the next page begins; nothing after the last
    /// page.
    pub next: Option<u64>,
}

impl KeyManager {
    /// Lists audit events, a page at a time. One that cannot be read ends the page
    /// before it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a limit out of range, [`ErrorKind::Corrupt`]
    /// where the first event of the page cannot be read: its sequence is in the
    /// message, and the trail goes on after it; or what the store says.
    pub async fn audit_events(&self, request: ListEvents) -> Result<AuditPage, Error> {
        let limit = request.request.limit;
        if !(1..=ListEvents::MAX_LIMIT).contains(&limit) {
            return Err(Invalid::new("limit", "1 to 1,000 events").into());
        }
        // One more tells whether another page follows.
        let one_more = EventsRequest {
            limit: limit.saturating_add(1),
            ..request.request
        };
        let (stored, mut more) = self.first_events(one_more).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut events = Vec::with_capacity(stored.len().min(limit));
        for event in stored {
            let sequence = event.sequence;
            if events.len() == limit {
                more = true;
                break;
            }
            match SignedEvent::read(event) {
                Ok(event) => events.push(event),
                Err(error) if events.is_empty() => return Err(unreadable(sequence, error)),
                Err(_) => {
                    more = true;
                    break;
                }
            }
        }
        let last = events.last().map(|signed| signed.event.sequence);
        Ok(AuditPage {
            next: last.filter(|_| more),
            events,
        })
    }

    /// The end of the audit chain. Keep it where whoever can write to the store
    /// cannot: with it [`KeyManager::verify_audit`] finds a trail whose end was
    /// cut off.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer.
    pub async fn audit_head(&self) -> Result<AuditHead, Error> {
        let shared = self.shared();
        Ok(shared.within(shared.store.audit_head()).await?)
    }

    /// The events that are asked for, or fewer of them where the store cannot read
    /// all: then there are more.
    async fn first_events(
        &self,
        mut request: EventsRequest,
    ) -> Result<(Vec<StoredEvent>, bool), Error> {
        let mut more = false;
        loop {
            match self.stored_events(request.clone()).await {
                Err(error) if error.kind() == ErrorKind::Corrupt && request.limit > 1 => {
                    request.limit /= 2;
                    more = true;
                }
                read => return read.map(|events| (events, more)),
            }
        }
    }

    pub(super) async fn stored_events(
        &self,
        request: EventsRequest,
    ) -> Result<Vec<StoredEvent>, Error> {
        let shared = self.shared();
        Ok(shared.within(shared.store.events(request)).await?)
    }
}

fn unreadable(sequence: u64, error: impl StdError + Send + Sync + 'static) -> Error {
    let message =
        format!("audit event {sequence} cannot be read; the trail goes on after {sequence}");
    Error::with_source(ErrorKind::Corrupt, message, error)
}
