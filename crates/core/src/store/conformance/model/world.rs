use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::super::broken::{Fault, Outcome, same};
use super::super::driver::Driver;
use super::super::whole::Whole;
use super::difference::{Difference, Tally};
use super::plan::Plan;
use super::reads::Read;
use super::writes::{Write, Written};
use crate::store::{BoxFuture, Head, MemoryStore, Store, StoreError};

/// How many operations are told of with a difference.
const TOLD: usize = 20;
/// How many writes wait for the store at once, so that it may commit them
/// together.
const WAITING: u32 = 48;
/// How many reads follow.
const READS: u32 = 32;

/// Runs `operations` random operations over a fresh store, and the same over a
/// [`MemoryStore`]: every answer must be the same but for tags and the order of
/// a listing with a filter.
///
/// Writes are handed over one after the other and awaited together, reads
/// follow while nobody writes: the rule `a_commit_goes_on_without_its_caller`
/// makes the order of the writes that of the calls. The same seed draws the
/// same operations.
///
/// # Errors
///
/// [`Difference`] at the first answer that differs, or that a store failed to
/// give.
pub async fn compare(
    store: impl Store,
    seed: u64,
    operations: u32,
) -> Result<Tally, Box<Difference>> {
    let mut world = World::new(Arc::new(store), seed).map_err(|fault| {
        Box::new(Difference {
            seed,
            number: 0,
            what: fault.to_string(),
            recent: Vec::new(),
        })
    })?;
    match world.run(operations).await {
        Ok(()) => Ok(world.tally),
        Err(fault) => Err(Box::new(world.differ(seed, &fault))),
    }
}

/// A store, its model, and what was done to both.
struct World {
    model: Driver,
    tested: Driver,
    plan: Plan,
    /// The heads of both, by revision.
    model_heads: Vec<Head>,
    tested_heads: Vec<Head>,
    number: u32,
    recent: VecDeque<(u32, Done)>,
    tally: Tally,
}

/// An operation that was done.
#[derive(Debug)]
enum Done {
    // Read by `Debug` alone.
    Write(#[expect(dead_code, reason = "told with a difference")] Write),
    Read(#[expect(dead_code, reason = "told with a difference")] Read),
}

type Answer = Result<Written, StoreError>;

impl World {
    fn new(store: Arc<dyn Store>, seed: u64) -> Result<Self, Fault> {
        let model = Driver::new(Arc::new(MemoryStore::new()))?;
        let tested = Driver {
            store,
            keyring: model.keyring.clone(),
        };
        Ok(Self {
            model,
            tested,
            plan: Plan::new(seed),
            model_heads: Vec::new(),
            tested_heads: Vec::new(),
            number: 0,
            recent: VecDeque::new(),
            tally: Tally::default(),
        })
    }

    async fn run(&mut self, operations: u32) -> Outcome {
        self.model_heads.push(self.model.store.head().await?);
        self.tested_heads.push(self.tested.store.head().await?);
        while self.number < operations {
            let writes = WAITING.min(operations - self.number);
            self.write_some(writes).await?;
            let reads = READS.min(operations - self.number);
            for _ in 0..reads {
                self.read_one().await?;
            }
        }
        self.compare_everything().await
    }

    async fn write_some(&mut self, count: u32) -> Outcome {
        let first = self.number;
        let mut expected: Vec<(&'static str, Answer)> = Vec::new();
        let mut waiting: Vec<BoxFuture<'_, Answer>> = Vec::new();
        for _ in 0..count {
            let write = self.plan.write(&self.model).await?;
            let answer = write.clone().send(&*self.model.store).await;
            if let (Write::Commit(change), Ok(_)) = (&write, &answer) {
                self.plan.learn(change);
            }
            expected.push((write.name(), answer));
            let mut sent = write.clone().send(&*self.tested.store);
            // The first poll hands it over; whether it is done by then or not.
            let early = poll_fn(|context| Poll::Ready(sent.as_mut().poll(context))).await;
            waiting.push(match early {
                Poll::Ready(answer) => Box::pin(async move { answer }),
                Poll::Pending => sent,
            });
            self.number += 1;
            remember(&mut self.recent, self.number, Done::Write(write));
        }
        let mut answers = Vec::new();
        for waiting in waiting {
            answers.push(waiting.await);
        }
        for (place, ((name, expected), found)) in
            (first + 1..).zip(expected.into_iter().zip(answers))
        {
            let ending = expected
                .as_ref()
                .map_or_else(|error| error.kind().as_str(), |_| "done");
            self.tally.count(name, ending);
            self.judge(&format!("{name}, operation {place}"), expected, found)?;
        }
        Ok(())
    }

    fn judge(&mut self, what: &str, expected: Answer, found: Answer) -> Outcome {
        match (expected, found) {
            (Ok(Written::Head(model)), Ok(Written::Head(tested))) => {
                same(what, &tested.revision, &model.revision)?;
                self.model_heads.push(model);
                self.tested_heads.push(tested);
                Ok(())
            }
            (Err(expected), Err(found)) if expected.kind() == found.kind() => Ok(()),
            (Ok(expected), Ok(found)) => same(what, &found, &expected),
            (expected, found) => {
                let text = format!("{what}: found {found:?}, expected {expected:?}");
                Err(Fault::new(text))
            }
        }
    }

    async fn read_one(&mut self) -> Outcome {
        let revisions = self.model_heads.len().saturating_sub(1);
        let read = self.plan.read(&self.model, revisions).await?;
        self.number += 1;
        remember(&mut self.recent, self.number, Done::Read(read.clone()));
        let expected = read.ask(&self.model, &self.model_heads).await?;
        let found = read.ask(&self.tested, &self.tested_heads).await?;
        self.tally.count(read.name(), expected.ending());
        same(read.name(), &found, &expected)
    }

    /// Compares all that both hold, at the end.
    async fn compare_everything(&self) -> Outcome {
        let model = Whole::read(&self.model).await?;
        let mut tested = Whole::read(&self.tested).await?;
        same(
            "the last tag",
            &Some(&tested.head),
            &self.tested_heads.last(),
        )?;
        tested.head = model.head;
        same("everything", &sorted(tested), &sorted(model))
    }

    fn differ(self, seed: u64, fault: &Fault) -> Difference {
        let told = |(number, done): &(u32, Done)| {
            let text = format!("{number}: {done:?}");
            text.chars().take(2_000).collect()
        };
        Difference {
            seed,
            number: self.number,
            what: fault.to_string(),
            recent: self.recent.iter().map(told).collect(),
        }
    }
}

fn remember(recent: &mut VecDeque<(u32, Done)>, number: u32, done: Done) {
    if recent.len() >= TOLD {
        recent.pop_front();
    }
    recent.push_back((number, done));
}

/// With the keys by id: of those created in one millisecond any may come first.
fn sorted(mut whole: Whole) -> Whole {
    let mut keys: Vec<_> = whole.keys.into_iter().zip(whole.usage).collect();
    keys.sort_by_key(|(key, _)| key.id);
    (whole.keys, whole.usage) = keys.into_iter().unzip();
    whole
}
