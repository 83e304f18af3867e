use crate::audit::{Action, Actor, EventDraft};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::key::RevocationReason;
use crate::manager::config::check_quota;
use crate::manager::lifetime::{check_changed_lifetimes, check_lifetimes};
use crate::manager::state::{CONFLICT_RETRIES, check_version};
use crate::manager::{KeyManager, NewService, ServicePatch};
use crate::service::{Retirement, Service, ServiceName};
use crate::store::Operation;

impl KeyManager {
    /// Creates a service.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the name is taken,
    /// [`ErrorKind::Invalid`] for a quota or lifetime out of range.
    pub async fn create_service(&self, new: NewService, actor: &Actor) -> Result<Service, Error> {
        let attempt = EventDraft::new(Action::ServiceCreate, actor).service_name(&new.name);
        let (manager, actor) = (self.clone(), actor.clone());
        let change = async move { manager.try_create_service(new, &actor).await };
        self.attempt(attempt, change).await
    }

    async fn try_create_service(&self, new: NewService, actor: &Actor) -> Result<Service, Error> {
        let config = self.config();
        let service = Service {
            quota: new.quota.unwrap_or(config.default_quota),
            default_rate: new.default_rate,
            default_lifetime: new.default_lifetime,
            max_lifetime: new.max_lifetime,
            prefix: new.prefix,
            retirement: None,
            created_at: self.clock().now().wall(),
            version: 1,
            name: new.name,
        };
        check_quota("quota", service.quota)?;
        check_lifetimes(&service, config)?;
        let seconds = |life: std::time::Duration| life.as_secs();
        let event = EventDraft::new(Action::ServiceCreate, actor)
            .service(&service)
            .after("quota", service.quota)
            .after_if("rate", service.default_rate)
            .after_if("lifetime_seconds", service.default_lifetime.map(seconds))
            .after_if("max_lifetime_seconds", service.max_lifetime.map(seconds))
            .after_if("prefix", service.prefix);
        self.commit(Operation::CreateService(service.clone()), event)
            .await?;
        Ok(service)
    }

    /// Changes a service. Where nothing is other than before, nothing is
    /// written. Running gateways use the new record within one poll interval
    /// and one poll, and forget no key for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] for a quota or lifetime
    /// out of range, [`ErrorKind::Conflict`] where the record is not of the
    /// expected version, [`ErrorKind::Retired`] where the service is retired.
    pub async fn update_service(
        &self,
        name: &ServiceName,
        patch: ServicePatch,
        actor: &Actor,
    ) -> Result<Service, Error> {
        // Without a version the change is meant for whatever stands there.
        let again = patch.version().is_none();
        let manager = self.clone();
        let decide = move |old: &Service, _| {
            let (config, name) = (manager.config(), &old.name);
            check_version(patch.version(), old.version, || format!("service {name}"))?;
            if old.retirement.is_some() {
                return Err(retired(name, "it cannot be changed"));
            }
            let next = patch.of(old, config);
            check_quota("quota", next.quota)?;
            check_changed_lifetimes(old, &next, config)?;
            Ok(next)
        };
        self.change_service(name, actor, (Action::ServiceUpdate, again), decide)
            .await
    }

    /// Ends a service for good: it issues no keys any more, and none of its
    /// keys is accepted. One that is retired already stays as it is.
    ///
    /// On this node its keys are refused from the next request on; on others
    /// within one poll interval and one poll.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], or what the store says.
    pub async fn retire_service(
        &self,
        name: &ServiceName,
        reason: RevocationReason,
        actor: &Actor,
    ) -> Result<Service, Error> {
        let decide = move |old: &Service, at| {
            let reason = reason.clone();
            let retirement = old.retirement.clone();
            Ok(Service {
                retirement: Some(retirement.unwrap_or(Retirement { at, reason })),
                ..old.clone()
            })
        };
        self.change_service(name, actor, (Action::ServiceRetire, true), decide)
            .await
    }

    /// Replaces a service's record by what `decide` makes of it, `again` on
    /// the new record where somebody else came before.
    async fn change_service(
        &self,
        name: &ServiceName,
        actor: &Actor,
        (action, again): (Action, bool),
        decide: impl Fn(&Service, Timestamp) -> Result<Service, Error> + Send + Sync + 'static,
    ) -> Result<Service, Error> {
        let attempt = EventDraft::new(action, actor).service_name(name);
        let (manager, name, actor) = (self.clone(), name.clone(), actor.clone());
        let change = async move {
            manager
                .try_change_service(&name, &actor, (action, again), decide)
                .await
        };
        self.attempt(attempt, change).await
    }

    async fn try_change_service(
        &self,
        name: &ServiceName,
        actor: &Actor,
        (action, again): (Action, bool),
        decide: impl Fn(&Service, Timestamp) -> Result<Service, Error>,
    ) -> Result<Service, Error> {
        for _ in 0..CONFLICT_RETRIES {
            let (epoch, head, old) = self.ask_service(name).await?;
            let next = decide(&old, self.clock().now().wall());
            if !next.as_ref().is_ok_and(|next| *next != old) {
                // Somebody else did it: what is cached here may not know yet.
                self.shared().raise_services(epoch, head);
            }
            let next = next?;
            if next == old {
                return Ok(old);
            }
            let event = told(EventDraft::new(action, actor).service(&old), &old, &next);
            match self.update_service_record(next, event).await {
                Err(error) if again && error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
        let message = format!("service {name} keeps changing: try again");
        Err(Error::new(ErrorKind::Conflict, message))
    }
}

/// That the service is retired, and what follows.
pub(super) fn retired(name: &ServiceName, so: &str) -> Error {
    Error::new(
        ErrorKind::Retired,
        format!("service {name} is retired: {so}"),
    )
}

/// Each field that changes, before and after.
fn told(event: EventDraft, old: &Service, next: &Service) -> EventDraft {
    let seconds = |life: std::time::Duration| life.as_secs();
    let reason = |service: &Service| Some(service.retirement.as_ref()?.reason.clone());
    event
        .difference("quota", Some(old.quota), Some(next.quota))
        .difference("rate", old.default_rate, next.default_rate)
        .difference(
            "lifetime_seconds",
            old.default_lifetime.map(seconds),
            next.default_lifetime.map(seconds),
        )
        .difference(
            "max_lifetime_seconds",
            old.max_lifetime.map(seconds),
            next.max_lifetime.map(seconds),
        )
        .difference("prefix", old.prefix, next.prefix)
        .difference("reason", reason(old), reason(next))
}
