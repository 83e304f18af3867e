//! How an event is stored: JSON with a version, so that old events stay
//! readable and the chain's bytes never change.

use serde::{Deserialize, Serialize};

use crate::audit::{Actor, AuditEvent, FieldChange, Outcome};
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Invalid};

/// The version that is written. The first one knew no refused changes.
const VERSION: u32 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u32,
    at: i64,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    address: Option<std::net::IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    request: Option<String>,
    action: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    key: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    changes: Vec<StoredChange>,
    /// The kind of error with which the change was refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    refused: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChange {
    field: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    after: Option<String>,
}

impl AuditEvent {
    /// The bytes to store. The sequence is no part of them: it is known only
    /// when the event is appended.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Stored {
            v: VERSION,
            at: self.at.as_millis(),
            actor: self.actor.name().to_owned(),
            address: self.actor.from_address(),
            request: self.actor.in_request().map(str::to_owned),
            action: self.action.as_str().to_owned(),
            service: self.service.as_ref().map(ToString::to_string),
            key: self.key.map(|key| key.to_string()),
            changes: self
                .changes
                .iter()
                .cloned()
                .map(
                    |FieldChange {
                         field,
                         before,
                         after,
                     }| StoredChange {
                        field,
                        before,
                        after,
                    },
                )
                .collect(),
            refused: match self.outcome {
                Outcome::Done => None,
                Outcome::Refused(kind) => Some(kind.as_str().to_owned()),
            },
        })
    }

    /// Reads stored bytes.
    pub(crate) fn decode(sequence: u64, bytes: &[u8]) -> Result<Self, Invalid> {
        let unreadable = || Invalid::new("audit event", "an event as this version stores it");
        let stored: Stored = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
        if !(1..=VERSION).contains(&stored.v) {
            return Err(unreadable());
        }
        let outcome = match &stored.refused {
            None => Outcome::Done,
            Some(kind) => Outcome::Refused(ErrorKind::named(kind).ok_or_else(unreadable)?),
        };
        Ok(Self {
            sequence,
            at: Timestamp::from_millis(stored.at),
            actor: Actor::from_stored(&stored.actor, stored.address, stored.request.as_deref())?,
            action: stored.action.parse()?,
            service: stored.service.as_deref().map(str::parse).transpose()?,
            key: stored.key.as_deref().map(str::parse).transpose()?,
            changes: stored
                .changes
                .into_iter()
                .map(
                    |StoredChange {
                         field,
                         before,
                         after,
                     }| FieldChange {
                        field,
                        before,
                        after,
                    },
                )
                .collect(),
            outcome,
        })
    }
}
