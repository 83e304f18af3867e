//! How each door is built, one page a door.
//!
//! | you have | read |
//! |---|---|
//! | tokens that come by another way than HTTP, or an admin tool | [`library`] |
//! | an axum router | [`axum`](mod@axum) |
//! | a bare hyper server, or any other tower service | [`hyper`] |
//! | a tonic service | [`tonic`] |
//! | clients that are browsers | [`browsers`] |
//! | an application in any language, and no wish to change it | [`gateway`] |
//!
//! Tests of an application are in `portcullis::testing`.
//!
//! What holds for every door: a process has one
//! [`Gatekeeper`](crate::Gatekeeper), whose clones share keys and limits, and
//! ends with [`Gatekeeper::shutdown`](crate::Gatekeeper::shutdown), which
//! writes down what was counted.

#[cfg(feature = "layer")]
pub mod axum;
#[cfg(feature = "layer")]
pub mod browsers;
pub mod gateway;
#[cfg(feature = "layer")]
pub mod hyper;
pub mod library;
#[cfg(feature = "layer")]
pub mod tonic;
