use std::mem;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::fault::Finding;
use super::interpolate::Variables;
use super::resolution::{Foreign, Resolution};
use super::shape::Shape;
use super::sources::Sources;

/// The most faults that are looked for: whoever has more is helped by fewer.
pub(super) const MAX_FAULTS: usize = 20;

/// A parsed TOML text that still knows where everything stands.
pub(super) struct Document<'a> {
    root: Spanned<DeTable<'a>>,
    /// The same as it is written, to find places in.
    written: Spanned<DeTable<'a>>,
    foreign: Foreign,
}

impl<'a> Document<'a> {
    /// Parses the text; the error is the first fault of syntax.
    pub(super) fn parse(text: &'a str) -> Result<Self, Finding> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self {
                written: root.clone(),
                root,
                foreign: Foreign::default(),
            }),
            Err(error) => Err(Finding::of(&error, text.len())),
        }
    }

    /// Reads the variables and files that the document asks for.
    pub(super) fn look_up(
        &self,
        shape: &Shape,
        folder: &Path,
        variables: Variables<'_>,
        sources: &mut Sources,
        findings: &mut Vec<Finding>,
    ) -> Resolution {
        let root = self.written.get_ref().clone();
        Resolution::of(root, shape, folder, variables, sources, findings)
    }

    /// The document with what was read in its places.
    pub(super) fn with<'b>(
        self,
        found: &'b Resolution,
        shape: &Shape,
        findings: &mut Vec<Finding>,
    ) -> Document<'b>
    where
        'a: 'b,
    {
        let mut root: Spanned<DeTable<'b>> = self.root;
        let foreign = found.apply(root.get_mut(), shape, findings);
        Document {
            root,
            written: self.written,
            foreign,
        }
    }

    /// A message without what does not stand in the text.
    pub(super) fn as_written(&self, message: &str) -> String {
        self.foreign.as_written(message)
    }

    /// Reads the document as `T`, and finds every unknown field and wrong type: what is at fault
    /// is taken out, and the rest read again.
    ///
    /// Nothing where what is left cannot be read.
    pub(super) fn read<T: Deserialize<'a>>(&self, findings: &mut Vec<Finding>) -> Option<T> {
        let mut rest = self.root.clone();
        loop {
            let error = match T::deserialize(Deserializer::from(rest.clone())) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let finding = self.foreign.censor(Finding::of(&error, 0));
            let removed = remove_from_table(rest.get_mut(), &finding.span);
            findings.push(finding);
            if !removed || findings.len() >= MAX_FAULTS {
                return None;
            }
        }
    }

    /// The path of the field that stands at `span`, for example `services[1].rate`; empty for the
    /// document as a whole.
    pub(super) fn field_at(&self, span: &Range<usize>) -> String {
        let mut steps = Vec::new();
        if find_in_table(self.written.get_ref(), span, &mut steps) {
            steps.reverse();
        }
        let mut path = String::new();
        for step in steps {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(&key),
                Step::Key(key) => path.extend([".", &key]),
                Step::Index(at) => path.push_str(&format!("[{at}]")),
            }
        }
        path
    }
}

/// One step of a field's path, gathered from the innermost outwards.
enum Step {
    Key(String),
    Index(usize),
}

fn find_in_table(table: &DeTable<'_>, span: &Range<usize>, steps: &mut Vec<Step>) -> bool {
    for (key, value) in table {
        if find_in_value(value, span, steps) || key.span() == *span {
            steps.push(Step::Key(shorten(key.get_ref())));
            return true;
        }
    }
    false
}

fn find_in_value(value: &Spanned<DeValue<'_>>, span: &Range<usize>, steps: &mut Vec<Step>) -> bool {
    let inside = match value.get_ref() {
        DeValue::Table(table) => find_in_table(table, span, steps),
        DeValue::Array(array) => array.iter().enumerate().any(|(at, element)| {
            let found = find_in_value(element, span, steps);
            if found {
                steps.push(Step::Index(at));
            }
            found
        }),
        _ => false,
    };
    inside || value.span() == *span
}

/// A key as a stranger may have written it: neither endless nor able to steer a terminal.
fn shorten(key: &str) -> String {
    let shown: String = key.chars().take(64).flat_map(char::escape_debug).collect();
    if key.chars().nth(64).is_some() {
        format!("{shown}...")
    } else {
        shown
    }
}

/// Takes out the innermost field or element that stands at `span`, by its key or its value.
fn remove_from_table(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let mut found = None;
    for (key, value) in table.iter_mut() {
        if remove_inside(value, span) {
            return true;
        }
        if key.span() == *span || value.span() == *span {
            found = Some(key.clone());
            break;
        }
    }
    found.is_some_and(|key| table.remove(&key).is_some())
}

fn remove_inside(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    match value.get_mut() {
        DeValue::Table(table) => remove_from_table(table, span),
        DeValue::Array(array) => {
            if array.iter_mut().any(|element| remove_inside(element, span)) {
                return true;
            }
            let before = array.len();
            let elements = mem::replace(array, DeArray::new());
            *array = elements
                .into_iter()
                .filter(|element| element.span() != *span)
                .collect();
            array.len() < before
        }
        _ => false,
    }
}
