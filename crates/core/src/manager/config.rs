use std::time::Duration;

use crate::error::Invalid;
use crate::key::Environment;
use crate::service::Service;
use crate::token::Prefix;

const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// Defines the configuration, its setters, and nothing else.
macro_rules! settings {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*) => {
        /// How a manager works. Every value is checked when the manager is
        /// built; the defaults are good for most.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct ManagerConfig {
            $(pub(crate) $field: $type,)*
        }

        impl Default for ManagerConfig {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl ManagerConfig {
            $($(#[$doc])*
            #[must_use]
            pub fn $field(self, $field: impl Into<$type>) -> Self {
                Self { $field: $field.into(), ..self }
            })*
        }
    };
}

settings! {
    /// How long a cached key is used before it is read again in the
    /// background. 1 second to 1 day, default 60 seconds. It bounds memory and
    /// repairs what nobody foresaw; changes are noticed much sooner, by the
    /// poll.
    cache_ttl: Duration = Duration::from_secs(60),
    /// The most keys that are cached. 1 to 100,000,000, default 100,000: at
    /// about a kibibyte each, 100 MiB when full.
    cache_capacity: u64 = 100_000,
    /// How long an id that names no key is remembered. 100 milliseconds to 1
    /// minute, default 5 seconds: long enough to keep a misconfigured client
    /// from the store. Forgotten at once on the node on which the key is
    /// created, and elsewhere within P.
    negative_ttl: Duration = Duration::from_secs(5),
    /// How long a key lives that is created without an expiry, where its
    /// service does not say. 1 minute to 100 years, or none for ever; default
    /// 365 days, so that what is forgotten ends by itself.
    default_lifetime: Option<Duration> = Some(DAY * 365),
    /// The longest life that a key may be given. 1 minute to 100 years, or
    /// none for no bound; default none.
    max_lifetime: Option<Duration> = None,
    /// The most live keys of a service that is created without a quota. 1 to
    /// 100,000,000, default 10,000: far above what people issue by hand, and
    /// a stop for a script that runs away.
    default_quota: u32 = 10_000,
    /// The prefix of tokens of services that set none; default `pck`.
    prefix: Prefix = Prefix::DEFAULT,
    /// The environment of keys that are created without one; default live.
    environment: Environment = Environment::Live,
    /// The instance's name, in metrics and in shared engines: 1 to 63
    /// characters of `a-z`, `0-9` and `-`; default `portcullis`.
    namespace: String = "portcullis".to_owned(),
    /// How long older secrets still count after a rotation that does not say.
    /// 0 to 366 days, default 24 hours: a working day to put the new one in
    /// place.
    rotation_grace: Duration = DAY,
    /// S: how long cached keys are used while the store does not answer. 1
    /// second to 1 day, and at least two polls; default 30 seconds. It bounds
    /// how late a node that is cut off notices a revocation.
    max_staleness: Duration = Duration::from_secs(30),
    /// P: how often the store is asked for changes. 10 milliseconds to 1
    /// minute, default 500 milliseconds. It bounds how late a node notices
    /// what others changed, at the price of one cheap query each time.
    poll_interval: Duration = Duration::from_millis(500),
    /// How often counters of use are written, and the manager's metrics handed
    /// to the recorder. 100 milliseconds to 1 hour, default 5 seconds: what is
    /// lost when the process is killed, and how old a metric may be.
    flush_interval: Duration = Duration::from_secs(5),
    /// How long the store may take to answer, and a read may wait for its turn
    /// before. 10 milliseconds to 1 minute, default 2 seconds; past it the
    /// request is answered as unavailable. It may be longer than S: what took
    /// that long to read is read again, and does not count.
    store_timeout: Duration = Duration::from_secs(2),
    /// How many of the most used keys are read ahead after the start, in the
    /// background. 0 to 100,000, default 1,000: after a restart they are
    /// cached before their first request, a few at a time, so that nobody who
    /// waits notices.
    warm_up: u32 = 1_000,
}

