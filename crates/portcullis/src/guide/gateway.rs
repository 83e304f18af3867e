//! The gateway: a reverse proxy in front of applications in any language.
//!
//! The program `portcullis`, of the crate `portcullis-gateway`, checks keys as
//! the layer does, hands on what carries a good one with `X-Portcullis-*` fields
//! that say whose it is, and answers everything else itself. The application
//! needs no change, and must be reachable through the gateway alone.
//!
//! ```text
//! portcullis init --dir /etc/portcullis      # portcullis.toml, and the keyring
//! portcullis --config /etc/portcullis/portcullis.toml serve
//! ```
//!
//! Its other commands issue, list, rotate and revoke keys in the same database
//! while it runs; so may an application of yours, by a
//! [`KeyManager`](crate::KeyManager) over the same file.
//!
//! The crate is a library too: `portcullis_gateway::gateway::serve` takes a
//! configuration, a [`KeyManager`](crate::KeyManager), bound listeners, the
//! metrics' recorder and a future that ends it in order. So a program of yours
//! can run the gateway beside tasks of its own, over a manager that it goes on
//! to use. The example is in that crate's docs.
