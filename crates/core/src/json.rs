//! JSON that people write: read whole, or refused.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads one JSON value (RFC 8259) and nothing after it: nested no deeper than
/// `max_depth`, where an object or list in the first place is the first level,
/// and without what serde_json would pass over: a later member in the place of
/// an earlier one of the same name.
///
/// The error repeats nothing of what was read.
pub(crate) fn read_strict(text: &str, max_depth: usize) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Level(max_depth).deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Reads a value below which there are as many levels as this says.
struct Level(usize);

impl Level {
    /// The level of what an object or a list at this one holds.
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        let below = self.0.checked_sub(1);
        below.map(Self).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self.below()?)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::read_strict;

    #[test]
    fn depth_is_counted_from_the_outermost_object() {
        for (text, depth) in [("1", 0), ("[1]", 1), (r#"{"a":[1]}"#, 2)] {
            assert!(read_strict(text, depth).is_ok(), "{text}");
            let shallower = depth.checked_sub(1);
            assert!(shallower.is_none_or(|depth| read_strict(text, depth).is_err()));
        }
        let bomb = "[".repeat(1_000_000);
        assert!(read_strict(&bomb, 8).is_err());
    }

    #[test]
    fn an_error_repeats_nothing_that_was_read() {
        for text in [
            r#"{"secret":1,"secret":2}"#,
            r#"{"a":secret}"#,
            r#""secret"#,
            r#"1 secret"#,
        ] {
            let error = read_strict(text, 8).expect_err(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
