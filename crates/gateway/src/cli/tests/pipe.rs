use std::io::{self, Write};

/// A pipe where something happens before each write: its reader goes away, or somebody presses
/// Ctrl-C.
pub(super) struct Pipe<F> {
    pub(super) written: Vec<u8>,
    printed: usize,
    during: F,
}

impl<F> Pipe<F> {
    /// `during` is told how many results were printed before.
    pub(super) fn new(during: F) -> Self {
        Self {
            written: Vec::new(),
            printed: 0,
            during,
        }
    }
}

impl<F> Write for Pipe<F>
where
    F: FnMut(usize) -> io::Result<()>,
{
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.during)(self.printed)?;
        self.written.write(bytes)
    }

    /// Every result is flushed.
    fn flush(&mut self) -> io::Result<()> {
        self.printed += 1;
        Ok(())
    }
}
