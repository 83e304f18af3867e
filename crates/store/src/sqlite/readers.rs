use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use portcullis_core::store::{StoreError, StoreErrorKind};
use tokio::sync::oneshot;

use super::database::READERS;
use super::link::Link;

/// How many queries wait at most.
const WAITING: usize = 1_024;

/// A query, given the link and the number of the thread that runs it.
type Query = Box<dyn FnOnce(&Link, usize) + Send>;

/// The threads that read, and the queue before them.
#[derive(Debug)]
pub(super) struct Readers {
    /// Taken at the end: the threads finish what waits, and end.
    queue: Option<SyncSender<Query>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(link: &Arc<Link>) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut readers = Self {
            queue: Some(queue),
            threads: Vec::with_capacity(READERS),
        };
        for at in 0..READERS {
            let (link, waiting) = (Arc::clone(link), Arc::clone(&waiting));
            let thread = thread::Builder::new().name(format!("portcullis-read-{at}"));
            readers
                .threads
                .push(thread.spawn(move || serve(&link, at, &waiting))?);
        }
        Ok(readers)
    }

    /// Runs a query on one of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Link, usize) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let query: Query = Box::new(move |link, at| {
            // Nobody waits any more: there is nothing to read for.
            if !answer.is_closed() {
                let _ = answer.send(query(link, at));
            }
        });
        let ended = || StoreError::new(StoreErrorKind::Unavailable, "the store has ended");
        match self.queue.as_ref().ok_or_else(ended)?.try_send(query) {
            Ok(()) => answered.await.map_err(|_| ended())?,
            Err(TrySendError::Full(_)) => {
                let message = format!("{WAITING} queries wait for the database already");
                Err(StoreError::new(StoreErrorKind::Busy, message))
            }
            Err(TrySendError::Disconnected(_)) => Err(ended()),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // An error means that it panicked, and said so.
            let _ = thread.join();
        }
    }
}

fn serve(link: &Link, at: usize, waiting: &Mutex<Receiver<Query>>) {
    loop {
        // The lock is held while waiting: the next thread takes its place.
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        match next {
            Ok(query) => query(link, at),
            Err(_) => return,
        }
    }
}
