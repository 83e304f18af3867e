use std::fmt;
use std::io::{self, Write};

use portcullis::token::Token;
use serde::Serialize;

use super::{Format, visible_lines};

/// Where a command prints: results to one stream, remarks to another.
pub(crate) struct Output<'a> {
    format: Format,
    terminal: bool,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    /// Prints results to `out`, which is a terminal or not, and remarks to `err`.
    pub(crate) fn new(
        format: Format,
        terminal: bool,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
    ) -> Self {
        Self {
            format,
            terminal,
            out,
            err,
        }
    }

    /// Whether results are for programs.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Prints a result: `text` for people, `value` as JSON.
    pub(crate) fn result(
        &mut self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        match self.format {
            Format::Text => self.line(&visible_lines(text().trim_end())),
            Format::Json => self.json(value),
        }
    }

    /// Prints a new token with what belongs to it. Into a pipe goes the token alone, so that a
    /// script can take it as it is; all else is a remark then.
    pub(crate) fn token(
        &mut self,
        token: &Token,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> io::Result<()> {
        let shown_once = "The token, shown this once:";
        match self.format {
            Format::Json => self.json(value),
            Format::Text if self.terminal => {
                let text = text();
                let (text, token) = (visible_lines(text.trim_end()), token.expose());
                self.line(&format!("{text}\n\n{shown_once}\n\n  {token}"))
            }
            Format::Text => {
                self.line(token.expose())?;
                // The token is where it belongs. That nobody reads remarks is no reason to say it
                // were lost.
                let _ = self.note(text().trim_end());
                Ok(())
            }
        }
    }

    /// Prints one of many results as a line of JSON, whatever the format is.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(&text)
    }

    /// Prints one line of a result, as it is.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Prints a remark.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.err, "{}", visible_lines(text))
    }

    fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(&text)
    }
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            format, terminal, ..
        } = self;
        f.debug_struct("Output")
            .field("format", format)
            .field("terminal", terminal)
            .finish()
    }
}
