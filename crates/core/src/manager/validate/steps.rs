use crate::cache::{Entry, SecretMatch};
use crate::clock::Moment;
use crate::context::Context;
use crate::key::{Key, KeyState, Secret};
use crate::keyring::Keyring;
use crate::service::Service;
use crate::token::ParsedToken;
use crate::usage::RefusalClass;
use crate::verdict::DenialReason;

/// Known, its end: the token is one of the key's secrets, and its prefix and
/// environment are the record's. The digest covers them already; this holds
/// for imported records as well.
pub(super) fn known<'a>(
    token: &ParsedToken,
    entry: &'a Entry,
    keyring: &Keyring,
) -> SecretMatch<'a> {
    let key = entry.key();
    match entry.find_secret(token, keyring) {
        SecretMatch::Found(_)
            if token.prefix != key.prefix || token.environment != key.environment =>
        {
            SecretMatch::None
        }
        found => found,
    }
}

/// Live: neither revoked nor disabled nor expired, the secret's grace is not
/// over, and the service is not retired.
pub(in crate::manager) fn live(
    key: &Key,
    service: &Service,
    secret: &Secret,
    now: Moment,
) -> Result<(), DenialReason> {
    match key.state {
        KeyState::Active => {}
        KeyState::Disabled => return Err(DenialReason::Disabled),
        KeyState::Revoked(_) => return Err(DenialReason::Revoked),
    }
    if key.is_expired(now.wall()) {
        return Err(DenialReason::Expired);
    }
    if !secret.is_live(now.wall()) {
        return Err(DenialReason::Rotated);
    }
    match service.retirement {
        Some(_) => Err(DenialReason::Retired),
        None => Ok(()),
    }
}

/// Allowed: of the service and environment that are guarded, from an address
/// that the key's list allows, and with every permission that is required.
pub(in crate::manager) fn allowed(key: &Key, context: &Context<'_>) -> Result<(), DenialReason> {
    if key.service != *context.service() {
        return Err(DenialReason::Service);
    }
    if !context.accepted_environments().contain(key.environment) {
        return Err(DenialReason::Environment);
    }
    if !key.addresses.allow(context.client_address()) {
        return Err(DenialReason::Address);
    }
    match context.requirement() {
        Some(requirement) if !requirement.is_met_by(&key.scopes) => Err(DenialReason::Permission),
        _ => Ok(()),
    }
}

/// What a refusal beyond the secret is counted as.
pub(super) fn class_of(reason: DenialReason) -> RefusalClass {
    match reason {
        DenialReason::Service | DenialReason::Environment => RefusalClass::Foreign,
        DenialReason::Address => RefusalClass::Address,
        DenialReason::Permission => RefusalClass::Permission,
        DenialReason::Malformed
        | DenialReason::Checksum
        | DenialReason::Tag
        | DenialReason::Unknown
        | DenialReason::Secret
        | DenialReason::Revoked
        | DenialReason::Disabled
        | DenialReason::Expired
        | DenialReason::Rotated
        | DenialReason::Retired => RefusalClass::Ended,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SecretMatch, known};
    use crate::audit::Actor;
    use crate::cache::{Entry, Gate, Stamp};
    use crate::clock::{Moment, Timestamp};
    use crate::key::{Environment, Key};
    use crate::keyring::Keyring;
    use crate::manager::{KeyManager, NewKey, NewService};
    use crate::service::ServiceName;
    use crate::store::{MemoryStore, Revision};
    use crate::token::Presented;
    use crate::usage::UsageTable;

    #[tokio::test]
    async fn a_token_is_of_the_record_s_prefix_and_environment() {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let manager = KeyManager::builder(MemoryStore::new())
            .keyring(keyring.clone())
            .build()
            .await
            .expect("built");
        let (orders, actor) = (
            ServiceName::from_static("orders"),
            Actor::new("test").expect("name"),
        );
        let service = NewService::new(orders.clone());
        manager.create_service(service, &actor).await.expect("one");
        let key = NewKey::new(
            orders,
            "acme".parse().expect("owner"),
            "job".parse().expect("name"),
        );
        let issued = manager.create_key(key, &actor).await.expect("issued");
        let token = Presented::new(issued.token.expose().as_bytes())
            .parse()
            .expect("a token");
        let is_found = |key: Key| {
            let stamp = Stamp::new(Gate::new().epoch(), Revision::new(1));
            let read_at = Moment::new(0, Timestamp::from_millis(0));
            let entry = Entry::new(key, stamp, read_at, Duration::MAX, &UsageTable::new());
            matches!(known(&token, &entry, &keyring), SecretMatch::Found(_))
        };
        let key = issued.key;
        assert!(is_found(key.clone()));
        // Records that came from elsewhere, or were altered.
        assert!(!is_found(Key {
            environment: Environment::Test,
            ..key.clone()
        }));
        assert!(!is_found(Key {
            prefix: "shop".parse().expect("prefix"),
            ..key
        }));
    }
}
