use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use portcullis_admission::Allowance;
use portcullis_core::limits::Rate;

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Room for `"default";r=<u32>;t=<u64>` and for a policy, which is longer by
/// no more than its letters.
const LONGEST: usize = 64;
/// How many policies are kept ready: services have few different rates.
const POLICIES: usize = 8;

/// Writes the fields `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers-11) into responses.
///
/// The policy is called `default`; `q` are requests, `w` the period in
/// seconds, `r` the requests that would pass at once, `t` the seconds until
/// one more would. With a burst above the requests of a period, `r` may exceed
/// `q`.
///
/// ```text
/// RateLimit-Policy: "default";q=10;w=60
/// RateLimit: "default";r=0;t=6
/// ```
#[derive(Debug, Default)]
pub struct RateLimitFields {
    policies: [OnceLock<(Rate, HeaderValue)>; POLICIES],
}

impl RateLimitFields {
    /// Appends both fields: what the inner service says of limits of its own
    /// stays.
    pub fn announce(&self, headers: &mut HeaderMap, allowance: Allowance) {
        if let Some(policy) = self.policy(allowance.rate()) {
            headers.append(RATE_LIMIT_POLICY, policy);
        }
        if let Some(limit) = limit(allowance) {
            headers.append(RATE_LIMIT, limit);
        }
    }

    /// The policy's text, from those kept ready where there is room.
    fn policy(&self, rate: Rate) -> Option<HeaderValue> {
        for place in &self.policies {
            if place.get().is_none() {
                // Where another request takes the place first, the next one is
                // looked at.
                let _ = place.set((rate, policy(rate)?));
            }
            match place.get() {
                Some((kept, value)) if *kept == rate => return Some(value.clone()),
                _ => {}
            }
        }
        policy(rate)
    }
}

/// Whole seconds, rounded up: never earlier than true.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_add(u64::from(duration.subsec_nanos() > 0))
}

fn policy(rate: Rate) -> Option<HeaderValue> {
    value(format_args!(
        "\"default\";q={};w={}",
        rate.requests(),
        whole_seconds(rate.period())
    ))
}

fn limit(allowance: Allowance) -> Option<HeaderValue> {
    let seconds = whole_seconds(allowance.until_next());
    value(format_args!(
        "\"default\";r={};t={seconds}",
        allowance.remaining()
    ))
}

/// Formats on the stack, so that the value is the one allocation.
fn value(text: std::fmt::Arguments<'_>) -> Option<HeaderValue> {
    let mut buffer = [0; LONGEST];
    let mut free = &mut buffer[..];
    free.write_fmt(text).ok()?;
    let length = LONGEST - free.len();
    HeaderValue::from_bytes(buffer.get(..length)?).ok()
}
