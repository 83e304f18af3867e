use std::path::Path;

use shuttle::scheduler::{
    PctScheduler, RandomScheduler, ReplayScheduler, Scheduler,
    UncontrolledNondeterminismCheckScheduler,
};
use shuttle::{Config, MaxSteps, Runner};
use tokio::runtime::all_tasks_ended;

use crate::prepared::Prepared;
use crate::world::World;

/// How many schedules of each scenario are tried.
pub(crate) const SCHEDULES: usize = 10_000;

/// Of every four schedules, three choose at random who goes on, at every step.
/// The fourth keeps to priorities that change a few times only: it finds what
/// takes one task to be very late (PCT, Burckhardt et al., ASPLOS 2010).
const RANDOM: usize = SCHEDULES / 4 * 3;
const PRIORITIES: usize = SCHEDULES - RANDOM;
const CHANGES_OF_PRIORITY: usize = 3;

/// Where the schedules begin; `SHUTTLE_RANDOM_SEED` begins elsewhere.
const SEED: u64 = 0x706f_7274_6375_6c69;

/// Runs a scenario under many schedules.
///
/// What fails prints its schedule. Saved to a file, `REPLAY=file` runs that one
/// alone.
pub(crate) fn explore<F>(scenario: fn(World) -> F)
where
    F: Future<Output = ()> + 'static,
{
    Prepared::instance();
    let run = move || to_the_end(scenario(World::new()));
    if let Some(schedule) = std::env::var_os("REPLAY") {
        let replay = ReplayScheduler::new_from_file(Path::new(&schedule)).expect("a schedule");
        Runner::new(replay, config()).run(run);
        return;
    }
    all(RandomScheduler::new_from_seed(SEED, RANDOM), run, RANDOM);
    let priorities = PctScheduler::new_from_seed(SEED, CHANGES_OF_PRIORITY, PRIORITIES);
    all(priorities, run, PRIORITIES);
}

/// Runs a scenario under some schedules, and each of them again: what a failure
/// prints is worth nothing where that goes another way.
pub(crate) fn run_each_again<F>(scenario: fn(World) -> F)
where
    F: Future<Output = ()> + 'static,
{
    Prepared::instance();
    let random = RandomScheduler::new_from_seed(SEED, SCHEDULES / 10);
    let twice = UncontrolledNondeterminismCheckScheduler::new(random);
    Runner::new(twice, config()).run(move || to_the_end(scenario(World::new())));
}

/// Runs something under one schedule, whichever it is.
pub(crate) fn once(something: impl AsyncFn() + Send + Sync + 'static) {
    let run = move || to_the_end(something());
    Runner::new(RandomScheduler::new_from_seed(SEED, 1), config()).run(run);
}

fn all(scheduler: impl Scheduler + 'static, run: impl Fn() + Send + Sync + 'static, count: usize) {
    assert_eq!(Runner::new(scheduler, config()).run(run), count);
}

/// Until nothing runs any more that it has started.
fn to_the_end(something: impl Future<Output = ()>) {
    shuttle::future::block_on(async {
        something.await;
        all_tasks_ended().await;
    });
}

fn config() -> Config {
    let mut config = Config::new();
    // Unoptimized futures are large.
    config.stack_size = 256 * 1024;
    // A schedule has some hundreds of steps.
    config.max_steps = MaxSteps::FailAfter(50_000);
    // That every ordering counts as sequentially consistent is known.
    config.silence_warnings = true;
    config
}
