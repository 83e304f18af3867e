//! What a key may do.
//!
//! A [`Scope`] is granted and may hold wildcards; a [`Permission`] is required
//! and never does. Both are made of one to eight segments of lower-case
//! letters, digits, `.`, `_` and `-`, joined by `:`.
//!
//! | granted | required | allowed |
//! |---|---|---|
//! | `orders:read` | `orders:read` | yes |
//! | `orders:read` | `orders:write` | no |
//! | `orders:read` | `orders:read:own` | no |
//! | `orders:read:own` | `orders:read` | no |
//! | `orders` | `order` | no |
//! | `order` | `orders` | no |
//! | `orders:*` | `orders:read` | yes |
//! | `orders:*` | `orders:read:own` | yes |
//! | `orders:*` | `orders` | no |
//! | `orders:*` | `orders2:read` | no |
//! | `*:read` | `orders:read` | yes |
//! | `*:read` | `orders:old:read` | no |
//! | `*:read` | `read` | no |
//! | `a:*:c` | `a:b:c` | yes |
//! | `a:*:c` | `a:b:b:c` | no |
//! | `a:*:c` | `a:c` | no |
//! | `a:*:*` | `a:b` | no |
//! | `a:*:*` | `a:b:c:d` | yes |
//! | `*` | `orders` | yes |
//! | `*` | `a:b:c:d:e:f:g:h` | yes |
//!
//! A `*` is a whole segment: in the middle it stands for exactly one segment,
//! at the end for one or more. The table is the test: each of its rows is tried.

mod granted;
mod permission;
mod requirement;
mod set;

pub use granted::Scope;
pub use permission::Permission;
pub use requirement::Requirement;
pub use set::Scopes;
