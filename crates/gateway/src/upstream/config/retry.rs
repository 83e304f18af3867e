use http::StatusCode;

use super::Percent;
use crate::setting::{InvalidSetting, check_count};

/// What is sent again, and how often.
///
/// A request of which nothing was sent goes elsewhere without a price: nothing is done twice, and
/// no server has more to do for it. Whatever was sent and is sent again is paid for from a budget,
/// so that an upstream in trouble is not asked twice by everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryConfig {
    /// How often a request is tried in all, the first time included. 1 to 10; 3 by default.
    pub attempts: usize,
    /// How many may be repeated of all requests of the last ten seconds. 20% by default. Counted
    /// by whole requests: 30% is every fourth one.
    pub ratio: Percent,
    /// How many more may be repeated for each of the last ten seconds, so that it is possible with
    /// few requests as well. 0 to 1,000; 10 by default.
    pub per_second: usize,
    /// Answers that are taken for none while another address can be asked; those of the last one
    /// that is asked count. 4xx and 5xx, at most 16; none by default.
    pub statuses: Vec<StatusCode>,
}

impl RetryConfig {
    pub(super) fn check(&self) -> Result<(), InvalidSetting> {
        check_count("retry.attempts", self.attempts, 1..=10, "attempts")?;
        check_count(
            "retry.per_second",
            self.per_second,
            0..=1_000,
            "repetitions",
        )?;
        let are_errors = self
            .statuses
            .iter()
            .all(|status| status.is_client_error() || status.is_server_error());
        match are_errors && self.statuses.len() <= 16 {
            true => Ok(()),
            false => Err(InvalidSetting::new(
                "retry.statuses",
                "at most 16 statuses of 400 to 599",
            )),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: 3,
            ratio: Percent::of(20),
            per_second: 10,
            statuses: Vec::new(),
        }
    }
}
