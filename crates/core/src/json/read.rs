use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::numbers::{Numbers, kept};
use super::path::Path;

/// Reads one JSON value (RFC 8259) and nothing after it: nested no deeper than
/// `max_depth`, where an object or list in the first place is the first level,
/// and without what serde_json would pass over: a later member in the place of
/// an earlier one of the same name, and a number that it would round.
///
/// The error repeats nothing of what was read but the names on the way to such
/// a number.
pub(crate) fn read_strict(text: &str, max_depth: usize) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut document = Document {
        numbers: Numbers::of(text),
        path: Path::default(),
    };
    let level = Level {
        below: max_depth,
        document: &mut document,
    };
    let value = level.deserialize(&mut json).map_err(|error| {
        // The parser finds some of them first.
        if error.to_string().starts_with("number out of range") {
            rounded(&document.path)
        } else {
            error
        }
    })?;
    json.end()?;
    Ok(value)
}

/// What is read, and how far.
struct Document<'t> {
    numbers: Numbers<'t>,
    path: Path,
}

/// Reads a value below which there are as many levels as this says.
struct Level<'d, 't> {
    below: usize,
    document: &'d mut Document<'t>,
}

impl<'t> Level<'_, 't> {
    /// The level of what an object or a list at this one holds.
    fn below<E: Error>(&mut self) -> Result<Level<'_, 't>, E> {
        let below = self.below.checked_sub(1);
        Ok(Level {
            below: below.ok_or_else(|| E::custom("nested too deep"))?,
            document: self.document,
        })
    }

    /// The number that stands here.
    fn number<E: Error>(self) -> Result<Value, E> {
        let number = self.document.numbers.next().and_then(kept);
        number
            .map(Value::Number)
            .ok_or_else(|| rounded(&self.document.path))
    }

    /// The number that serde_json hands over as an object. One that was written
    /// as such an object is taken for the next number of the text: what follows
    /// then misses its own, so that no such text is read.
    fn number_of<'de, A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let written = members.next_value::<String>()?;
        let mut rest = self.document.numbers.clone();
        if rest.next() != Some(written.as_str()) || members.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("a name is reserved"));
        }
        self.number()
    }
}

/// The one name of the object as which serde_json hands every number over where
/// any crate of the build has turned its feature `arbitrary_precision` on.
const NUMBER: &str = "$serde_json::private::Number";

fn rounded<E: Error>(path: &Path) -> E {
    E::custom(format!(
        "the number at {path} cannot be kept as it is written: beyond 64 bits, or of more digits than \
         a double has; write it as text"
    ))
}

impl<'de> DeserializeSeed<'de> for Level<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, '_> {
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

    fn visit_i64<E: Error>(self, _value: i64) -> Result<Value, E> {
        self.number()
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<Value, E> {
        self.number()
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<Value, E> {
        self.number()
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.document.path.enter_item(list.len());
            let item = items.next_element_seed(self.below()?)?;
            self.document.path.leave();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut first = true;
        while let Some(name) = members.next_key::<String>()? {
            if std::mem::take(&mut first) && name == NUMBER {
                return self.number_of(members);
            }
            self.document.path.enter_member(&name);
            let value = members.next_value_seed(self.below()?)?;
            self.document.path.leave();
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::Visitor as _;
    use serde::de::value::{Error, MapDeserializer};
    use serde_json::Value;

    use super::{Document, Level, NUMBER, Numbers, Path, read_strict};

    /// Reads what a parser with arbitrary precision would hand over for `text`.
    fn handed_over(text: &str, object: &[(&str, &str)]) -> Result<Value, Error> {
        let mut document = Document {
            numbers: Numbers::of(text),
            path: Path::default(),
        };
        let level = Level {
            below: 0,
            document: &mut document,
        };
        level.visit_map(MapDeserializer::new(object.iter().copied()))
    }

    #[test]
    fn a_number_that_comes_as_an_object_is_a_number_and_kept_or_refused() {
        for written in ["1", "-2", "0.5", "18446744073709551615"] {
            let number = handed_over(written, &[(NUMBER, written)]).expect(written);
            assert!(number.is_number(), "{number}");
            assert_eq!(number.to_string(), written);
        }
        for written in ["18446744073709551616", "0.12345678901234567890"] {
            assert!(handed_over(written, &[(NUMBER, written)]).is_err());
        }
        let forged = r#"{"$serde_json::private::Number":"1"}"#;
        for object in [&[(NUMBER, "1")][..], &[(NUMBER, "1"), ("a", "2")]] {
            assert!(handed_over(forged, object).is_err());
        }
        for text in [forged, &format!("[{forged},1]"), &format!("[1,{forged}]")] {
            assert!(read_strict(text, 8).is_err(), "{text}");
        }
    }

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

    #[test]
    fn a_number_that_would_be_rounded_is_named_by_its_place() {
        for (text, place) in [
            (r#"{"a":[1,"2",{"b-c":18446744073709551616}]}"#, "/a/2/b-c"),
            (r#"{"a":1.5,"b":{"c":1e999}}"#, "/b/c"),
            (r#"[1,-0.5,"9",0.12345678901234567890]"#, "/3"),
            ("-9223372036854775809", "the top"),
            (r#"{"a secret name":1e-999}"#, "/?"),
        ] {
            let error = read_strict(text, 8).expect_err(text).to_string();
            assert!(
                error.contains(&format!("the number at {place} ")),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
        let text = r#"{"a":[0.1,-2,18446744073709551615,{"b":1e-7}],"c":"1e999"}"#;
        assert_eq!(read_strict(text, 8).expect(text).to_string(), text);
    }
}
