use super::{Defect, Defective};
use crate::audit::Anchor;
use crate::store::{AuditHead, AuditLog, BoxFuture, EventsRequest, StoreError, StoredEvent};

impl AuditLog for Defective {
    fn events(
        &self,
        request: EventsRequest,
    ) -> BoxFuture<'_, Result<Vec<StoredEvent>, StoreError>> {
        Box::pin(async move {
            let unfiltered = EventsRequest {
                service: None,
                key: None,
                ..request.clone()
            };
            let mut events = if self.has(Defect::EventsUnfiltered) {
                self.store.events(unfiltered).await?
            } else if self.has(Defect::EventsFilteredLate) {
                let some = self.store.events(unfiltered).await?;
                let wanted = self.store.events(request).await?;
                some.into_iter()
                    .filter(|event| wanted.contains(event))
                    .collect()
            } else {
                self.store.events(request).await?
            };
            if self.has(Defect::EventsLost) && events.len() > 2 {
                events.remove(1);
            }
            Ok(events)
        })
    }

    fn anchors(&self) -> BoxFuture<'_, Result<Vec<Anchor>, StoreError>> {
        self.store.anchors()
    }

    fn audit_head(&self) -> BoxFuture<'_, Result<AuditHead, StoreError>> {
        self.store.audit_head()
    }
}
