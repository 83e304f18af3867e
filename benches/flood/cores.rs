use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A core for those who are timed, and the others for everything else. Where threads share a core,
/// whoever wakes up takes it from a caller in the middle of a call, and what is timed then is the
/// scheduler.
pub(crate) struct Cores {
    timed: CpuSet,
    others: CpuSet,
}

impl Cores {
    /// Sends this thread, and those that it starts from now on, to the others.
    ///
    /// # Errors
    ///
    /// Where there is one core alone, and what the operating system says.
    pub(crate) fn divide() -> io::Result<Self> {
        let mut others = sched_getaffinity(None)?;
        let last = (0..CpuSet::MAX_CPU).rfind(|core| others.is_set(*core));
        let (Some(last), 2..) = (last, others.count()) else {
            return Err(io::Error::other("it takes two cores"));
        };
        others.unset(last);
        let mut timed = CpuSet::new();
        timed.set(last);
        sched_setaffinity(None, &others)?;
        Ok(Self { timed, others })
    }

    /// Runs this on the core for those who are timed.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub(crate) fn timed<T>(&self, run: impl FnOnce() -> T) -> io::Result<T> {
        sched_setaffinity(None, &self.timed)?;
        let result = run();
        sched_setaffinity(None, &self.others)?;
        Ok(result)
    }
}
