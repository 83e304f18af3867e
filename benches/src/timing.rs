use std::fmt;
use std::time::{Duration, Instant};

/// Times several things in turn, round by round, so that whatever slows the machine for a while
/// slows all of them.
pub struct Timings<'a> {
    cases: Vec<Case<'a>>,
}

struct Case<'a> {
    name: &'static str,
    run: Box<dyn FnMut(u64) + 'a>,
    /// How often it is run in a round.
    repeats: u64,
}

/// What one case took.
#[derive(Debug, Clone)]
pub struct Timed {
    /// What was timed.
    pub name: &'static str,
    /// Nanoseconds for one run, by round.
    pub rounds: Vec<f64>,
}

/// How long a case runs in a round.
const SLICE: Duration = Duration::from_millis(15);

impl<'a> Timings<'a> {
    /// Nothing to time yet.
    #[must_use]
    pub fn new() -> Self {
        Self { cases: Vec::new() }
    }

    /// Adds a case. `run` is given a turn's number, a new one each time.
    pub fn add(&mut self, name: &'static str, mut run: impl FnMut(u64) + 'a) {
        let mut turn = 0;
        let many = move |repeats: u64| {
            for _ in 0..repeats {
                run(turn);
                turn += 1;
            }
        };
        self.cases.push(Case {
            name,
            run: Box::new(many),
            repeats: 0,
        });
    }

    /// Leaves out every case whose name does not contain this.
    pub fn keep(&mut self, text: &str) {
        self.cases.retain(|case| case.name.contains(text));
    }

    /// Times all cases in so many rounds, in the order in which they were added.
    #[must_use]
    pub fn run(mut self, rounds: usize) -> Vec<Timed> {
        for case in &mut self.cases {
            case.calibrate();
        }
        let mut timed: Vec<Timed> = self
            .cases
            .iter()
            .map(|case| Timed {
                name: case.name,
                rounds: Vec::with_capacity(rounds),
            })
            .collect();
        for _ in 0..rounds {
            for (case, timed) in self.cases.iter_mut().zip(&mut timed) {
                timed.rounds.push(case.time());
            }
        }
        timed
    }
}

impl Default for Timings<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl Case<'_> {
    /// Finds how many repeats fill a slice. It warms what the case uses as well.
    fn calibrate(&mut self) {
        self.repeats = 64;
        loop {
            let took = self.time() * self.repeats as f64;
            let share = SLICE.as_nanos() as f64 / took.max(1.0);
            if share <= 1.2 {
                return;
            }
            self.repeats = (self.repeats as f64 * share.min(16.0)).ceil() as u64;
        }
    }

    /// Nanoseconds for one run.
    fn time(&mut self) -> f64 {
        let start = Instant::now();
        (self.run)(self.repeats);
        start.elapsed().as_nanos() as f64 / self.repeats as f64
    }
}

impl fmt::Debug for Timings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.cases.iter().map(|case| case.name))
            .finish()
    }
}

/// The middle of some values; of an even number of them the lower middle. Not a number where there
/// is none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len().saturating_sub(1) / 2;
    sorted.get(middle).copied().unwrap_or(f64::NAN)
}

/// The least and the greatest of some values.
#[must_use]
pub fn spread(values: &[f64]) -> (f64, f64) {
    values.iter().fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(least, most), value| (least.min(*value), most.max(*value)),
    )
}
