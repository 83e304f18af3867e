use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::keyring::{Keyring, KeyringError, KeyringErrorKind, Root, RootName};

/// The longest file that is read: eight roots and ample comments.
const MAX_FILE: u64 = 64 * 1024;

const HEADER: &str = "\
# Portcullis keyring. Whoever reads this file can forge API keys, and without it
# no key can be checked: keep it secret, and back it up apart from the database.
";

impl Keyring {
    /// Reads a keyring file.
    ///
    /// # Errors
    ///
    /// [`KeyringError`] where the file is missing, may be read or written by
    /// others than its owner, or is not a keyring.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyringError> {
        let path = path.as_ref();
        let failed =
            |error| KeyringError::io(format!("cannot read keyring {}", path.display()), error);
        // Before it is opened: a pipe would wait for its writer.
        check_form(&fs::metadata(path).map_err(failed)?, path)?;
        let mut file = File::open(path).map_err(failed)?;
        check_form(&file.metadata().map_err(failed)?, path)?;
        // The capacity holds the whole file: a string that grew would leave
        // copies of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 2));
        (&mut file)
            .take(MAX_FILE + 1)
            .read_to_string(&mut text)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => malformed(path, "text in UTF-8"),
                _ => failed(error),
            })?;
        if text.len() as u64 > MAX_FILE {
            return Err(malformed(path, "at most 64 KiB"));
        }
        parse(&text).map_err(|error| {
            KeyringError::new(error.kind(), format!("{}: {error}", path.display()))
        })
    }

    /// Writes the keyring to a new file with mode 0600, and to the disk.
    ///
    /// # Errors
    ///
    /// [`KeyringErrorKind::Exists`] where there is a file already: it is never
    /// overwritten; [`KeyringErrorKind::Io`] where it cannot be written: then
    /// there is no file.
    pub fn write_new(&self, path: impl AsRef<Path>) -> Result<(), KeyringError> {
        let path = path.as_ref();
        let failed =
            |error| KeyringError::io(format!("cannot write keyring {}", path.display()), error);
        let text = self.to_text();
        let write = |file: &mut File| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        create_new(path, write).map_err(failed)
    }

    fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        text.push_str(HEADER);
        for root in self.roots() {
            let state = if root.name == *self.current_name() {
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
        text
    }
}

/// Makes a file with mode 0600, and has it written. One that could not be
/// written whole would be half a keyring, and in the way of the next attempt.
fn create_new(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = write(&mut options.open(path)?).and_then(|()| sync_folder(path));
    if written.is_err() {
        // It is ours: it was made just now. Where it cannot be removed either,
        // the first failure is the one to tell.
        let _ = fs::remove_file(path);
    }
    written
}

/// Has the folder's entry for a new file on the disk as well.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

fn parse(text: &str) -> Result<Keyring, KeyringError> {
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

fn malformed(path: &Path, expected: &str) -> KeyringError {
    KeyringError::new(
        KeyringErrorKind::Malformed,
        format!("{} is not a keyring: expected {expected}", path.display()),
    )
}

/// A regular file that nobody but its owner reads or writes.
fn check_form(metadata: &fs::Metadata, path: &Path) -> Result<(), KeyringError> {
    if !metadata.is_file() {
        return Err(malformed(path, "a regular file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyringError::new(
                KeyringErrorKind::Permissions,
                format!(
                    "keyring {} has mode {mode:04o}: expected 0600, so that nobody but its owner reads it",
                    path.display()
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use super::{Keyring, KeyringErrorKind, create_new, parse};

    fn hex(byte: char) -> String {
        byte.to_string().repeat(64)
    }

    #[test]
    fn a_written_keyring_reads_back_and_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keyring");
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        keyring.write_new(&path).expect("written");
        let read = Keyring::from_file(&path).expect("read");
        assert_eq!(read.current().check(), keyring.current().check());
        let again = keyring.write_new(&path).expect_err("exists");
        assert_eq!(again.kind(), KeyringErrorKind::Exists);
    }

    #[test]
    fn a_file_that_could_not_be_written_whole_is_gone_again() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keyring");
        let half = |file: &mut std::fs::File| {
            file.write_all(b"root k1")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = create_new(&path, half).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(!path.exists());
        create_new(&path, |file| file.write_all(b"mine")).expect("written");
        create_new(&path, half).expect_err("exists");
        assert_eq!(std::fs::read(&path).expect("read"), b"mine");
    }

    #[cfg(unix)]
    #[test]
    fn a_keyring_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("keyring");
        Keyring::generate("k1".parse().expect("name"))
            .expect("entropy")
            .write_new(&path)
            .expect("written");
        for mode in [0o640, 0o604, 0o620, 0o644, 0o666] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("mode");
            let error = Keyring::from_file(&path).expect_err("open to others");
            assert_eq!(error.kind(), KeyringErrorKind::Permissions, "{mode:o}");
        }
        let missing = Keyring::from_file(folder.path().join("none")).expect_err("missing");
        assert_eq!(missing.kind(), KeyringErrorKind::Missing);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_file_is_malformed() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().expect("folder");
        let path = |name| folder.path().join(name);
        std::fs::write(path("bytes"), b"root k1 current \xff").expect("written");
        std::fs::write(path("long"), "#".repeat(64 * 1024 + 1)).expect("written");
        for name in ["bytes", "long"] {
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(path(name), mode).expect("mode");
        }
        let pipe = std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(path("pipe"))
            .status();
        assert!(pipe.expect("mkfifo").success());
        std::fs::create_dir(path("folder")).expect("made");
        for name in ["bytes", "long", "pipe", "folder"] {
            let error = Keyring::from_file(path(name)).expect_err(name);
            assert_eq!(error.kind(), KeyringErrorKind::Malformed, "{name}");
        }
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
}
