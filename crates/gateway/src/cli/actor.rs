use std::env;

use portcullis::Invalid;
use portcullis::audit::Actor;

/// Who calls the program, for the audit trail: `cli:alice`, or `cli:uid-1000` where the
/// environment does not name the user. It is what the caller says: whoever may read the keyring
/// may say anything.
pub(super) fn actor() -> Result<Actor, Invalid> {
    let named = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok());
    Actor::new(&format!("cli:{}", user(named.as_deref(), uid())))
}

/// The longest user name that is kept.
const MAX_LENGTH: usize = 64;

fn user(named: Option<&str>, uid: Option<u32>) -> String {
    let name: String = named
        .unwrap_or_default()
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || "._@-".contains(*character))
        .take(MAX_LENGTH)
        .collect();
    match uid {
        _ if !name.is_empty() => name,
        Some(uid) => format!("uid-{uid}"),
        None => "unknown".to_owned(),
    }
}

#[cfg(unix)]
fn uid() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    std::fs::metadata("/proc/self")
        .ok()
        .map(|process| process.uid())
}

#[cfg(not(unix))]
fn uid() -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::{actor, user};

    #[test]
    fn a_user_is_named_by_plain_characters_alone() {
        assert_eq!(user(Some("alice"), Some(1000)), "alice");
        assert_eq!(user(Some("a\u{202e}l\nice\u{1b}[31m"), None), "alice31m");
        assert_eq!(user(Some("é"), Some(1000)), "uid-1000");
        assert_eq!(user(None, Some(0)), "uid-0");
        assert_eq!(user(None, None), "unknown");
        assert_eq!(user(Some(&"a".repeat(500)), None).len(), 64);
        assert!(actor().expect("valid").name().starts_with("cli:"));
    }
}
