/// What a change does to one field of a record.
///
/// In JSON, as in a merge patch (RFC 7396): absent, null, or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Patch<T> {
    /// Leaves it as it is.
    #[default]
    Keep,
    /// Takes it away.
    Clear,
    /// Puts this in its place.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field stays as it is.
    #[must_use]
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// One of three answers.
    pub(in crate::manager) fn either<U>(self, keep: U, clear: U, set: impl FnOnce(T) -> U) -> U {
        match self {
            Self::Keep => keep,
            Self::Clear => clear,
            Self::Set(value) => set(value),
        }
    }
}

impl<T: Clone> Patch<T> {
    /// The field after the change.
    pub(in crate::manager) fn of(&self, present: &Option<T>) -> Option<T> {
        match self {
            Self::Keep => present.clone(),
            Self::Clear => None,
            Self::Set(value) => Some(value.clone()),
        }
    }

    /// The same of a field that is empty by default.
    pub(in crate::manager) fn of_default(&self, present: &T) -> T
    where
        T: Default,
    {
        match self {
            Self::Keep => present.clone(),
            Self::Clear => T::default(),
            Self::Set(value) => value.clone(),
        }
    }
}

impl<T> From<T> for Patch<T> {
    fn from(value: T) -> Self {
        Self::Set(value)
    }
}
