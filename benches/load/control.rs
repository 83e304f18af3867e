//! What a proxy's process and this bench tell each other, line by line: over standard input and
//! output, which no other process can reach, and which close when either of them dies.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use portcullis_benches::Failure;
use rustix::time::{ClockId, clock_gettime};

use crate::proxy::Role;

/// The line on which the process answers with its CPU time so far, in nanoseconds.
pub(crate) const CPU: &str = "cpu";
/// The line after its address and its tokens.
pub(crate) const READY: &str = "ready";

/// The longest that a proxy may take to begin and to end; under valgrind either takes seconds.
pub(crate) const END: Duration = Duration::from_secs(30);

/// Serves until standard input closes, as it does when whoever started this is gone.
pub(crate) fn serve(role: Role, upstream: SocketAddr, keys: u16) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let proxy = runtime.block_on(role.start(upstream, keys))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", proxy.address)?;
    for token in &proxy.tokens {
        writeln!(out, "{token}")?;
    }
    writeln!(out, "{READY}")?;
    for line in io::stdin().lines() {
        if line? == CPU {
            let spent = clock_gettime(ClockId::ProcessCPUTime);
            writeln!(out, "{}", spent.tv_sec * 1_000_000_000 + spent.tv_nsec)?;
        }
    }
    // A proxy that has ended already said why.
    let _ = proxy.stop.send(());
    runtime.block_on(async { tokio::time::timeout(END, proxy.served).await })??
}
