use std::net::IpAddr;
use std::sync::Arc;

use crate::error::Invalid;
use crate::text::{check_length, check_line};

const NAME: &str = "actor";
const REQUEST_ID: &str = "request id";

/// The most characters of each.
const MAX: usize = 128;

/// Who asks for a change, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: Arc<str>,
    address: Option<IpAddr>,
    request_id: Option<Arc<str>>,
}

impl Actor {
    /// Somebody of this name: 1 to 128 characters, none of them invisible, for
    /// example `cli:alice` or `deploy-job`.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where the name does not have that form.
    pub fn new(name: &str) -> Result<Self, Invalid> {
        check_line(NAME, name, MAX)?;
        Ok(Self {
            name: name.into(),
            address: None,
            request_id: None,
        })
    }

    /// The address from which the change is asked for.
    #[must_use]
    pub fn address(self, address: IpAddr) -> Self {
        Self {
            address: Some(address),
            ..self
        }
    }

    /// The request in which it is asked for: 1 to 128 characters, none of them
    /// invisible.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where the id does not have that form.
    pub fn request_id(self, id: &str) -> Result<Self, Invalid> {
        check_line(REQUEST_ID, id, MAX)?;
        Ok(Self {
            request_id: Some(id.into()),
            ..self
        })
    }

    /// The actor of a stored event, which was judged by the rules of its time.
    pub(crate) fn from_stored(
        name: &str,
        address: Option<IpAddr>,
        request_id: Option<&str>,
    ) -> Result<Self, Invalid> {
        check_length(NAME, name, MAX)?;
        request_id.map_or(Ok(()), |id| check_length(REQUEST_ID, id, MAX))?;
        Ok(Self {
            name: name.into(),
            address,
            request_id: request_id.map(Into::into),
        })
    }

    /// Actors that are not told apart.
    pub(crate) fn several() -> Self {
        Self {
            name: "(several)".into(),
            address: None,
            request_id: None,
        }
    }

    /// The same, whatever the request.
    pub(crate) fn in_any_request(&self) -> Self {
        Self {
            request_id: None,
            ..self.clone()
        }
    }

    /// The same, whatever the address and the request.
    pub(crate) fn at_any_address(&self) -> Self {
        Self {
            address: None,
            ..self.in_any_request()
        }
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address, where known.
    #[must_use]
    pub fn from_address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The request's id, where known.
    #[must_use]
    pub fn in_request(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}
