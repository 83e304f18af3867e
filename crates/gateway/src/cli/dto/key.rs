use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyState, Secret};
use portcullis::manager::Issued;
use portcullis::store::DamagedKey;
use portcullis::usage::{KeyUsage, Refusals, Usage};
use serde::Serialize;
use serde_json::Value;

#[derive(Debug, Serialize)]
pub(crate) struct KeyDto {
    id: String,
    service: String,
    environment: &'static str,
    prefix: String,
    owner: String,
    name: String,
    scopes: Vec<String>,
    rate: Option<String>,
    addresses: Vec<String>,
    metadata: Value,
    note: Option<String>,
    status: &'static str,
    created_at: String,
    created_by: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    revocation_reason: Option<String>,
    secrets: Vec<SecretDto>,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageDto>,
}

#[derive(Debug, Serialize)]
struct SecretDto {
    number: u32,
    /// The root under which its digest was made.
    root: String,
    /// The root whose tag its token bears.
    issuer: String,
    created_at: String,
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageDto>,
}

#[derive(Debug, Serialize)]
struct UsageDto {
    granted: u64,
    refused: u64,
    refused_by: RefusalsDto,
    throttled: u64,
    last_used_at: Option<String>,
    last_address: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct RefusalsDto {
    ended: u64,
    foreign: u64,
    address: u64,
    permission: u64,
}

/// A page of keys. `next` is the cursor of the following one.
#[derive(Debug, Serialize)]
pub(crate) struct KeyPageDto {
    pub(crate) keys: Vec<KeyDto>,
    /// Keys that are perhaps meant and whose records cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) damaged: Vec<DamagedKeyDto>,
    pub(crate) next: Option<String>,
}

/// A key whose record cannot be read; its id is absent where not even that can.
#[derive(Debug, Serialize)]
pub(crate) struct DamagedKeyDto {
    id: Option<String>,
    fault: String,
}

impl From<&DamagedKey> for DamagedKeyDto {
    fn from(key: &DamagedKey) -> Self {
        Self {
            id: key.id.map(|id| id.to_string()),
            fault: key.fault.clone(),
        }
    }
}

/// A key that was revoked though its record cannot be read.
#[derive(Debug, Serialize)]
pub(crate) struct RevokedDamagedDto {
    pub(crate) id: String,
    pub(crate) status: &'static str,
    pub(crate) damaged: bool,
}

/// Keys that were named one by one and are revoked.
#[derive(Debug, Serialize)]
pub(crate) struct RevokedKeysDto {
    keys: Vec<KeyDto>,
}

/// How many keys a filter found that are revoked now, or were so before.
#[derive(Debug, Serialize)]
pub(crate) struct RevokedDto {
    pub(crate) revoked: u64,
    pub(crate) revoked_before: u64,
}

/// A key and its new token: the one place where a secret is serialized, because it was asked for.
#[derive(Serialize)]
pub(crate) struct IssuedDto<'a> {
    key: KeyDto,
    token: &'a str,
}

impl KeyDto {
    pub(crate) fn new(key: &Key, now: Timestamp) -> Self {
        let revocation = match &key.state {
            KeyState::Revoked(revocation) => Some(revocation),
            _ => None,
        };
        Self {
            id: key.id.to_string(),
            service: key.service.to_string(),
            environment: key.environment.as_str(),
            prefix: key.prefix.to_string(),
            owner: key.owner.to_string(),
            name: key.name.to_string(),
            scopes: key.scopes.iter().map(ToString::to_string).collect(),
            rate: key.rate.map(|rate| rate.to_string()),
            addresses: key
                .addresses
                .iter()
                .map(|network| network.to_string())
                .collect(),
            // It was read as JSON before it was kept.
            metadata: serde_json::from_str(key.metadata.as_str()).unwrap_or_default(),
            note: key.note.as_ref().map(ToString::to_string),
            status: key.status(now).as_str(),
            created_at: key.created_at.to_string(),
            created_by: key.created_by.to_string(),
            expires_at: key.expires_at.map(|end| end.to_string()),
            revoked_at: revocation.map(|revocation| revocation.at.to_string()),
            revocation_reason: revocation.map(|revocation| revocation.reason.to_string()),
            secrets: key.secrets.iter().map(SecretDto::from).collect(),
            version: key.version,
            usage: None,
        }
    }

    pub(crate) fn with_usage(mut self, usage: &KeyUsage) -> Self {
        self.usage = Some(UsageDto::from(&usage.total));
        for secret in &mut self.secrets {
            let same = |used: &&portcullis::usage::SecretUsage| used.number == secret.number;
            let counted = usage.secrets.iter().find(same).map(|used| used.usage);
            secret.usage = Some(UsageDto::from(&counted.unwrap_or_default()));
        }
        self
    }
}

impl From<&Secret> for SecretDto {
    fn from(secret: &Secret) -> Self {
        Self {
            number: secret.number,
            root: secret.root.to_string(),
            issuer: secret.issuer.to_string(),
            created_at: secret.created_at.to_string(),
            ends_at: secret.ends_at.map(|end| end.to_string()),
            usage: None,
        }
    }
}

impl From<&Usage> for UsageDto {
    fn from(usage: &Usage) -> Self {
        let Refusals {
            ended,
            foreign,
            address,
            permission,
        } = usage.refused;
        Self {
            granted: usage.granted,
            refused: usage.refused.total(),
            refused_by: RefusalsDto {
                ended,
                foreign,
                address,
                permission,
            },
            throttled: usage.throttled,
            last_used_at: usage.last_used_at.map(|at| at.to_string()),
            last_address: usage.last_address.map(|class| class.as_str()),
        }
    }
}

impl RevokedKeysDto {
    pub(crate) fn new(keys: &[Key], now: Timestamp) -> Self {
        Self {
            keys: keys.iter().map(|key| KeyDto::new(key, now)).collect(),
        }
    }
}

impl<'a> IssuedDto<'a> {
    pub(crate) fn new(issued: &'a Issued, now: Timestamp) -> Self {
        Self {
            key: KeyDto::new(&issued.key, now),
            token: issued.token.expose(),
        }
    }
}
