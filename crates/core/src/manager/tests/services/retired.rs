//! A service that is retired is so for ever.

use super::RETIRED;
use crate::audit::Action;
use crate::clock::Clock as _;
use crate::error::ErrorKind;
use crate::manager::tests::{DAY, Fixture, ORDERS, told};
use crate::manager::{Expiry, KeyPatch, Rotation, ServicePatch};
use crate::service::Service;

impl Fixture {
    async fn retire(&self, reason: &str) -> Service {
        let reason = reason.parse().expect("reason");
        let retired = self
            .manager
            .retire_service(&ORDERS, reason, &self.actor)
            .await;
        retired.expect("retired")
    }
}

#[tokio::test]
async fn a_retired_service_issues_nothing_and_accepts_nothing_and_stays_so() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (manager, actor, id) = (&fixture.manager, &fixture.actor, issued.key.id);
    let retired = fixture.retire("moved").await;
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        RETIRED,
        "from the next request on"
    );
    let retirement = retired.retirement.clone().expect("retired");
    assert_eq!(retirement.at, fixture.clock.now().wall());
    fixture.clock.advance(DAY);
    assert_eq!(
        fixture.retire("again").await,
        retired,
        "the first retirement stands"
    );

    let errors = [
        manager
            .create_key(fixture.new_key(), actor)
            .await
            .map(|_| ()),
        manager
            .create_keys(vec![fixture.new_key()], actor)
            .await
            .map(|_| ()),
        manager
            .rotate_key(id, Rotation::default(), actor)
            .await
            .map(|_| ()),
        fixture
            .update_service(ServicePatch::new().quota(7))
            .await
            .map(|_| ()),
        fixture
            .update_service(ServicePatch::new())
            .await
            .map(|_| ()),
        manager
            .update_key(id, KeyPatch::new().expiry(Expiry::Never), actor)
            .await
            .map(|_| ()),
    ];
    for error in errors {
        let error = error.expect_err("retired");
        assert_eq!(error.kind(), ErrorKind::Retired, "{error}");
    }
    let noted = KeyPatch::new().note("moved".parse::<crate::key::Note>().expect("note"));
    manager
        .update_key(id, noted, actor)
        .await
        .expect("a note is no change of worth");
    fixture.revoke(id).await;
    let events = fixture.events().await;
    let retire = events
        .iter()
        .find(|event| event.action == Action::ServiceRetire);
    assert_eq!(
        told(retire.expect("told")),
        [("reason", None, Some("moved"))]
    );
}

#[tokio::test]
async fn a_retirement_elsewhere_is_found_by_the_store_before_the_poll() {
    let fixture = Fixture::new().await;
    let other = fixture.other_node().await;
    let reason = "moved".parse().expect("reason");
    other
        .retire_service(&ORDERS, reason, &fixture.actor)
        .await
        .expect("retired");
    let error = fixture
        .manager
        .create_key(fixture.new_key(), &fixture.actor)
        .await;
    assert_eq!(error.expect_err("retired").kind(), ErrorKind::Retired);
}
