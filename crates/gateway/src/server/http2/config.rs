use std::time::Duration;

use crate::setting::{InvalidSetting, check_count, check_duration};

/// What one listener allows clients that speak HTTP/2, beside what it allows them all
/// ([`ServerConfig`](crate::server::ServerConfig)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Http2Config {
    /// Requests of one connection at the same time; further ones are refused with
    /// `REFUSED_STREAM`. 1 to 1,000; 100 by default, the least that RFC 9113 section 6.5.2
    /// recommends, and what most clients begin with before they know.
    pub streams: usize,
    /// The time between two questions whether the client is still there; the connection is closed
    /// where no answer comes within 20 s. 1 s to 1 h; 30 s by default.
    pub ping: Duration,
    /// Streams that may be reset at once, by the client or for what it sent; a twentieth as many a
    /// second after that, and one for every four that are answered. A client that goes beyond is
    /// told to go with `ENHANCE_YOUR_CALM`. 20 to 1,000,000; 200 by default.
    pub resets: usize,
    /// The same for frames that carry nothing of a request: settings, pings, windows, priorities,
    /// empty pieces of bodies. Requests and bodies, either way, allow for more. 20 to 1,000,000;
    /// 1,000 by default.
    pub control_frames: usize,
}

impl Default for Http2Config {
    fn default() -> Self {
        Self {
            streams: 100,
            ping: Duration::from_secs(30),
            resets: 200,
            control_frames: 1_000,
        }
    }
}

impl Http2Config {
    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`InvalidSetting`] names the first field that is outside of it.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let ping = Duration::from_secs(1)..=Duration::from_hours(1);
        let budget = 20..=1_000_000;
        check_count("streams", self.streams, 1..=1_000, "streams")?;
        check_duration("ping", self.ping, ping)?;
        check_count("resets", self.resets, budget.clone(), "streams")?;
        check_count("control_frames", self.control_frames, budget, "frames")
    }
}
