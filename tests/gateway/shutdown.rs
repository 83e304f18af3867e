use std::net::TcpStream;
use std::thread;

use portcullis_tests::{Gateway, Place, Upstream, eventually, get};

use crate::{PROGRAM, service};

#[test]
fn on_sigterm_what_is_in_flight_ends_and_what_was_counted_is_written() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let services = service("orders", "/", &upstream);
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("orders", &["--scope", "*"]);
    assert_eq!(gateway.get("/", &token).status, 200);

    upstream.hold();
    let address = gateway.address;
    let in_flight = {
        let token = token.clone();
        thread::spawn(move || get(address, "/slow", Some(&token)).status)
    };
    eventually("the request is at the upstream", || upstream.count() == 2);
    gateway.process().signal("TERM");
    eventually("nothing new is taken", || {
        TcpStream::connect(address).is_err()
    });
    let ready = get(gateway.operations, "/readyz", None);
    assert_eq!(ready.status, 503, "a balancer is told");
    assert!(ready.body.contains("\"draining\":true"), "{}", ready.body);
    assert_eq!(get(gateway.operations, "/healthz", None).status, 200);
    upstream.release();
    assert_eq!(in_flight.join().expect("answered"), 200);
    assert_eq!(gateway.wait(), 0);
    let key = place
        .run(&["--output", "json", "keys", "show", Place::id(&token)])
        .json();
    assert_eq!(key["usage"]["granted"], 2, "{key}");
}

#[test]
fn an_upstream_that_is_away_is_a_502_that_names_it_and_comes_back() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let away = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = away.local_addr().expect("an address");
    drop(away);
    let services = service("orders", "/orders", &upstream)
        + &service("away", "/away", &upstream)
            .replace(&upstream.address().to_string(), &address.to_string());
    let gateway = Gateway::start(&place, &services);
    let token = place.issue("away", &["--scope", "*"]);
    let answer = gateway.get("/away", &token);
    assert_eq!(answer.status, 502);
    assert!(answer.body.contains("away"), "{}", answer.body);
    assert!(
        !answer.body.contains(&address.port().to_string()),
        "{}",
        answer.body
    );
    assert!(answer.field("x-request-id").is_some());
}
