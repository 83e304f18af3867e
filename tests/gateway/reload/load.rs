//! Show: no request is lost in 20 reloads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use portcullis_tests::{Gateway, Place, eventually_within, figure, get};

use super::client::Kept;
use super::echo::Echo;
use super::{change, fixed, reloads};
use crate::PROGRAM;

const REQUESTS: u64 = 100_000;
const RELOADS: u64 = 20;

/// One service on an upstream that stays, one on another that is a new one with each reload, and a
/// route that each reload has alone.
fn services(stays: &Echo, changes: &Echo, reload: u64) -> String {
    format!(
        "[[services]]\nname = \"orders\"\n\
         [[upstreams]]\nname = \"stays\"\nurl = \"http://{}\"\n\
         [[upstreams]]\nname = \"changes\"\nurl = \"http://{}\"\nresponse = \"{}s\"\n\
         [[routes]]\nname = \"stays\"\nprefix = \"/stays\"\nservice = \"orders\"\n\
         upstream = \"stays\"\n\
         [[routes]]\nname = \"changes\"\nprefix = \"/changes\"\nservice = \"orders\"\n\
         upstream = \"changes\"\n{}",
        stays.address,
        changes.address,
        30 + reload,
        fixed(&format!("only-{reload}"), 204)
    )
}

/// What the clients have done, and until when they go on.
#[derive(Default)]
struct Work {
    next: AtomicU64,
    answered: AtomicU64,
    enough: AtomicBool,
}

impl Work {
    /// Asks for numbered paths until there is enough; every answer is that to its own question.
    fn go_on(&self, ask: &mut dyn FnMut(&str) -> (u16, String)) {
        while !self.enough.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let to = ["stays", "changes"][usize::from(number.is_multiple_of(4))];
            let path = format!("/{to}/{number}");
            assert_eq!(ask(&path), (200, path.clone()));
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn no_request_is_lost_in_twenty_reloads_under_load() {
    let place = Place::new(PROGRAM);
    let (stays, changes) = (Echo::start(), Echo::start());
    let gateway = Gateway::start(&place, &services(&stays, &changes, 0));
    let token = place.issue("orders", &["--scope", "*"]);
    let work = Work::default();
    let address = gateway.address;
    thread::scope(|scope| {
        for client in 0..16 {
            let (work, token) = (&work, &token);
            scope.spawn(move || match client {
                // Some come anew for each request.
                0..2 => work.go_on(&mut |path| {
                    let answer = get(address, path, Some(token));
                    (answer.status, answer.body)
                }),
                _ => {
                    let mut kept = Kept::open(address);
                    work.go_on(&mut |path| kept.get(path, token));
                }
            });
        }
        // The clients end with the test, however it ends.
        let enough = Enough(&work.enough);
        for reload in 1..=RELOADS {
            // Spread over all that is asked for.
            let from = REQUESTS / (RELOADS + 1) * reload;
            let answered = || work.answered.load(Ordering::Relaxed);
            let limit = std::time::Duration::from_secs(120);
            eventually_within(limit, "requests are answered", || answered() >= from);
            change(&gateway, &place, &services(&stays, &changes, reload));
            let route = |reload| gateway.get(&format!("/only-{reload}"), &token).status;
            assert_eq!((route(reload - 1), route(reload)), (404, 204), "as a whole");
        }
        let limit = std::time::Duration::from_secs(120);
        eventually_within(limit, "all requests are answered", || {
            work.answered.load(Ordering::Relaxed) >= REQUESTS
        });
        drop(enough);
    });
    let (asked, answered) = (work.next.into_inner(), work.answered.into_inner());
    assert_eq!(asked, answered);
    assert_eq!(stays.requests() + changes.requests(), answered);
    assert_eq!(reloads(&gateway, "applied"), RELOADS);
    let (kept, new) = (stays.connections(), changes.connections());
    figure(&format!(
        "{RELOADS} reloads: {answered} requests answered, 0 lost; {kept} connections to the \
         upstream that stays, {new} to the one that changes"
    ));
    assert!(
        new >= RELOADS,
        "{new} connections to the upstream that changes"
    );
    gateway.process().signal("TERM");
    assert_eq!(gateway.wait(), 0);
}

struct Enough<'a>(&'a AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
