//! What the file may hold, found out from the types that read it, so that nobody has to say it a
//! second time.

use std::sync::LazyLock;

use serde::de::DeserializeOwned;

use super::file::File;
use super::probe::{Asked, Form, Step, asked};

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

/// So deep is looked into types: one that has itself in it has no end.
const DEEPEST: usize = 12;

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
