//! A value that is not there: whoever reads it tells by what it asks for what it would take.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

/// A way into a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Field(&'static str),
    Element,
    Entry,
    /// One of the forms of a value that has several.
    As(Form),
}

/// What a value may be that is read in whatever form it has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Text,
    List,
    Table,
}

/// What a reader asked for at the end of a way.
pub(super) enum Asked {
    Text(String),
    Integer,
    Number,
    Boolean,
    List,
    Table(&'static [&'static str]),
    Map,
    Any,
}

/// A key that every table of which the keys are values takes.
const SOME_KEY: &str = "GET";

/// Has a type read nothing but what leads to a value, and stops there.
pub(super) fn asked<T: DeserializeOwned>(steps: &[Step]) -> Option<Asked> {
    let found = RefCell::new(None);
    // That it stops is no failure: what counts is what was found on the way.
    let _ = T::deserialize(Probe {
        steps,
        found: &found,
    });
    found.into_inner()
}

/// A value that is only looked at for what its reader asks of it.
#[derive(Clone, Copy)]
struct Probe<'a> {
    steps: &'a [Step],
    found: &'a RefCell<Option<Asked>>,
}

/// Why a reader stopped.
#[derive(Debug)]
struct Stop {
    message: String,
    fields: Option<&'static [&'static str]>,
    /// Whether the value is of a form that is not read at all.
    is_other_form: bool,
}

impl Stop {
    fn new(message: String) -> Self {
        Self {
            message,
            fields: None,
            is_other_form: false,
        }
    }
}

impl Probe<'_> {
    fn found<T>(self, asked: Asked) -> Result<T, Stop> {
        *self.found.borrow_mut() = Some(asked);
        Err(Stop::new(String::new()))
    }

    /// One step further, if the way goes on.
    fn next(self) -> Option<(Step, Self)> {
        let (step, steps) = self.steps.split_first()?;
        Some((*step, Self { steps, ..self }))
    }

    /// What the reader of a string says of one that is nothing.
    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let refused = visitor.visit_str::<Stop>("\0").err();
        if let Some(stop) = refused.as_ref().filter(|stop| stop.is_other_form) {
            return Err(Stop::new(stop.message.clone()));
        }
        self.found(Asked::Text(
            refused.map_or_else(String::new, |stop| stop.message),
        ))
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.next() {
            None => self.found(Asked::List),
            Some((_, element)) => visitor.visit_seq(One(Some(element))),
        }
    }

    /// A table is told apart by the names that it takes.
    fn table<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let entry = match self.next() {
            None => Entry::new(Key("\0"), self),
            Some((Step::Field(name), value)) => Entry::new(Key(name), value),
            Some((_, value)) => Entry::new(Key(SOME_KEY), value),
        };
        let read = visitor.visit_map(entry);
        match read {
            Err(stop) if self.steps.is_empty() && !stop.is_other_form => {
                self.found(stop.fields.map_or(Asked::Map, Asked::Table))
            }
            read => read,
        }
    }

    /// A value of several forms, read in one of them.
    fn one_of<'de, V: Visitor<'de>>(self, form: Form, visitor: V) -> Result<V::Value, Stop> {
        match form {
            Form::Text => self.text(visitor),
            Form::Table => self.table(visitor),
            Form::List if self.steps.is_empty() => visitor.visit_seq(Elements(self)),
            Form::List => self.list(visitor),
        }
    }
}

macro_rules! found {
    ($asked:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
            self.found(Asked::$asked)
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.next() {
            Some((Step::As(form), rest)) => rest.one_of(form, visitor),
            _ => self.found(Asked::Any),
        }
    }

    found!(Any: deserialize_ignored_any);
    found!(Boolean: deserialize_bool);
    found!(Integer:
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128);
    found!(Number: deserialize_f32 deserialize_f64);

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.table(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match is_placed(name) {
            true => visitor.visit_map(Placed::new(fields, self)),
            false => self.table(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Stop> {
        self.found(Asked::Text(format!(
            "expected one of {}",
            variants.join(", ")
        )))
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

/// Whether a value is asked for with its place ([`toml::Spanned`] is a struct of this name).
fn is_placed(name: &str) -> bool {
    name.starts_with("$__serde_spanned")
}

/// The key of a table.
#[derive(Clone, Copy)]
struct Key(&'static str);

impl<'de> Deserializer<'de> for Key {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_str(self.0)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_map(Placed::new(fields, self))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A list of which it is only found that it is read.
struct Elements<'a>(Probe<'a>);

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        _: T,
    ) -> Result<Option<T::Value>, Stop> {
        self.0.found(Asked::List)
    }
}

/// A list of one element.
struct One<'a>(Option<Probe<'a>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stop> {
        let element = self.0.take();
        element.map(|probe| seed.deserialize(probe)).transpose()
    }
}

/// A table of one entry.
struct Entry<'a> {
    key: Option<Key>,
    value: Probe<'a>,
}

impl<'a> Entry<'a> {
    fn new(key: Key, value: Probe<'a>) -> Self {
        Self {
            key: Some(key),
            value,
        }
    }
}

impl<'de> MapAccess<'de> for Entry<'_> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        let key = self.key.take();
        key.map(|key| seed.deserialize(key)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        seed.deserialize(self.value)
    }
}

/// A value with its place, whose last field is the value.
struct Placed<D> {
    fields: std::slice::Iter<'static, &'static str>,
    value: Option<D>,
}

impl<D> Placed<D> {
    fn new(fields: &'static [&'static str], value: D) -> Self {
        Self {
            fields: fields.iter(),
            value: Some(value),
        }
    }
}

impl<'de, D: Deserializer<'de, Error = Stop>> MapAccess<'de> for Placed<D> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        let field = self.fields.next();
        let field = field.map(|name| seed.deserialize(BorrowedStrDeserializer::new(name)));
        field.transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        if !self.fields.as_slice().is_empty() {
            return seed.deserialize(0_usize.into_deserializer());
        }
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => Err(Stop::new(String::new())),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stop {}

impl Error for Stop {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self {
            fields: Some(expected),
            ..Self::new(String::new())
        }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self {
            is_other_form: true,
            ..Self::new(format!("expected {expected}"))
        }
    }
}
