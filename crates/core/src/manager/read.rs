use crate::cache::Epoch;
use crate::error::{Error, ErrorKind};
use crate::key::{Key, KeyId};
use crate::manager::KeyManager;
use crate::service::{Service, ServiceName};
use crate::store::Head;
use crate::usage::Usage;

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
        let services = self.services().await?;
        services
            .into_iter()
            .find(|service| service.name == *name)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no service {name}")))
    }

    /// The counters of these keys, in the same order, as far as they are
    /// written: what was counted since the last flush is not in them.
    ///
    /// # Errors
    ///
    /// What the store says where it does not answer.
    pub async fn usage(&self, keys: &[KeyId]) -> Result<Vec<Usage>, Error> {
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
