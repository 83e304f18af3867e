use std::borrow::Cow;

use super::CanonicalPath;
use super::normalize::{
    ends_early, has_parameters, has_parameters_before_end, is_encoded_again, name_of,
};

/// One segment of a canonical path, as routes are found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment<'a>(&'a str);

/// What is left of a canonical path behind the segments that were taken off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'a>(&'a str);

impl CanonicalPath {
    /// The path as segments. The slash that it may end with is none: servers rarely tell
    /// `/admin/` from `/admin`, so what guards the one guards the other.
    pub(crate) fn segments(&self) -> Rest<'_> {
        let path = self.path();
        // Behind the last slash nothing is left, and there the path ends.
        Rest(path.strip_prefix('/').unwrap_or(path))
    }
}

impl<'a> Rest<'a> {
    /// The first segment, and what follows it; nothing where the path ends.
    pub(crate) fn first(self) -> Option<(Segment<'a>, Rest<'a>)> {
        if self.0.is_empty() {
            return None;
        }
        let (first, rest) = self.0.split_once('/').unwrap_or((self.0, ""));
        Some((Segment(first), Rest(rest)))
    }
}

impl<'a> Segment<'a> {
    /// What a server may take for the segment's name that reads as much into it as servers do:
    /// parameters off, and every encoded character decoded, more than once if need be. Copies
    /// nothing where nothing is encoded.
    pub(crate) fn name(self) -> Cow<'a, [u8]> {
        name_of(self.0)
    }

    /// Whether every server takes that for its name. One that keeps parameters, or decodes once,
    /// would take `admin;a` and `v1%253Aadmin` for other names than `admin` and `v1:admin`.
    pub(crate) fn is_plain(self) -> bool {
        !has_parameters(self.0) && !is_encoded_again(self.0)
    }

    /// Whether servers that take the path to end here take what stands before for one name: not
    /// where it has parameters, which some keep, or is encoded twice.
    pub(crate) fn ends_plainly(self) -> bool {
        !has_parameters_before_end(self.0) && !is_encoded_again(self.0)
    }

    /// Whether a server may take the path to end here: at an encoded `?` or `#`.
    pub(crate) fn ends_early(self) -> bool {
        ends_early(self.0)
    }
}

/// [`Segment::name`] of a segment that is written in a prefix or a pattern.
pub(crate) fn name_of_literal(segment: &str) -> Box<[u8]> {
    name_of(segment).into()
}

#[cfg(test)]
mod tests {
    use super::CanonicalPath;

    /// `name`, with `~` behind what is not plain, and `$` behind what may end the path.
    fn shown(target: &str) -> Vec<String> {
        let path = CanonicalPath::from_uri(&target.parse().expect(target)).expect(target);
        let mut rest = path.segments();
        let mut shown = Vec::new();
        while let Some((segment, behind)) = rest.first() {
            let name = String::from_utf8(segment.name().into_owned()).expect("text");
            let plain = if segment.is_plain() { "" } else { "~" };
            let end = if segment.ends_early() { "$" } else { "" };
            shown.push(format!("{name}{plain}{end}"));
            rest = behind;
        }
        shown
    }

    #[test]
    fn segments_are_names_and_the_last_slash_is_none() {
        for (target, expected) in [
            ("/", &[][..]),
            ("/admin", &["admin"]),
            ("/admin/", &["admin"]),
            ("/a/b//c/", &["a", "b", "c"]),
            ("/a%20b/%3A%3a", &["a b", "::"]),
            ("/a;x=1/b%3Bx", &["a~", "b~"]),
            ("/a%3Fb/%23c", &["a~$", "~$"]),
            ("/v1%253Aadmin/100%25/%252G", &["v1:admin~", "100%", "%2G"]),
        ] {
            assert_eq!(shown(target), expected, "{target}");
        }
    }
}
