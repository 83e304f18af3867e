use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyState, Secret};
use portcullis::usage::Usage;

use crate::cli::output::fields;

/// One key in full, for people.
pub(super) fn describe(key: &Key, usage: Option<&Usage>, now: Timestamp) -> String {
    let mut rows = vec![
        ("id", key.id.to_string()),
        ("service", key.service.to_string()),
        ("environment", key.environment.to_string()),
        ("owner", key.owner.to_string()),
        ("name", key.name.to_string()),
        ("status", key.status(now).as_str().to_owned()),
        (
            "scopes",
            if key.scopes.is_empty() {
                "none".to_owned()
            } else {
                key.scopes.to_string()
            },
        ),
        ("rate", optional(key.rate, "the service's default")),
        ("created", key.created_at.to_string()),
        ("expires", optional(key.expires_at, "never")),
    ];
    if let KeyState::Revoked(revocation) = &key.state {
        rows.push(("revoked", revocation.at.to_string()));
        rows.push(("reason", revocation.reason.to_string()));
    }
    rows.extend(
        key.secrets
            .iter()
            .map(|secret| ("secret", describe_secret(secret, now))),
    );
    if let Some(usage) = usage {
        rows.extend([
            ("granted", usage.granted.to_string()),
            ("refused", usage.refused.to_string()),
            ("throttled", usage.throttled.to_string()),
            ("last used", optional(usage.last_used_at, "never")),
        ]);
    }
    fields(rows)
}

fn describe_secret(secret: &Secret, now: Timestamp) -> String {
    let Secret {
        number, created_at, ..
    } = secret;
    match secret.ends_at {
        None => format!("number {number}, created {created_at}"),
        Some(end) if secret.is_live(now) => {
            format!("number {number}, created {created_at}, counts until {end}")
        }
        // A rotation without grace ends what is older by every clock.
        Some(end) if end < *created_at => {
            format!("number {number}, created {created_at}, ended at once by a rotation")
        }
        Some(end) => format!("number {number}, created {created_at}, ended {end}"),
    }
}

pub(super) fn optional(value: Option<impl ToString>, absent: &str) -> String {
    value.map_or_else(|| absent.to_owned(), |value| value.to_string())
}
