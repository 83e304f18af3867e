use portcullis::clock::Timestamp;
use portcullis::key::{Key, KeyState, KeyStatus, Secret};
use portcullis::usage::{AddressClass, KeyUsage, Usage};

use crate::cli::output::fields;
use crate::cli::when::ago;

/// One key in full, for people.
pub(super) fn describe(key: &Key, usage: Option<&KeyUsage>, now: Timestamp) -> String {
    let mut rows = vec![
        ("id", key.id.to_string()),
        ("service", key.service.to_string()),
        ("environment", key.environment.to_string()),
        ("owner", key.owner.to_string()),
        ("name", key.name.to_string()),
        ("status", key.status(now).as_str().to_owned()),
        ("scopes", unless(key.scopes.is_empty(), &key.scopes, "none")),
        ("rate", optional(key.rate, "the service's default")),
        (
            "addresses",
            unless(key.addresses.is_empty(), &key.addresses, "any"),
        ),
        (
            "created",
            format!("{} by {}", key.created_at, key.created_by),
        ),
        ("expires", optional(key.expires_at, "never")),
    ];
    if !key.metadata.is_empty() {
        rows.push(("metadata", key.metadata.to_string()));
    }
    if let Some(note) = &key.note {
        rows.push(("note", note.to_string()));
    }
    if let KeyState::Revoked(revocation) = &key.state {
        rows.push(("revoked", revocation.at.to_string()));
        rows.push(("reason", revocation.reason.to_string()));
    }
    rows.push(("version", key.version.to_string()));
    rows.extend(key.secrets.iter().map(|secret| {
        let used = usage.map(|usage| of_secret(usage, secret));
        ("secret", describe_secret(key, secret, used, now))
    }));
    if let Some(usage) = usage {
        rows.extend(describe_usage(&usage.total));
    }
    fields(rows)
}

fn describe_usage(usage: &Usage) -> [(&'static str, String); 4] {
    let refused = &usage.refused;
    let classes = [
        ("ended", refused.ended),
        ("foreign", refused.foreign),
        ("address", refused.address),
        ("permission", refused.permission),
    ];
    let by: Vec<String> = classes
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| format!("{class} {count}"))
        .collect();
    let by = if by.is_empty() {
        String::new()
    } else {
        format!(" ({})", by.join(", "))
    };
    [
        ("granted", usage.granted.to_string()),
        ("refused", format!("{}{by}", refused.total())),
        ("throttled", usage.throttled.to_string()),
        ("last used", optional(usage.last_used_at, "never")),
    ]
}

/// What was counted of one secret.
fn of_secret(usage: &KeyUsage, secret: &Secret) -> Usage {
    let same = usage
        .secrets
        .iter()
        .find(|used| used.number == secret.number);
    same.map_or_else(Usage::default, |used| used.usage)
}

fn describe_secret(key: &Key, secret: &Secret, used: Option<Usage>, now: Timestamp) -> String {
    let Secret {
        number, created_at, ..
    } = secret;
    let mut text = format!("number {number}, created {created_at}");
    match secret.ends_at {
        None => {}
        // It counts no more, whatever was meant for it.
        Some(_) if secret.is_live(now) && has_ended(key, now) => {}
        Some(end) if secret.is_live(now) => text.push_str(&format!(", counts until {end}")),
        // A rotation without grace ends what is older by every clock.
        Some(end) if end < *created_at => text.push_str(", ended at once by a rotation"),
        Some(end) => text.push_str(&format!(", ended {end}")),
    }
    if let Some(used) = used {
        text.push_str(&format!(", {}", last_use(&used, now)));
    }
    text
}

/// Whether its life is over for good.
fn has_ended(key: &Key, now: Timestamp) -> bool {
    matches!(key.status(now), KeyStatus::Revoked | KeyStatus::Expired)
}

/// When something was last used and from where, in words.
pub(super) fn last_use(usage: &Usage, now: Timestamp) -> String {
    let Some(at) = usage.last_used_at else {
        return "never used".to_owned();
    };
    let from = match usage.last_address {
        Some(AddressClass::Loopback) => " from this machine's own address",
        Some(AddressClass::LinkLocal) => " from the same link",
        Some(AddressClass::Private) => " from a private network",
        Some(AddressClass::Public) => " from the internet",
        _ => "",
    };
    format!("last used {}{from}", ago(at, now))
}

fn unless(empty: bool, value: &impl ToString, absent: &str) -> String {
    if empty {
        absent.to_owned()
    } else {
        value.to_string()
    }
}

pub(super) fn optional(value: Option<impl ToString>, absent: &str) -> String {
    value.map_or_else(|| absent.to_owned(), |value| value.to_string())
}
