use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::support::Folder;

pub(super) const PAGE: usize = 4_096;
pub(super) const LOG_HEADER: usize = 32;
pub(super) const FRAME: usize = 24 + PAGE;

/// The files of a database, as a killed process leaves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) main: Vec<u8>,
    pub(super) log: Option<Vec<u8>>,
    pub(super) note: Option<Vec<u8>>,
    pub(super) index: Option<Vec<u8>>,
}

impl Files {
    pub(super) fn read(path: &Path) -> Self {
        let beside = |suffix: &str| fs::read(format!("{}{suffix}", path.display())).ok();
        Self {
            main: fs::read(path).expect("a database"),
            log: beside("-wal"),
            note: beside("-head"),
            index: None,
        }
    }

    pub(super) fn write(&self, path: &Path) {
        let beside = |suffix: &str, bytes: &Option<Vec<u8>>| {
            if let Some(bytes) = bytes {
                fs::write(format!("{}{suffix}", path.display()), bytes).expect("written");
            }
        };
        fs::write(path, &self.main).expect("written");
        beside("-wal", &self.log);
        beside("-head", &self.note);
        beside("-shm", &self.index);
    }

    /// Whether they are at the path as they were written. The index of the log
    /// is SQLite's own scratch, which says nothing that the log does not; nor
    /// does a log that is empty.
    pub(super) fn are_untouched(&self, path: &Path) -> bool {
        let now = Self::read(path);
        let log = |files: &Self| files.log.clone().unwrap_or_default();
        (&now.main, log(&now), &now.note) == (&self.main, log(self), &self.note)
    }

    /// How many whole frames the log has.
    pub(super) fn frames(&self) -> usize {
        let length = self.log.as_ref().map_or(0, Vec::len);
        length.saturating_sub(LOG_HEADER) / FRAME
    }
}

/// Reads a database for as long as what is returned lives: its log is not moved
/// into the file meanwhile.
pub(super) fn hold_log(path: &Path) -> Connection {
    let raw = crate::support::raw(path);
    raw.execute_batch("BEGIN; SELECT count(*) FROM head")
        .expect("a snapshot");
    raw
}

/// The files of a database that is open.
pub(super) fn snapshot(folder: &Folder, name: &str) -> Files {
    Files::read(&folder.path(name))
}

/// Numbers that look random, the same ones for the same seed (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = usize::try_from((z ^ (z >> 31)) >> 1).expect("63 bits");
        number % sides.max(1)
    }

    pub(super) fn flip(&mut self, bytes: &mut [u8]) {
        let at = self.roll(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << self.roll(8);
        }
    }

    /// Fills a part, up to `longest` bytes, with what `byte` gives.
    pub(super) fn fill(
        &mut self,
        bytes: &mut [u8],
        longest: usize,
        byte: impl Fn(&mut Self) -> u8,
    ) {
        let from = self.roll(bytes.len());
        let length = 1 + self.roll(longest);
        for target in bytes.iter_mut().skip(from).take(length) {
            *target = byte(self);
        }
    }
}
