use std::fmt;
use std::sync::Arc;

use super::{Permission, Scopes};

/// The permissions that a request needs: all of them.
///
/// Cheap to clone. An empty requirement is met by every key.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Requirement(Arc<[Permission]>);

impl Requirement {
    /// Requires nothing beyond a valid key.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Requires each of the permissions.
    pub fn all_of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self(permissions.into_iter().collect())
    }

    /// Whether `scopes` allow every permission required.
    #[must_use]
    pub fn is_met_by(&self, scopes: &Scopes) -> bool {
        self.0.iter().all(|permission| scopes.allow(permission))
    }

    /// The permissions, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter()
    }

    /// Whether nothing is required.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, permission) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(f, "{gap}{permission}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Requirement({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Requirement, Scopes};

    #[test]
    fn every_permission_must_be_allowed() {
        let both = Requirement::all_of([
            Permission::from_static("orders:read"),
            Permission::from_static("orders:write"),
        ]);
        let scopes = |text: &str| text.parse::<Scopes>().expect("valid");
        assert!(both.is_met_by(&scopes("orders:*")));
        assert!(both.is_met_by(&scopes("orders:read orders:write")));
        assert!(!both.is_met_by(&scopes("orders:read")));
        assert!(!both.is_met_by(&Scopes::default()));
        assert!(Requirement::none().is_met_by(&Scopes::default()));
    }

    #[test]
    fn what_is_required_is_told_in_the_order_given() {
        let [write, read] = ["orders:write", "orders:read"].map(Permission::from_static);
        let both = Requirement::all_of([write.clone(), read.clone()]);
        assert!(both.iter().eq([&write, &read]));
        assert_eq!(both.to_string(), "orders:write orders:read");
        assert!(!both.is_empty());
        let none = Requirement::none();
        assert!(none.is_empty() && none.iter().next().is_none());
        assert_eq!(none.to_string(), "");
    }
}
