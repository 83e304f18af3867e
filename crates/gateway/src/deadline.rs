use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// A moment after which something has taken too long; it moves often and seldom comes.
///
/// The timer behind it is made when it is first waited for, and moved only when it goes off too
/// early or would go off too late: putting a deadline off costs no more than a store.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Whether there is a deadline.
    pub(crate) const fn is_set(&self) -> bool {
        self.at.is_some()
    }

    pub(crate) const fn set(&mut self, at: Instant) {
        self.at = Some(at);
    }

    pub(crate) const fn clear(&mut self) {
        self.at = None;
    }

    /// Ready once the deadline has passed; never, and without a wake-up to come, if there is none.
    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn deadline_can_be_put_off_and_brought_forward() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut deadline = Deadline::default();
        let passed = async |deadline: &mut Deadline, after: u32| {
            deadline.set(start + second * after);
            poll_fn(|cx| deadline.poll_passed(cx)).await;
            start.elapsed().as_secs()
        };
        assert_eq!(passed(&mut deadline, 1).await, 1);
        assert_eq!(passed(&mut deadline, 3).await, 3);
        deadline.set(start + second * 20);
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx).is_pending())).await);
        assert_eq!(passed(&mut deadline, 30).await, 30);
        deadline.set(start + second * 60);
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx).is_pending())).await);
        assert_eq!(passed(&mut deadline, 40).await, 40);
        deadline.clear();
        assert!(poll_fn(|cx| Poll::Ready(deadline.poll_passed(cx).is_pending())).await);
    }
}
