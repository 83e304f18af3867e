//! What each operation does to the state, and what undoes it.

use crate::clock::Timestamp;
use crate::key::{Key, KeyId};
use crate::keyring::RootName;
use crate::service::{Service, ServiceName};
use crate::store::memory::history::Touched;
use crate::store::memory::quota::Held;
use crate::store::memory::state::State;
use crate::store::memory::undo::Done;
use crate::store::{Operation, StoreError, StoreErrorKind};

impl State {
    /// Takes one step, or fails before anything is touched. Adds to `done`
    /// what was there before.
    pub(super) fn operate(
        &mut self,
        operation: Operation,
        done: &mut Vec<Done>,
    ) -> Result<Touched, StoreError> {
        match operation {
            Operation::Record => Ok(Touched::Nothing),
            Operation::CreateService(service) => self.create_service(service, done),
            Operation::UpdateService { service, expected } => {
                self.update_service(service, expected, done)
            }
            Operation::CreateKey { key, now } => self.create_key(key, now, done),
            Operation::UpdateKey { key, expected, now } => {
                self.update_key(key, expected, now, done)
            }
            Operation::RevokeDamagedKey { id, .. } => Err(self.not_damaged(id)),
            Operation::RetireRoot { name, now } => self.retire_root(name, now, done),
            Operation::AnchorAudit(anchor) => {
                done.push(Done::Trail(self.trail.anchor(anchor)?));
                Ok(Touched::Nothing)
            }
            Operation::PruneAudit(anchor) => {
                done.push(Done::Trail(self.trail.prune(anchor)?));
                Ok(Touched::Nothing)
            }
        }
    }

    /// What is in memory reads.
    fn not_damaged(&self, id: KeyId) -> StoreError {
        if self.keys.contains_key(&id) {
            let message = format!("the record of key {id} is whole");
            StoreError::new(StoreErrorKind::Conflict, message)
        } else {
            StoreError::new(StoreErrorKind::NotFound, format!("there is no key {id}"))
        }
    }

    fn create_service(
        &mut self,
        service: Service,
        done: &mut Vec<Done>,
    ) -> Result<Touched, StoreError> {
        let name = service.name.clone();
        if self.services.contains_key(&name) {
            let message = format!("service {name} exists already");
            return Err(StoreError::new(StoreErrorKind::AlreadyExists, message));
        }
        self.services.insert(name.clone(), Held::new(service));
        done.push(Done::ServiceCreated(name));
        Ok(Touched::Services)
    }

    fn update_service(
        &mut self,
        service: Service,
        expected: u64,
        done: &mut Vec<Done>,
    ) -> Result<Touched, StoreError> {
        let held = self
            .services
            .get_mut(&service.name)
            .ok_or_else(|| unknown_service(&service.name))?;
        let before = &held.service;
        let replaces = before.version == expected && service.version > expected;
        if !replaces || before.created_at != service.created_at {
            let message = format!("service {} was changed by somebody else", service.name);
            return Err(StoreError::new(StoreErrorKind::Conflict, message));
        }
        let before = std::mem::replace(&mut held.service, service);
        done.push(Done::ServiceUpdated(Box::new(before)));
        Ok(Touched::Services)
    }

    fn create_key(
        &mut self,
        key: Key,
        now: Timestamp,
        done: &mut Vec<Done>,
    ) -> Result<Touched, StoreError> {
        let held = self
            .services
            .get(&key.service)
            .ok_or_else(|| unknown_service(&key.service))?;
        if held.service.retirement.is_some() {
            let message = format!("service {} is retired", key.service);
            return Err(StoreError::new(StoreErrorKind::Retired, message));
        }
        self.check_room(held, None, now)?;
        if self.keys.contains_key(&key.id) {
            let message = format!("key {} exists already", key.id);
            return Err(StoreError::new(StoreErrorKind::AlreadyExists, message));
        }
        if let Some(held) = self.services.get_mut(&key.service) {
            held.recount(None, Some(&key));
        }
        let id = key.id;
        self.places.add(&key);
        self.keys.insert(id, key);
        done.push(Done::KeyCreated(id));
        Ok(Touched::Key(id))
    }

    fn update_key(
        &mut self,
        mut key: Key,
        expected: u64,
        now: Timestamp,
        done: &mut Vec<Done>,
    ) -> Result<Touched, StoreError> {
        let id = key.id;
        let before = self.keys.get(&id).ok_or_else(|| {
            StoreError::new(StoreErrorKind::NotFound, format!("there is no key {id}"))
        })?;
        let replaces = before.version == expected && key.version > expected;
        let stays = before.service == key.service && before.created_at == key.created_at;
        if !replaces || !stays {
            let message = format!("key {id} was changed by somebody else");
            return Err(StoreError::new(StoreErrorKind::Conflict, message));
        }
        if let Some(held) = self.services.get(&key.service)
            && key.takes_more_room_than(before, now)
        {
            self.check_room(held, Some(before), now)?;
        }
        for secret in &mut key.secrets {
            let same = |stored: &&crate::key::Secret| stored.number == secret.number;
            if let Some(stored) = before.secrets.iter().find(same) {
                secret.digest = stored.digest;
                secret.root = stored.root.clone();
            }
        }
        let uncounted = self.usage.keep_secrets(&key);
        if let Some(before) = self.put_key(key) {
            done.push(Done::KeyUpdated(Box::new(before), uncounted));
        }
        Ok(Touched::Key(id))
    }

    /// Fails where as many keys of the service are live at `now` as its quota
    /// allows, beside this one.
    fn check_room(
        &self,
        held: &Held,
        beside: Option<&Key>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let name = &held.service.name;
        let live = || {
            let of_service = self.places.of_service(name);
            let keys = of_service.filter_map(|id| self.keys.get(&id));
            keys.filter(|key| key.takes_room(now)).count()
        };
        if held.has_room(beside, now, live) {
            return Ok(());
        }
        let quota = held.service.quota;
        let message = format!(
            "the quota of service {name} is {quota}: its live keys would be more than that"
        );
        Err(StoreError::new(StoreErrorKind::QuotaReached, message))
    }

    fn retire_root(
        &mut self,
        name: RootName,
        now: Timestamp,
        done: &mut Vec<Done>,
    ) -> Result<Touched, StoreError> {
        let used = self.root_use(&name, now);
        if self.roots.retire(&name, used)? {
            done.push(Done::RootRetired(name));
        }
        Ok(Touched::Nothing)
    }
}

fn unknown_service(name: &ServiceName) -> StoreError {
    StoreError::new(
        StoreErrorKind::NotFound,
        format!("there is no service {name}"),
    )
}
