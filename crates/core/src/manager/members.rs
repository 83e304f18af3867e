//! The members of a JSON object that people write: a key to create, or a patch.

use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::Invalid;
use crate::json::read_strict;
use crate::key::{Addresses, Metadata};
use crate::manager::Patch;
use crate::scope::{Scope, Scopes};

/// More than any object needs that is allowed.
const MAX_BYTES: usize = 64 * 1_024;
/// The object itself, and the metadata in it.
const MAX_DEPTH: usize = 1 + Metadata::MAX_DEPTH;
/// The longest name that an error repeats: shorter than any token.
const NAME_SHOWN: usize = 40;

/// What was read and not yet taken.
pub(super) struct Members {
    what: &'static str,
    members: Map<String, Value>,
    known: Vec<&'static str>,
}

/// Reads one member's value; the error says what is expected.
type Read<T> = fn(Value) -> Result<T, String>;

impl Members {
    /// Reads an object; `what` it is names it in errors.
    pub(super) fn read(what: &'static str, text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_BYTES {
            return Err(Invalid::new(what, "a JSON object of at most 64 KiB"));
        }
        match read_strict(text, MAX_DEPTH) {
            Ok(Value::Object(members)) => Ok(Self {
                what,
                members,
                known: Vec::new(),
            }),
            Ok(_) => Err(Invalid::new(what, "a JSON object")),
            Err(error) => {
                let expected = format!("a JSON object without duplicate names: {error}");
                Err(Invalid::new(what, expected))
            }
        }
    }

    /// A member that may be absent, null or a value.
    pub(super) fn patch<T>(
        &mut self,
        name: &'static str,
        read: Read<T>,
    ) -> Result<Patch<T>, Invalid> {
        self.known.push(name);
        match self.members.remove(name) {
            None => Ok(Patch::Keep),
            Some(Value::Null) => Ok(Patch::Clear),
            Some(value) => {
                let value = read(value).map_err(|expected| Invalid::new(name, expected))?;
                Ok(Patch::Set(value))
            }
        }
    }

    /// A member that may be absent, and is a value where it is not.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: Read<T>,
    ) -> Result<Option<T>, Invalid> {
        self.patch(name, read)?.either(
            Ok(None),
            Err(Invalid::new(name, "a value: it cannot be null")),
            |value| Ok(Some(value)),
        )
    }

    /// A member that must be there.
    pub(super) fn required<T>(&mut self, name: &'static str, read: Read<T>) -> Result<T, Invalid> {
        let value = self.optional(name, read)?;
        value.ok_or_else(|| Invalid::new(name, "a value: it is missing"))
    }

    /// Nothing may be left: what is, is named.
    pub(super) fn end(self, immutable: &[&str]) -> Result<(), Invalid> {
        let Some(name) = self.members.keys().next() else {
            return Ok(());
        };
        if immutable.contains(&name.as_str()) {
            let expected = format!("no {name}: it cannot be changed this way");
            return Err(Invalid::new(self.what, expected));
        }
        let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let shown = if name.len() <= NAME_SHOWN && name.chars().all(plain) {
            format!(", not {name}")
        } else {
            String::new()
        };
        let known = self.known.join(", ");
        Err(Invalid::new(
            self.what,
            format!("members of {known}{shown}"),
        ))
    }
}

/// Text that parses as what it is.
pub(super) fn parsed<T: FromStr<Err = Invalid>>(value: Value) -> Result<T, String> {
    parse(&text(value)?)
}

/// A list of scopes.
pub(super) fn scopes(value: Value) -> Result<Scopes, String> {
    let texts = texts(value, "a list of scopes")?;
    let scopes: Result<Vec<Scope>, String> = texts.iter().map(|text| parse(text)).collect();
    Scopes::new(scopes?).map_err(|invalid| invalid.expected().to_owned())
}

/// A list of networks.
pub(super) fn addresses(value: Value) -> Result<Addresses, String> {
    let texts = texts(value, "a list of networks")?;
    // A list that holds nothing allows every address: that is said with null,
    // and never by a name that was left empty.
    if texts.is_empty() {
        return Err("one network at least, or null for every address".to_owned());
    }
    for text in &texts {
        let one: Addresses = parse(text)?;
        if one.iter().count() != 1 {
            return Err("one network in each item".to_owned());
        }
    }
    parse(&texts.join(","))
}

/// A whole object of metadata.
pub(super) fn metadata(value: Value) -> Result<Metadata, String> {
    Metadata::of(object(value)?).map_err(|invalid| invalid.expected().to_owned())
}

/// An object.
pub(super) fn object(value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(members) => Ok(members),
        _ => Err("a JSON object".to_owned()),
    }
}

/// A whole number that a quota may be.
pub(super) fn count(value: Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| "1 to 100,000,000 keys".to_owned())
}

/// A whole number of seconds.
pub(super) fn seconds(value: Value) -> Result<Duration, String> {
    let number = value.as_u64().map(Duration::from_secs);
    number.ok_or_else(|| "a whole number of seconds".to_owned())
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err("text".to_owned()),
    }
}

fn texts(value: Value, expected: &str) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => items.into_iter().map(text).collect(),
        _ => Err(expected.to_owned()),
    }
}

fn parse<T: FromStr<Err = Invalid>>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|invalid: Invalid| invalid.expected().to_owned())
}
