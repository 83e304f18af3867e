use std::time::Duration;

use http::{Request, StatusCode};
use http_body::Body;
use tower::retry::budget::{Budget as _, TpsBudget};

use super::config::RetryConfig;
use super::{ExchangeTimes, UpstreamError, UpstreamErrorKind};
use crate::body::ProxyBody;

/// For how long a request adds to what may be repeated.
const WINDOW: Duration = Duration::from_secs(10);

/// Why a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nothing of it was sent.
    Unsent,
    /// The upstream refused to begin with it (RFC 9113 section 8.7).
    Refused,
    /// The connection was closed before anything of an answer came.
    Closed,
    /// The answer is one of those that are taken for none.
    Status,
}

/// On what a request was when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No connection came about.
    Connecting,
    /// A connection that had served before: the upstream may have closed it meanwhile.
    OnKept,
    /// A connection that was opened for it.
    OnFresh,
}

/// An attempt that brought no answer.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) stage: Stage,
    /// Whether nothing of the request was sent.
    pub(super) is_unsent: bool,
    /// Whether anything of an answer came.
    pub(super) has_begun: bool,
    /// Whether the upstream had it, and did nothing with it: it has too much to do.
    pub(super) is_refused: bool,
    /// Whether another request has told already of what is wrong with the connection.
    pub(super) is_told: bool,
}

/// How a request may be sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) reason: Reason,
    /// Whether the same address may get it, where there is no other.
    pub(super) may_stay: bool,
}

impl Reason {
    pub(super) const ALL: [Self; 4] = [Self::Unsent, Self::Refused, Self::Closed, Self::Status];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unsent => "unsent",
            Self::Refused => "refused",
            Self::Closed => "closed",
            Self::Status => "status",
        }
    }
}

/// Whether a request may be sent again after an attempt, if it can be: `is_repeatable` is whether
/// sending it twice is as good as once.
pub(super) fn after(
    attempted: &Attempted,
    error: &UpstreamError,
    is_repeatable: bool,
) -> Option<Again> {
    let may_stay = attempted.stage == Stage::OnKept;
    if attempted.is_unsent {
        let reason = match attempted.is_refused {
            true => Reason::Refused,
            false => Reason::Unsent,
        };
        return Some(Again { reason, may_stay });
    }
    // An alert on a connection that was kept is one way to close it.
    let is_closed = match error.kind() {
        UpstreamErrorKind::Closed | UpstreamErrorKind::Silent => true,
        UpstreamErrorKind::Tls => may_stay,
        _ => false,
    };
    let is_closed = is_closed && !attempted.has_begun;
    (is_closed && is_repeatable).then_some(Again {
        reason: Reason::Closed,
        may_stay,
    })
}

/// The same request once more, if sending it twice is as good as once: its method is idempotent
/// (RFC 9110 section 9.2.2), and there is no body, which would have to be kept.
pub(super) fn repeatable(request: &Request<ProxyBody>) -> Option<Request<ProxyBody>> {
    if !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    Some(copy(request))
}

/// A request without a body, like this one.
pub(super) fn copy<B>(request: &Request<B>) -> Request<ProxyBody> {
    let mut again = Request::new(ProxyBody::empty());
    again.method_mut().clone_from(request.method());
    again.uri_mut().clone_from(request.uri());
    again.headers_mut().clone_from(request.headers());
    again.extensions_mut().insert(ExchangeTimes::of(request));
    again
}

/// How much may still be sent again.
#[derive(Debug)]
pub(super) struct Budget {
    tokens: TpsBudget,
    statuses: Box<[StatusCode]>,
}

impl Budget {
    pub(super) fn new(config: &RetryConfig) -> Self {
        let per_second = u32::try_from(config.per_second).unwrap_or(u32::MAX);
        Self {
            tokens: TpsBudget::new(WINDOW, per_second.min(1_000), ratio(config)),
            statuses: config.statuses.clone().into(),
        }
    }

    /// Counts a request, which adds to what may be repeated.
    pub(super) fn deposit(&self) {
        self.tokens.deposit();
    }

    /// Takes one repetition, if there is one left. What was not sent costs nothing.
    pub(super) fn pay(&self, reason: Reason) -> bool {
        reason == Reason::Unsent || self.tokens.withdraw()
    }

