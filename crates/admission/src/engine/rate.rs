use std::cell::Cell;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::NotKeyed;
use governor::{Quota, RateLimiter};
use portcullis_core::clock::Moment;
use portcullis_core::limits::Rate;

use super::state::Checked;
use super::{Allowance, RateState};

/// The latest reading that counts: 146 years of uptime. governor adds without
/// a check, and what a [`Rate`] can add lies within 366 days.
const LATEST: u64 = 1 << 62;

type Gcra<'a> = RateLimiter<NotKeyed, Checked<'a>, Reading, NoOpMiddleware<Nanos>>;

/// Takes one request at `moment` from `state` under `rate`.
///
/// # Errors
///
/// What is left, where the rate is exceeded: nothing, and
/// [`until_next`](Allowance::until_next) says from when on a request passes
/// that nobody else takes. The state is then as it was.
pub(crate) fn check(state: &RateState, rate: Rate, moment: Moment) -> Result<Allowance, Allowance> {
    let now = moment.monotonic().min(LATEST);
    let interval = rate.interval();
    // A rate's interval is never zero. If it were, nothing would pass.
    let Some(quota) = Quota::with_period(interval) else {
        return Err(Allowance::after(rate, u64::from(rate.burst().get())));
    };
    let room = interval.saturating_mul(rate.burst().get());
    let ceiling = now.saturating_add(u64::try_from(room.as_nanos()).unwrap_or(LATEST));
    let gcra = Gcra::new(
        quota.allow_burst(rate.burst()),
        state.checked_under(ceiling),
        Reading::epoch(),
    );
    gcra.clock().turn_to(now);
    let decision = gcra.check().map_err(drop);
    let debt = gcra.into_state_store().after().saturating_sub(now);
    let allowance = Allowance::after(rate, debt);
    decision.map(|()| allowance).map_err(|()| allowance)
}

/// A clock that shows the epoch while a limiter is made, and then the
/// request's one reading: governor counts time from a limiter's making.
struct Reading(Cell<u64>);

impl Reading {
    fn epoch() -> Self {
        Self(Cell::new(0))
    }

    fn turn_to(&self, now: u64) {
        self.0.set(now);
    }
}

impl Clock for Reading {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}
