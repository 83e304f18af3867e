//! The second listener, for those who run the gateway: health and metrics.
//!
//! | path | answer |
//! |---|---|
//! | `/healthz` | 200 while the process runs |
//! | `/readyz` | 200 while requests can be decided; 503 while the store is unheard of for longer than S, or while the gateway drains. JSON says which |
//! | `/metrics` | Prometheus' text format |
//!
//! A store that takes no changes, because its disk is full, may only be read or
//! fails, leaves the gateway ready: keys that are cached or can be read are
//! decided as before, and to take this gateway out would help nobody. `/readyz`
//! says so in `store.writable` and `store.fault` (`full`, `read_only`,
//! `failing`), `/metrics` in `portcullis_store_writable`, 0 until the store takes
//! changes again.
//!
//! So does a keyring that lacks a root under which the store's keys are made:
//! every key that it can prove is decided as before. `/readyz` names such roots
//! in `keyring.missing_roots`, `/metrics` counts them in
//! `portcullis_keyring_missing_roots`, and the log tells once how it ends: by a
//! restart with a keyring that has them.
//!
//! And so does a configuration that was read while the gateway serves: `config.valid` and
//! `config.error` tell of one with faults, which changes nothing, `config.restart_needed` names the
//! fields of the one that counts which wait for a restart.
//!
//! So does an upstream that is away: `upstreams` has for each how many of its endpoints are `in`,
//! how many are `left_out` for being down or failing, and how many names are `unresolved`.

mod readiness;
mod router;
#[cfg(test)]
mod tests;

pub(crate) use readiness::Readiness;
pub(crate) use router::{State, router};
