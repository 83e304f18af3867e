//! Starts [`portcullis_examples::tonic_service`]; see there.

use portcullis_examples::{BoxError, Options, Started, tonic_service};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let options = Options::from_args(std::env::args_os().skip(1))?;
    tonic_service::run(&options, tell, interrupted()).await
}

fn tell(started: Started) {
    println!("listening on http://{}", started.address);
    println!("{}", tonic_service::command(&started));
}

/// Ends at Ctrl-C; at once where the system has no such signal.
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
