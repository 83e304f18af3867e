use std::error::Error as StdError;
use std::fmt;

use crate::error::Invalid;
use crate::keyring::KeyringError;
use crate::store::{StoreError, StoreErrorKind};

/// The rules that a store broke: at least one.
#[derive(Debug)]
pub struct Broken {
    pub(super) rules: Vec<BrokenRule>,
}

impl Broken {
    /// The broken rules, in the suite's order.
    #[must_use]
    pub fn rules(&self) -> &[BrokenRule] {
        &self.rules
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store broke {} rules", self.rules.len())?;
        self.rules.iter().try_for_each(|rule| write!(f, "; {rule}"))
    }
}

impl StdError for Broken {}

/// One rule that a store broke, and how.
#[derive(Debug)]
pub struct BrokenRule {
    pub(super) rule: &'static str,
    pub(super) fault: Fault,
}

impl BrokenRule {
    /// The rule's name: a sentence with underscores.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.fault.0)
    }
}

/// What a check found instead of what the rule says.
#[derive(Debug)]
pub struct Fault(String);

pub(super) type Outcome = Result<(), Fault>;

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Fault {}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(format!(
            "the store failed with {}: {error}",
            error.kind().as_str()
        ))
    }
}

impl From<Invalid> for Fault {
    fn from(error: Invalid) -> Self {
        Self(error.to_string())
    }
}

impl From<KeyringError> for Fault {
    fn from(error: KeyringError) -> Self {
        Self(error.to_string())
    }
}

/// Fails unless both are the same.
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected {
        Ok(())
    } else {
        Err(Fault(format!(
            "{what}: found {found:?}, expected {expected:?}"
        )))
    }
}

/// Fails unless the condition is true.
pub(super) fn holds(what: &str, condition: bool) -> Outcome {
    if condition {
        Ok(())
    } else {
        Err(Fault(format!("not so: {what}")))
    }
}

/// Fails unless the store refused with this kind.
pub(super) fn refused<T: fmt::Debug>(
    what: &str,
    result: Result<T, StoreError>,
    kind: StoreErrorKind,
) -> Outcome {
    match result {
        Ok(value) => Err(Fault(format!(
            "{what}: done ({value:?}), expected {}",
            kind.as_str()
        ))),
        Err(error) => same(what, &error.kind().as_str(), &kind.as_str()),
    }
}
