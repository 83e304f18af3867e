use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use fastrand::Rng;

use super::config::Balance;

/// What requests can be spread over.
pub(super) trait Weighed {
    /// How much it is to get beside the others; never 0.
    fn weight(&self) -> u64;
    /// Its requests under way.
    fn in_flight(&self) -> usize;
    /// How far it is from its turn. Only the balancer looks at it.
    fn turn(&self) -> &AtomicI64;
}

/// Chooses who gets the next request.
#[derive(Debug)]
pub(super) struct Balancer {
    policy: Balance,
    /// Whoever holds it may change the turns as well.
    rng: Mutex<Rng>,
}

impl Balancer {
    pub(super) fn new(policy: Balance, rng: Rng) -> Self {
        Self {
            policy,
            rng: Mutex::new(rng),
        }
    }

    /// One of those that may be chosen; nothing where there is none.
    pub(super) fn choose<'a, T: Weighed>(
        &self,
        all: &'a [T],
        may: impl Fn(&T) -> bool,
    ) -> Option<&'a T> {
        if let [only] = all {
            return may(only).then_some(only);
        }
        let candidates = || all.iter().filter(|candidate| may(candidate));
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        match self.policy {
            Balance::RoundRobin => in_turn(candidates),
            Balance::LeastRequests => of_two(candidates, &mut rng),
        }
    }
}

/// nginx's smooth weighted round robin: everybody comes nearer by its weight, and who is nearest
/// goes back by all of them.
fn in_turn<'a, T: Weighed + 'a, I: Iterator<Item = &'a T>>(
    candidates: impl Fn() -> I,
) -> Option<&'a T> {
    let mut total = 0;
    let mut chosen: Option<(&T, i64)> = None;
    for candidate in candidates() {
        let weight = i64::try_from(candidate.weight()).unwrap_or(i64::MAX);
        let turn = candidate.turn().load(Relaxed).saturating_add(weight);
        candidate.turn().store(turn, Relaxed);
        total = weight.saturating_add(total);
        if chosen.is_none_or(|(_, nearest)| turn > nearest) {
            chosen = Some((candidate, turn));
        }
    }
    let (chosen, turn) = chosen?;
    chosen.turn().store(turn.saturating_sub(total), Relaxed);
    Some(chosen)
}

fn of_two<'a, T: Weighed + 'a, I: Iterator<Item = &'a T>>(
    candidates: impl Fn() -> I,
    rng: &mut Rng,
) -> Option<&'a T> {
    let first = draw(&candidates, rng)?;
    let others = || candidates().filter(|other| !std::ptr::eq(*other, first));
    let Some(second) = draw(others, rng) else {
        return Some(first);
    };
    let load = |one: &T, other: &T| one.in_flight() as u128 * u128::from(other.weight());
    Some(match load(second, first) < load(first, second) {
        true => second,
        false => first,
    })
}

