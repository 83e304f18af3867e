use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// The cryptography that is used everywhere. It is given to each configuration, and is nobody's
/// default: where a second one is compiled in, rustls panics over the question which is meant.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
