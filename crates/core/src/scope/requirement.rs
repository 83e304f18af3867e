use std::fmt;
use std::sync::Arc;

use super::{Permission, Scopes};

/// The permissions that a request needs: all of them, and of those that are alternatives one.
///
/// Cheap to clone. An empty requirement is met by every key.
///
/// ```
/// use portcullis_core::scope::{Permission, Requirement, Scopes};
///
/// const READ: Permission = Permission::from_static("orders:read");
/// const WRITE: Permission = Permission::from_static("orders:write");
/// const SUPPORT: Permission = Permission::from_static("support");
///
/// let needed = Requirement::all_of([READ]).and(Requirement::any_of([WRITE, SUPPORT]));
/// assert_eq!(needed.to_string(), "orders:read orders:write|support");
/// assert!(needed.is_met_by(&"orders:read support".parse::<Scopes>()?));
/// assert!(!needed.is_met_by(&"support".parse::<Scopes>()?));
/// # Ok::<(), portcullis_core::Invalid>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Requirement(Arc<[Clause]>);

/// What must be met, beside all others.
#[derive(Clone, PartialEq, Eq)]
enum Clause {
    One(Permission),
    /// One of these at least.
    AnyOf(Box<[Permission]>),
}

impl Requirement {
    /// Requires nothing beyond a valid key.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Requires each of the permissions.
    pub fn all_of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self(permissions.into_iter().map(Clause::One).collect())
    }

    /// Requires one of the permissions at least. Of none there is none: no key meets that.
    pub fn any_of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        let clause = Clause::AnyOf(permissions.into_iter().collect());
        Self(Arc::new([clause]))
    }

    /// Requires both this and the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.is_empty() {
            return self;
        }
        if self.is_empty() {
            return other;
        }
        Self(self.0.iter().chain(other.0.iter()).cloned().collect())
    }

    /// Whether `scopes` allow what is required.
    #[must_use]
    pub fn is_met_by(&self, scopes: &Scopes) -> bool {
        self.0.iter().all(|clause| {
            let mut alternatives = clause.permissions().iter();
            alternatives.any(|permission| scopes.allow(permission))
        })
    }

    /// The permissions, alternatives included, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter().flat_map(Clause::permissions)
    }

    /// Whether nothing is required.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Clause {
    fn permissions(&self) -> &[Permission] {
        match self {
            Self::One(permission) => std::slice::from_ref(permission),
            Self::AnyOf(permissions) => permissions,
        }
    }
}

/// What must all be met with a space between, alternatives with `|` between.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, clause) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            f.write_str(gap)?;
            if clause.permissions().is_empty() {
                f.write_str("(none)")?;
            }
            for (at, permission) in clause.permissions().iter().enumerate() {
                let bar = if at == 0 { "" } else { "|" };
                write!(f, "{bar}{permission}")?;
            }
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

    fn scopes(text: &str) -> Scopes {
        text.parse().expect("valid")
    }

    #[test]
    fn every_permission_must_be_allowed() {
        let both = Requirement::all_of([
            Permission::from_static("orders:read"),
            Permission::from_static("orders:write"),
        ]);
        assert!(both.is_met_by(&scopes("orders:*")));
        assert!(both.is_met_by(&scopes("orders:read orders:write")));
        assert!(!both.is_met_by(&scopes("orders:read")));
        assert!(!both.is_met_by(&Scopes::default()));
        assert!(Requirement::none().is_met_by(&Scopes::default()));
    }

    #[test]
    fn one_of_the_alternatives_is_enough_and_none_is_not() {
        let [read, write, support] =
            ["orders:read", "orders:write", "support"].map(Permission::from_static);
        let either = Requirement::any_of([write.clone(), support.clone()]);
        for (granted, met) in [
            ("orders:write", true),
            ("support", true),
            ("orders:*", true),
            ("orders:read", false),
            ("", false),
        ] {
            assert_eq!(either.is_met_by(&scopes(granted)), met, "{granted}");
        }
        let both = Requirement::all_of([read.clone()]).and(either.clone());
        for (granted, met) in [
            ("orders:read support", true),
            ("orders:*", true),
            ("orders:read", false),
            ("support orders:write", false),
        ] {
            assert_eq!(both.is_met_by(&scopes(granted)), met, "{granted}");
        }
        assert_eq!(both.to_string(), "orders:read orders:write|support");
        assert!(both.iter().eq([&read, &write, &support]));
        assert_eq!(Requirement::none().and(either.clone()), either);
        assert_eq!(either.clone().and(Requirement::none()), either);
    }

    #[test]
    fn no_key_has_one_of_no_permissions() {
        let nothing = Requirement::any_of([]);
        assert!(!nothing.is_met_by(&scopes("*")) && !nothing.is_empty());
        assert_eq!(nothing.to_string(), "(none)");
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
