//! The keyring as text.

use std::fmt::Write as _;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::keyring::{Keyring, KeyringError, KeyringErrorKind, Root, RootName};

const HEADER: &str = "\
# Portcullis keyring. Whoever reads this file can forge API keys, and without it
# no key can be checked: keep it secret, and back it up apart from the database.
";

/// The most bytes of a root's line: the longest name, the longer state, 64
/// digits, and what stands between.
const LINE: usize = 128;

/// The text of a new file.
pub(super) fn to_text(keyring: &Keyring) -> Zeroizing<String> {
    rewrite(HEADER, keyring)
}

/// A file's text with the roots that the keyring has: comments stay where they
/// are, and new roots stand at the end.
pub(super) fn rewrite(old: &str, keyring: &Keyring) -> Zeroizing<String> {
    // One more for a last line that did not end. A string that grew would
    // leave copies of the secret behind.
    let most = old.len() + 1 + Keyring::MAX_ROOTS * LINE;
    let mut text = Zeroizing::new(String::with_capacity(most));
    let mut written = Vec::new();
    for line in old.lines() {
        let mut words = line.split_ascii_whitespace();
        if words.next().is_none_or(|word| word.starts_with('#')) {
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let name = words.next().unwrap_or_default();
        let kept = keyring
            .roots()
            .iter()
            .find(|root| root.name.as_str() == name);
        if let Some(root) = kept {
            write_root(&mut text, root, keyring);
            written.push(&root.name);
        }
    }
    for root in keyring.roots() {
        if !written.contains(&&root.name) {
            write_root(&mut text, root, keyring);
        }
    }
    text
}

fn write_root(text: &mut String, root: &Root, keyring: &Keyring) {
    let state = if root.name == *keyring.current_name() {
        "current"
    } else {
        "verify-only"
    };
    // Writing to a string cannot fail.
    let _ = write!(text, "root {} {state} ", root.name);
    for byte in root.secret.iter() {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
}

/// Reads the text of a keyring.
pub(super) fn parse(text: &str) -> Result<Keyring, KeyringError> {
    let mut roots: Vec<Arc<Root>> = Vec::new();
    let mut current: Option<RootName> = None;
    for (at, line) in text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()))
    {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [word, name, state, digits] = words.as_slice() else {
            return Err(KeyringError::malformed(
                at,
                "root NAME current|verify-only HEX",
            ));
        };
        if *word != "root" {
            return Err(KeyringError::malformed(at, "the word root first"));
        }
        let name: RootName = name
            .parse()
            .map_err(|error| KeyringError::malformed(at, error))?;
        if roots.iter().any(|root| root.name == name) {
            return Err(KeyringError::malformed(at, "a name that no other root has"));
        }
        match *state {
            "current" if current.is_none() => current = Some(name.clone()),
            "verify-only" => {}
            _ => return Err(KeyringError::malformed(at, "verify-only, or current once")),
        }
        let secret = decode_hex(digits)
            .ok_or_else(|| KeyringError::malformed(at, "64 hexadecimal digits"))?;
        roots.push(Arc::new(Root::new(name, secret)));
    }
    let current = current.ok_or_else(|| {
        KeyringError::new(
            KeyringErrorKind::Malformed,
            "keyring: expected one current root",
        )
    })?;
    Keyring::from_roots(roots, &current)
}

fn decode_hex(digits: &str) -> Option<Box<Zeroizing<[u8; 32]>>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut secret = Box::new(Zeroizing::new([0; 32]));
    for (byte, [high, low]) in secret.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::{parse, rewrite, to_text};
    use crate::keyring::{Keyring, KeyringErrorKind};

    fn hex(byte: char) -> String {
        byte.to_string().repeat(64)
    }

    #[test]
    fn only_whole_keyrings_are_read() {
        let (a, b) = (hex('a'), hex('b'));
        assert!(
            parse(&format!(
                "# x\n\nroot k1 current {a}\nroot k2 verify-only {b}\n"
            ))
            .is_ok()
        );
        for text in [
            String::new(),
            "root k1 current".into(),
            format!("root k1 verify-only {a}"),
            format!("root k1 current {a}\nroot k1 verify-only {b}"),
            format!("root k1 current {a}\nroot k2 current {b}"),
            format!("root K1 current {a}"),
            format!("root k1 current {}", &a[1..]),
            format!("root k1 current {a}a"),
            format!("root k1 current {}", hex('g')),
            format!("key k1 current {a}"),
            format!("root k1 current {a} more"),
            (0..9)
                .map(|n| {
                    format!(
                        "root k{n} {} {a}\n",
                        if n == 0 { "current" } else { "verify-only" }
                    )
                })
                .collect(),
        ] {
            let error = parse(&text).expect_err(&text);
            assert_eq!(error.kind(), KeyringErrorKind::Malformed);
            assert!(
                !error.to_string().contains("aaaa"),
                "the secret is not repeated: {error}"
            );
        }
    }

    #[test]
    fn nothing_secret_is_printed_for_debugging() {
        let keyring = parse(&format!("root k1 current {}", hex('a'))).expect("valid");
        assert_eq!(
            format!("{keyring:?}"),
            "Keyring { roots: [Root(k1)], current: RootName(k1) }"
        );
    }

    #[test]
    fn a_rewritten_text_keeps_its_comments_and_every_secret() {
        let name = |name: &str| name.parse().expect(name);
        let (a, b, c) = (hex('a'), hex('b'), hex('c'));
        let old = format!(
            "# mine\n\n  root k1 current {a}\n# between\nroot k2 verify-only {b}\nroot k3 verify-only {c}"
        );
        let keyring = parse(&old).expect("valid");
        let next = keyring
            .make_current(&name("k3"))
            .and_then(|keyring| keyring.without(&name("k2")))
            .and_then(|keyring| keyring.add(name("k4")))
            .expect("changed");
        let text = rewrite(&old, &next);
        let (kept, added) = text.split_once("root k4 verify-only ").expect("added");
        assert_eq!(
            kept,
            format!("# mine\n\nroot k1 verify-only {a}\n# between\nroot k3 current {c}\n")
        );
        assert_eq!(added.trim_end().len(), 64);
        let read = parse(&text).expect("valid");
        let checks = |keyring: &Keyring| -> Vec<[u8; 32]> {
            keyring.roots().iter().map(|root| root.check()).collect()
        };
        assert_eq!(checks(&read), checks(&next));
        assert_eq!(read.current_name(), next.current_name());
    }

    #[test]
    fn no_text_grows_past_the_room_that_was_made_for_it() {
        let mut keyring = Keyring::generate("r".repeat(32).parse().expect("name")).expect("made");
        for n in 1..Keyring::MAX_ROOTS {
            let name = format!("{n}{}", "r".repeat(31)).parse().expect("name");
            keyring = keyring.add(name).expect("added");
        }
        let text = to_text(&keyring);
        let most = super::HEADER.len() + 1 + Keyring::MAX_ROOTS * super::LINE;
        assert!(
            text.len() <= most && text.capacity() <= most,
            "{}",
            text.len()
        );
        let unended = text.trim_end();
        assert_eq!(*rewrite(unended, &keyring), *text);
    }
}
