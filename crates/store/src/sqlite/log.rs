//! What SQLite does not say of its write-ahead log.
//!
//! SQLite reads the log up to the first frame that is not whole, and takes that
//! for its end: the last transaction of a machine that lost its power. Where
//! the damage lies further up, what was committed behind it is gone without a
//! word. So the log is read once before a database is opened.
//!
//! The format is that of <https://www.sqlite.org/fileformat2.html#walformat>.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use portcullis_core::store::StoreErrorKind;

use super::error::Failure;
use super::identity::beside;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const SMALLEST_PAGE: u32 = 512;
const GREATEST_PAGE: u32 = 65_536;
const MAGIC: u32 = 0x377f_0682;
const FORMAT: u32 = 3_007_000;

/// The log may be written while it is read, and then looks damaged: that is
/// said where two readings of a log that nobody wrote to in between agree.
const READINGS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// What is wrong with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    /// Its first bytes: SQLite would leave out all of it.
    Header,
    /// The frame of this number, from 1, with committed ones behind it.
    Frame(u64),
}

/// Fails where the log of the database at the path holds commits that SQLite
/// would leave out. A log that merely ends early is whole: that is what a loss
/// of power leaves of a change that nobody was told of.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let log = beside(path, "-wal");
    let Some(damage) = settle(|| read(&log))? else {
        return Ok(());
    };
    let part = match damage {
        Damage::Header => "header".to_owned(),
        Damage::Frame(number) => format!("frame {number}"),
    };
    let message = format!(
        "the database is damaged: the {part} of its log {} is not as it was written, and changes \
         that were committed lie behind it",
        log.display()
    );
    Err(Failure::new(StoreErrorKind::Corrupt, message))
}

/// Reads until there is no damage, or the same twice without a write in
/// between. A log that is written to all the time says nothing of itself.
fn settle(
    mut read: impl FnMut() -> Result<Option<(Damage, SystemTime)>, Failure>,
) -> Result<Option<Damage>, Failure> {
    let mut found = read()?;
    for _ in 1..READINGS {
        let Some(before) = found else {
            return Ok(None);
        };
        thread::sleep(PAUSE);
        found = read()?;
        if found == Some(before) {
            return Ok(Some(before.0));
        }
    }
    match found {
        None => Ok(None),
        Some(_) => {
            let message = "the log of the database is written to all the time, and could not be \
                           looked at";
            Err(Failure::new(StoreErrorKind::Busy, message))
        }
    }
}

/// The damage of the log at the path, and when that was last written to.
fn read(log: &Path) -> Result<Option<(Damage, SystemTime)>, Failure> {
    // SQLite keeps no lock on this file that closing it could drop.
    let read = || -> io::Result<_> {
        let file = File::open(log)?;
        let written = file.metadata()?.modified()?;
        Ok(scan(BufReader::new(file))?.map(|damage| (damage, written)))
    };
    let found = match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        found => found,
    };
    found.map_err(|error| {
        let message = format!("{} cannot be read: {error}", log.display());
        Failure::new(StoreErrorKind::Unavailable, message)
    })
}

fn scan(mut log: impl Read) -> io::Result<Option<Damage>> {
    let mut bytes = [0; HEADER];
    if !fill(&mut log, &mut bytes)? {
        return Ok(None);
    }
    let Some(header) = Header::of(&bytes) else {
        // Headers reach the disk before what follows them does.
        let mut frame = [0; FRAME_HEADER + SMALLEST_PAGE as usize];
        return Ok(fill(&mut log, &mut frame)?.then_some(Damage::Header));
    };
    let mut page = vec![0; header.page_size];
    let (mut number, mut sum, mut end) = (0_u64, header.sum, None);
    // Behind the end: whether the frame before is one that committed.
    let mut committed = false;
    let mut frame = [0; FRAME_HEADER];
    while fill(&mut log, &mut frame)? && fill(&mut log, &mut page)? {
        number += 1;
        let frame = Frame::of(&frame);
        let ours = frame.salts == header.salts;
        let follows = ours && header.add(header.add(sum, frame.signed), &page) == frame.sum;
        match end {
            None if follows && frame.page != 0 => {}
            None => (end, committed) = (Some(number), ours && frame.commits),
            // It was written after a commit that SQLite would not come to.
            Some(end) if follows && committed => return Ok(Some(Damage::Frame(end))),
            Some(_) => committed = ours && frame.commits,
        }
        sum = frame.sum;
    }
    Ok(None)
}

