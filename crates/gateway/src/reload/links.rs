use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::{fs, iter};

/// The most symbolic links on one way, as the kernel has it.
const MOST_LINKS: usize = 40;

/// Everything whose change may make a path lead elsewhere: each symbolic link on its way, and the
/// file at its end.
pub(super) fn way(path: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MOST_LINKS {
        let Some((link, next)) = first_link(&path) else {
            break;
        };
        found.insert(link);
        path = next;
    }
    found.insert(path);
    found
}

/// The first symbolic link of a path, and where the path leads behind it.
fn first_link(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut before = PathBuf::new();
    let mut rest = path.components();
    while let Some(step) = rest.next() {
        let here = before.join(step);
        if let (Component::Normal(_), Ok(target)) = (step, fs::read_link(&here)) {
            // An absolute target takes the place of all before it.
            return Some((here, before.join(target).join(rest.as_path())));
        }
        before = here;
    }
    None
}

/// The folders that these stand in.
pub(super) fn folders(paths: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let parents = paths.iter().flat_map(|path| path.parent());
    parents.map(Path::to_owned).collect()
}

/// The ways of several files, all together.
pub(super) fn ways(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    files
        .iter()
        .flat_map(|file| iter::once(way(file)))
        .flatten()
        .collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::{folders, way};

    #[test]
    fn a_way_has_every_link_on_it() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().canonicalize()?;
        let at = |name: &str| root.join(name);
        let names = |file: &str| -> Vec<PathBuf> { way(&at(file)).into_iter().collect() };
        fs::create_dir_all(at("mount/..2024"))?;
        fs::write(at("mount/..2024/file"), "")?;
        symlink("..2024", at("mount/..data"))?;
        symlink("..data/file", at("mount/file"))?;
        symlink(at("mount"), at("etc"))?;
        assert_eq!(names("mount/..2024/file"), [at("mount/..2024/file")]);
        let expected = ["etc", "mount/..2024/file", "mount/..data", "mount/file"];
        assert_eq!(names("etc/file"), expected.map(at));
        let folders: Vec<_> = folders(&way(&at("etc/file"))).into_iter().collect();
        assert_eq!(folders, [root.clone(), at("mount"), at("mount/..2024")]);
        // What is not there is looked for where it would be.
        assert_eq!(names("mount/none"), [at("mount/none")]);
        assert_eq!(names("none/none"), [at("none/none")]);
        // One that leads to itself has an end.
        symlink("loop", at("loop"))?;
        assert_eq!(names("loop"), [at("loop")]);
        Ok(())
    }
}
