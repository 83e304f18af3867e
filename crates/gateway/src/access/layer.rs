use tower::Layer;

use super::AccessLog;
use super::service::Access;

/// Keeps a record of each request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct AccessLayer {
    log: AccessLog,
}

impl AccessLayer {
    /// Records go to `log`.
    pub(crate) const fn new(log: AccessLog) -> Self {
        Self { log }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access::new(inner, self.log.clone())
    }
}
