//! `portcullis quickstart`: a gateway with a service, an upstream and a key, at once.

mod demo;
mod folder;
mod probe;
mod report;
mod run;
mod sockets;
mod upstream;

pub(super) use run::{QuickstartArgs, run};
