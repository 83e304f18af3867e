//! The algorithm, apart from whose state it runs on.
//!
//! governor has one quota a limiter, and counts time from the limiter's own
//! start. Here a limiter lives on the stack for one check: it borrows the
//! state, and its start is the clock's epoch, so that state made hours ago
//! still means what it meant.

mod allowance;
mod rate;
mod state;

pub use allowance::Allowance;
pub(crate) use rate::check;
pub(crate) use state::RateState;

#[cfg(test)]
mod tests;
