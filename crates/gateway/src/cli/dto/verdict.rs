use portcullis::Verdict;
use serde::Serialize;

/// What validation says of a token.
#[derive(Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(crate) enum VerdictDto {
    Granted {
        key: String,
        owner: String,
        name: String,
        service: String,
        environment: &'static str,
        scopes: Vec<String>,
        rate: Option<String>,
    },
    Denied {
        reason: &'static str,
        /// The id that the token names; proved only where the reason lies beyond the secret.
        key: Option<String>,
    },
    Unavailable {
        cause: &'static str,
        retry_after_seconds: f64,
    },
}

impl From<&Verdict> for VerdictDto {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Granted(grant) => Self::Granted {
                key: grant.key_id().to_string(),
                owner: grant.owner().to_string(),
                name: grant.name().to_string(),
                service: grant.service().to_string(),
                environment: grant.environment().as_str(),
                scopes: grant.scopes().iter().map(ToString::to_string).collect(),
                rate: grant.rate().map(|rate| rate.to_string()),
            },
            Verdict::Denied(denial) => Self::Denied {
                reason: denial.reason().as_str(),
                key: denial.key().map(|key| key.to_string()),
            },
            Verdict::Unavailable(unavailability) => Self::Unavailable {
                cause: unavailability.cause().as_str(),
                retry_after_seconds: unavailability.retry_after().as_secs_f64(),
            },
        }
    }
}
