//! The gateway's program from the outside: its command line, its sockets, its
//! files, its signals.

mod access;
mod audit;
mod backup;
mod bad_input;
mod bodies;
mod canary;
mod dashboards;
mod databases;
mod deploy;
mod divergence;
mod examples;
mod forging;
mod forks;
mod interrupts;
mod keyring;
mod killed;
mod lifecycle;
mod listing;
mod outputs;
mod paths;
mod quota;
mod readme;
mod refusals;
mod restart;
mod shutdown;
mod statuses;
mod update;

/// The program, built with this test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// A service at a prefix, whose keys need `<name>:read`.
fn service(name: &str, prefix: &str, upstream: &portcullis_tests::Upstream) -> String {
    format!(
        "[[services]]\nname = \"{name}\"\nprefix = \"{prefix}\"\nenvironment = \"live\"\n\
         permissions = [\"{name}:read\"]\nupstream = \"http://{}\"\n",
        upstream.address()
    )
}
