use std::time::Duration;

use super::HumanDuration;
use super::parsed::FromText;

/// How long a key lives, or `never` where nothing ends it by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetime(pub(super) Option<Duration>);

impl FromText for Lifetime {
    fn from_text(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self(None));
        }
        let duration: Result<HumanDuration, _> = text.parse();
        duration
            .map(|duration| Self(Some(duration.get())))
            .map_err(|invalid| format!("expected never, or {}", invalid.expected()))
    }
}
