//! What variables and files add to a document, before it is read.
//!
//! It is put into the parsed document, so that it can neither end a string nor begin a field, and
//! stands at the place of what asked for it. What comes from there may be secret: no message
//! repeats it.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::mem;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::fault::Finding;
use super::interpolate::{Problem, Variables, interpolate};
use super::shape::Shape;
use super::sources::Sources;

/// The most bytes that variables and files may come to, all together, as the file itself.
const MAX_ADDED: usize = 1024 * 1024;
/// The longest file of one value.
const MAX_VALUE: u64 = 64 * 1024;
/// The field of a table that stands for what is in a file.
const FILE: &str = "file";

/// The values of everything that asks for a variable or a file, in the order of the document.
#[derive(Debug)]
pub(super) struct Resolution {
    values: Vec<Option<Value>>,
}

/// One value that stands somewhere else.
#[derive(Debug)]
struct Value {
    text: String,
    /// What it stands for in the file, to be told instead.
    written: String,
    /// Whether a variable or a file has a part in it.
    is_foreign: bool,
}

/// Where a document has what does not stand in its text.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    span: Range<usize>,
    /// What the form of the field expects.
    expected: String,
    /// The value and what is written for it.
    told: (String, String),
}

impl Resolution {
    /// Reads every variable and file that the document asks for. Files are relative to `folder`,
    /// and noted in `sources`.
    pub(super) fn of(
        mut root: DeTable<'_>,
        shape: &Shape,
        folder: &Path,
        variables: Variables<'_>,
        sources: &mut Sources,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let mut reader = Reader {
            folder,
            variables,
            sources,
            findings,
            room: MAX_ADDED,
            values: Vec::new(),
        };
        visit_table(&mut root, shape, &mut |value, _| {
            reader.read(value);
            true
        });
        Self {
            values: reader.values,
        }
    }

    /// Puts what was read in its places. What could not be read is taken out.
    pub(super) fn apply<'a>(
        &'a self,
        root: &mut DeTable<'a>,
        shape: &Shape,
        findings: &mut Vec<Finding>,
    ) -> Foreign {
        let mut values = self.values.iter();
        let mut foreign = Foreign::default();
        visit_table(root, shape, &mut |value, shape| {
            let Some(Some(read)) = values.next() else {
                return false;
            };
            let Some(put) = read.put(shape) else {
                findings.push(Finding::new(value.span(), expected(shape)));
                return false;
            };
            if read.is_foreign {
                foreign.places.push(Place {
                    span: value.span(),
                    expected: expected(shape),
                    told: (read.text.clone(), read.written.clone()),
                });
            }
            *value = Spanned::new(value.span(), put);
            true
        });
        foreign
    }
}

impl Value {
    /// The value in the form that the field asks for; nothing where it does not have it.
    fn put(&self, shape: &Shape) -> Option<DeValue<'_>> {
        let text = self.text.as_str();
        if !matches!(shape, Shape::Integer | Shape::Number | Shape::Boolean) {
            return Some(DeValue::String(Cow::Borrowed(text)));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
        let value = DeValue::parse(text)
            .ok()
            .filter(|_| text.bytes().all(plain))?
            .into_inner();
        let fits = match shape {
            Shape::Integer => value.is_integer(),
            Shape::Number => value.is_integer() || value.is_float(),
            _ => value.is_bool(),
        };
        fits.then_some(value)
    }
}

/// What a field of this form expects, without a word of what it has.
fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text(expected) if !expected.is_empty() => expected.clone(),
        Shape::Integer => "expected a whole number".to_owned(),
        Shape::Number => "expected a number".to_owned(),
        Shape::Boolean => "expected true or false".to_owned(),
        Shape::List(_) => "expected a list".to_owned(),
        Shape::Table(_) | Shape::Map(_) => "expected a table".to_owned(),
        _ => "expected another value".to_owned(),
    }
}

impl Foreign {
    /// A finding of the reader, which may repeat what it has found, so that it does not repeat
    /// what does not stand in the text.
    pub(super) fn censor(&self, finding: Finding) -> Finding {
        let overlaps = |place: &&Place| {
            place.span.start < finding.span.end && finding.span.start < place.span.end
        };
        match self.places.iter().find(overlaps) {
            Some(place) => Finding {
                message: place.expected.clone(),
                ..finding
            },
            None => finding,
        }
    }

