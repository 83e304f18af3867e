use std::time::Duration;

use crate::clock::Timestamp;
use crate::error::Invalid;
use crate::manager::config::check_lifetime;
use crate::manager::{Expiry, ManagerConfig};
use crate::service::Service;

/// From when on a life is counted.
#[derive(Clone, Copy)]
pub(super) struct Life {
    /// When the key was created.
    pub(super) born: Timestamp,
    /// The time now.
    pub(super) now: Timestamp,
}

/// When a key's life ends, within what its service and the manager allow.
pub(super) fn expires_at(
    expiry: Expiry,
    life: Life,
    service: &Service,
    config: &ManagerConfig,
) -> Result<Option<Timestamp>, Invalid> {
    let Life { born, now } = life;
    let max = longest(service, config);
    let latest = max.map(|max| born.saturating_add(max));
    let expires_at = match expiry {
        Expiry::Default => {
            let default = service.default_lifetime.or(config.default_lifetime);
            let end = default.map(|default| now.saturating_add(default));
            // The manager's default may be longer than the service's bound.
            [end, latest].into_iter().flatten().min()
        }
        Expiry::At(at) => Some(at),
        Expiry::In(life) if life < Duration::from_secs(1) => {
            return Err(Invalid::new("expiry", "1 second at least"));
        }
        Expiry::In(life) => Some(now.saturating_add(life)),
        Expiry::Never => None,
    };
    if expires_at.is_some_and(|at| at <= now) {
        return Err(Invalid::new("expiry", "a time that lies ahead"));
    }
    match (expires_at, max, latest) {
        (Some(at), _, Some(latest)) if at <= latest => Ok(expires_at),
        (_, Some(max), _) => {
            let from = if born == now { "now" } else { "its creation" };
            let expected = format!("at most {} from {from}", in_words(max));
            Err(Invalid::new("expiry", expected))
        }
        _ => Ok(expires_at),
    }
}

/// Checks what a service says of lifetimes, and that it fits the manager's.
pub(super) fn check_lifetimes(service: &Service, config: &ManagerConfig) -> Result<(), Invalid> {
    check_max_lifetime(service, config)?;
    check_default_lifetime(service, config)
}

fn check_max_lifetime(service: &Service, config: &ManagerConfig) -> Result<(), Invalid> {
    if let Some(lifetime) = service.max_lifetime {
        check_lifetime("max_lifetime", lifetime)?;
        if config.max_lifetime.is_some_and(|max| lifetime > max) {
            let expected = "a duration up to the manager's max_lifetime";
            return Err(Invalid::new("max_lifetime", expected));
        }
    }
    Ok(())
}

fn check_default_lifetime(service: &Service, config: &ManagerConfig) -> Result<(), Invalid> {
    if let Some(lifetime) = service.default_lifetime {
        check_lifetime("default_lifetime", lifetime)?;
        if longest(service, config).is_some_and(|max| lifetime > max) {
            let expected = "a duration up to max_lifetime";
            return Err(Invalid::new("default_lifetime", expected));
        }
    }
    Ok(())
}

/// The same of a changed service, as far as it is changed: what the manager
/// was told since is no reason to refuse a change of something else.
pub(super) fn check_changed_lifetimes(
    old: &Service,
    next: &Service,
    config: &ManagerConfig,
) -> Result<(), Invalid> {
    let max_changed = old.max_lifetime != next.max_lifetime;
    if max_changed {
        check_max_lifetime(next, config)?;
    }
    if max_changed || old.default_lifetime != next.default_lifetime {
        check_default_lifetime(next, config)?;
    }
    Ok(())
}

/// The longest life of a key: the shorter of both bounds.
fn longest(service: &Service, config: &ManagerConfig) -> Option<Duration> {
    let bounds = [service.max_lifetime, config.max_lifetime];
    bounds.into_iter().flatten().min()
}

/// A configured lifetime: days where it is of whole days, or else seconds.
fn in_words(lifetime: Duration) -> String {
    let (seconds, day) = (lifetime.as_secs(), 86_400);
    if seconds.is_multiple_of(day) {
        format!("{} days", seconds / day)
    } else {
        format!("{seconds} seconds")
    }
}