impl ManagerConfig {
    /// Checks every value, and those that depend on each other.
    ///
    /// # Errors
    ///
    /// [`Invalid`] names the first value that is not allowed, and what is.
    pub fn check(&self) -> Result<(), Invalid> {
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        let ms = Duration::from_millis;
        within("cache_ttl", self.cache_ttl, second, DAY)?;
        within("negative_ttl", self.negative_ttl, ms(100), minute)?;
        for (field, lifetime) in [
            ("default_lifetime", self.default_lifetime),
            ("max_lifetime", self.max_lifetime),
        ] {
            if let Some(lifetime) = lifetime {
                check_lifetime(field, lifetime)?;
            }
        }
        within("rotation_grace", self.rotation_grace, Duration::ZERO, YEAR)?;
        within("max_staleness", self.max_staleness, second, DAY)?;
        within("poll_interval", self.poll_interval, ms(10), minute)?;
        within("flush_interval", self.flush_interval, ms(100), minute * 60)?;
        within("store_timeout", self.store_timeout, ms(10), minute)?;
        if !(1..=100_000_000).contains(&self.cache_capacity) {
            return Err(Invalid::new("cache_capacity", "1 to 100,000,000 keys"));
        }
        if self.warm_up > 100_000 {
            return Err(Invalid::new("warm_up", "0 to 100,000 keys"));
        }
        check_quota("default_quota", self.default_quota)?;
        if self.max_staleness < self.poll_interval * 2 {
            return Err(Invalid::new(
                "max_staleness",
                "at least two times poll_interval",
            ));
        }
        if self
            .max_lifetime
            .is_some_and(|max| self.default_lifetime.is_none_or(|life| life > max))
        {
            return Err(Invalid::new(
                "default_lifetime",
                "a duration up to max_lifetime",
            ));
        }
        let name = self.namespace.as_bytes();
        let formed = (1..=63).contains(&name.len())
            && name
                .iter()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !formed {
            return Err(Invalid::new(
                "namespace",
                "1 to 63 characters of a-z, 0-9 and '-'",
            ));
        }
        Ok(())
    }
}

pub(super) fn check_quota(field: &'static str, quota: u32) -> Result<(), Invalid> {
    if (1..=Service::MAX_QUOTA).contains(&quota) {
        Ok(())
    } else {
        Err(Invalid::new(field, "1 to 100,000,000 keys"))
    }
}

pub(super) fn check_lifetime(field: &'static str, lifetime: Duration) -> Result<(), Invalid> {
    if (Duration::from_secs(60)..=DAY * 36_525).contains(&lifetime) {
        Ok(())
    } else {
        Err(Invalid::new(field, "1 minute to 100 years"))
    }
}

fn within(
    field: &'static str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), Invalid> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Invalid::new(
            field,
            format!("a duration from {least:?} to {most:?}"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::ManagerConfig;

    #[test]
    fn the_defaults_are_valid_and_every_bound_is_checked() {
        let good = ManagerConfig::default();
        assert_eq!(good.check(), Ok(()));
        let zero = Duration::ZERO;
        let bad = [
            ("cache_ttl", good.clone().cache_ttl(zero)),
            ("cache_capacity", good.clone().cache_capacity(0_u64)),
            (
                "negative_ttl",
                good.clone().negative_ttl(Duration::from_secs(61)),
            ),
            ("default_lifetime", good.clone().default_lifetime(zero)),
            ("max_lifetime", good.clone().max_lifetime(Duration::MAX)),
            (
                "default_lifetime",
                good.clone().max_lifetime(Duration::from_secs(3600)),
            ),
            (
                "default_lifetime",
                good.clone()
                    .max_lifetime(Duration::from_secs(3600))
                    .default_lifetime(None),
            ),
            ("default_quota", good.clone().default_quota(0_u32)),
            ("namespace", good.clone().namespace("a b")),
            ("namespace", good.clone().namespace("")),
            ("rotation_grace", good.clone().rotation_grace(Duration::MAX)),
            ("max_staleness", good.clone().max_staleness(zero)),
            (
                "max_staleness",
                good.clone()
                    .max_staleness(Duration::from_secs(1))
                    .poll_interval(Duration::from_secs(1)),
            ),
            ("poll_interval", good.clone().poll_interval(zero)),
            ("flush_interval", good.clone().flush_interval(zero)),
            ("store_timeout", good.clone().store_timeout(zero)),
            ("warm_up", good.clone().warm_up(100_001_u32)),
        ];
        for (field, config) in bad {
            assert_eq!(config.check().expect_err(field).field(), field);
        }
    }
}
