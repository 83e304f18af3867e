use portcullis_core::scope::{Permission, Requirement};
use tower::Layer;

use super::RequireScopesService;

/// Lets requests pass whose key has more permissions than the
/// [`ApiKeyLayer`](crate::ApiKeyLayer) around it required. See the
/// [module](super).
#[derive(Debug, Clone)]
pub struct RequireScopes {
    requirement: Requirement,
}

impl RequireScopes {
    /// Requires each of these permissions.
    #[must_use]
    pub fn all_of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self {
            requirement: Requirement::all_of(permissions),
        }
    }

    /// Requires one of these permissions at least.
    #[must_use]
    pub fn any_of(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self {
            requirement: Requirement::any_of(permissions),
        }
    }
}

impl<S> Layer<S> for RequireScopes {
    type Service = RequireScopesService<S>;

    fn layer(&self, inner: S) -> RequireScopesService<S> {
        RequireScopesService::new(inner, self.requirement.clone())
    }
}
