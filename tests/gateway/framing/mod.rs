//! Show 4: what two servers could read in two ways is read by one of them in none.
//!
//! The gateway stands before an upstream that reads as strictly as RFC 9112 allows and remembers
//! what it read. For each row of the tables the upstream gets all of a request or nothing of it, or
//! a request that plainly broke off; and the connection goes on, or ends, as the row says.

mod ambiguous;
mod broken;
mod case;
mod client;
mod hidden;
mod lane;
mod legal;
mod shows;
mod strict;
mod upstream;
