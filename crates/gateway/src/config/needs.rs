use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::file::Permissions;

/// What single methods need: a list of which all are needed, or a table that says more.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Needed {
    pub(super) permissions: Permissions,
    pub(super) any_permission: Option<Spanned<Permissions>>,
}

/// [`Needed`], in either form.
#[derive(Debug)]
pub(super) struct Needs(pub(super) Needed);

impl<'de> Deserialize<'de> for Needs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NeedsVisitor).map(Self)
    }
}

struct NeedsVisitor;

impl<'de> Visitor<'de> for NeedsVisitor {
    type Value = Needed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of permissions, or a table with permissions and any_permission")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Needed, A::Error> {
        Ok(Needed {
            permissions: Permissions::deserialize(SeqAccessDeserializer::new(list))?,
            any_permission: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Needed, A::Error> {
        Needed::deserialize(MapAccessDeserializer::new(table))
    }
}
