//! What is held of a task.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

pub use shuttle::future::AbortHandle;
/// tokio's own, which starts its tasks on a runtime of tokio: nothing that is
/// tried here uses it.
pub use tokio::task::JoinSet;

/// Ends once the task has ended.
#[derive(Debug)]
pub struct JoinHandle<T> {
    pub(crate) result: oneshot::Receiver<T>,
    pub(crate) abort: AbortHandle,
}

impl<T> JoinHandle<T> {
    /// Ends the task where it waits.
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        self.abort.clone()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.result).poll(context);
        result.map_err(|_| JoinError(()))
    }
}

/// The task did not end by itself.
#[derive(Debug)]
pub struct JoinError(());

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task did not end by itself")
    }
}

impl Error for JoinError {}
