use memchr::memchr;

use super::vet::is_token;
use crate::server::HeadFault;

/// The search for the end of a head, which goes on where it stopped: a head that comes octet by
/// octet costs no more than one that comes at once.
#[derive(Debug, Default)]
pub(super) struct HeadEnd {
    scanned: usize,
    /// Where the line that is being scanned begins.
    line: usize,
    /// How many lines there were, but for an empty one before them.
    lines: usize,
}

impl HeadEnd {
    /// Behind the empty line that ends the head that these octets begin with, of which those that
    /// were there at the last call are the same still. `None` where it has not come yet.
    ///
    /// What decides is the first thing that is wrong, and so does not depend on how many octets
    /// are there.
    ///
    /// # Errors
    ///
    /// A line that does not end as it must, a second empty line before the first, a beginning that
    /// is none of a method, and a head longer than `longest`.
    pub(super) fn find(
        &mut self,
        octets: &[u8],
        longest: usize,
    ) -> Result<Option<usize>, HeadFault> {
        loop {
            self.check_beginning(octets)?;
            let rest = octets.get(self.scanned..).unwrap_or_default();
            let Some(at) = memchr(b'\n', rest).map(|at| self.scanned + at) else {
                break;
            };
            if at >= longest {
                return Err(self.too_long());
            }
            let line = octets.get(self.line..at).unwrap_or_default();
            let before = self.line;
            (self.scanned, self.line) = (at + 1, at + 1);
            match line {
                [b'\r'] if self.lines > 0 => return Ok(Some(at + 1)),
                [b'\r'] if before > 0 => return Err(HeadFault::EmptyLines),
                [b'\r'] => {}
                [.., b'\r'] => self.lines += 1,
                _ => return Err(HeadFault::BareLineFeed),
            }
        }
        self.scanned = octets.len();
        match octets.len() >= longest {
            true => Err(self.too_long()),
            false => Ok(None),
        }
    }

    /// What speaks another protocol, TLS for example, may wait for an answer before it sends what
    /// ends a line.
    fn check_beginning(&self, octets: &[u8]) -> Result<(), HeadFault> {
        match octets.get(self.line) {
            Some(first) if self.lines == 0 && !is_token(*first) && !b"\r\n".contains(first) => {
                Err(HeadFault::Method)
            }
            _ => Ok(()),
        }
    }

    /// RFC 9112 section 3: a target longer than any that is read has a status of its own.
    const fn too_long(&self) -> HeadFault {
        match self.lines {
            0 => HeadFault::TargetTooLong,
            _ => HeadFault::TooLong,
        }
    }
}