    /// A message that names what there is elsewhere, with what is written there in its place.
    pub(super) fn as_written(&self, message: &str) -> String {
        let quoted = message.contains('`');
        let places = self.places.iter().filter(|_| quoted);
        places.fold(message.to_owned(), |message, place| {
            let (value, written) = &place.told;
            match value.is_empty() {
                true => message,
                false => message.replace(&format!("`{value}`"), &format!("`{written}`")),
            }
        })
    }
}

struct Reader<'a> {
    folder: &'a Path,
    variables: Variables<'a>,
    sources: &'a mut Sources,
    findings: &'a mut Vec<Finding>,
    room: usize,
    values: Vec<Option<Value>>,
}

impl Reader<'_> {
    fn read(&mut self, value: &Spanned<DeValue<'_>>) {
        let read = match value.get_ref() {
            DeValue::String(text) => self.text(text).map(|(read, asked)| Value {
                text: read,
                written: text.to_string(),
                is_foreign: asked,
            }),
            DeValue::Table(table) => self.file(table),
            _ => Err("expected another value".to_owned()),
        };
        let read = read.map_err(|message| {
            self.findings.push(Finding::new(value.span(), message));
        });
        self.values.push(read.ok());
    }

    fn text(&mut self, text: &str) -> Result<(String, bool), String> {
        let read = interpolate(text, self.variables, self.room);
        let (value, asked) = read.map_err(|problem| problem.message())?;
        self.room = self.room.saturating_sub(value.len());
        Ok((value, asked))
    }

    fn file(&mut self, table: &DeTable<'_>) -> Result<Value, String> {
        let path = table.get(FILE).map(Spanned::get_ref);
        let Some(DeValue::String(written)) = path.filter(|_| table.len() == 1) else {
            return Err(
                "expected a value, or { file = \"PATH\" } for what is in a file".to_owned(),
            );
        };
        let (path, _) = self.text(written)?;
        if path.is_empty() || path.contains('\0') {
            return Err("expected the path of a file".to_owned());
        }
        let path = self.folder.join(path);
        let read = read_value(&path);
        self.sources
            .add(&path, read.as_ref().map(|bytes| bytes.as_slice()));
        let bytes = read.map_err(|error| format!("cannot read the file {written}: {error}"))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| format!("the file {written} is no text: expected UTF-8"))?;
        let text = text.trim();
        self.room = self
            .room
            .checked_sub(text.len())
            .ok_or_else(|| Problem::TooLong.message())?;
        Ok(Value {
            text: text.to_owned(),
            written: format!("{{ file = \"{written}\" }}"),
            is_foreign: true,
        })
    }
}

/// Of a file that ends: one that waits for somebody to write would never be read.
fn read_value(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected a regular file",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_VALUE + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_VALUE {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "expected at most 64 KiB",
        ));
    }
    Ok(bytes)
}

/// Looks at every value that may stand somewhere else, in the order of the document, and takes out
/// those of which `look` says no.
fn visit_table<'a>(
    table: &mut DeTable<'a>,
    shape: &Shape,
    look: &mut impl FnMut(&mut Spanned<DeValue<'a>>, &Shape) -> bool,
) {
    let mut refused = Vec::new();
    for (key, value) in table.iter_mut() {
        if !visit(value, shape.field(key.get_ref()), look) {
            refused.push(key.clone());
        }
    }
    for key in refused {
        table.remove(&key);
    }
}

fn visit<'a>(
    value: &mut Spanned<DeValue<'a>>,
    shape: &Shape,
    look: &mut impl FnMut(&mut Spanned<DeValue<'a>>, &Shape) -> bool,
) -> bool {
    match value.get_mut() {
        DeValue::String(text) if !text.contains("${") => true,
        DeValue::String(_) => look(value, shape),
        DeValue::Table(_) if shape.is_single() => look(value, shape),
        DeValue::Table(table) => {
            visit_table(table, shape, look);
            true
        }
        DeValue::Array(array) => {
            let mut kept = vec![true; array.len()];
            for (element, kept) in array.iter_mut().zip(&mut kept) {
                *kept = visit(element, shape.element(), look);
            }
            if kept.contains(&false) {
                let elements = mem::replace(array, DeArray::new()).into_iter().zip(kept);
                *array = elements
                    .filter_map(|(element, kept)| kept.then_some(element))
                    .collect();
            }
            true
        }
        _ => true,
    }
}
