use super::{Defect, Defective};
use crate::audit::AuditSeal;
use crate::clock::Timestamp;
use crate::key::Key;
use crate::keyring::Keyring;
use crate::service::Service;
use crate::store::{Change, Head, KeyStore as _, Operation, Redigest, StoreError, StoreErrorKind};

impl Defective {
    /// The step as a store with the defect understands it.
    pub(super) async fn misread(&self, operation: &mut Operation) {
        match operation {
            Operation::CreateService(service) if self.has(Defect::QuotaIgnored) => {
                service.quota = Service::MAX_QUOTA;
            }
            Operation::UpdateService { service, expected } => {
                if self.has(Defect::RetirementIgnored) {
                    service.retirement = None;
                }
                if self.has(Defect::ServiceVersionIgnored) {
                    let all = self.store.load_services().await.expect("services").services;
                    let found = all.iter().find(|found| found.name == service.name);
                    *expected = found.map_or(0, |found| found.version);
                    service.version = service.version.max(*expected + 1);
                }
            }
            Operation::UpdateKey { key, expected, .. } if self.has(Defect::VersionIgnored) => {
                *expected = self.stored(key.id).await.map_or(0, |key| key.version);
                key.version = key.version.max(*expected + 1);
            }
            Operation::RetireRoot { now, .. } if self.has(Defect::EndedSecretsCounted) => {
                *now = Timestamp::from_millis(0);
            }
            Operation::PruneAudit(anchor) if self.has(Defect::PruningKeepsEvents) => {
                *operation = Operation::AnchorAudit(anchor.clone());
            }
            _ => {}
        }
    }

    /// What is done in the place of a change that failed.
    pub(super) async fn recover(
        &self,
        mut change: Change,
        error: StoreError,
    ) -> Result<Head, StoreError> {
        if self.has(Defect::KindsMixed) && error.kind() == StoreErrorKind::QuotaReached {
            let message = error.to_string();
            return Err(StoreError::new(StoreErrorKind::Conflict, message));
        }
        let forgiven = match error.kind() {
            StoreErrorKind::InUse => self.has(Defect::RootsRetiredInUse),
            StoreErrorKind::Retired if self.has(Defect::RetiredRootsGoOn) => {
                let other = Keyring::generate("k0".parse().expect("a name")).expect("entropy");
                change.seal = AuditSeal::of(other.current());
                true
            }
            StoreErrorKind::Conflict => self.has(Defect::AnchorsUnchecked),
            StoreErrorKind::Invalid => self.has(Defect::StepsUnbounded),
            StoreErrorKind::QuotaReached => self.passes_over_life(&change).await,
            _ => false,
        };
        if forgiven {
            change.steps.truncate(1);
            for step in &mut change.steps {
                step.operation = Operation::Record;
            }
            return self.store.commit(change).await;
        }
        while self.has(Defect::StepsHalfUndone) && change.steps.pop().is_some() {
            if self.store.commit(change.clone()).await.is_ok() {
                break;
            }
        }
        Err(error)
    }

    /// Whether the change makes the life of a key longer, and the store looks
    /// at no quota then; or at none for a key that has not ended by the clock
    /// of whoever changes it.
    async fn passes_over_life(&self, change: &Change) -> bool {
        let Some(Operation::UpdateKey { key, now, .. }) =
            change.steps.first().map(|step| &step.operation)
        else {
            return false;
        };
        let stands = self.stored(key.id).await;
        let live = stands.is_some_and(|stored| stored.takes_room(*now));
        self.has(Defect::LifeUnmeasured) || live && self.has(Defect::LifeByOneClock)
    }

    /// Writes the update's digests over those that stand.
    pub(super) async fn overwrite(&self, key: &Key) {
        let stored = self.stored(key.id).await.expect("a key");
        let batch = stored.secrets.iter().zip(&key.secrets);
        let batch = batch.map(|(stored, wanted)| Redigest {
            key: key.id,
            secret: wanted.number,
            old: stored.digest,
            new: wanted.digest,
            root: wanted.root.clone(),
        });
        self.store.redigest(batch.collect()).await.expect("a batch");
    }
}
