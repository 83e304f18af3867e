use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};
use portcullis::Invalid;

/// Parses an argument as a `T`; the error names the argument and what it allows, and does not
/// repeat the value, which may be of any length, or a secret in the wrong place.
pub(super) fn checked<T>() -> Checked<T> {
    Checked(PhantomData)
}

pub(super) struct Checked<T>(PhantomData<fn() -> T>);

impl<T> Clone for Checked<T> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<T> TypedValueParser for Checked<T>
where
    T: FromStr<Err = Invalid> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let parsed = match value.to_str() {
            Some(text) => text
                .parse()
                .map_err(|invalid: Invalid| invalid.expected().to_owned()),
            None => Err("UTF-8 text".to_owned()),
        };
        parsed.map_err(|expected| {
            let argument = argument.map_or_else(|| "argument".to_owned(), ToString::to_string);
            let message = format!("{argument}: expected {expected}");
            command.clone().error(ErrorKind::ValueValidation, message)
        })
    }
}
