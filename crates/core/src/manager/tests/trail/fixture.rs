//! What is asked of the trail of the fixture.

use crate::audit::AuditReport;
use crate::clock::{Clock as _, Timestamp};
use crate::manager::tests::Fixture;
use crate::manager::{AuditPage, ListEvents, VerifyAudit};
use crate::store::AuditHead;

pub(super) async fn verify(fixture: &Fixture, request: VerifyAudit) -> AuditReport {
    fixture
        .manager
        .verify_audit(request)
        .await
        .expect("verified")
}

pub(super) async fn whole(fixture: &Fixture) -> AuditReport {
    let report = verify(fixture, VerifyAudit::new()).await;
    assert_eq!(report.fault, None);
    report
}

pub(super) async fn head(fixture: &Fixture) -> AuditHead {
    fixture.manager.audit_head().await.expect("a head")
}

pub(super) async fn list(fixture: &Fixture, request: ListEvents) -> AuditPage {
    fixture.manager.audit_events(request).await.expect("events")
}

pub(super) fn sequences(page: &AuditPage) -> Vec<u64> {
    page.events
        .iter()
        .map(|signed| signed.event.sequence)
        .collect()
}

pub(super) fn now(fixture: &Fixture) -> Timestamp {
    fixture.clock.now().wall()
}

/// Prunes what is older than now, and returns how many events went, and the
/// last that did.
pub(super) async fn prune(fixture: &Fixture) -> (u64, u64) {
    let pruned = fixture
        .manager
        .prune_audit(now(fixture), &fixture.actor)
        .await;
    let pruned = pruned.expect("pruned");
    (pruned.events, pruned.through)
}
