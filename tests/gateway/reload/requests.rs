//! What becomes of requests, connections and keys.

use std::thread;

use portcullis_tests::{Gateway, Place, Upstream, eventually, get};

use super::client::Kept;
use super::echo::Echo;
use super::{change, fixed};
use crate::{PROGRAM, service};

#[test]
fn a_route_that_is_gone_finishes_what_it_began_and_answers_nothing_new() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let both = service("orders", "/orders", &upstream) + &fixed("here", 204);
    let gateway = Gateway::start(&place, &both);
    let token = place.issue("orders", &["--scope", "*"]);
    upstream.hold();
    let in_flight = {
        let (address, token) = (gateway.address, token.clone());
        thread::spawn(move || get(address, "/orders/1", Some(&token)))
    };
    eventually("the request is at the upstream", || upstream.count() == 1);
    change(&gateway, &place, &fixed("here", 204));
    assert_eq!(gateway.get("/orders/2", &token).status, 404);
    assert_eq!(gateway.get("/here", &token).status, 204);
    assert_eq!(upstream.count(), 1, "nothing new came there");
    upstream.release();
    let answer = in_flight.join().expect("answered");
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
}

#[test]
fn a_request_of_a_route_that_is_gone_ends_with_its_key_nonetheless() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let gateway = Gateway::start(&place, &service("orders", "/orders", &upstream));
    let token = place.issue("orders", &["--scope", "*"]);
    upstream.hold();
    let in_flight = {
        let (address, token) = (gateway.address, token.clone());
        thread::spawn(move || get(address, "/orders/1", Some(&token)))
    };
    eventually("the request is at the upstream", || upstream.count() == 1);
    change(&gateway, &place, &fixed("here", 204));
    let revoke = ["keys", "revoke", Place::id(&token), "--reason", "leaked"];
    place.run(&revoke).ok();
    // The upstream never answers: what ends the request is its key.
    assert_eq!(in_flight.join().expect("answered").status, 401);
    upstream.release();
}

#[test]
fn an_upstream_without_a_change_keeps_its_connections() {
    let place = Place::new(PROGRAM);
    let (stays, changes) = (Echo::start(), Echo::start());
    let services = |response: &str, more: &str| {
        format!(
            "[[services]]\nname = \"a\"\nprefix = \"/stays\"\nupstream = \"http://{}\"\n\
             [[upstreams]]\nname = \"b\"\nurl = \"http://{}\"\nresponse = \"{response}\"\n\
             [[routes]]\nname = \"b\"\nprefix = \"/changes\"\nauth = \"open\"\nupstream = \"b\"\n\
             {more}",
            stays.address, changes.address
        )
    };
    let gateway = Gateway::start(&place, &services("10s", ""));
    let token = place.issue("a", &[]);
    let mut client = Kept::open(gateway.address);
    let mut both = || {
        for path in ["/stays/1", "/changes/1"] {
            assert_eq!(client.get(path, &token), (200, path.to_owned()));
        }
        (stays.connections(), changes.connections())
    };
    assert_eq!((both(), both()), ((1, 1), (1, 1)));
    change(&gateway, &place, &services("11s", ""));
    assert_eq!(both(), (1, 2), "another configuration is another upstream");
    change(&gateway, &place, &services("11s", &fixed("more", 204)));
    assert_eq!(both(), (1, 2));
    // The client has been on one connection all along.
    assert_eq!(gateway.metric("portcullis_connections_open"), 1.0);
}

#[test]
fn a_rate_goes_on_and_a_new_service_is_there() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let orders = service("orders", "/orders", &upstream);
    let gateway = Gateway::start(&place, &orders);
    let token = place.issue("orders", &["--scope", "*", "--rate", "2/h burst 2"]);
    assert_eq!(gateway.get("/orders", &token).status, 200);
    let both = orders + &service("billing", "/billing", &upstream);
    change(&gateway, &place, &both);
    // What was used before counts still.
    let statuses = [0; 2].map(|_| gateway.get("/orders", &token).status);
    assert_eq!(statuses, [200, 429]);
    let other = place.issue("billing", &["--scope", "*"]);
    eventually("the key of the new service counts", || {
        gateway.get("/billing", &other).status == 200
    });
}
