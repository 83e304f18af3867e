use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::error::Invalid;
use crate::key::{Environment, Key, KeyName, KeyStatus, Owner};
use crate::scope::Scope;
use crate::service::ServiceName;

/// Which keys to list: those that meet every part that is given; all of them
/// where none is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFilter {
    /// Of this service.
    pub service: Option<ServiceName>,
    /// Of this owner.
    pub owner: Option<Owner>,
    /// Of this environment.
    pub environment: Option<Environment>,
    /// What the keys are now.
    pub status: Option<KeyStatus>,
    /// Granted exactly this scope, as it is written.
    pub scope: Option<Scope>,
    /// Created within.
    pub created: Option<Span>,
    /// Last used within, or never.
    pub last_used: Option<LastUsed>,
    /// With an expiry before this time; those that expired already among them.
    pub expires_before: Option<Timestamp>,
    /// With this text in the name, in lower or upper case.
    pub name: Option<NamePart>,
}

impl KeyFilter {
    /// Whether a key that was last used at `last_used_at` meets every part at
    /// `now`: what each store's answer is measured by.
    #[must_use]
    pub fn matches(&self, key: &Key, last_used_at: Option<Timestamp>, now: Timestamp) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == found)
        }
        is(self.service.as_ref(), &key.service)
            && is(self.owner.as_ref(), &key.owner)
            && is(self.environment.as_ref(), &key.environment)
            && is(self.status.as_ref(), &key.status(now))
            && self
                .scope
                .as_ref()
                .is_none_or(|scope| key.scopes.iter().any(|granted| granted == scope))
            && self.created.is_none_or(|span| span.holds(key.created_at))
            && self
                .last_used
                .is_none_or(|wanted| wanted.matches(last_used_at))
            && self
                .expires_before
                .is_none_or(|before| key.expires_at.is_some_and(|at| at < before))
            && self.name.as_ref().is_none_or(|part| part.is_in(&key.name))
    }
}

/// A stretch of time: from `from` on, and before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// The first time of the stretch; no bound where absent.
    pub from: Option<Timestamp>,
    /// The time that follows it; no bound where absent.
    pub until: Option<Timestamp>,
}

impl Span {
    /// Whether `at` lies in it.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// When keys were last used, as far as it was written: see
/// [`usage`](crate::usage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastUsed {
    /// Never yet.
    Never,
    /// Within this stretch of time.
    Within(Span),
}

impl LastUsed {
    fn matches(self, at: Option<Timestamp>) -> bool {
        match (self, at) {
            (Self::Never, at) => at.is_none(),
            (Self::Within(_), None) => false,
            (Self::Within(span), Some(at)) => span.holds(at),
        }
    }
}

/// A part of a name to search for: 3 to 64 characters. Upper and lower case
/// are the same.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NamePart(Arc<str>);

impl NamePart {
    /// Whether the name holds this part.
    #[must_use]
    pub fn is_in(&self, name: &KeyName) -> bool {
        name.folded().contains(&*self.0)
    }

    /// The part, folded as [`KeyName::folded`] folds a name.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.0
    }
}

impl FromStr for NamePart {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let folded = crate::text::fold(text);
        let length = folded.chars().count();
        if !(3..=64).contains(&length) || folded.chars().any(char::is_control) {
            return Err(Invalid::new(
                "name to search for",
                "3 to 64 characters, none of them a control character",
            ));
        }
        Ok(Self(folded.into()))
    }
}

impl fmt::Debug for NamePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamePart({:?})", &*self.0)
    }
}

impl fmt::Display for NamePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{LastUsed, NamePart, Span};
    use crate::clock::Timestamp;
    use crate::key::KeyName;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_stretch_of_time_begins_with_its_start_and_ends_before_its_end() {
        let span = |from: Option<i64>, until: Option<i64>| Span {
            from: from.map(at),
            until: until.map(at),
        };
        for (span, held) in [
            (span(Some(5), Some(7)), [false, true, true, false]),
            (span(Some(5), None), [false, true, true, true]),
            (span(None, Some(7)), [true, true, true, false]),
            (span(None, None), [true; 4]),
            (span(Some(7), Some(5)), [false; 4]),
        ] {
            assert_eq!(
                [4, 5, 6, 7].map(|millis| span.holds(at(millis))),
                held,
                "{span:?}"
            );
        }
    }

    #[test]
    fn what_was_never_used_was_not_used_within_any_time() {
        let ever = LastUsed::Within(Span::default());
        assert!(ever.matches(Some(at(0))) && !ever.matches(None));
        assert!(LastUsed::Never.matches(None) && !LastUsed::Never.matches(Some(at(0))));
    }

    #[test]
    fn a_part_of_a_name_is_found_in_any_case_of_any_language() {
        for (name, part, found) in [
            ("Nightly billing", "LY BILL", true),
            ("nightly billing", "ly  bill", false),
            ("ΟΔΥΣΣΕΎΣ", "σσεύσ", true),
            ("STRAẞE", "straße", true),
            ("STRASSE", "straße", false),
            ("İstanbul", "i\u{307}st", true),
            ("Istanbul", "İst", false),
            ("100%", "00%", true),
            ("100 %", "00%", false),
        ] {
            let (name, part): (KeyName, NamePart) =
                (name.parse().expect(name), part.parse().expect(part));
            assert_eq!(part.is_in(&name), found, "{part} in {name}");
        }
        for part in ["ab", "", "a\nbc", &"x".repeat(65)] {
            assert!(part.parse::<NamePart>().is_err(), "{part}");
        }
    }
}
