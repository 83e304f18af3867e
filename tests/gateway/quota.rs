use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use portcullis_tests::Place;

use crate::PROGRAM;

#[test]
fn of_a_hundred_creations_by_as_many_processes_ten_fit_a_quota_of_ten() {
    let place = Place::new(PROGRAM);
    // Who waits behind ninety-nine others on a busy machine gets an answer all the same.
    place.write_config("[manager]\nstore_timeout = \"1m\"\n");
    place
        .run(&["services", "create", "small", "--quota", "10"])
        .ok();
    let (created, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let create = [
                        "keys",
                        "create",
                        "--service",
                        "small",
                        "--owner",
                        "a",
                        "--name",
                        "b",
                    ];
                    let outcome = place.run(&create);
                    match outcome.status {
                        0 => created.fetch_add(1, Ordering::SeqCst),
                        4 => {
                            assert!(outcome.stderr.contains("quota"), "{}", outcome.stderr);
                            refused.fetch_add(1, Ordering::SeqCst)
                        }
                        _ => panic!("{outcome:?}"),
                    };
                }
            });
        }
    });
    assert_eq!((created.into_inner(), refused.into_inner()), (10, 90));
    let listed = place
        .run(&["--output", "json", "keys", "list", "--service", "small"])
        .json();
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(10));
}

#[test]
fn processes_that_make_the_same_database_at_once_all_get_it() {
    for _ in 0..3 {
        let place = Place::new(PROGRAM);
        thread::scope(|scope| {
            for at in 0..8 {
                let place = &place;
                scope.spawn(move || {
                    place.run(&["services", "create", &format!("s{at}")]).ok();
                });
            }
        });
        let listed = place.run(&["--output", "json", "services", "list"]).json();
        assert_eq!(
            listed["services"].as_array().map(Vec::len),
            Some(8),
            "{listed}"
        );
        let report = place.run(&["--output", "json", "audit", "verify"]).json();
        assert_eq!(
            (&report["whole"], &report["verified"]),
            (&true.into(), &8.into())
        );
    }
}
