use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portcullis_core::clock::{Moment, Timestamp};
use portcullis_core::limits::Rate;
use proptest::prelude::*;

use super::{Allowance, RateState, check};

const HOUR: u64 = 3_600 * SECOND;
const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Moment {
    Moment::new(nanos, Timestamp::from_millis(0))
}

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn spend(state: &RateState, rate: Rate, now: u64) -> u32 {
    let mut admitted = 0;
    while check(state, rate, at(now)).is_ok() {
        admitted += 1;
        assert!(admitted <= rate.burst().get(), "nothing is ever spent");
    }
    admitted
}

/// GCRA as ITU-T I.371 Annex A writes it (virtual scheduling), in numbers
/// that cannot overflow.
struct Model {
    arrival: i128,
    increment: i128,
    limit: i128,
}

impl Model {
    fn new(rate: Rate) -> Self {
        let increment = i128::try_from(rate.interval().as_nanos()).expect("small");
        let limit = increment * i128::from(rate.burst().get() - 1);
        Self {
            arrival: 0,
            increment,
            limit,
        }
    }

    fn conforms(&mut self, now: u64) -> bool {
        let now = i128::from(now);
        if now < self.arrival - self.limit {
            return false;
        }
        self.arrival = self.arrival.max(now) + self.increment;
        true
    }

    fn remaining(&self, now: u64) -> u32 {
        let debt = (self.arrival - i128::from(now)).max(0);
        u32::try_from(((self.limit + self.increment - debt) / self.increment).max(0))
            .expect("small")
    }
}

fn any_rate() -> impl Strategy<Value = Rate> {
    (1_u32..=1_000, 1_u64..=120, 1_u32..=50).prop_map(|(requests, period, burst)| {
        Rate::new(requests, Duration::from_secs(period), burst).expect("in range")
    })
}

proptest! {
    #[test]
    fn decisions_are_those_of_the_algorithm(
        rate in any_rate(),
        start in 1_u64..1_000 * HOUR,
        steps in prop::collection::vec(prop_oneof![Just(0), 0..2 * SECOND, 0..60 * SECOND], 1..200),
    ) {
        let state = RateState::default();
        let mut model = Model::new(rate);
        let mut now = start;
        for step in steps {
            now += step;
            let answer = check(&state, rate, at(now));
            prop_assert_eq!(answer.is_ok(), model.conforms(now));
            let allowance = answer.unwrap_or_else(|left| left);
            prop_assert_eq!(allowance.remaining(), model.remaining(now));
        }
    }

    #[test]
    fn what_is_said_about_the_time_to_come_is_exact(
        rate in any_rate(),
        steps in prop::collection::vec(0..SECOND, 1..80),
    ) {
        let state = RateState::default();
        let mut now = HOUR;
        for step in steps {
            now += step;
            let left = check(&state, rate, at(now)).unwrap_or_else(|left| left);
            let debt = |at: u64| state.arrival().saturating_sub(at);
            let next = now + u64::try_from(left.until_next().as_nanos()).expect("small");
            prop_assert_eq!(Allowance::after(rate, debt(next)).remaining(), left.remaining() + 1);
            prop_assert_eq!(Allowance::after(rate, debt(next - 1)).remaining(), left.remaining());
            let full = now + u64::try_from(left.reset().as_nanos()).expect("small");
            prop_assert_eq!(Allowance::after(rate, debt(full)).remaining(), rate.burst().get());
            prop_assert!(Allowance::after(rate, debt(full - 1)).remaining() < rate.burst().get());
        }
    }
}

#[test]
fn a_throttled_request_passes_when_it_was_told_and_not_before() {
    let rate = rate("10/m");
    let state = RateState::default();
    let now = 7 * HOUR;
    assert_eq!(spend(&state, rate, now), 10);
    let wait = check(&state, rate, at(now))
        .expect_err("spent")
        .until_next();
    assert_eq!(wait, seconds(6));
    let wait = u64::try_from(wait.as_nanos()).expect("small");
    assert!(check(&state, rate, at(now + wait - 1)).is_err());
    assert!(check(&state, rate, at(now + wait)).is_ok());
}

