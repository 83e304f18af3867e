use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::collector::Collector;
use super::failure::Failure;
use super::message::Sender;
use super::meters::{Lost, Meters};
use super::span::Spans;
use super::{OtlpConfig, SpanQueue};
use crate::gateway::GatewayError;

/// The task that sends spans. Dropped, it ends at once.
#[derive(Debug)]
pub(crate) struct SpanExport {
    task: AbortOnDropHandle<()>,
    /// No more spans come: what waits is sent, each batch in one attempt.
    closing: CancellationToken,
    /// Nobody waits for it any more.
    over: CancellationToken,
}

/// How long the end may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a batch is tried before those behind it have their turn.
const MOST_ATTEMPTS: u32 = 5;

/// How long after a failure the next attempt is made: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a failure is told of while there is no success.
const TOLD_AGAIN: Duration = Duration::from_mins(1);

/// A queue, and the task that empties it. Counters go to the recorder that is installed now.
///
/// # Errors
///
/// [`GatewayError`] for a setting out of range, and roots that cannot be used.
pub(crate) fn open(config: &OtlpConfig) -> Result<(SpanQueue, SpanExport), GatewayError> {
    let meters = Meters::new();
    let (queue, receiver) = SpanQueue::new(config.queue, meters.clone());
    let (closing, over) = (CancellationToken::new(), CancellationToken::new());
    let exporter = Exporter {
        collector: Collector::new(config)?,
        sender: Sender::new(&config.service_name, &Uuid::new_v4().to_string()),
        receiver,
        batch: Vec::new(),
        most: config.batch,
        delay: config.delay,
        timeout: config.timeout,
        meters,
        failures: 0,
        told_at: None,
        closing: closing.clone(),
        over: over.clone(),
    };
    let task: JoinHandle<()> = tokio::spawn(exporter.run());
    let task = AbortOnDropHandle::new(task);
    Ok((
        queue,
        SpanExport {
            task,
            closing,
            over,
        },
    ))
}

impl SpanExport {
    /// Sends what waits, and ends, within a bound. What comes later is lost.
    pub(crate) async fn close(mut self) {
        self.closing.cancel();
        if timeout(PATIENCE, &mut self.task).await.is_err() {
            self.over.cancel();
            // It only counts what is left.
            let _ = self.task.await;
        }
    }
}

struct Exporter {
    collector: Collector,
    sender: Sender,
    receiver: mpsc::Receiver<Spans>,
    batch: Vec<Spans>,
    most: usize,
    delay: Duration,
    timeout: Duration,
    meters: Meters,
    /// Attempts that failed since the last that did not.
    failures: u32,
    told_at: Option<Instant>,
    closing: CancellationToken,
    over: CancellationToken,
}

impl Exporter {
    async fn run(mut self) {
        while self.gather().await {
            // A long batch is several messages.
            while !self.batch.is_empty() && !self.over.is_cancelled() {
                self.send().await;
            }
        }
        // What is handed over from here on is counted where it is.
        self.receiver.close();
        let mut left = count(&self.batch);
        while let Ok(spans) = self.receiver.try_recv() {
            left += spans.count();
        }
        if left > 0 {
            self.meters.lost(left, Lost::Shutdown);
            tracing::warn!(spans = left, "spans are lost: the gateway ends");
        }
    }

    /// Waits for spans, and for more of them as long as a batch may. Nothing more comes if there
    /// are none.
    async fn gather(&mut self) -> bool {
        let mut until = None;
        while self.batch.len() < self.most && !self.over.is_cancelled() {
            let room = self.most - self.batch.len();
            // Also where that was said while a batch was sent, or the collector left alone.
            let is_closing = self.closing.is_cancelled();
            if is_closing {
                self.receiver.close();
            }
            let is_full = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                taken = self.receiver.recv_many(&mut self.batch, room) => {
                    if taken == 0 {
                        break;
                    }
                    until.get_or_insert_with(|| Instant::now() + self.delay);
                }
                () = is_full => break,
                () = self.closing.cancelled(), if !is_closing => {}
            }
        }
        !self.batch.is_empty() && !self.over.is_cancelled()
    }

    /// Sends the batch, or as much of it as one message may hold, again and again where that may
    /// help, and gives it up in the end.
    async fn send(&mut self) {
        let (message, requests) = self.sender.message(&self.batch);
        let spans = count(self.batch.iter().take(requests));
        for attempt in 1..=MOST_ATTEMPTS {
            let sending = timeout(self.timeout, self.collector.export(&message));
            let outcome = tokio::select! {
                sent = sending => sent.unwrap_or(Err(Failure::Late)),
                // The batch stays, and is counted with all that is left.
                () = self.over.cancelled() => return,
            };
            // A collector that rejects more than there is rejects all of it.
            let outcome = outcome.map(|rejected| rejected.min(spans));
            self.meters.attempted(spans, outcome);
            match outcome {
                Ok(rejected) => {
                    self.sent(rejected);
                    self.batch.drain(..requests);
                    return;
                }
                Err(failure) => {
                    self.failed(failure);
                    let is_last = attempt == MOST_ATTEMPTS || self.closing.is_cancelled();
                    if is_last || !failure.is_transient() {
                        break;
                    }
                    self.pause().await;
                }
            }
        }
        self.meters.lost(spans, Lost::ExportFailed);
        self.batch.drain(..requests);
        self.pause().await;
    }

    /// Leaves a collector alone that has failed, the longer the more often it has.
    async fn pause(&self) {
        let times = 1_u32.checked_shl(self.failures.saturating_sub(1));
        let pause = FIRST_PAUSE.saturating_mul(times.unwrap_or(u32::MAX));
        tokio::select! {
            () = sleep(pause.min(LONGEST_PAUSE)) => {}
            () = self.closing.cancelled() => {}
        }
    }

    fn sent(&mut self, rejected: u64) {
        if rejected > 0 {
            self.tell(|| tracing::warn!(rejected, "the collector does not take some spans"));
        } else if std::mem::take(&mut self.failures) > 0 {
            self.told_at = None;
            tracing::info!("the collector takes spans again");
        }
        self.failures = 0;
    }

    fn failed(&mut self, failure: Failure) {
        self.failures = self.failures.saturating_add(1);
        let failures = self.failures;
        self.tell(|| tracing::warn!(%failure, failures, "the collector takes no spans"));
    }

    /// Tells, unless it did a moment ago.
    fn tell(&mut self, how: impl FnOnce()) {
        let is_due = self.told_at.is_none_or(|at| at.elapsed() >= TOLD_AGAIN);
        if is_due {
            self.told_at = Some(Instant::now());
            how();
        }
    }
}

fn count<'a>(batch: impl IntoIterator<Item = &'a Spans>) -> u64 {
    batch.into_iter().map(Spans::count).sum()
}
