use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::Fault;
use super::secret_lines::shows_secret;

/// Why there is no configuration: the file cannot be read, or what is wrong in it, all at once.
///
/// Prints each fault with the line of the file that it stands on.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Unreadable(io::Error),
    Faulty {
        text: String,
        faults: Vec<Fault>,
        more: bool,
    },
}

impl ConfigError {
    pub(super) fn unreadable(path: &Path, error: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            cause: Cause::Unreadable(error),
        }
    }

    pub(super) fn faulty(path: &Path, text: &str, faults: Vec<Fault>, more: bool) -> Self {
        let cause = Cause::Faulty {
            text: text.to_owned(),
            faults,
            more,
        };
        Self {
            path: path.to_owned(),
            cause,
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything that is wrong in the file, in its order; nothing where it could not be read.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match &self.cause {
            Cause::Unreadable(_) => &[],
            Cause::Faulty { faults, .. } => faults,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.cause {
            Cause::Unreadable(_) => write!(f, "cannot read the configuration {path}"),
            Cause::Faulty { text, faults, more } => {
                let count = if *more { "at least " } else { "" };
                let noun = if faults.len() == 1 { "fault" } else { "faults" };
                write!(
                    f,
                    "the configuration {path} has {count}{} {noun}",
                    faults.len()
                )?;
                let renderer = Renderer::plain();
                for fault in faults {
                    if shows_secret(text, &fault.span) {
                        let (line, column) = (fault.line(), fault.column());
                        write!(f, "\n\n{fault}\n --> {path}:{line}:{column}")?;
                        continue;
                    }
                    let snippet = Snippet::source(text.as_str())
                        .path(self.path.to_string_lossy())
                        .annotation(AnnotationKind::Primary.span(fault.span.clone()));
                    let title = Level::ERROR.no_name().primary_title(fault.to_string());
                    write!(f, "\n\n{}", renderer.render(&[title.element(snippet)]))?;
                }
                Ok(())
            }
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Unreadable(error) => Some(error),
            Cause::Faulty { .. } => None,
        }
    }
}
