//! Starts [`portcullis_examples::order_book`]; see there.

use portcullis_examples::{BoxError, Options, order_book};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let options = Options::from_args(std::env::args_os().skip(1))?;
    order_book::run(&options, |started| println!("{started}"), interrupted()).await
}

/// Ends at Ctrl-C; at once where the system has no such signal.
async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}
