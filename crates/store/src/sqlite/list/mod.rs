//! Listing: pages of keys by every part of a filter, whose cost depends on the
//! page and not on how many keys there are.
//!
//! Each part of a filter names a [`List`](lists::List): the entries of one
//! index, by creation. Where several parts are given, their lists are walked
//! together: each in turn is asked for its first entry at or after the place
//! where the others stand, until all stand at the same one. So the list with
//! the fewest entries sets the pace, whichever that is.
//!
//! What cannot be a list by creation is walked by its own value, the rest being
//! looked up in the row. The first that applies of these decides:
//!
//! | given | order | walked together | looked up in the row |
//! |---|---|---|---|
//! | owner, scope, name, or never used | creation | these, service, environment, start of `created` | the rest |
//! | last used within | last use | with the service | the rest |
//! | expires before | state, then expiry | with the service | the rest |
//! | created within | creation | service, environment | the rest |
//! | status | state, then expiry | with the service | the rest |
//! | else | creation | service, environment | nothing |
//!
//! So each part alone, each together with the service, and every combination of
//! those of the first row has the index that it needs. Of others the rows
//! that are looked up in vain count: a page looks at [`LOOKS`](page::LOOKS)
//! entries and rows at most, and then is short, or empty, and says where to go
//! on.
//!
//! An order by creation never changes. In one by last use or by expiry a key
//! that is used, or whose state or expiry changes, moves: a walk may meet it
//! again, or not.

mod lists;
mod page;
mod place;
mod plan;
#[cfg(any(test, feature = "testing"))]
pub mod sample;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use lists::QUERIES;
pub(super) use lists::parts;
pub(super) use page::page;
