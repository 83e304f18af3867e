use std::ops::Range;

use portcullis::Invalid;

use super::fault::Finding;
use super::file::{Count, Text};
use crate::setting::InvalidSetting;

/// One value of the file, on its way into a field of the configuration type `C`.
///
/// What a field allows is said once, by the `check` of the type that uses it; here it is only
/// told to whoever wrote the file, at the place where it stands.
pub(super) struct Setting<C> {
    field: &'static str,
    span: Range<usize>,
    apply: Box<dyn Fn(C) -> C>,
}

/// What a type's `check` says: which field, and what it allows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    field: String,
    allowed: String,
}

impl<C: 'static> Setting<C> {
    /// A value of a text form of its own.
    pub(super) fn text<T: Clone + 'static>(
        field: &'static str,
        value: Text<T>,
        apply: impl Fn(C, T) -> C + 'static,
    ) -> Option<Self> {
        let span = value.as_ref()?.span();
        let value = value?.into_inner().0;
        Some(Self {
            field,
            span,
            apply: Box::new(move |config| apply(config, value.clone())),
        })
    }

    /// A whole number. One that the field's type cannot hold becomes its greatest, which no range
    /// allows.
    pub(super) fn count<N: TryFrom<i64> + Bounded + Copy + 'static>(
        field: &'static str,
        value: Count,
        apply: impl Fn(C, N) -> C + 'static,
    ) -> Option<Self> {
        let span = value.as_ref()?.span();
        let value = N::try_from(value?.into_inner()).unwrap_or(N::GREATEST);
        Some(Self {
            field,
            span,
            apply: Box::new(move |config| apply(config, value)),
        })
    }

    /// A plain string.
    pub(super) fn string(
        field: &'static str,
        value: Option<toml::Spanned<String>>,
        apply: impl Fn(C, String) -> C + 'static,
    ) -> Option<Self> {
        let span = value.as_ref()?.span();
        let value = value?.into_inner();
        Some(Self {
            field,
            span,
            apply: Box::new(move |config| apply(config, value.clone())),
        })
    }
}

/// The numbers that fields are made of.
pub(super) trait Bounded {
    const GREATEST: Self;
}

impl Bounded for u32 {
    const GREATEST: Self = Self::MAX;
}

impl Bounded for u64 {
    const GREATEST: Self = Self::MAX;
}

impl Bounded for usize {
    const GREATEST: Self = Self::MAX;
}

/// Applies every setting to the defaults. Those that `check` refuses are found and left out, one
/// after the other, so that all of them are told at once.
pub(super) fn settle<C: Clone>(
    defaults: &C,
    settings: impl IntoIterator<Item = Option<Setting<C>>>,
    check: impl Fn(&C) -> Result<(), Broken>,
    findings: &mut Vec<Finding>,
) -> C {
    let mut settings: Vec<Setting<C>> = settings.into_iter().flatten().collect();
    loop {
        let config = apply_but(defaults, &settings, None);
        let Err(broken) = check(&config) else {
            return config;
        };
        let own = settings
            .iter()
            .position(|setting| setting.field == broken.field);
        // A field that the file leaves alone can break as well: by another that it depends on.
        let other = || {
            (0..settings.len()).find(|at| {
                check(&apply_but(defaults, &settings, Some(*at))).as_ref() != Err(&broken)
            })
        };
        let Some(at) = own.or_else(other) else {
            return config;
        };
        let setting = settings.remove(at);
        let message = if setting.field == broken.field {
            format!("expected {}", broken.allowed)
        } else {
            format!(
                "does not go with {}: expected {}",
                broken.field, broken.allowed
            )
        };
        findings.push(Finding::new(setting.span, message));
    }
}

fn apply_but<C: Clone>(defaults: &C, settings: &[Setting<C>], but: Option<usize>) -> C {
    let counted = settings
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != but);
    counted.fold(defaults.clone(), |config, (_, setting)| {
        (setting.apply)(config)
    })
}

impl From<Invalid> for Broken {
    fn from(invalid: Invalid) -> Self {
        Self {
            field: invalid.field().to_owned(),
            allowed: invalid.expected().to_owned(),
        }
    }
}

impl From<InvalidSetting> for Broken {
    fn from(invalid: InvalidSetting) -> Self {
        Self {
            field: invalid.field().to_owned(),
            allowed: invalid.allowed().to_owned(),
        }
    }
}
