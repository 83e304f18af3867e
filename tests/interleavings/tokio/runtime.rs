//! Where tasks run.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use tokio::sync::oneshot;

use crate::task::JoinHandle;

thread_local! {
    /// The tasks of the present execution. shuttle runs all of them on the
    /// thread of the test.
    static TASKS: RefCell<Vec<shuttle::future::JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
}

/// Waits until every task has ended that was ever spawned: none may be left
/// that nobody can end.
pub async fn all_tasks_ended() {
    loop {
        let Some(task) = TASKS.with_borrow_mut(Vec::pop) else {
            return;
        };
        // An error means that it was aborted.
        let _ = task.await;
    }
}

/// The one runtime that there is.
#[derive(Debug, Clone)]
pub struct Handle(());

impl Handle {
    /// The runtime.
    #[must_use]
    pub fn current() -> Self {
        Self(())
    }

    /// The runtime: all that runs here runs on it.
    ///
    /// # Errors
    ///
    /// None; tokio's has one.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Ok(Self(()))
    }

    /// The one runtime's.
    #[must_use]
    pub fn id(&self) -> u64 {
        0
    }

    /// Nothing needs to be entered.
    #[must_use]
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard(PhantomData)
    }

    /// Starts a task, which goes on when the handle is dropped.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (done, result) = oneshot::channel();
        let task = shuttle::future::spawn(async move {
            // Whoever started it may not wait for it.
            let _ = done.send(future.await);
        });
        let abort = task.abort_handle();
        TASKS.with_borrow_mut(|tasks| tasks.push(task));
        JoinHandle { result, abort }
    }
}

/// What [`Handle::enter`] gives.
#[derive(Debug)]
pub struct EnterGuard<'a>(PhantomData<&'a ()>);

/// There is a runtime at all times.
#[derive(Debug)]
pub struct TryCurrentError(());

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no runtime")
    }
}

impl Error for TryCurrentError {}
