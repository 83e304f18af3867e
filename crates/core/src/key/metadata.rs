use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Invalid;
use crate::json::read_strict;
use crate::store::FromStored;
use crate::token::holds_token;

/// The deepest nesting that can have been stored: more than any version allowed.
const STORED_DEPTH: usize = 127;

/// What users keep with a key: a JSON object (RFC 8259) of at most
/// [`Metadata::MAX_BYTES`] as it is stored, nested no deeper than
/// [`Metadata::MAX_DEPTH`], without duplicate names. A number is kept as it is
/// written or refused: whole ones of 64 bits, others with as many digits as a
/// double has (IEEE 754 binary64). Longer ones are text.
///
/// It decides nothing, and goes neither to logs nor to metrics.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Metadata(Option<Arc<str>>);

impl Metadata {
    /// The most bytes of the stored form.
    pub const MAX_BYTES: usize = 4_096;
    /// The deepest nesting; the object itself is the first level.
    pub const MAX_DEPTH: usize = 8;

    /// The object as JSON, without white space and with sorted names.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("{}")
    }

    /// Whether the object has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The metadata of these members, which were read with their bounds.
    pub(crate) fn of(members: Map<String, Value>) -> Result<Self, Invalid> {
        let metadata = Self::bounded(members)?;
        refuse_token(metadata.as_str())?;
        Ok(metadata)
    }

    fn bounded(members: Map<String, Value>) -> Result<Self, Invalid> {
        if members.is_empty() {
            return Ok(Self(None));
        }
        let stored = Value::Object(members).to_string();
        if stored.len() > Self::MAX_BYTES {
            return Err(too_large());
        }
        Ok(Self(Some(stored.into())))
    }

    /// The metadata after a merge patch (RFC 7396, section 2).
    pub(crate) fn merged(&self, patch: &Map<String, Value>) -> Result<Self, Invalid> {
        // What is new is judged, and nothing that was there already. Read with
        // the precision with which it was written: what the patch leaves alone
        // stays the same text.
        refuse_token(&Value::Object(patch.clone()).to_string())?;
        let Ok(Value::Object(mut members)) = read_strict(self.as_str(), STORED_DEPTH) else {
            return Err(Invalid::new("metadata", "a JSON object"));
        };
        merge(&mut members, patch);
        Self::bounded(members)
    }
}

/// It would go on into listings and the audit trail.
fn refuse_token(text: &str) -> Result<(), Invalid> {
    if holds_token(text) {
        Err(Invalid::new("metadata", "no token: it is a secret"))
    } else {
        Ok(())
    }
}

/// What the patch says null of goes, what it has takes its place, and objects
/// are merged. The patch is nested no deeper than metadata may be.
fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(patch) => {
                let member = target.entry(name.clone()).or_insert(Value::Null);
                if !member.is_object() {
                    *member = Value::Object(Map::new());
                }
                if let Value::Object(member) = member {
                    merge(member, patch);
                }
            }
            value => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

impl FromStr for Metadata {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // White space and escapes shrink, nothing grows by more than this.
        if text.len() > 8 * Self::MAX_BYTES {
            return Err(too_large());
        }
        let value = read_strict(text, Self::MAX_DEPTH).map_err(|error| {
            Invalid::new(
                "metadata",
                format!("a JSON object: {error} (at most 4,096 bytes and 8 levels, no name twice)"),
            )
        })?;
        match value {
            Value::Object(members) => Self::of(members),
            _ => Err(Invalid::new("metadata", "a JSON object")),
        }
    }
}

impl FromStored for Metadata {
    fn from_stored(text: &str) -> Result<Self, Invalid> {
        if text.len() > Self::MAX_BYTES {
            return Err(too_large());
        }
        let members: Result<Map<String, Value>, _> = serde_json::from_str(text);
        let members = members.map_err(|_| Invalid::new("metadata", "a JSON object"))?;
        Ok(Self((!members.is_empty()).then(|| text.into())))
    }
}

fn too_large() -> Invalid {
    Invalid::new("metadata", "a JSON object of at most 4,096 bytes")
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({} bytes)", self.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::Metadata;

    #[test]
    fn an_object_is_kept_in_one_form() {
        let metadata: Metadata = r#" { "b": [1, 2.5, null, true], "a": {"é": "\u0041"} } "#
            .parse()
            .expect("valid");
        assert_eq!(
            metadata.as_str(),
            r#"{"a":{"é":"A"},"b":[1,2.5,null,true]}"#
        );
        assert_eq!(metadata.as_str().parse(), Ok(metadata));
        assert!("{}".parse::<Metadata>().expect("valid").is_empty());
    }

    #[test]
    fn a_number_is_kept_or_refused_and_never_rounded() {
        let most = format!(r#"{{"least":{},"most":{}}}"#, i64::MIN, u64::MAX);
        let metadata: Metadata = most.parse().expect("valid");
        assert_eq!(metadata.as_str(), most);
        let text = r#"{"a":{"b":[1,{"id":18446744073709551616}]}}"#;
        let error = text.parse::<Metadata>().expect_err("65 bits").to_string();
        assert!(error.contains("the number at /a/b/1/id"), "{error}");
        assert!(!error.contains("1844"), "{error}");

        // What a patch leaves alone stays the same text.
        let many =
            r#"{"a":0.1,"b":1e-7,"c":1.7976931348623157e308,"d":5e-324,"e":123456789.12345679}"#;
        let metadata: Metadata = many.parse().expect("valid");
        let patch = serde_json::from_str(r#"{"f":1}"#).expect("a patch");
        let merged = metadata.merged(&patch).expect("merged");
        let kept = metadata.as_str().trim_end_matches('}');
        assert_eq!(merged.as_str(), format!(r#"{kept},"f":1}}"#));
    }

    #[test]
    fn a_merge_patch_does_what_rfc_7396_shows() {
        for (before, patch, after) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"a":1,"e":null}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let metadata: Metadata = before.parse().expect(before);
            let patch: serde_json::Map<_, _> = serde_json::from_str(patch).expect(patch);
            let merged = metadata.merged(&patch).expect(before);
            assert_eq!(merged.as_str(), after, "{before} {patch:?}");
        }
    }

    #[test]
    fn what_is_no_bounded_object_is_refused() {
        let deep = format!("{}1{}", "{\"a\":".repeat(9), "}".repeat(9));
        let lists = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(4_096));
        let huge = "x".repeat(1_000_000);
        for text in [
            "",
            "1",
            "[]",
            "null",
            "{",
            "{}{}",
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":1e999}"#,
            r#"{"a":NaN}"#,
            &deep,
            &lists,
            &large,
            &huge,
        ] {
            assert!(
                text.parse::<Metadata>().is_err(),
                "{}",
                &text[..text.len().min(40)]
            );
        }
        let deepest = format!("{}1{}", "{\"a\":".repeat(8), "}".repeat(8));
        assert!(deepest.parse::<Metadata>().is_ok());
    }
}
