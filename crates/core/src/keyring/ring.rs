use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::keyring::{KeyringError, KeyringErrorKind, Root, RootName};
use crate::token::ParsedToken;

/// One to eight named roots, one of them current. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    /// Each at a place of its own, so that what is made of it is never copied.
    roots: Arc<[Arc<Root>]>,
    current: usize,
}

impl Keyring {
    /// The most roots of a keyring.
    pub const MAX_ROOTS: usize = 8;

    /// A keyring of one new root, from the operating system's generator.
    ///
    /// # Errors
    ///
    /// [`KeyringErrorKind::Io`] where the generator fails.
    pub fn generate(name: RootName) -> Result<Self, KeyringError> {
        let mut secret = Box::new(Zeroizing::new([0; 32]));
        getrandom::fill(&mut **secret).map_err(|error| {
            KeyringError::io(
                "the system's random generator failed",
                std::io::Error::other(error),
            )
        })?;
        Ok(Self {
            roots: [Arc::new(Root::new(name, secret))].into(),
            current: 0,
        })
    }

    pub(super) fn from_roots(
        roots: Vec<Arc<Root>>,
        current: &RootName,
    ) -> Result<Self, KeyringError> {
        let malformed = |message: String| KeyringError::new(KeyringErrorKind::Malformed, message);
        if roots.is_empty() || roots.len() > Self::MAX_ROOTS {
            return Err(malformed(format!(
                "keyring: expected 1 to {} roots",
                Self::MAX_ROOTS
            )));
        }
        let current = roots
            .iter()
            .position(|root| root.name == *current)
            .ok_or_else(|| malformed("keyring: expected one current root".into()))?;
        Ok(Self {
            roots: roots.into(),
            current,
        })
    }

    /// The names of all roots; the current one's is [`Keyring::current_name`].
    pub fn names(&self) -> impl Iterator<Item = &RootName> {
        self.roots.iter().map(|root| &root.name)
    }

    /// The root under which everything new is made.
    #[must_use]
    pub fn current_name(&self) -> &RootName {
        &self.current().name
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "`current` is an index into `roots` from the start"
    )]
    pub(crate) fn current(&self) -> &Root {
        &self.roots[self.current]
    }

    pub(crate) fn roots(&self) -> &[Arc<Root>] {
        &self.roots
    }

    pub(crate) fn root(&self, name: &RootName) -> Option<&Root> {
        let found = self.roots.iter().find(|root| root.name == *name);
        found.map(|root| &**root)
    }

    /// Whether any root of this keyring issued the token.
    pub(crate) fn issued(&self, token: &ParsedToken) -> bool {
        self.roots
            .iter()
            .fold(false, |issued, root| issued | root.issued(token))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("roots", &self.roots)
            .field("current", &self.current_name())
            .finish()
    }
}
