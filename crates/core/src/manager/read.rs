use std::sync::Arc;

use crate::cache::Epoch;
use crate::error::{Error, ErrorKind};
use crate::key::{Key, KeyId};
use crate::manager::KeyManager;
use crate::service::{Service, ServiceName};
use crate::store::Head;
use crate::usage::KeyUsage;

impl KeyManager {
    /// All services, by name, from the store.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer.
    pub async fn services(&self) -> Result<Vec<Service>, Error> {
        let shared = self.shared();
        let mut services = shared.within(shared.store.load_services()).await?.services;
        services.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(services)
    }

    /// One service, from the store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], or what the store says.
    pub async fn service(&self, name: &ServiceName) -> Result<Service, Error> {
        let (_, _, service) = self.ask_service(name).await?;
        Ok(service)
    }

    /// The same, with the head of its snapshot and the epoch in which the
    /// store was asked.
    pub(super) async fn ask_service(
        &self,
        name: &ServiceName,
    ) -> Result<(Epoch, Head, Service), Error> {
        let shared = self.shared();
        let epoch = shared.gate.epoch();
        let loaded = shared.within(shared.store.load_services()).await?;
        shared.witness.met(epoch, loaded.head);
        let mut services = loaded.services.into_iter();
        let service = services
            .find(|service| service.name == *name)
            .ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("there is no service {name}"))
            })?;
        Ok((epoch, loaded.head, service))
    }

    /// A service as this node knows it, which is as it was one poll interval
    /// and one poll ago, or newer; from the store where it does not know.
    pub(super) async fn known_service(&self, name: &ServiceName) -> Result<Arc<Service>, Error> {
        let shared = self.shared();
        let fresh = self.status().fresh;
        let known = {
            let table = shared.services.table();
            let counts = fresh && shared.gate.passes_services(table.stamp());
            table.find(name).filter(|_| counts).cloned()
        };
        match known {
            Some(service) => Ok(service),
            None => Ok(Arc::new(self.service(name).await?)),
        }
    }

    /// The counters of these keys, in the same order, as far as they are
    /// written: what was counted since the last flush is not in them.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer.
    pub async fn usage(&self, keys: &[KeyId]) -> Result<Vec<KeyUsage>, Error> {
        let shared = self.shared();
        Ok(shared.within(shared.store.usage(keys.to_vec())).await?)
    }

    /// The key's record, from the store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], or what the store says.
    pub async fn key(&self, id: KeyId) -> Result<Key, Error> {
        let (_, _, key) = self.ask_key(id).await?;
        Ok(key)
    }

    /// The same, with the head of its snapshot and the epoch in which the
    /// store was asked.
    pub(super) async fn ask_key(&self, id: KeyId) -> Result<(Epoch, Head, Key), Error> {
        let (epoch, loaded) = self.shared().ask_key(id).await?;
        let key = loaded
            .key
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no key {id}")))?;
        Ok((epoch, loaded.head, key))
    }
}
