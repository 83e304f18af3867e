use portcullis_core::clock::Timestamp;
use portcullis_core::key::{Key, KeyId};
use portcullis_core::store::{DamagedKey, Page, PageRequest, StoreError, StoreErrorKind};
use rusqlite::{Connection, OptionalExtension as _};

use super::place::Place;
use super::plan::{Plan, Stretch};
use crate::sqlite::error::Failure;
use crate::sqlite::read;
use crate::sqlite::row::Fields;

/// The most index entries and rows that are looked at for one page: enough for
/// the longest page of a filter with three parts, and little enough that nobody
/// who reads a key waits for more than some milliseconds behind it.
pub(super) const LOOKS: u32 = 5_000;

const ID: &str = "SELECT id FROM keys WHERE number = ?1";
const LAST_USE: &str = "SELECT last_used_at FROM usage WHERE key = ?1";

/// Reads one page, in one snapshot.
pub(in crate::sqlite) fn page(
    connection: &mut Connection,
    request: &PageRequest,
) -> Result<Page, Failure> {
    let plan = Plan::of(&request.filter, request.now);
    let mut place = plan.start(request.after.as_ref())?;
    let snapshot = connection.transaction()?;
    let mut walk = Walk {
        connection: &snapshot,
        plan: &plan,
        looks: LOOKS,
    };
    let limit = usize::try_from(request.limit.max(1)).unwrap_or(usize::MAX);
    let (mut keys, mut damaged) = (Vec::new(), Vec::new());
    let next = loop {
        match walk.next(place)? {
            Met::Entry(found) if keys.len() + damaged.len() < limit && walk.look() => {
                match wanted(&snapshot, found.number, request) {
                    Ok(key) => keys.extend(key),
                    // It hides no other: they are what somebody looks for who
                    // has to revoke all of them.
                    Err(failure) if failure.kind() == StoreErrorKind::Corrupt => {
                        damaged.push(unread(&snapshot, found.number, failure));
                    }
                    Err(failure) => return Err(failure),
                }
                place = found.after();
            }
            Met::Entry(here) | Met::Bound(here) => break here.write(plan.order),
            Met::End => break None,
        }
    };
    Ok(Page {
        keys,
        damaged,
        next,
    })
}

fn unread(connection: &Connection, number: i64, failure: Failure) -> DamagedKey {
    let id = connection
        .prepare_cached(ID)
        .and_then(|mut statement| statement.query_row([number], |row| row.get(0)));
    DamagedKey {
        id: id.ok().map(KeyId::from_bytes),
        fault: StoreError::from(failure).to_string(),
    }
}

/// Reads the key of a row, if it is one of those asked for.
fn wanted(
    connection: &Connection,
    number: i64,
    request: &PageRequest,
) -> Result<Option<Key>, Failure> {
    let key = read::key_of_row(connection, number)?;
    let last_used_at = match request.filter.last_used {
        Some(_) => last_use(connection, number)?,
        None => None,
    };
    let matches = request.filter.matches(&key, last_used_at, request.now);
    Ok(matches.then_some(key))
}

fn last_use(connection: &Connection, key: i64) -> Result<Option<Timestamp>, Failure> {
    let mut statement = connection.prepare_cached(LAST_USE)?;
    let found = statement.query_row([key], |row| {
        Ok(Fields::new(row, "usage", &key).optional_time("last_used_at"))
    });
    Ok(found.optional()?.transpose()?.flatten())
}

/// A walk over a plan's entries that looks at a bounded number of them.
struct Walk<'a> {
    connection: &'a Connection,
    plan: &'a Plan<'a>,
    looks: u32,
}

/// What a walk meets next.
enum Met {
    /// An entry that every list has.
    Entry(Place),
    /// The bound, at this place.
    Bound(Place),
    End,
}

impl Walk<'_> {
    /// Takes one look; false where there is none left.
    fn look(&mut self) -> bool {
        let left = self.looks.checked_sub(1);
        self.looks = left.unwrap_or(0);
        left.is_some()
    }

    /// The first entry at or after the place that all lists of its stretch
    /// have, or of a later stretch.
    fn next(&mut self, mut place: Place) -> Result<Met, Failure> {
        while let Some(stretch) = self.plan.stretches.get(usize::from(place.stretch)) {
            match self.next_of(stretch, place)? {
                Met::End => place = self.plan.start_of(place.stretch.saturating_add(1)),
                met => return Ok(met),
            }
        }
        Ok(Met::End)
    }

    fn next_of(&mut self, stretch: &Stretch<'_>, mut place: Place) -> Result<Met, Failure> {
        // How many lists in a row have the entry at the place.
        let mut agreed = 0;
        for list in stretch.lists.iter().cycle() {
            if !self.look() {
                return Ok(Met::Bound(place));
            }
            match list.seek(self.connection, place.value, place.number)? {
                Some((value, number)) if value < stretch.until => {
                    if (value, number) != (place.value, place.number) {
                        agreed = 0;
                    }
                    agreed += 1;
                    place = Place {
                        value,
                        number,
                        ..place
                    };
                }
                _ => break,
            }
            if agreed == stretch.lists.len() {
                return Ok(Met::Entry(place));
            }
        }
        Ok(Met::End)
    }
}
