//! What is done to the first service of the fixture.

use crate::error::Error;
use crate::manager::ServicePatch;
use crate::manager::tests::{Fixture, ORDERS, Outcome};
use crate::service::Service;
use crate::verdict::DenialReason;

pub(super) const RETIRED: Outcome = Outcome::Denied(DenialReason::Retired);

impl Fixture {
    pub(super) async fn update_service(&self, patch: ServicePatch) -> Result<Service, Error> {
        self.manager
            .update_service(&ORDERS, patch, &self.actor)
            .await
    }
}
