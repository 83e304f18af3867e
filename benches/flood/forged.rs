use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::thread;

use portcullis::Verdict;
use portcullis::manager::Validation;
use portcullis::token::Presented;
use portcullis::verdict::DenialReason;
use portcullis_benches::{Failure, World};
use portcullis_tests::{Forger, Memory};

use crate::live::{Live, Phase};

const MOST_GROWTH: u64 = 16 << 20;

/// Presents so many forged tokens, while the live keys are timed.
pub(crate) fn flood(
    world: &World,
    live: &Live<'_>,
    tokens: u32,
) -> Result<(Phase, String), Failure> {
    let (before, stats) = (Memory::of_this_process(), world.manager().stats());
    let over = AtomicBool::new(false);
    let (phase, refused) = thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let refused = present(world, tokens);
            over.store(true, Relaxed);
            refused
        });
        let phase = live.beside("beside forged tokens", &over);
        (phase, flood.join())
    });
    let refused = refused.map_err(|_| "the flood panicked")?;
    let after = world.manager().stats();
    if refused != tokens || after.loads != stats.loads {
        let loads = after.loads - stats.loads;
        return Err(format!("{refused} of {tokens} were refused, and {loads} looked up").into());
    }
    let grown = match (before, Memory::of_this_process()) {
        (Some(before), Some(after)) => after.peak.saturating_sub(before.now.max(before.peak)),
        _ => 0,
    };
    if grown >= MOST_GROWTH {
        return Err(format!("memory grew by {grown} bytes").into());
    }
    let told = format!(
        "all {refused} refused without a query; memory grew by {} KiB",
        grown >> 10
    );
    Ok((phase?, told))
}

/// How many were refused by their tag, without a wait.
fn present(world: &World, tokens: u32) -> u32 {
    let mut forger = Forger::new(1);
    let (mut refused, context) = (0, world.free.context());
    for _ in 0..tokens {
        let token = Presented::new(forger.forge());
        let Validation::Pending(pending) = world.manager().try_validate(token, &context) else {
            continue;
        };
        let mut resolved = pin!(pending.resolve(&context));
        let mut task = Context::from_waker(Waker::noop());
        if let Poll::Ready(Verdict::Denied(denial)) = resolved.as_mut().poll(&mut task) {
            refused += u32::from(denial.reason() == DenialReason::Tag);
        }
    }
    refused
}