/// One by chance, each as often as its weight says.
fn draw<'a, T: Weighed + 'a, I: Iterator<Item = &'a T>>(
    candidates: impl Fn() -> I,
    rng: &mut Rng,
) -> Option<&'a T> {
    let total: u64 = candidates().map(Weighed::weight).sum();
    if total == 0 {
        return None;
    }
    let mut left = rng.u64(..total);
    let drawn = candidates().find(|candidate| {
        let weight = candidate.weight();
        let is_it = left < weight;
        left = left.saturating_sub(weight);
        is_it
    });
    // One of them may not be a candidate any more.
    drawn.or_else(|| candidates().next())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Server {
        weight: u64,
        in_flight: AtomicUsize,
        turn: AtomicI64,
        chosen: AtomicUsize,
    }

    impl Weighed for Server {
        fn weight(&self) -> u64 {
            self.weight
        }

        fn in_flight(&self) -> usize {
            self.in_flight.load(Relaxed)
        }

        fn turn(&self) -> &AtomicI64 {
            &self.turn
        }
    }

    fn servers(weights: &[u64]) -> Vec<Server> {
        let server = |weight: &u64| Server {
            weight: *weight,
            ..Server::default()
        };
        weights.iter().map(server).collect()
    }

    /// How often each is chosen.
    fn chosen(policy: Balance, servers: &[Server], times: u64, rng: u64) -> Vec<u64> {
        let balancer = Balancer::new(policy, fastrand::Rng::with_seed(rng));
        for _ in 0..times {
            let server = balancer.choose(servers, |_| true).unwrap();
            server.chosen.fetch_add(1, Relaxed);
        }
        let counts = servers.iter().map(|server| server.chosen.load(Relaxed));
        counts.map(|count| count as u64).collect()
    }

    #[test]
    fn turns_are_spread_and_not_taken_at_once() {
        let servers = servers(&[5, 1, 1]);
        let balancer = Balancer::new(Balance::RoundRobin, fastrand::Rng::with_seed(0));
        let order: Vec<usize> = (0..7)
            .map(|_| {
                let chosen = balancer.choose(&servers, |_| true).unwrap();
                servers
                    .iter()
                    .position(|one| std::ptr::eq(one, chosen))
                    .unwrap()
            })
            .collect();
        assert_eq!(order, [0, 0, 1, 0, 2, 0, 0]);
    }

    proptest! {
        /// In whole rounds each has exactly its share, and within a round nobody is further from it
        /// than there are servers.
        #[test]
        fn everybody_has_its_weight_in_turn(
            weights in prop::collection::vec(1..20_u64, 1..8), times in 0..300_u64,
        ) {
            let servers = servers(&weights);
            let total: u64 = weights.iter().sum();
            let counts = chosen(Balance::RoundRobin, &servers, times, 0);
            prop_assert_eq!(counts.iter().sum::<u64>(), times);
            for (count, weight) in counts.iter().zip(&weights) {
                let (have, share) = (count * total, times * weight);
                prop_assert!(have.abs_diff(share) <= total * weights.len() as u64, "{counts:?}");
                prop_assert!(times % total != 0 || have == share, "{counts:?}");
            }
        }

        /// Whoever may not be chosen is not, and somebody is wherever one may.
        #[test]
        fn only_who_may_is_chosen(
            weights in prop::collection::vec(1..20_u64, 1..8),
            allowed in prop::collection::vec(any::<bool>(), 8),
            busy in prop::collection::vec(0..9_usize, 8),
            least in any::<bool>(), seed in any::<u64>(),
        ) {
            let servers = servers(&weights);
            for (server, busy) in servers.iter().zip(busy) {
                server.in_flight.store(busy, Relaxed);
            }
            let policy = [Balance::RoundRobin, Balance::LeastRequests][usize::from(least)];
            let balancer = Balancer::new(policy, fastrand::Rng::with_seed(seed));
            let place = |of: &Server| servers.iter().position(|one| std::ptr::eq(one, of)).unwrap();
            for _ in 0..20 {
                let found = balancer.choose(&servers, |server| allowed[place(server)]);
                prop_assert_eq!(found.is_some(), allowed[..servers.len()].contains(&true));
                prop_assert!(found.is_none_or(|found| allowed[place(found)]));
            }
        }

        /// Of two, the one with fewer requests for its weight.
        #[test]
        fn the_less_busy_of_two_is_chosen(
            weights in prop::array::uniform2(1..1000_u64),
            busy in prop::array::uniform2(0..1000_usize), seed in any::<u64>(),
        ) {
            let servers = servers(&weights);
            for (server, busy) in servers.iter().zip(busy) {
                server.in_flight.store(busy, Relaxed);
            }
            let load = |at: usize| busy[at] as u64 * weights[1 - at];
            let balancer = Balancer::new(Balance::LeastRequests, fastrand::Rng::with_seed(seed));
            let found = balancer.choose(&servers, |_| true).unwrap();
            let at = usize::from(std::ptr::eq(found, &servers[1]));
            prop_assert!(load(at) <= load(1 - at));
        }
    }

    #[test]
    fn those_who_do_nothing_are_drawn_by_their_weight() {
        let servers = servers(&[3, 1]);
        let counts = chosen(Balance::LeastRequests, &servers, 40_000, 7);
        assert!(counts[0].abs_diff(30_000) < 600, "{counts:?}");
    }
}
