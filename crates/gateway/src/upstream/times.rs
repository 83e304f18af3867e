use std::time::Duration;

use http::Request;

use super::UpstreamConfig;

/// How long to wait for an upstream with one request, where that is not as its
/// [`UpstreamConfig`] says. As an extension of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExchangeTimes {
    /// Instead of [`UpstreamConfig::response_timeout`].
    pub response: Option<Duration>,
    /// Instead of [`UpstreamConfig::body_timeout`], both ways.
    pub body: Option<Duration>,
}

impl ExchangeTimes {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        request.extensions().get().copied().unwrap_or_default()
    }

    pub(super) fn response(&self, config: &UpstreamConfig) -> Duration {
        self.response.unwrap_or(config.response_timeout)
    }

    pub(super) fn body(&self, config: &UpstreamConfig) -> Duration {
        self.body.unwrap_or(config.body_timeout)
    }
}
