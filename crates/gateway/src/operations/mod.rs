//! The second listener, for those who run the gateway: health and metrics.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 while the process runs |
//! | `/readyz` | 200 while requests can be decided; 503 while the store is unheard of for longer than S, or while the gateway drains. JSON says which |
//! | `/metrics` | Prometheus' text format |

mod readiness;
mod router;

pub(crate) use readiness::Readiness;
pub(crate) use router::{State, router};
