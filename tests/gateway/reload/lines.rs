//! The access log of a configuration that changes.

use std::fs;

use portcullis_tests::{Gateway, Load, Place, eventually};

use super::{change, fixed};
use crate::PROGRAM;

#[test]
fn no_line_is_lost_while_their_file_is_another_and_another() {
    const CHANGES: u64 = 12;
    const REQUESTS: u64 = 400;

    let place = Place::new(PROGRAM);
    let names = ["one.log", "two.log", "three.log"];
    let to = |name: &str, lines: u32| {
        let log = format!("[access_log]\npath = \"{name}\"\nlines = {lines}\n");
        log + &fixed("first", 200)
    };
    let gateway = Gateway::start(&place, &to(names[0], 20_000));
    let load = Load::start(4, gateway.address, "/first", "none");
    for (round, name) in (1..=CHANGES).zip(names.into_iter().cycle().skip(1)) {
        eventually("requests are answered", || {
            load.answered() >= round * REQUESTS
        });
        let lines = 20_000 + u32::try_from(round).expect("few");
        change(&gateway, &place, &to(name, lines));
    }
    let report = load.finish();
    assert!(report.lost.is_empty(), "{report:?}");
    assert_eq!(gateway.metric("portcullis_config_restart_needed"), 0.0);
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
    let written = names.map(|name| {
        let text = fs::read_to_string(place.path(name)).expect("read");
        let lines = text.lines();
        assert!(lines.clone().all(|line| line.ends_with('}')), "{name}");
        lines.count() as u64
    });
    assert!(
        written.iter().all(|&lines| lines >= REQUESTS),
        "{written:?}"
    );
    assert_eq!(written.iter().sum::<u64>(), report.answered, "{written:?}");
}

#[test]
fn lines_are_written_from_when_and_for_as_long_as_they_are_asked_for() {
    let place = Place::new(PROGRAM);
    let gateway = Gateway::start(&place, &fixed("first", 204));
    let count = || fs::read_to_string(place.path("log")).map_or(0, |text| text.lines().count());
    let ask = || assert_eq!(gateway.get("/first", "none").status, 204);
    ask();
    let logged = "[access_log]\npath = \"log\"\npath_field = true\n".to_owned();
    change(&gateway, &place, &(logged + &fixed("first", 204)));
    ask();
    eventually("it is written", || count() == 1);
    let line = fs::read_to_string(place.path("log")).expect("read");
    assert!(line.contains("\"path\":\"/first\""), "{line}");
    change(&gateway, &place, &fixed("first", 204));
    ask();
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
    assert_eq!(count(), 1);
}
