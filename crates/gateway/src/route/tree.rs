use std::collections::HashMap;

use super::pattern::{PathPattern, Reach, SegmentPattern};
use crate::path::{CanonicalPath, Rest, Segment, name_of_literal};

/// The places of one host, by the segments of their paths.
///
/// Segments count from left to right, a literal before a parameter, and of two that end at the
/// same segment the exact one before the prefix. A literal that leads nowhere is walked back from.
#[derive(Debug, Default)]
pub(super) struct Tree {
    literals: HashMap<Box<[u8]>, Tree>,
    parameter: Option<Box<Tree>>,
    exact: Option<usize>,
    prefix: Option<usize>,
}

/// The place that a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Nobody,
    Place(usize),
    /// The place by what may be read into the path, nobody by what stands there: parameters behind
    /// the name of a literal, where nothing else is below the host.
    Perhaps(usize),
    /// Servers may read the path in ways that belong to different places.
    Unclear,
}

impl Tree {
    /// Where the index of a pattern's place stands.
    pub(super) fn place_mut(&mut self, pattern: &PathPattern) -> &mut Option<usize> {
        let end = pattern
            .segments()
            .iter()
            .fold(self, |tree, segment| match segment {
                SegmentPattern::Literal(name) => {
                    tree.literals.entry(name_of_literal(name)).or_default()
                }
                SegmentPattern::Parameter(_) => tree.parameter.get_or_insert_default(),
            });
        match pattern.reach() {
            Reach::Exact => &mut end.exact,
            Reach::Prefix => &mut end.prefix,
        }
    }

    /// The place of a path, however servers may read it.
    pub(super) fn owner(&self, path: &CanonicalPath) -> Owner {
        self.owner_below(path.segments())
    }

    fn owner_below(&self, path: Rest<'_>) -> Owner {
        let Some((segment, rest)) = path.first() else {
            return self.owner_here();
        };
        if !segment.is_plain() {
            return self.owner_of_unclear(segment, rest);
        }
        let name = segment.name();
        self.literal(&name, |tree| tree.owner_below(rest))
            .or_else(|| self.parameter(|tree| tree.owner_below(rest)))
            .or_else(|| Owner::of(self.prefix))
    }

    /// A segment that servers read in more ways than one belongs to a place only where no way
    /// leads to another: without its parameters and decoded to the end, as no literal at all, or
    /// as the last one of the path.
    fn owner_of_unclear(&self, segment: Segment<'_>, rest: Rest<'_>) -> Owner {
        let name = segment.name();
        let below = || Owner::of(self.prefix);
        let plain = self.parameter(|tree| tree.owner_below(rest)).or_else(below);
        let named = match name.is_empty() {
            true => below(),
            false => self
                .literal(&name, |tree| tree.owner_below(rest))
                .or_else(|| plain),
        };
        let whole = plain.or_named(named);
        if !segment.ends_early() {
            return whole;
        }
        let unnamed = || self.parameter(Self::owner_here).or_else(below);
        let ended = match name.is_empty() {
            true => self.owner_here(),
            false => self.literal(&name, Self::owner_here).or_else(unnamed),
        };
        let whole = whole.unless_ended(ended);
        match segment.ends_plainly() {
            true => whole,
            false => whole.unless_ended(unnamed()),
        }
    }

    /// The place of a path that ends here.
    fn owner_here(&self) -> Owner {
        Owner::of(self.exact.or(self.prefix))
    }

    fn literal(&self, name: &[u8], owner: impl FnOnce(&Self) -> Owner) -> Owner {
        self.literals.get(name).map_or(Owner::Nobody, owner)
    }

    fn parameter(&self, owner: impl FnOnce(&Self) -> Owner) -> Owner {
        self.parameter.as_deref().map_or(Owner::Nobody, owner)
    }
}

impl Owner {
    fn of(place: Option<usize>) -> Self {
        place.map_or(Self::Nobody, Self::Place)
    }

    /// This, or where it is nobody's, what a less specific one says.
    fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Nobody => other(),
            Self::Perhaps(_) if other() != Self::Nobody => Self::Unclear,
            found => found,
        }
    }

    /// What a plain reading and one that reads more into the same segment come to.
    fn or_named(self, named: Self) -> Self {
        match (self, named) {
            (plain, named) if plain == named => plain,
            (Self::Nobody, Self::Place(place) | Self::Perhaps(place)) => Self::Perhaps(place),
            (Self::Place(one), Self::Perhaps(two)) | (Self::Perhaps(one), Self::Place(two))
                if one == two =>
            {
                Self::Perhaps(one)
            }
            _ => Self::Unclear,
        }
    }

    /// This, where a server that takes the path to end comes to the same.
    fn unless_ended(self, ended: Self) -> Self {
        match (self, ended) {
            (whole, ended) if whole == ended => whole,
            (Self::Perhaps(one), Self::Place(two)) if one == two => self,
            _ => Self::Unclear,
        }
    }
}
