//! A whole small application, and how it tests itself.
//!
//! Each owner has a book of orders: `GET /orders` shows it (permission
//! `orders:read`), `POST /orders` adds to it (`orders:write`, which the
//! example's own key lacks), `GET /orders/count` tells everybody how many there
//! are and holders of a key how many are theirs. The application is in `app`;
//! its tests, against a real manager by `portcullis::testing`, are in `tests`.

mod app;
mod book;
mod run;

pub use app::app;
pub use run::run;

#[cfg(test)]
mod tests;
