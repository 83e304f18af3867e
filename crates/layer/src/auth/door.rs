use std::sync::Arc;

use crate::reject::Refuser;

/// That a request came through an [`ApiKeyLayer`](super::ApiKeyLayer), and how
/// that refuses: a request extension for those who stand behind.
///
/// It is there where a grant alone does not say it: in requests without one,
/// which an optional layer lets pass, and where a hook changes the refusals.
#[derive(Debug, Clone)]
pub(crate) struct Door(Arc<Refuser>);

impl Door {
    pub(super) const fn new(refuser: Arc<Refuser>) -> Self {
        Self(refuser)
    }

    /// Refuses in the layer's words.
    pub(crate) fn refuser(&self) -> &Refuser {
        &self.0
    }
}
