use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyState, Secret};
use portcullis::manager::Issued;
use portcullis::usage::Usage;
use serde::Serialize;

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
    status: &'static str,
    created_at: String,
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
    root: String,
    created_at: String,
    ends_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct UsageDto {
    granted: u64,
    refused: u64,
    throttled: u64,
    last_used_at: Option<String>,
}

/// A page of a service's keys. `next` is the cursor of the following one.
#[derive(Debug, Serialize)]
pub(crate) struct KeyPageDto {
    pub(crate) keys: Vec<KeyDto>,
    pub(crate) next: Option<String>,
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
            status: key.status(now).as_str(),
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|end| end.to_string()),
            revoked_at: revocation.map(|revocation| revocation.at.to_string()),
            revocation_reason: revocation.map(|revocation| revocation.reason.to_string()),
            secrets: key.secrets.iter().map(SecretDto::from).collect(),
            version: key.version,
            usage: None,
        }
    }

    pub(crate) fn with_usage(self, usage: &Usage) -> Self {
        let usage = UsageDto {
            granted: usage.granted,
            refused: usage.refused,
            throttled: usage.throttled,
            last_used_at: usage.last_used_at.map(|at| at.to_string()),
        };
        Self {
            usage: Some(usage),
            ..self
        }
    }
}

impl From<&Secret> for SecretDto {
    fn from(secret: &Secret) -> Self {
        Self {
            number: secret.number,
            root: secret.root.to_string(),
            created_at: secret.created_at.to_string(),
            ends_at: secret.ends_at.map(|end| end.to_string()),
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
