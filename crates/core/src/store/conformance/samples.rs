use std::time::Duration;

use super::broken::{Fault, same};
use crate::clock::Timestamp;
use crate::key::{
    Addresses, Digest, Environment, Key, KeyId, KeyState, Metadata, Revocation, Secret,
};
use crate::limits::Rate;
use crate::scope::Scopes;
use crate::service::{Retirement, Service, ServiceName};
use crate::store::RootCheck;
use crate::token::Prefix;

/// When the suite's records come into being, in milliseconds: 2030-01-01.
const START: i64 = 1_893_456_000_000;

/// A time of the suite, `millis` milliseconds after its start in 2030.
#[must_use]
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START.saturating_add(millis))
}

pub(super) const ORDERS: ServiceName = ServiceName::from_static("orders");

/// A plain service.
#[must_use]
pub fn service(name: ServiceName, quota: u32) -> Service {
    Service {
        name,
        quota,
        default_rate: None,
        default_lifetime: None,
        max_lifetime: None,
        prefix: None,
        retirement: None,
        created_at: at(0),
        version: 1,
    }
}

/// A plain key of a service, created `millis` milliseconds after the suite's
/// start.
///
/// # Errors
///
/// Never: its fields have the forms that they need.
pub fn key(service: ServiceName, millis: i64) -> Result<Key, Fault> {
    let id = KeyId::random();
    Ok(Key {
        id,
        service,
        environment: Environment::Live,
        prefix: Prefix::DEFAULT,
        owner: "conformance".parse()?,
        name: "plain".parse()?,
        scopes: Scopes::default(),
        rate: None,
        addresses: Addresses::default(),
        metadata: Metadata::default(),
        note: None,
        state: KeyState::Active,
        created_at: at(millis),
        created_by: "suite".parse()?,
        expires_at: None,
        secrets: vec![secret(1)?],
        version: 1,
    })
}

/// A secret with this number, and a digest that no other number has.
pub(super) fn secret(number: u32) -> Result<Secret, Fault> {
    let mut digest = [0xa5; 32];
    digest
        .iter_mut()
        .zip(number.to_be_bytes())
        .for_each(|(byte, part)| *byte = part);
    Ok(Secret {
        number,
        digest: Digest::from_bytes(digest),
        root: "k1".parse()?,
        issuer: "k1".parse()?,
        created_at: at(i64::from(number)),
        ends_at: None,
    })
}

/// The same key, revoked.
pub(super) fn revoked(key: Key) -> Result<Key, Fault> {
    let revocation = Revocation {
        at: at(1),
        reason: "leaked".parse()?,
    };
    Ok(Key {
        state: KeyState::Revoked(revocation),
        ..key
    })
}

/// The same service, retired.
pub(super) fn retired(service: Service) -> Result<Service, Fault> {
    let retirement = Retirement {
        at: at(1),
        reason: "replaced by orders-2; \"決済\"".parse()?,
    };
    Ok(Service {
        retirement: Some(retirement),
        ..service
    })
}

/// What a store remembers of a root of this name.
pub(super) fn root(name: &str, byte: u8) -> Result<RootCheck, Fault> {
    Ok(RootCheck {
        name: name.parse()?,
        check: [byte; 32],
        retired: false,
    })
}

/// A service with something in every field but its retirement.
pub(super) fn full_service() -> Result<Service, Fault> {
    Ok(Service {
        default_rate: Some(Rate::new(10, Duration::from_secs(90), 20)?),
        default_lifetime: Some(Duration::from_millis(1_500)),
        max_lifetime: Some(Duration::from_millis(1_501)),
        prefix: Some("acme9".parse()?),
        version: 7,
        ..service("a-2".parse()?, Service::MAX_QUOTA)
    })
}

/// A key with something in every field.
pub(super) fn full_key() -> Result<Key, Fault> {
    let mut secrets = [1, 2, 7, u32::MAX]
        .into_iter()
        .map(secret)
        .collect::<Result<Vec<_>, _>>()?;
    for (secret, end) in secrets.iter_mut().zip([5, 6, 7]) {
        secret.ends_at = Some(at(end));
    }
    if let Some(newest) = secrets.last_mut() {
        newest.root = "another-root-2".parse()?;
        newest.issuer = "a-third-root".parse()?;
        newest.created_at = Timestamp::MAX;
    }
    Ok(Key {
        environment: Environment::Test,
        prefix: "a123456789012345".parse()?,
        owner: "Zoë's Бригада 決済 🦀".parse()?,
        name: "it's; DROP TABLE keys --\"'".parse()?,
        scopes: "* *:read a:*:c orders:* orders:read.own_x-1".parse()?,
        rate: Some("1000000/31d burst 1".parse()?),
        addresses: most_networks()?,
        metadata: most_metadata()?,
        note: Some("Für die 決済; see #1 -- \"nightly\"".parse()?),
        state: KeyState::Disabled,
        created_by: "Ζωή (on call)".parse()?,
        expires_at: Some(Timestamp::MAX),
        secrets,
        version: 9_000_000_000,
        ..key(ORDERS, 3)?
    })
}

/// A key with the least in every field.
pub(super) fn bare_key() -> Result<Key, Fault> {
    Ok(Key {
        created_at: Timestamp::from_millis(0),
        ..key(ORDERS, 0)?
    })
}

/// As many networks as a key may have, of both families.
fn most_networks() -> Result<Addresses, Fault> {
    let networks: Vec<String> = (0..Addresses::MAX)
        .map(|n| match n % 3 {
            0 => format!("10.{n}.0.0/16"),
            1 => format!("192.0.2.{n}"),
            _ => format!("2001:db8:{n:x}::/48"),
        })
        .collect();
    Ok(networks.join(", ").parse()?)
}

/// A JSON object of exactly as many bytes as metadata may have.
fn most_metadata() -> Result<Metadata, Fault> {
    let start = r#"{"":[[[[[[{"':\u0000;--":"\\\""}]]]]]],"n":-1.5e-7,"t":"é🦀"#;
    let filling = Metadata::MAX_BYTES.saturating_sub(start.len() + 2);
    let text = format!("{start}{}\"}}", "x".repeat(filling));
    let metadata: Metadata = text.parse()?;
    same(
        "the metadata's form",
        &metadata.as_str().len(),
        &Metadata::MAX_BYTES,
    )?;
    Ok(metadata)
}
