//! Words of the file that have one meaning in it alone.

use std::sync::Arc;

use portcullis::service::ServiceName;

use super::parsed::FromText;
use crate::route::Fate;

/// How the file calls a route or an upstream. Made as services' names are, for it is a label of
/// metrics like these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name(pub(super) Arc<str>);

/// Whether a route asks for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    Required,
    Optional,
    Open,
}

/// What becomes of streams when nobody can say whether their keys stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CutOff(pub(super) Fate);

impl FromText for Name {
    fn from_text(text: &str) -> Result<Self, String> {
        ServiceName::from_text(text).map(|name| Self(name.as_str().into()))
    }
}

impl FromText for Auth {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "required" => Ok(Self::Required),
            "optional" => Ok(Self::Optional),
            "open" => Ok(Self::Open),
            _ => Err("expected required, optional or open".to_owned()),
        }
    }
}

impl FromText for CutOff {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "end" => Ok(Self(Fate::Ends)),
            "keep" => Ok(Self(Fate::Stays)),
            _ => Err("expected end or keep".to_owned()),
        }
    }
}
