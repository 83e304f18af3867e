use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use portcullis_tests::{Place, Process, eventually_within};

use crate::PROGRAM;

const LINES: usize = 3_000;

/// A folder with a service, and a file of many new keys.
fn place() -> Place {
    let place = Place::new(PROGRAM);
    // A thousand keys on a busy machine are no outcome that nobody knows.
    place.write_config("[manager]\nstore_timeout = \"1m\"\n");
    let quota = (2 * LINES).to_string();
    place
        .run(&["services", "create", "orders", "--quota", &quota])
        .ok();
    let line = r#"{"service":"orders","owner":"acme","name":"job"}"#;
    let text = format!("{line}\n").repeat(LINES);
    fs::write(place.path("keys.jsonl"), text).expect("written");
    place
}

/// Issues the keys of the file; it waits in a write of the first thousand, of which one is read.
fn begin(place: &Place, command: &mut Command) -> (Process, BufReader<ChildStdout>) {
    let told = File::create(place.path("told")).expect("a file");
    begin_telling(command, told.into())
}

/// The same with another standard error.
fn begin_telling(command: &mut Command, told: Stdio) -> (Process, BufReader<ChildStdout>) {
    command.args(["keys", "create-many", "keys.jsonl"]);
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = Process::start(command.stderr(told));
    let mut printed = BufReader::with_capacity(256, process.stdout());
    let mut line = String::new();
    printed.read_line(&mut line).expect("a key");
    assert!(line.contains("\"token\""), "{line}");
    (process, printed)
}

fn told(place: &Place) -> String {
    fs::read_to_string(place.path("told")).expect("a file")
}

/// How many keys there are: an event for each, and one for the service.
fn issued(place: &Place) -> usize {
    let report = place.run(&["--output", "json", "audit", "verify"]).json();
    assert_eq!(report["whole"], true, "{report}");
    let events = report["verified"].as_u64().expect("a number");
    usize::try_from(events).expect("few") - 1
}

/// How many lines follow the one that was read, to the end.
fn rest(mut printed: BufReader<ChildStdout>) -> usize {
    let mut text = String::new();
    printed.read_to_string(&mut text).expect("text");
    text.lines().filter(|line| line.ends_with('}')).count()
}

#[test]
fn ctrl_c_stops_when_what_is_issued_is_printed() {
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let place = place();
        let (process, printed) = begin(&place, &mut place.command());
        process.signal(signal);
        let is_told = || told(&place).contains("once more stops at once");
        eventually_within(Duration::from_secs(30), "the signal is caught", is_told);
        let printed = 1 + rest(printed);
        assert_eq!(process.wait(), status);
        assert_eq!(printed, 1_000, "the thousand that was being printed");
        assert_eq!(
            issued(&place),
            printed,
            "every key that is issued is printed"
        );
        let told = told(&place);
        let words = "error: stopped: the 1000 keys of the lines before line 1001 are issued, and none from line 1001 on";
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn ctrl_c_once_more_ends_what_cannot_be_printed() {
    let place = place();
    let (process, printed) = begin(&place, &mut place.command());
    process.signal("INT");
    let is_told = || told(&place).contains("may lose new tokens");
    eventually_within(Duration::from_secs(30), "the signal is caught", is_told);
    process.signal("INT");
    assert_eq!(process.wait(), 130);
    assert_eq!(issued(&place), 1_000);
    drop(printed);
}

/// A stream in which nothing has room any more, and whoever does not read it.
fn full() -> (Stdio, UnixStream) {
    let (unread, mut full) = UnixStream::pair().expect("a pair");
    full.set_nonblocking(true).expect("set");
    for piece in [&[b'x'; 4_096][..], b"x"] {
        while let Err(ErrorKind::Interrupted) | Ok(1..) =
            full.write(piece).map_err(|error| error.kind())
        {}
    }
    // The process shares it, and waits.
    full.set_nonblocking(false).expect("set");
    (OwnedFd::from(full).into(), unread)
}

#[test]
fn ctrl_c_once_more_ends_what_cannot_say_that_it_stops() {
    let place = place();
    let (told, unread) = full();
    let (mut process, printed) = begin_telling(&mut place.command(), told);
    eventually_within(Duration::from_secs(30), "the process ends", || {
        let has_ended = process.has_ended();
        if !has_ended {
            process.signal("INT");
        }
        has_ended
    });
    assert_eq!(process.wait(), 130);
    drop((printed, unread));
}

#[test]
fn what_is_done_is_done_though_nobody_reads_remarks() {
    let place = place();
    let (reader, told) = std::io::pipe().expect("a pipe");
    drop(reader);
    let (process, printed) = begin_telling(&mut place.command(), told.into());
    assert_eq!(1 + rest(printed), LINES);
    assert_eq!(process.wait(), 0);
}

#[test]
fn a_backup_that_was_started_to_outlive_its_terminal_does() {
    let place = place();
    place.run(&["keys", "create-many", "keys.jsonl"]).ok();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "trap '' HUP; echo; exec \"$0\" backup copy.db",
            PROGRAM,
        ])
        .env("PORTCULLIS_CONFIG", place.config())
        .current_dir(place.path(""))
        .stdin(Stdio::null());
    let mut process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut printed = BufReader::new(process.stdout());
    // Until then the shell listens.
    printed.read_line(&mut String::new()).expect("a line");
    while !process.has_ended() {
        process.signal("HUP");
    }
    assert_eq!(process.wait(), 0);
    assert!(place.path("copy.db").exists());
}

#[test]
fn what_was_started_to_outlive_its_terminal_does() {
    let place = place();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", PROGRAM])
        .env("PORTCULLIS_CONFIG", place.config())
        .current_dir(place.path(""));
    let (process, printed) = begin(&place, &mut command);
    process.signal("HUP");
    assert_eq!(1 + rest(printed), LINES);
    assert_eq!(process.wait(), 0);
    assert_eq!(issued(&place), LINES);
}

#[test]
fn a_token_that_nobody_reads_is_told_to_be_lost() {
    let place = place();
    let create = "keys create --service orders --owner acme --name job";
    let mut command = place.command();
    command.args(create.split(' ')).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(&mut command);
    drop(process.stdout());
    let (status, _, told) = process.wait_with_output();
    assert_eq!(status, 8, "{told}");
    assert!(told.contains("could not be printed and is lost"), "{told}");
    assert_eq!(issued(&place), 1);
}
