//! What a key may do.
//!
//! A [`Scope`] is granted and may hold wildcards; a [`Permission`] is required
//! and never does. Both are made of one to eight segments of lower-case
//! letters, digits, `.`, `_` and `-`, joined by `:`.
//!
//! | granted      | required           | allowed |
//! |--------------|--------------------|---------|
//! | `orders:read`| `orders:read`      | yes     |
//! | `orders:read`| `orders:read:own`  | no      |
//! | `orders:*`   | `orders:read`      | yes     |
//! | `orders:*`   | `orders:read:own`  | yes     |
//! | `orders:*`   | `orders`           | no      |
//! | `*:read`     | `orders:read`      | yes     |
//! | `*:read`     | `orders:old:read`  | no      |
//! | `*`          | everything         | yes     |
//!
//! A `*` is a whole segment: in the middle it stands for exactly one segment,
//! at the end for one or more.

mod granted;
mod permission;
mod requirement;
mod set;

pub use granted::Scope;
pub use permission::Permission;
pub use requirement::Requirement;
pub use set::Scopes;
