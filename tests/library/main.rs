//! The parts in the test's own process: a store that fails behind the gateway,
//! the layer over a router, the examples, many tasks on one SQLite file.

mod examples;
mod faults;
mod floods;
mod in_process;
mod races;
mod usage;

use portcullis::audit::Actor;
use portcullis::manager::{Issued, NewKey, NewService};
use portcullis::{KeyManager, ServiceName};

const ORDERS: ServiceName = ServiceName::from_static("orders");

fn actor() -> Actor {
    Actor::new("test").expect("a name")
}

async fn service(manager: &KeyManager, new: NewService) {
    manager
        .create_service(new, &actor())
        .await
        .expect("created");
}

fn new_key() -> NewKey {
    NewKey::new(
        ORDERS,
        "acme".parse().expect("an owner"),
        "job".parse().expect("a name"),
    )
    .scopes("*".parse().expect("a scope"))
}

async fn issue(manager: &KeyManager) -> Issued {
    manager
        .create_key(new_key(), &actor())
        .await
        .expect("issued")
}

/// A request off the runtime's threads: the client waits.
async fn get(address: std::net::SocketAddr, path: &str, token: &str) -> portcullis_tests::Answer {
    let (path, token) = (path.to_owned(), token.to_owned());
    tokio::task::spawn_blocking(move || portcullis_tests::get(address, &path, Some(&token)))
        .await
        .expect("answered")
}
