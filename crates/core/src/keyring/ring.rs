use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::keyring::{KeyringError, KeyringErrorKind, Root, RootName};
use crate::token::ParsedToken;

/// One to eight named roots in an order, one of them current. Cheap to clone.
#[derive(Clone)]
pub struct Keyring {
    /// Each at a place of its own, so that what is made of it is never copied.
    roots: Arc<[Arc<Root>]>,
    current: usize,
    /// Roots that the store remembers as retired. What was made under one is
    /// over, so that it is missed by nobody.
    retired_roots: Arc<[RootName]>,
    /// SHA-256 of the file's text that it was read from, also where roots were
    /// changed since.
    origin: Option<[u8; 32]>,
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
        Ok(Self {
            roots: [Arc::new(draw(name)?)].into(),
            current: 0,
            retired_roots: Arc::default(),
            origin: None,
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
            retired_roots: Arc::default(),
            origin: None,
        })
    }

    /// The same keyring with a new root beside the others, from the operating
    /// system's generator. It only verifies: nothing is made under it until
    /// [`Keyring::make_current`] says so, and by then every node should have
    /// it.
    ///
    /// # Errors
    ///
    /// [`KeyringErrorKind::RootExists`] where the name is taken,
    /// [`KeyringErrorKind::Full`] where there are eight roots already,
    /// [`KeyringErrorKind::Io`] where the generator fails.
    pub fn add(&self, name: RootName) -> Result<Self, KeyringError> {
        if self.root(&name).is_some() {
            let message = format!("the keyring has a root {name} already");
            return Err(KeyringError::new(KeyringErrorKind::RootExists, message));
        }
        if self.roots.len() >= Self::MAX_ROOTS {
            let message = format!(
                "the keyring has {} roots, the most: retire one first",
                Self::MAX_ROOTS
            );
            return Err(KeyringError::new(KeyringErrorKind::Full, message));
        }
        let mut roots = self.roots.to_vec();
        roots.push(Arc::new(draw(name)?));
        Ok(Self {
            roots: roots.into(),
            ..self.clone()
        })
    }

    /// The same keyring with another current root: everything new is made
    /// under it from now on, and the former one goes on to verify. Digests move
    /// to it from the roots before it, and from none behind it.
    ///
    /// # Errors
    ///
    /// [`KeyringErrorKind::UnknownRoot`] where there is no such root.
    pub fn make_current(&self, name: &RootName) -> Result<Self, KeyringError> {
        Ok(Self {
            current: self.position(name)?,
            ..self.clone()
        })
    }

    /// The same keyring without a root. What was made under it is neither
    /// verified nor accepted any more: a store that used it is asked to retire
    /// it first, by [`KeyManager::retire_root`](crate::KeyManager::retire_root).
    ///
    /// # Errors
    ///
    /// [`KeyringErrorKind::UnknownRoot`] where there is no such root,
    /// [`KeyringErrorKind::CurrentRoot`] for the current one.
    pub fn without(&self, name: &RootName) -> Result<Self, KeyringError> {
        let gone = self.position(name)?;
        if gone == self.current {
            let message = format!("root {name} is the current one: make another one current first");
            return Err(KeyringError::new(KeyringErrorKind::CurrentRoot, message));
        }
        let mut roots = self.roots.to_vec();
        roots.remove(gone);
        Ok(Self {
            current: self.current - usize::from(gone < self.current),
            roots: roots.into(),
            ..self.clone()
        })
    }

    /// The names of all roots, in their order; the current one's is [`Keyring::current_name`].
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

    /// Whether the current root stands behind the root of this name. The order
    /// of a keyring is that of its file's lines.
    pub(crate) fn current_is_behind(&self, name: &RootName) -> bool {
        self.position(name).is_ok_and(|at| at < self.current)
    }

    /// The same keyring, knowing which roots the store has retired.
    pub(crate) fn with_retired_roots(self, retired: impl IntoIterator<Item = RootName>) -> Self {
        Self {
            retired_roots: retired.into_iter().collect(),
            ..self
        }
    }

    /// Whether the store has retired the root of this name.
    pub(crate) fn is_retired_root(&self, name: &RootName) -> bool {
        self.retired_roots.contains(name)
    }

    /// The same keyring, as read from a file of this text.
    pub(super) fn read_from(self, text: &str) -> Self {
        Self {
            origin: Some(Sha256::digest(text.as_bytes()).into()),
            ..self
        }
    }

    /// Whether the keyring was read from a file of this text.
    pub(super) fn was_read_from(&self, text: &str) -> bool {
        self.origin == Some(Sha256::digest(text.as_bytes()).into())
    }

    fn position(&self, name: &RootName) -> Result<usize, KeyringError> {
        let mut names = self.names();
        names.position(|root| root == name).ok_or_else(|| {
            let message = format!("the keyring has no root {name}");
            KeyringError::new(KeyringErrorKind::UnknownRoot, message)
        })
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

/// A new root, from the operating system's generator.
fn draw(name: RootName) -> Result<Root, KeyringError> {
    let mut secret = Box::new(Zeroizing::new([0; 32]));
    getrandom::fill(&mut **secret).map_err(|error| {
        KeyringError::io(
            "the system's random generator failed",
            std::io::Error::other(error),
        )
    })?;
    Ok(Root::new(name, secret))
}

#[cfg(test)]
mod tests {
    use crate::keyring::{Keyring, KeyringErrorKind, RootName};

    fn name(text: &str) -> RootName {
        text.parse().expect(text)
    }

    fn names(keyring: &Keyring) -> Vec<&str> {
        keyring.names().map(RootName::as_str).collect()
    }

    #[test]
    fn roots_come_take_over_and_go() {
        let one = Keyring::generate(name("k1")).expect("entropy");
        let two = one.add(name("k2")).expect("added");
        assert_eq!(names(&two), ["k1", "k2"]);
        assert_eq!(two.current_name(), &name("k1"), "a new root only verifies");
        let rotated = two.make_current(&name("k2")).expect("rotated");
        assert_eq!(rotated.current_name(), &name("k2"));
        assert_eq!(names(&rotated), ["k1", "k2"]);
        let last = rotated.without(&name("k1")).expect("removed");
        assert_eq!(names(&last), ["k2"]);
        assert_eq!(last.current().check(), rotated.current().check());
        assert_eq!(names(&one), ["k1"], "no keyring changes under others");
    }

    #[test]
    fn roots_stand_in_the_order_in_which_they_came() {
        let mut keyring = Keyring::generate(name("z")).expect("entropy");
        for n in ["a", "m"] {
            keyring = keyring.add(name(n)).expect("added");
        }
        let behind = |keyring: &Keyring| {
            ["z", "a", "m", "none"].map(|root| keyring.current_is_behind(&name(root)))
        };
        assert_eq!(behind(&keyring), [false; 4]);
        let keyring = keyring.make_current(&name("a")).expect("rotated");
        assert_eq!(behind(&keyring), [true, false, false, false]);
        let keyring = keyring.make_current(&name("m")).expect("rotated");
        assert_eq!(behind(&keyring), [true, true, false, false]);
    }

    #[test]
    fn roots_that_cannot_be_are_refused() {
        let mut keyring = Keyring::generate(name("k1")).expect("entropy");
        for (error, kind) in [
            (keyring.add(name("k1")), KeyringErrorKind::RootExists),
            (
                keyring.make_current(&name("k2")),
                KeyringErrorKind::UnknownRoot,
            ),
            (keyring.without(&name("k2")), KeyringErrorKind::UnknownRoot),
            (keyring.without(&name("k1")), KeyringErrorKind::CurrentRoot),
        ] {
            assert_eq!(error.expect_err("refused").kind(), kind);
        }
        for n in 2..=Keyring::MAX_ROOTS {
            keyring = keyring.add(name(&format!("k{n}"))).expect("added");
        }
        let ninth = keyring.add(name("k9")).expect_err("a ninth");
        assert_eq!(ninth.kind(), KeyringErrorKind::Full);
    }

    #[test]
    fn the_current_root_stays_whichever_other_one_goes() {
        let mut keyring = Keyring::generate(name("k1")).expect("entropy");
        for n in ["k2", "k3"] {
            keyring = keyring.add(name(n)).expect("added");
        }
        let keyring = keyring.make_current(&name("k2")).expect("rotated");
        for gone in ["k1", "k3"] {
            let left = keyring.without(&name(gone)).expect("removed");
            assert_eq!(left.current_name(), &name("k2"), "without {gone}");
        }
    }
}