    /// Whether an answer of this status is taken for none.
    pub(super) fn is_none(&self, status: StatusCode) -> bool {
        self.statuses.contains(&status)
    }
}

/// The budget counts how many requests make one repetition, and cuts `1 / ratio` off to a whole
/// number, which would allow more than the ratio says: it is made whole here, the other way.
fn ratio(config: &RetryConfig) -> f32 {
    match config.ratio.get() {
        0 => 0.0,
        percent => {
            let requests = 100_u8.div_ceil(percent);
            1.0 / (f32::from(requests) + if requests > 1 { 0.5 } else { 0.0 })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::*;
    use crate::upstream::config::Percent;

    fn config(percent: u8, per_second: usize) -> RetryConfig {
        RetryConfig {
            ratio: format!("{percent}%").parse::<Percent>().unwrap(),
            per_second,
            ..RetryConfig::default()
        }
    }

    #[test]
    fn what_may_be_sent_again_depends_on_what_came_of_it() {
        use Stage::{Connecting, OnFresh, OnKept};
        let closed = UpstreamError::with_cause("a".into(), io::Error::other("reset"));
        let distrust = UpstreamError::new(UpstreamErrorKind::Tls, "a".into());
        let silent = UpstreamError::new(UpstreamErrorKind::ResponseTimeout, "a".into());
        let again = |reason, may_stay| Some(Again { reason, may_stay });
        for (stage, is_unsent, has_begun, error, repeatable, other) in [
            (
                Connecting,
                true,
                false,
                &closed,
                again(Reason::Unsent, false),
                again(Reason::Unsent, false),
            ),
            (
                OnKept,
                true,
                false,
                &closed,
                again(Reason::Unsent, true),
                again(Reason::Unsent, true),
            ),
            (
                OnFresh,
                true,
                false,
                &closed,
                again(Reason::Unsent, false),
                again(Reason::Unsent, false),
            ),
            (
                OnKept,
                false,
                false,
                &closed,
                again(Reason::Closed, true),
                None,
            ),
            (
                OnFresh,
                false,
                false,
                &closed,
                again(Reason::Closed, false),
                None,
            ),
            (
                OnKept,
                false,
                false,
                &distrust,
                again(Reason::Closed, true),
                None,
            ),
            (OnFresh, false, false, &distrust, None, None),
            (OnKept, false, true, &closed, None, None),
            (OnFresh, false, true, &closed, None, None),
            (OnKept, false, false, &silent, None, None),
            (OnFresh, false, false, &silent, None, None),
        ] {
            let attempted = Attempted {
                stage,
                is_unsent,
                has_begun,
                is_refused: false,
                is_told: false,
            };
            assert_eq!(after(&attempted, error, true), repeatable, "{attempted:?}");
            assert_eq!(after(&attempted, error, false), other, "{attempted:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn budget_comes_back_with_time() {
        let budget = Budget::new(&config(0, 1));
        let spend = || (0..100).filter(|_| budget.pay(Reason::Closed)).count();
        assert_eq!((spend(), spend()), (10, 0));
        assert!(budget.pay(Reason::Unsent));
        tokio::time::advance(WINDOW + Duration::from_secs(2)).await;
        assert_eq!(spend(), 10);
    }

    proptest! {
        /// Whatever the ratio, no more is repeated than it and the rate allow.
        #[test]
        fn no_more_is_repeated_than_the_budget_allows(
            percent in 0..=100_u8, per_second in 0..4_usize,
            steps in prop::collection::vec((0..8_u32, 0..8_u32), 1..60),
        ) {
            let budget = Budget::new(&config(percent, per_second));
            let (mut requests, mut repeated) = (0_u64, 0_u64);
            for (sent, failed) in steps {
                for _ in 0..sent {
                    budget.deposit();
                    requests += 1;
                }
                for _ in 0..failed {
                    repeated += u64::from(budget.pay(Reason::Status));
                }
                let most = requests * u64::from(percent) / 100 + 10 * per_second as u64;
                prop_assert!(repeated <= most, "{repeated} of {requests}");
            }
        }
    }
}
