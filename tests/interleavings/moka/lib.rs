//! moka as the core sees it in this test: a cache that forgets when it likes,
//! and, worse than moka, does not always forget when it is told to.
//!
//! What counts is never the cache's decision: the core must be right with any.
//! This one's whims belong to the schedule, where moka's own depend on the
//! machine's clock, and one is made and dropped in no time.

pub mod sync;