/// Whether there was enough to fill the buffer.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

type Sum = (u32, u32);

struct Header {
    page_size: usize,
    big_endian: bool,
    salts: (u32, u32),
    sum: Sum,
}

impl Header {
    fn of(bytes: &[u8; HEADER]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let mut words = words.iter().map(|word| u32::from_be_bytes(*word));
        let mut word = || words.next();
        let (magic, format, page_size) = (word()?, word()?, word()?);
        let (_checkpoints, salts, sum) = (word()?, (word()?, word()?), (word()?, word()?));
        let allowed =
            page_size.is_power_of_two() && (SMALLEST_PAGE..=GREATEST_PAGE).contains(&page_size);
        let header = Self {
            page_size: usize::try_from(page_size).ok()?,
            big_endian: magic & 1 == 1,
            salts,
            sum,
        };
        let summed = header.add((0, 0), bytes.get(..24)?) == sum;
        (magic & !1 == MAGIC && format == FORMAT && allowed && summed).then_some(header)
    }

    /// Adds bytes, a multiple of eight, to a checksum of the log.
    fn add(&self, (mut one, mut two): Sum, bytes: &[u8]) -> Sum {
        let word = |bytes: [u8; 4]| {
            if self.big_endian {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let (pairs, _) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in pairs {
            one = one.wrapping_add(word([a, b, c, d])).wrapping_add(two);
            two = two.wrapping_add(word([e, f, g, h])).wrapping_add(one);
        }
        (one, two)
    }
}

struct Frame<'a> {
    page: u32,
    /// Whether it is the last of its transaction.
    commits: bool,
    salts: (u32, u32),
    sum: Sum,
    /// What of the header its checksum is over.
    signed: &'a [u8],
}

impl<'a> Frame<'a> {
    fn of(bytes: &'a [u8; FRAME_HEADER]) -> Self {
        let &[
            p0,
            p1,
            p2,
            p3,
            c0,
            c1,
            c2,
            c3,
            s0,
            s1,
            s2,
            s3,
            t0,
            t1,
            t2,
            t3,
            a0,
            a1,
            a2,
            a3,
            b0,
            b1,
            b2,
            b3,
        ] = bytes;
        Self {
            page: u32::from_be_bytes([p0, p1, p2, p3]),
            commits: [c0, c1, c2, c3] != [0; 4],
            salts: (
                u32::from_be_bytes([s0, s1, s2, s3]),
                u32::from_be_bytes([t0, t1, t2, t3]),
            ),
            sum: (
                u32::from_be_bytes([a0, a1, a2, a3]),
                u32::from_be_bytes([b0, b1, b2, b3]),
            ),
            signed: bytes.first_chunk::<8>().map_or(&[], |signed| signed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use portcullis_core::store::StoreErrorKind;

    use super::{Damage, settle};

    #[test]
    fn damage_is_told_where_nobody_wrote_and_a_log_in_use_is_busy() {
        let time = |n| SystemTime::UNIX_EPOCH + Duration::from_secs(n);
        let damaged = |n| Ok(Some((Damage::Frame(3), time(n))));
        // Each time it is looked at, somebody has written to it.
        let mut n = 0;
        let failure = settle(|| {
            n += 1;
            damaged(n)
        });
        let failure = failure.expect_err("nothing is known of it");
        assert_eq!(failure.kind(), StoreErrorKind::Busy);
        // Written to at first, and then no more.
        let mut n = 0;
        let found = settle(|| {
            n += 1;
            damaged(n.min(4))
        });
        assert_eq!(found.expect("read"), Some(Damage::Frame(3)));
        // What looked like damage was somebody's writing.
        let mut n = 0;
        let found = settle(|| {
            n += 1;
            if n < 4 { damaged(n) } else { Ok(None) }
        });
        assert_eq!(found.expect("read"), None);
    }
}