#[test]
fn state_counts_from_the_epoch_and_not_from_the_first_check() {
    let rate = rate("1/s");
    let state = RateState::default();
    assert_eq!(spend(&state, rate, 2 * HOUR), 1);
    // A limiter made anew over old state once refused for two hours.
    let left = check(&state, rate, at(2 * HOUR)).expect_err("spent");
    assert_eq!(left.until_next(), seconds(1));
    assert_eq!(spend(&state, rate, 2 * HOUR + SECOND), 1);
    assert_eq!(spend(&state, rate, 50 * HOUR), 1);
}

#[test]
fn a_changed_rate_keeps_what_was_used() {
    let state = RateState::default();
    assert_eq!(spend(&state, rate("10/m"), HOUR), 10);
    assert_eq!(spend(&state, rate("20/m"), HOUR), 0);
    assert_eq!(spend(&state, rate("20/m"), HOUR + 30 * SECOND), 10);
    assert_eq!(spend(&state, rate("5/m"), HOUR + 30 * SECOND), 0);
}

#[test]
fn a_raised_rate_does_not_wait_out_the_slower_one() {
    let state = RateState::default();
    assert_eq!(spend(&state, rate("1/1d"), HOUR), 1);
    let left = check(&state, rate("100/s"), at(HOUR)).expect_err("a spent burst");
    assert_eq!(left.until_next(), Duration::from_millis(10));
    assert_eq!(spend(&state, rate("100/s"), HOUR + SECOND), 100);
}

#[test]
fn what_was_used_counts_in_full_up_to_the_skew_of_readings() {
    // 10 s of debt, in the eyes of one who reads the clock 10 s earlier.
    let (state, rate) = (RateState::default(), rate("1/s burst 10"));
    assert_eq!(spend(&state, rate, HOUR), 10);
    let left = check(&state, rate, at(HOUR - 10 * SECOND)).expect_err("spent");
    assert_eq!(left.until_next(), seconds(11));
}

#[test]
fn a_late_reading_gives_nothing_back() {
    let rate = rate("10/s");
    let state = RateState::default();
    assert_eq!(spend(&state, rate, HOUR), 10);
    // Decided now, read two seconds ago: a look-up lay between.
    assert!(check(&state, rate, at(HOUR - 2 * SECOND)).is_err());
    assert_eq!(spend(&state, rate, HOUR), 0);
    assert_eq!(spend(&state, rate, HOUR + SECOND), 10);
}

#[test]
fn extreme_rates_and_readings_do_not_overflow() {
    let slowest = Rate::new(1, Duration::from_secs(31 * 86_400), 11).expect("in range");
    let fastest = Rate::new(1_000_000, seconds(1), 1_000_000).expect("in range");
    for rate in [slowest, fastest] {
        for now in [0, 1, u64::MAX / 2, u64::MAX - 1, u64::MAX] {
            let state = RateState::default();
            assert_eq!(
                spend(&state, rate, now),
                rate.burst().get(),
                "{rate} at {now}"
            );
            let left = check(&state, rate, at(now)).expect_err("spent");
            assert_eq!(left.until_next(), rate.interval());
            assert!(left.reset() <= Rate::MAX_RECOVERY);
        }
    }
}

#[test]
fn idle_states_are_those_that_a_new_one_equals() {
    let rate = rate("1/s burst 5");
    let state = RateState::default();
    assert!(state.is_idle(HOUR));
    assert_eq!(spend(&state, rate, HOUR), 5);
    assert!(
        !state.is_idle(HOUR + 5 * SECOND),
        "late readings may still come"
    );
    assert!(state.is_idle(HOUR + 15 * SECOND));
}

#[test]
fn eight_threads_together_never_get_more_than_burst_and_time() {
    let rate = rate("20000/s burst 50");
    let state = RateState::default();
    let barrier = Barrier::new(8);
    let epoch = Instant::now();
    let now = || HOUR + u64::try_from(epoch.elapsed().as_nanos()).expect("small");
    let (admitted, first, last) = (
        AtomicU64::new(0),
        AtomicU64::new(u64::MAX),
        AtomicU64::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..50_000 {
                    let reading = now();
                    first.fetch_min(reading, Ordering::Relaxed);
                    last.fetch_max(reading, Ordering::Relaxed);
                    if check(&state, rate, at(reading)).is_ok() {
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let elapsed = last.into_inner() - first.into_inner();
    let interval = u64::try_from(rate.interval().as_nanos()).expect("small");
    let most = u64::from(rate.burst().get()) + elapsed / interval;
    let admitted = admitted.into_inner();
    assert!(admitted <= most, "{admitted} of at most {most}");
    assert!(admitted >= 50, "{admitted}");
}
