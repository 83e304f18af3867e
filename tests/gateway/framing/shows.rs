use std::thread;

use super::ambiguous::{BODIES, FIELDS, LINES, TARGETS};
use super::broken::{CHUNKS, LEFT};
use super::case::{Case, Way};
use super::hidden::HIDDEN;
use super::lane::Lane;
use super::legal::{LEGAL, SEVERAL};

/// Runs the cases in all ways, in two lanes.
fn run(tables: &[&'static [Case]]) {
    let cases: Vec<&'static Case> = tables.iter().copied().flatten().collect();
    thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(2)) {
            scope.spawn(move || {
                let mut lane = Lane::new();
                for case in part {
                    for way in Way::ALL {
                        lane.run(case, way);
                    }
                }
                lane.check_counts();
            });
        }
    });
}

#[test]
fn a_body_that_has_two_ends_comes_nowhere() {
    run(&[BODIES]);
}

#[test]
fn a_head_that_can_be_read_in_two_ways_comes_nowhere() {
    run(&[LINES, FIELDS, TARGETS]);
}

#[test]
fn the_body_of_what_is_refused_is_no_request() {
    run(&[HIDDEN]);
}

#[test]
fn a_body_that_breaks_off_never_ends_cleanly() {
    run(&[CHUNKS, LEFT]);
}

#[test]
fn what_is_legal_arrives_whole_and_once() {
    run(&[LEGAL, SEVERAL]);
}

#[test]
fn the_tables_are_as_wide_as_they_should_be() {
    let tables = [
        BODIES, LINES, FIELDS, TARGETS, HIDDEN, CHUNKS, LEFT, SEVERAL,
    ];
    let ambiguous: usize = tables.iter().map(|table| table.len()).sum();
    assert!(ambiguous >= 150, "{ambiguous}");
    assert!(LEGAL.len() >= 25, "{}", LEGAL.len());
}
