use interleaved_core::clock::Timestamp;
use interleaved_core::key::{Key, KeyId, KeyState};
use interleaved_core::manager::Issued;

/// Who holds a token.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) token: String,
    pub(crate) id: KeyId,
    pub(crate) number: u32,
    pub(crate) expires_at: Option<Timestamp>,
}

/// The end of what is over already.
pub(crate) const OVER: Timestamp = Timestamp::from_millis(0);

impl Holder {
    pub(crate) fn of(issued: &Issued) -> Self {
        let newest = issued.key.secrets.last().expect("the one just made");
        Self {
            token: issued.token.expose().to_owned(),
            id: issued.key.id,
            number: newest.number,
            expires_at: issued.key.expires_at,
        }
    }

    /// From when on this record refuses the token; nothing where it does not.
    pub(crate) fn end(&self, key: Option<&Key>) -> Option<Timestamp> {
        let Some(key) = key.filter(|key| key.state == KeyState::Active) else {
            return Some(OVER);
        };
        let Some(secret) = self.secret_in(key) else {
            return Some(OVER);
        };
        match (key.expires_at, secret) {
            (Some(key), Some(secret)) => Some(key.min(secret)),
            (end, other) => end.or(other),
        }
    }

    /// Whether the record has the token's secret, and that secret's end.
    pub(crate) fn secret_in(&self, key: &Key) -> Option<Option<Timestamp>> {
        let secret = key
            .secrets
            .iter()
            .find(|secret| secret.number == self.number)?;
        Some(secret.ends_at)
    }
}
