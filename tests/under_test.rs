//! The gateway's program, built as a binary of this package.
//!
//! A test of another package has no `CARGO_BIN_EXE_portcullis`, and would run
//! whatever stale binary the last build left: this one is always fresh.

fn main() -> std::process::ExitCode {
    portcullis_gateway::cli::main()
}
