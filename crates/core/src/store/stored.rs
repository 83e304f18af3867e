use crate::error::Invalid;
use crate::key::Environment;
use crate::keyring::RootName;
use crate::scope::Scopes;
use crate::service::ServiceName;
use crate::token::Prefix;
use crate::usage::AddressClass;

/// Reads the text of a record's field as a store kept it.
///
/// [`FromStr`](std::str::FromStr) judges what somebody brings, and its rules may
/// become stricter. What was kept under the rules of its time must go on to be
/// read: a store reads with this, which asks for form and length alone.
pub trait FromStored: Sized {
    /// The field of this text.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where the text cannot have been written by any version.
    fn from_stored(text: &str) -> Result<Self, Invalid>;
}

/// Fields whose rules are their form: what does not have it means nothing.
macro_rules! form {
    ($($name:ty),*) => {$(
        impl FromStored for $name {
            fn from_stored(text: &str) -> Result<Self, Invalid> {
                text.parse()
            }
        }
    )*};
}

form!(
    AddressClass,
    Environment,
    Prefix,
    RootName,
    Scopes,
    ServiceName
);
