use std::borrow::Cow;
use std::io::{self, Write};

use portcullis::token::redact;

/// Writes lines of the log, and no token in any of them. No event has one for a field; this holds
/// where something repeats what somebody wrote where no token belongs, as a path.
#[derive(Debug)]
pub(super) struct Redacted<W>(pub(super) W);

impl<W: Write> Write for Redacted<W> {
    /// Writes one event, which comes as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        match redact(&text) {
            Cow::Borrowed(_) => self.0.write_all(event)?,
            Cow::Owned(redacted) => self.0.write_all(redacted.as_bytes())?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::Redacted;

    #[test]
    fn no_token_is_written_and_all_else_is() {
        let mut log = Redacted(Vec::new());
        let id = "0f8fad5bd9cb469fa16570867728950e";
        let line = format!("INFO path=/x/pck_live_{id}_0123456789abcdefgh\n");
        log.write_all(line.as_bytes()).expect("written");
        log.write_all(b"INFO \xff\n").expect("written");
        let redacted = format!("INFO path=/x/pck_live_{id}_[redacted]\n");
        assert_eq!(log.0, [redacted.as_bytes(), b"INFO \xff\n"].concat());
    }
}
