use portcullis::audit::Actor;
use portcullis::manager::NewService;
use portcullis::service::Service;
use portcullis::{Error, ErrorKind, KeyManager};

use super::{Config, ServiceConfig};

impl Config {
    /// Creates each service that the file names and the store lacks, with the file's rate, as the
    /// actor `gateway`. What the store has counts as it is: where the file says otherwise, or the
    /// service is retired, a warning is logged.
    ///
    /// # Errors
    ///
    /// What the manager says where the store does not take a new service.
    pub async fn create_missing_services(&self, manager: &KeyManager) -> Result<(), Error> {
        let known = manager.services().await?;
        let actor = Actor::new("gateway")?;
        for service in &self.services {
            match known.iter().find(|known| known.name == service.name) {
                Some(known) => compare(service, known),
                None => create(service, manager, &actor).await?,
            }
        }
        Ok(())
    }
}

async fn create(service: &ServiceConfig, manager: &KeyManager, actor: &Actor) -> Result<(), Error> {
    let mut new = NewService::new(service.name.clone());
    if let Some(rate) = service.rate {
        new = new.default_rate(rate);
    }
    match manager.create_service(new, actor).await {
        Ok(_) => tracing::info!(service = %service.name, "the service was new to the store"),
        // Another gateway on the same store was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

fn compare(service: &ServiceConfig, known: &Service) {
    if let Some(retirement) = &known.retirement {
        tracing::warn!(
            service = %service.name,
            reason = %retirement.reason,
            "the service is retired: none of its keys is accepted"
        );
    }
    if let Some(rate) = service
        .rate
        .filter(|rate| known.default_rate != Some(*rate))
    {
        let stored = known.default_rate.map(tracing::field::display);
        tracing::warn!(
            service = %service.name,
            configured = %rate,
            stored,
            "the store's default rate counts, not the configured one: change it with \
             portcullis services update, or the configuration"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use portcullis::keyring::Keyring;
    use portcullis::manager::ListEvents;
    use portcullis::{KeyManager, MemoryStore};

    use crate::config::Config;

    #[tokio::test]
    async fn missing_services_are_created_once_and_known_ones_stay_as_they_are() {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let manager = KeyManager::builder(MemoryStore::new())
            .keyring(keyring)
            .build()
            .await;
        let manager = manager.expect("a manager");
        let config = |rate: &str| {
            let text = format!(
                "[[services]]\nname = \"orders\"\nprefix = \"/\"\nupstream = \"http://a\"\nrate = \"{rate}\""
            );
            Config::parse(&text, Path::new("portcullis.toml")).expect("valid")
        };
        for rate in ["10/s", "10/s", "99/s"] {
            config(rate)
                .create_missing_services(&manager)
                .await
                .expect("created");
        }
        let services = manager.services().await.expect("services");
        assert_eq!(services.len(), 1);
        assert_eq!(
            services[0].default_rate,
            Some("10/s".parse().expect("valid"))
        );
        let events = manager
            .audit_events(ListEvents::new())
            .await
            .expect("events")
            .events;
        assert_eq!(
            events.len(),
            1,
            "nothing is changed, and nothing noted, twice"
        );
        assert_eq!(events[0].event.actor.name(), "gateway");
    }
}
