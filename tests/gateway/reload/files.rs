//! However a file is changed, it is noticed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use portcullis_tests::{Gateway, Place, eventually, get_with};

use super::{fixed, put};
use crate::PROGRAM;

/// A link that is put in the place of another at once.
fn link(target: &str, path: &Path) {
    let new = path.with_file_name("new-link");
    symlink(target, &new).expect("linked");
    fs::rename(&new, path).expect("renamed");
}

fn answers(gateway: &Gateway, name: &str) {
    eventually(name, || gateway.get(&format!("/{name}"), "").status == 204);
}

#[test]
fn a_file_that_is_written_in_its_place_or_replaced_is_read() {
    let place = Place::new(PROGRAM);
    let gateway = Gateway::start(&place, &fixed("first", 204));
    let text = |name: &str| gateway.configuration(&fixed(name, 204));
    put(&place.config(), &text("renamed"));
    answers(&gateway, "renamed");
    fs::write(place.config(), text("written")).expect("written");
    answers(&gateway, "written");
    fs::remove_file(place.config()).expect("removed");
    fs::write(place.config(), text("again")).expect("written");
    answers(&gateway, "again");
}

#[test]
fn a_folder_that_is_exchanged_behind_a_link_is_read() {
    let place = Place::new(PROGRAM);
    let (mount, outer) = (place.path("mount"), place.path("outer"));
    fs::create_dir(&mount).expect("a folder");
    symlink("mount", &outer).expect("linked");
    let version = |name: &str, text: &str| {
        fs::create_dir_all(mount.join(name)).expect("a folder");
        fs::write(mount.join(name).join("portcullis.toml"), text).expect("written");
    };
    // Paths are relative to where the file is said to be.
    let files = format!(
        "[store]\npath = \"{}\"\n[keyring]\npath = \"{}\"\n",
        place.path("portcullis.db").display(),
        place.path("keyring").display()
    );
    // As a configuration map is mounted, and the whole of it behind a link once more.
    symlink("..data/portcullis.toml", mount.join("portcullis.toml")).expect("linked");
    link("..first", &mount.join("..data"));
    let begin = files.clone() + &fixed("first", 204);
    let gateway = Gateway::start_with(&place, &begin, |command| {
        let text = fs::read_to_string(place.config()).expect("read");
        version("..first", &text);
        command.env("PORTCULLIS_CONFIG", outer.join("portcullis.toml"));
    });
    let text = |name: &str| gateway.configuration(&(files.clone() + &fixed(name, 204)));
    version("..second", &text("second"));
    link("..second", &mount.join("..data"));
    answers(&gateway, "second");
    version("..third", &text("third"));
    link("..third", &mount.join("..data"));
    fs::remove_dir_all(mount.join("..second")).expect("removed");
    answers(&gateway, "third");

    let other = place.path("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("portcullis.toml"), text("fourth")).expect("written");
    link("other", &outer);
    answers(&gateway, "fourth");
    // The one that is watched now is the other one.
    put(&other.join("portcullis.toml"), &text("fifth"));
    answers(&gateway, "fifth");
}

#[test]
fn a_file_that_the_configuration_reads_is_watched_as_well() {
    let place = Place::new(PROGRAM);
    fs::create_dir(place.path("secrets")).expect("a folder");
    let secret = place.path("secrets/origin");
    fs::write(&secret, "one\n").expect("written");
    let guarded = "[[routes]]\nname = \"a\"\npath = \"/a\"\nauth = \"open\"\n\
                   headers = [{ name = \"x-origin\", value = { file = \"secrets/origin\" } }]\n\
                   respond = { status = 204 }\n";
    let gateway = Gateway::start(&place, guarded);
    let status = |value: &str| {
        let field = format!("x-origin: {value}\r\n");
        get_with(gateway.address, "/a", &field).status
    };
    assert_eq!((status("one"), status("two")), (204, 404));
    put(&secret, "two\n");
    eventually("the other secret counts", || status("two") == 204);
    assert_eq!(status("one"), 404);
}
