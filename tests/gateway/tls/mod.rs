//! TLS towards clients and upstreams, with certificates that are made for each
//! test.

#[path = "../../../crates/gateway/src/tls/tests/authority.rs"]
mod authority;
mod client;
mod clients;
mod example;
pub(crate) mod made;
mod names;
mod renewed;
mod tunnels;
mod upstreams;

use std::net::{SocketAddr, TcpListener};

use portcullis_tests::{Gateway, Place, Upstream};

use crate::{PROGRAM, service};
use authority::Ca;

/// A gateway that serves `orders` in TLS as well.
struct Secure {
    place: Place,
    upstream: Upstream,
    gateway: Gateway,
    address: SocketAddr,
    token: String,
}

impl Secure {
    /// With what a test says of `[tls]`, without the address. Its files are in
    /// the folder.
    fn start(write: impl Fn(&Place), tls: &str) -> Self {
        let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
        write(&place);
        let address = free_address();
        let services = service("orders", "/", &upstream);
        let text = format!("{services}[tls]\nlisten = \"{address}\"\n{tls}");
        let gateway = Gateway::start(&place, &text);
        let token = place.issue("orders", &["--scope", "*"]);
        Self {
            place,
            upstream,
            gateway,
            address,
            token,
        }
    }

    /// With one certificate for `a.test`, and what else a test says.
    fn of(ca: &Ca, tls: &str) -> Self {
        let pair = ca.issue(&["a.test"]);
        let text =
            format!("{tls}\n[[tls.certificates]]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n");
        Self::start(|place| pair.write(place, "a"), &text)
    }
}

pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}
