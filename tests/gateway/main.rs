//! The gateway's program from the outside: its command line, its sockets, its
//! files, its signals.

mod access;
mod audit;
mod backup;
mod bad_input;
mod bodies;
mod body_limits;
mod canary;
mod config;
mod dashboards;
mod databases;
mod deploy;
mod divergence;
mod examples;
mod failover;
mod forging;
mod forks;
mod framing;
mod grpc;
mod http2;
mod interrupts;
mod keyring;
mod killed;
mod lifecycle;
mod listing;
mod origins;
mod outputs;
mod paths;
mod protocols;
mod quota;
mod readme;
mod refusals;
mod reload;
mod restart;
mod routes;
mod shutdown;
mod spellings;
mod statuses;
mod tls;
mod traces;
mod tunnels;
mod update;

/// The program, built with this test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// An upstream's table.
fn upstream_table(name: &str, upstream: &portcullis_tests::Upstream) -> String {
    format!(
        "[[upstreams]]\nname = \"{name}\"\nurl = \"http://{}\"\n",
        upstream.address()
    )
}

/// A service at a prefix, whose keys need `<name>:read`.
fn service(name: &str, prefix: &str, upstream: &portcullis_tests::Upstream) -> String {
    format!(
        "[[services]]\nname = \"{name}\"\nprefix = \"{prefix}\"\nenvironment = \"live\"\n\
         permissions = [\"{name}:read\"]\nupstream = \"http://{}\"\n",
        upstream.address()
    )
}
