use std::sync::Arc;

use http::HeaderName;

use crate::body::BodyRate;
use crate::headers::edits::Edits;
use crate::headers::host::HostPolicy;
use crate::upstream::ExchangeTimes;

/// What a route demands of the requests that it hands on, and makes of them.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Which host the upstream is asked for.
    pub host: HostPolicy,
    /// Edits of the request's fields.
    pub edits: Edits,
    /// The longest body, in bytes; any if there is none.
    pub body_bytes: Option<u64>,
    /// How slowly a body may come.
    pub body_rate: BodyRate,
    /// How long to wait for the upstream, where that is not as the upstream has it.
    pub times: ExchangeTimes,
    /// Whether the rate that clients are told is the gateway's: what the upstream says of its own
    /// ends here.
    pub tells_rate: bool,
    /// Whether browsers are told by the gateway which pages may read the answer: what the upstream
    /// says of it ends here.
    pub tells_cors: bool,
    /// Fields that no trailer may have the name of, beside those of the head: what was decided by
    /// them must not be said again.
    pub decided: Arc<[HeaderName]>,
}

impl Default for Terms {
    /// No limits, no edits, and the upstream's own host.
    fn default() -> Self {
        Self {
            host: HostPolicy::default(),
            edits: Edits::default(),
            body_bytes: None,
            body_rate: BodyRate::NONE,
            times: ExchangeTimes::default(),
            tells_rate: false,
            tells_cors: false,
            decided: Arc::default(),
        }
    }
}
