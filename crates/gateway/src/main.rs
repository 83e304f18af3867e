//! The program `portcullis`: see the `portcullis-gateway` library.

fn main() -> std::process::ExitCode {
    portcullis_gateway::cli::main()
}
