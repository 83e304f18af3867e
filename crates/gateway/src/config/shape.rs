//! What the file may hold, found out from the types that read it, so that nobody has to say it a
//! second time.

use std::cell::RefCell;
use std::fmt;
use std::sync::LazyLock;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::file::File;

/// The form of one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// A string; what its own form says it expects, if it has one.
    Text(String),
    Integer,
    Number,
    Boolean,
    List(Box<Self>),
    /// A table of these fields, in the order in which they are declared.
    Table(Vec<(&'static str, Self)>),
    /// A table whose keys are values too.
    Map(Box<Self>),
    /// One of several forms.
    OneOf(Vec<Self>),
    /// Whatever its reader makes of it.
    Any,
}

/// The form of the whole file.
pub(super) fn of_file() -> &'static Shape {
    static SHAPE: LazyLock<Shape> = LazyLock::new(|| walk::<File>(&mut Vec::new()));
    &SHAPE
}

impl Shape {
    /// The form of what stands in the field or under the key of this name.
    pub(super) fn field(&self, name: &str) -> &Self {
        match self {
            Self::Table(fields) => fields
                .iter()
                .find(|(field, _)| *field == name)
                .map_or(&Self::Any, |(_, shape)| shape),
            Self::Map(entry) => entry,
            Self::OneOf(forms) => forms
                .iter()
                .find(|form| matches!(form, Self::Table(_) | Self::Map(_)))
                .map_or(&Self::Any, |form| form.field(name)),
            _ => &Self::Any,
        }
    }

    /// The form of what stands in a list.
    pub(super) fn element(&self) -> &Self {
        match self {
            Self::List(element) => element,
            Self::OneOf(forms) => forms
                .iter()
                .find(|form| matches!(form, Self::List(_)))
                .map_or(&Self::Any, Self::element),
            _ => &Self::Any,
        }
    }

    /// Whether it is one value, and no table or list.
    pub(super) fn is_single(&self) -> bool {
        matches!(
            self,
            Self::Text(_) | Self::Integer | Self::Number | Self::Boolean
        )
    }
}

/// A way into a value.
#[derive(Debug, Clone, Copy)]
enum Step {
    Field(&'static str),
    Element,
    Entry,
    /// One of the forms of a value that has several.
    As(Form),
}

/// What a value may be that is read in whatever form it has.
#[derive(Debug, Clone, Copy)]
enum Form {
    Text,
    List,
    Table,
}

/// What a reader asked for at the end of a way.
enum Asked {
    Text(String),
    Integer,
    Number,
    Boolean,
    List,
    Table(&'static [&'static str]),
    Map,
    Any,
}

/// So deep is looked into types: one that has itself in it has no end.
const DEEPEST: usize = 12;

/// A key that every table of which the keys are values takes.
const SOME_KEY: &str = "GET";

fn walk<T: DeserializeOwned>(steps: &mut Vec<Step>) -> Shape {
    if steps.len() > DEEPEST {
        return Shape::Any;
    }
    match asked::<T>(steps) {
        None => Shape::Any,
        Some(Asked::Any) => {
            let mut forms = Vec::new();
            for form in [Form::Text, Form::List, Form::Table] {
                steps.push(Step::As(form));
                forms.extend(asked::<T>(steps).map(|asked| shape::<T>(asked, steps)));
                steps.pop();
            }
            match forms.is_empty() {
                true => Shape::Any,
                false => Shape::OneOf(forms),
            }
        }
        Some(asked) => shape::<T>(asked, steps),
    }
}

