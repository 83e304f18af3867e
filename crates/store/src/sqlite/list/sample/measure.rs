use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_core::store::{Page, PageRequest};
use rusqlite::Connection;

use crate::sqlite::error::Failure;
use crate::sqlite::list::page;

/// Reads one page, and counts the steps of SQLite's virtual machine that it
/// took, those of every statement together.
pub(in crate::sqlite) fn measured_page(
    connection: &mut Connection,
    request: &PageRequest,
) -> Result<(Page, u64), Failure> {
    let steps = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&steps);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(1, Some(count))?;
    let page = page(connection, request);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    Ok((page?, steps.load(Ordering::Relaxed)))
}
