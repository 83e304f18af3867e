use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use portcullis_tests::Place;

use super::authority::{Ca, Pair};

/// How many authorities there are.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// An authority with a name of its own.
pub(crate) fn authority() -> Ca {
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    Ca::new(&format!("authority {number}"))
}

impl Ca {
    /// Writes the root into a file of the folder.
    pub(crate) fn write(&self, place: &Place, name: &str) {
        fs::write(place.path(name), &self.pem).expect("written");
    }
}

impl Pair {
    /// Writes the two files `NAME.pem` and `NAME.key` of the folder.
    pub(crate) fn write(&self, place: &Place, name: &str) {
        let file = |ending, text| fs::write(place.path(&format!("{name}.{ending}")), text);
        file("pem", &self.certificate).expect("written");
        file("key", &self.key).expect("written");
    }
}