fn shape<T: DeserializeOwned>(asked: Asked, steps: &mut Vec<Step>) -> Shape {
    let mut below = |step| {
        steps.push(step);
        let shape = walk::<T>(steps);
        steps.pop();
        shape
    };
    match asked {
        Asked::Text(expected) => Shape::Text(expected),
        Asked::Integer => Shape::Integer,
        Asked::Number => Shape::Number,
        Asked::Boolean => Shape::Boolean,
        Asked::Any => Shape::Any,
        Asked::List => Shape::List(Box::new(below(Step::Element))),
        Asked::Map => Shape::Map(Box::new(below(Step::Entry))),
        Asked::Table(fields) => {
            let fields = fields.iter();
            Shape::Table(
                fields
                    .map(|name| (*name, below(Step::Field(name))))
                    .collect(),
            )
        }
    }
}

/// Has a type read nothing but what leads to a value, and stops there.
fn asked<T: DeserializeOwned>(steps: &[Step]) -> Option<Asked> {
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

#[cfg(test)]
mod tests {
    use std::fmt;

    use serde::Deserialize;
    use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
    use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

    use super::{Shape, of_file, walk};

    /// A number in words, a list of them, or a table.
    #[derive(Debug)]
    struct Several;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        _inner: Option<bool>,
    }

    struct SeveralVisitor;

    impl<'de> Deserialize<'de> for Several {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(SeveralVisitor)
        }
    }

    impl<'de> Visitor<'de> for SeveralVisitor {
        type Value = Several;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("several")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Several, E> {
            match text {
                "one" => Ok(Several),
                _ => Err(E::custom("expected one")),
            }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Several, A::Error> {
            Vec::<i64>::deserialize(SeqAccessDeserializer::new(list)).map(|_| Several)
        }

        fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Several, A::Error> {
            Inner::deserialize(MapAccessDeserializer::new(table)).map(|_| Several)
        }
    }

    #[test]
    fn a_value_of_several_forms_has_them_all() {
        let shape = walk::<Vec<Option<Several>>>(&mut Vec::new());
        let several = Shape::OneOf(vec![
            Shape::Text("expected one".to_owned()),
            Shape::List(Box::new(Shape::Integer)),
            Shape::Table(vec![("_inner", Shape::Boolean)]),
        ]);
        assert_eq!(shape, Shape::List(Box::new(several)));
        assert_eq!(shape.element().field("_inner"), &Shape::Boolean);
        assert_eq!(shape.element().element(), &Shape::Integer);
        let toml = walk::<toml::Value>(&mut Vec::new());
        let forms = matches!(&toml, Shape::OneOf(forms) if forms.len() == 3);
        assert!(forms, "{toml:?}");
    }

    #[test]
    fn the_form_of_the_file_is_that_of_its_types() {
        let file = of_file();
        let Shape::Text(expected) = file.field("listen") else {
            panic!("{:?}", file.field("listen"))
        };
        assert!(expected.starts_with("expected an IP address"), "{expected}");
        assert_eq!(file.field("limits").field("headers"), &Shape::Integer);
        let route = file.field("routes").element();
        assert_eq!(route.field("strip_prefix"), &Shape::Boolean);
        assert!(matches!(route.field("methods").element(), Shape::Text(_)));
        let condition = route.field("headers").element();
        assert!(condition.field("value").is_single());
        let Shape::Map(permissions) = route.field("by_method") else {
            panic!("{:?}", route.field("by_method"))
        };
        assert!(matches!(permissions.element(), Shape::Text(_)));
        assert_eq!(route.field("redirect").field("status"), &Shape::Integer);
        assert_eq!(file.field("nothing"), &Shape::Any);
        assert!(file.field("store").field("path").is_single());
    }

    #[test]
    fn nothing_of_the_file_is_without_a_form() {
        fn look(shape: &Shape, path: &str) {
            match shape {
                Shape::Any => panic!("{path} takes anything"),
                Shape::List(element) => look(element, &format!("{path}[]")),
                Shape::Map(entry) => look(entry, &format!("{path}.*")),
                Shape::Table(fields) => {
                    for (name, shape) in fields {
                        look(shape, &format!("{path}.{name}"));
                    }
                }
                Shape::OneOf(forms) => forms.iter().for_each(|form| look(form, path)),
                _ => {}
            }
        }
        look(of_file(), "");
    }
}
