use std::fmt;
use std::sync::Arc;

use http::Extensions;
use portcullis_admission::{Allowance, Decision};
use portcullis_core::key::KeyId;
use portcullis_core::verdict::{Denial, DenialReason, Unavailability};

use crate::reject::{Refusal, RefusalKind};

/// Hears what layers decide of a request, as an extension that whoever stands
/// in front puts into it. See the [module](super) for an example.
#[derive(Clone)]
pub struct Observer {
    observe: Arc<dyn Observe>,
}

/// What is done with an [`Outcome`]. It runs on the request's way, before the
/// request goes on or is refused, so it must wait for nothing.
pub trait Observe: Send + Sync {
    /// Hears what was decided. Called once for each layer that decides.
    fn decided(&self, outcome: Outcome);
}

/// What a layer decided of one request, with the true reason, which logs may
/// know and the client may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The request goes on with the grant of this key.
    Admitted {
        /// Whose grant it is.
        key: KeyId,
        /// What the key's rate leaves; nothing where it has none.
        allowance: Option<Allowance>,
    },
    /// It goes on without a credential, which an optional layer lets it.
    Anonymous,
    /// It carries no credential.
    MissingCredential,
    /// It carries something that cannot be read, or several.
    InvalidRequest,
    /// The token is not good for what is guarded.
    Denied(Denial),
    /// The key is good, and was used too often.
    Throttled {
        /// Whose key it is.
        key: KeyId,
        /// The rate that was exceeded.
        allowance: Allowance,
    },
    /// Nobody can say now.
    Unavailable(Unavailability),
}

impl Observer {
    /// Hands outcomes to `observe`.
    #[must_use]
    pub fn new(observe: Arc<dyn Observe>) -> Self {
        Self { observe }
    }

    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    pub(super) fn tell(&self, outcome: Outcome) {
        self.observe.decided(outcome);
    }
}

impl Outcome {
    /// What the client was told; nothing where the request went on.
    #[must_use]
    pub fn refusal(&self) -> Option<RefusalKind> {
        match self {
            Self::Admitted { .. } | Self::Anonymous => None,
            Self::MissingCredential => Some(RefusalKind::MissingCredential),
            Self::InvalidRequest => Some(RefusalKind::InvalidRequest),
            Self::Denied(denial) => Some(Refusal::from(*denial).kind()),
            Self::Throttled { .. } => Some(RefusalKind::RateLimited),
            Self::Unavailable(_) => Some(RefusalKind::Unavailable),
        }
    }

    /// The key that the token was found to be of; nothing where that was not
    /// found out.
    #[must_use]
    pub fn key(&self) -> Option<KeyId> {
        match self {
            Self::Admitted { key, .. } | Self::Throttled { key, .. } => Some(*key),
            Self::Denied(denial) if is_proved(denial.reason()) => denial.key(),
            _ => None,
        }
    }

    /// The key that a token only names: a stranger may have written it.
    #[must_use]
    pub fn claimed_key(&self) -> Option<KeyId> {
        match self {
            Self::Denied(denial) if !is_proved(denial.reason()) => denial.key(),
            _ => None,
        }
    }

    /// What the key's rate leaves, where it has one and was asked.
    #[must_use]
    pub fn allowance(&self) -> Option<Allowance> {
        match self {
            Self::Admitted { allowance, .. } => *allowance,
            Self::Throttled { allowance, .. } => Some(*allowance),
            _ => None,
        }
    }
}

/// Whether who is refused for this reason has shown the key's secret.
const fn is_proved(reason: DenialReason) -> bool {
    match reason {
        DenialReason::Malformed
        | DenialReason::Checksum
        | DenialReason::Tag
        | DenialReason::Unknown
        | DenialReason::Secret => false,
        // Of those that may come to be, none is taken for proof.
        DenialReason::Revoked
        | DenialReason::Disabled
        | DenialReason::Expired
        | DenialReason::Rotated
        | DenialReason::Retired
        | DenialReason::Service
        | DenialReason::Environment
        | DenialReason::Address
        | DenialReason::Permission => true,
        _ => false,
    }
}

impl From<&Decision> for Outcome {
    fn from(decision: &Decision) -> Self {
        match decision {
            Decision::Admitted(admission) => Self::Admitted {
                key: admission.grant().key_id(),
                allowance: admission.allowance(),
            },
            Decision::Refused(denial) => Self::Denied(*denial),
            Decision::Throttled(throttle) => Self::Throttled {
                key: throttle.grant().key_id(),
                allowance: throttle.allowance(),
            },
            Decision::Unavailable(unavailability) => Self::Unavailable(*unavailability),
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer(..)")
    }
}
