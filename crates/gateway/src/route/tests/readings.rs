//! The tree finds what the rule of precedence says, and lets nothing pass that a server could read
//! as the path of another place.

use http::Uri;
use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};
use proptest::sample::select;

use super::{canonical, pattern};
use crate::path::{CanonicalPath, name_of_literal};
use crate::route::pattern::Reach;
use crate::route::tree::{Owner, Tree};
use crate::route::{PathPattern, SegmentPattern};

/// One way to read a path: the names of its segments.
type Reading = Vec<Vec<u8>>;

/// How a server reads.
#[derive(Debug, Clone, Copy)]
struct Server {
    /// How often it decodes.
    decodes: usize,
    /// Which characters end a name: none, `;` where it is not encoded, `;` however it is written.
    parameters: Parameters,
    /// Whether `?` and `#` end the path where they were encoded.
    ends: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameters {
    Kept,
    Raw,
    Decoded,
}

impl Server {
    fn all() -> impl Iterator<Item = Self> {
        let parameters = [Parameters::Kept, Parameters::Raw, Parameters::Decoded];
        parameters.into_iter().flat_map(|parameters| {
            [1, 2, 3].into_iter().flat_map(move |decodes| {
                [false, true].map(|ends| Self {
                    decodes,
                    parameters,
                    ends,
                })
            })
        })
    }

    fn read(self, path: &str) -> Reading {
        let mut names = Vec::new();
        for segment in path.split('/') {
            let raw = match self.parameters {
                Parameters::Raw => segment.split(';').next().unwrap_or_default(),
                _ => segment,
            };
            let mut name = raw.as_bytes().to_vec();
            for _ in 0..self.decodes {
                name = decode_once(&name);
            }
            let end = name.iter().position(|byte| matches!(byte, b'?' | b'#'));
            let end = end.filter(|_| self.ends);
            name.truncate(end.unwrap_or(name.len()));
            if self.parameters == Parameters::Decoded {
                let cut = name.iter().position(|byte| *byte == b';');
                name.truncate(cut.unwrap_or(name.len()));
            }
            if !name.is_empty() {
                names.push(name);
            }
            if end.is_some() {
                break;
            }
        }
        names
    }
}

fn decode_once(text: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::new();
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = behind;
        let pair = match behind {
            [high, low, ..] if *first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        match pair {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &behind[2..];
            }
            None => decoded.push(*first),
        }
    }
    decoded
}

/// The rule, looked up in a list: of all patterns that fit the first in which, from left to right,
/// a literal stands before a parameter, and a further segment before the end of a prefix.
fn expected(patterns: &[PathPattern], reading: &Reading) -> Owner {
    let fitting = patterns
        .iter()
        .enumerate()
        .filter(|(_, pattern)| fits(pattern, reading));
    let first = fitting.min_by_key(|(_, pattern)| {
        let end = match pattern.reach() {
            Reach::Exact => 0,
            Reach::Prefix => 2,
        };
        let segments = pattern.segments().iter().map(|segment| match segment {
            SegmentPattern::Literal(_) => 0,
            SegmentPattern::Parameter(_) => 1,
        });
        segments.chain([end]).collect::<Vec<_>>()
    });
    first.map_or(Owner::Nobody, |(at, _)| Owner::Place(at))
}

fn fits(pattern: &PathPattern, reading: &Reading) -> bool {
    let segments = pattern.segments();
    let long_enough = match pattern.reach() {
        Reach::Exact => segments.len() == reading.len(),
        Reach::Prefix => segments.len() <= reading.len(),
    };
    long_enough
        && segments
            .iter()
            .zip(reading)
            .all(|(segment, name)| match segment {
                SegmentPattern::Literal(literal) => *name_of_literal(literal) == **name,
                SegmentPattern::Parameter(_) => true,
            })
}

/// The names that the tree looks at.
fn names(path: &CanonicalPath) -> Reading {
    let mut names = Vec::new();
    let mut rest = path.segments();
    while let Some((segment, behind)) = rest.first() {
        names.push(segment.name().into_owned());
        rest = behind;
    }
    names
}

/// A tree of patterns, and those of them that are not there already.
fn tree(texts: &[String]) -> (Tree, Vec<PathPattern>) {
    let (mut tree, mut patterns) = (Tree::default(), Vec::new());
    for text in texts {
        let pattern = pattern(text);
        let place = tree.place_mut(&pattern);
        if place.is_none() {
            *place = Some(patterns.len());
            patterns.push(pattern);
        }
    }
    (tree, patterns)
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let segment = select(vec!["admin", "v1:admin", "x", "a%20b", "{p}"]);
    let pattern = (prop::collection::vec(segment, 0..4), select(vec!["", "/*"]));
    let pattern = pattern.prop_map(|(segments, end)| {
        let mut text = String::new();
        for (at, segment) in segments.iter().enumerate() {
            text.push('/');
            text.push_str(&segment.replace('p', &format!("p{at}")));
        }
        match (text.is_empty(), end.is_empty()) {
            (true, true) => "/".to_owned(),
            _ => text + end,
        }
    });
    prop::collection::vec(pattern, 0..8)
}

/// Paths of names that are patterns', written in all ways.
fn target() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "/",
        "/",
        "/",
        "/",
        "/",
        "admin",
        "admin",
        "%61dmin",
        "v1:admin",
        "v1%3Aadmin",
        "v1%253Aadmin",
        "v1%253aadmin",
        "x",
        "x",
        "y",
        "a%20b",
        "a%2520b",
        ";",
        ";a=b",
        "%3B",
        "%3F",
        "%23",
        "%253C",
        "%25",
        "25",
        "../",
        "./",
        "/admin/x",
        "/x/admin",
        "/x/x/x",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16_384))]

    #[test]
    fn no_server_reads_a_path_as_one_of_another_place(texts in patterns(), target in target()) {
        let Ok(uri) = target.parse::<Uri>() else { return Ok(()) };
        let Ok(path) = CanonicalPath::from_uri(&uri) else { return Ok(()) };
        let (tree, patterns) = tree(&texts);
        let owner = match tree.owner(&path) {
            Owner::Perhaps(place) => Owner::Place(place),
            owner => owner,
        };
        let names = names(&path);
        for server in Server::all().filter(|_| owner != Owner::Unclear) {
            let reading = server.read(path.path());
            let read = expected(&patterns, &reading);
            // Another name may be nobody's, but not what is left of the path as it was guarded.
            let cut = names.starts_with(&reading) && names.len() > reading.len();
            let nobody = read == Owner::Nobody && !cut;
            prop_assert!(read == owner || nobody, "{} {server:?} {read:?}", path.path());
        }
    }

    #[test]
    fn a_plain_path_has_the_owner_that_the_rule_names(
        texts in patterns(),
        names in prop::collection::vec(select(vec!["admin", "v1:admin", "x", "a%20b", "y", "100%25"]), 0..5),
        slash in select(vec!["", "/"]),
    ) {
        let path = canonical(&format!("/{}{slash}", names.join("/")));
        let (tree, patterns) = tree(&texts);
        let reading: Reading = names.iter().map(|name| decode_once(name.as_bytes())).collect();
        let owner = tree.owner(&path);
        prop_assert!(owner != Owner::Unclear);
        prop_assert_eq!(owner, expected(&patterns, &reading));
    }
}
