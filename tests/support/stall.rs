use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Measures, while it lives, how long the machine kept a thread waiting that
/// had something to do.
///
/// A bound in milliseconds is the program's; what a busy machine withholds from
/// every program is not, and is added to it.
#[derive(Debug)]
pub struct Stall {
    longest: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    watch: Option<JoinHandle<()>>,
}

/// How often it is looked.
const STEP: Duration = Duration::from_millis(2);

impl Stall {
    /// Begins to measure.
    #[must_use]
    pub fn watch() -> Self {
        let (longest, ended) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (sees, told) = (Arc::clone(&longest), Arc::clone(&ended));
        let watch = thread::spawn(move || {
            while !told.load(Ordering::SeqCst) {
                let began = Instant::now();
                thread::sleep(STEP);
                let late = began.elapsed().saturating_sub(STEP).as_micros();
                sees.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::SeqCst);
            }
        });
        Self {
            longest,
            ended,
            watch: Some(watch),
        }
    }

    /// The longest wait so far.
    #[must_use]
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.longest.load(Ordering::SeqCst))
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(watch) = self.watch.take() {
            // It has nothing to say but what is measured.
            let _ = watch.join();
        }
    }
}
