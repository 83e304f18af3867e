use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::Notice;

/// What somebody wants to say beside a refusal, or in place of its body.
#[derive(Clone)]
pub(crate) struct Hook(Arc<Change>);

type Change = dyn Fn(&Notice, &mut Response<Bytes>) + Send + Sync;

impl Hook {
    pub(crate) fn new(
        change: impl Fn(&Notice, &mut Response<Bytes>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(change))
    }

    /// The response as the hook leaves it; as it was where the hook panics:
    /// its own mistake must not take the refusal's words away, nor end the
    /// connection.
    pub(super) fn apply(&self, notice: &Notice, plain: Response<Bytes>) -> Response<Bytes> {
        let mut changed = plain.clone();
        match catch_unwind(AssertUnwindSafe(|| (self.0)(notice, &mut changed))) {
            Ok(()) => changed,
            Err(_panic) => {
                tracing::error!(refusal = %notice.kind(), "the hook of refusals panicked");
                plain
            }
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook(..)")
    }
}
