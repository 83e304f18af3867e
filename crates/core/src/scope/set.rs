use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{Permission, Scope};
use crate::error::Invalid;

/// The scopes of one key: 0 to 64, sorted, each once.
///
/// As text they are separated by one space, as in RFC 6749 section 3.3.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Scopes(Arc<[Scope]>);

impl Scopes {
    /// The most scopes that a key may hold.
    pub const MAX: usize = 64;

    /// A set of the given scopes.
    ///
    /// # Errors
    ///
    /// [`Invalid`] where there are more than 64 different ones.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, Invalid> {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort();
        scopes.dedup();
        if scopes.len() > Self::MAX {
            return Err(Invalid::new("scopes", "at most 64 scopes"));
        }
        Ok(Self(scopes.into()))
    }

    /// Whether any of these scopes allows what `permission` requires.
    #[must_use]
    pub fn allow(&self, permission: &Permission) -> bool {
        self.0.iter().any(|scope| scope.allows(permission))
    }

    /// The scopes in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// Whether nothing is granted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Scopes {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let scopes: Result<Vec<Scope>, Invalid> = text.split(' ').map(str::parse).collect();
        Self::new(scopes?)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(f, "{gap}{scope}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Scopes;

    #[test]
    fn sets_are_sorted_and_hold_each_scope_once() {
        let scopes: Scopes = "orders:read invoices:* orders:read".parse().expect("valid");
        assert_eq!(scopes.to_string(), "invoices:* orders:read");
        let each: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        assert_eq!(each, ["invoices:*", "orders:read"]);
        assert!(!scopes.is_empty() && Scopes::default().is_empty());
        assert_eq!("".parse::<Scopes>().expect("empty").to_string(), "");
        assert!("a  b".parse::<Scopes>().is_err());
        let many: Vec<String> = (0..65).map(|n| format!("s{n}")).collect();
        assert!(many.join(" ").parse::<Scopes>().is_err());
    }
}
