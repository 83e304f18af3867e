use std::path::Path;

use portcullis_core::key::{KeyFilter, KeyStatus};
use portcullis_core::store::conformance::at;
use portcullis_core::store::{Page, PagePosition, PageRequest};
use rusqlite::Connection;

use super::Fault;
use super::keys::{Keys, fault};
use super::measure::measured_page;
use crate::sqlite::list::page;
use crate::sqlite::list::place::{Order, Place};
use crate::sqlite::list::plan::Plan;
use crate::sqlite::schema;

/// How many keys a page has that is measured.
const LIMIT: u32 = 20;
/// Over how many pages a mean is taken.
const PAGES: u64 = 20;

/// A database of so many keys.
#[derive(Debug)]
pub struct Sample {
    connection: Connection,
    keys: Keys,
}

impl Sample {
    /// A sample of `count` keys (10,000 and more), in memory.
    ///
    /// # Errors
    ///
    /// [`Fault`] where SQLite fails.
    pub fn in_memory(count: i64) -> Result<Self, Fault> {
        Self::over(Connection::open_in_memory()?, count)
    }

    /// The same in a file that does not exist yet, and that nobody keeps: it is
    /// not synced.
    ///
    /// # Errors
    ///
    /// [`Fault`] where SQLite fails.
    pub fn at(path: &Path, count: i64) -> Result<Self, Fault> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "cache_size", -256 * 1_024)?;
        Self::over(connection, count)
    }

    fn over(mut connection: Connection, count: i64) -> Result<Self, Fault> {
        schema::fill(&mut connection)?;
        // Looking for what each row refers to would only take time.
        connection.pragma_update(None, "foreign_keys", false)?;
        let keys = Keys { count };
        keys.write(&connection)?;
        Ok(Self { connection, keys })
    }

    /// Reads a page, and counts its steps.
    pub(in crate::sqlite::list) fn page(
        &mut self,
        filter: &KeyFilter,
        after: Option<PagePosition>,
        limit: u32,
    ) -> Result<(Page, u64), Fault> {
        let request = request(filter, after, limit);
        measured_page(&mut self.connection, &request).map_err(fault)
    }

    /// Reads the first page, without counting, and says how many keys it has.
    ///
    /// # Errors
    ///
    /// [`Fault`] where it cannot be read.
    pub fn first_page(&mut self, filter: &KeyFilter) -> Result<usize, Fault> {
        let page = page(&mut self.connection, &request(filter, None, LIMIT));
        Ok(page.map_err(fault)?.keys.len())
    }

    /// The steps of the first page, and, where there are as many, of full ones
    /// in the middle and at the end.
    ///
    /// # Errors
    ///
    /// [`Fault`] where a page cannot be read, or is not full.
    pub fn steps(&mut self, filter: &KeyFilter) -> Result<Vec<u64>, Fault> {
        let (first, steps) = self.page(filter, None, LIMIT)?;
        let mut all = vec![steps];
        if first.next.is_some() {
            for after in [self.middle(filter), self.before_last(filter)?] {
                let (page, steps) = self.page(filter, after, LIMIT)?;
                if !is_full(&page) {
                    return Err(format!("{} keys in a page", page.keys.len()).into());
                }
                all.push(steps);
            }
        }
        Ok(all)
    }

    /// The steps of the first page, and the mean of those in the middle: where
    /// several lists meet, no two pages are quite the same.
    ///
    /// # Errors
    ///
    /// [`Fault`] where a page cannot be read.
    pub fn mean_steps(&mut self, filter: &KeyFilter) -> Result<Vec<u64>, Fault> {
        let (first, steps) = self.page(filter, None, LIMIT)?;
        let mut all = vec![steps];
        let (mut after, mut pages, mut sum) = (self.middle(filter), 0_u64, 0_u64);
        while first.next.is_some() && after.is_some() && pages < PAGES {
            let (page, steps) = self.page(filter, after, LIMIT)?;
            if is_full(&page) {
                (pages, sum) = (pages + 1, sum + steps);
            }
            after = page.next;
        }
        all.extend(sum.checked_div(pages));
        Ok(all)
    }

    fn middle(&self, filter: &KeyFilter) -> Option<PagePosition> {
        self.position(filter, |length| length / 2)
    }

    /// Where exactly one full page follows.
    fn before_last(&mut self, filter: &KeyFilter) -> Result<Option<PagePosition>, Fault> {
        let mut length = 1;
        loop {
            let here = self.position(filter, |_| length);
            let (page, _) = self.page(filter, here.clone(), 1_000)?;
            let left = u32::try_from(page.keys.len())?;
            match left.checked_sub(LIMIT) {
                None => length *= 2,
                Some(0) => return Ok(here),
                Some(more) => return Ok(self.page(filter, here, more)?.0.next),
            }
        }
    }

    /// A position by how far its value is from the last one, given the length of
    /// all values.
    fn position(&self, filter: &KeyFilter, back: impl Fn(i64) -> i64) -> Option<PagePosition> {
        let plan = Plan::of(filter, at(0));
        let endless = matches!(filter.status, Some(KeyStatus::Active | KeyStatus::Disabled));
        // Behind those without an expiry.
        let number = u8::from(endless && plan.order == Order::Expiry);
        let stretch = plan.stretches.get(usize::from(number))?;
        let (from, until) = match plan.order {
            Order::Creation => (Keys::created(0), Keys::created(self.keys.count)),
            Order::LastUse | Order::Expiry => (self.keys.tenths(0), self.keys.tenths(10)),
        };
        let from = plan.start_of(number).value.max(from.as_millis());
        let until = stretch.until.min(until.as_millis());
        let place = Place {
            stretch: number,
            value: until - back(until - from),
            number: 0,
        };
        place.write(plan.order)
    }
}

fn request(filter: &KeyFilter, after: Option<PagePosition>, limit: u32) -> PageRequest {
    PageRequest {
        filter: filter.clone(),
        after,
        limit,
        now: at(0),
    }
}

fn is_full(page: &Page) -> bool {
    u32::try_from(page.keys.len()) == Ok(LIMIT)
}
