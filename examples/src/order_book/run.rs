use crate::{BoxError, Options, Setup, Started};

/// Serves the application until `stop` ends, after telling `started` where.
///
/// # Errors
///
/// Where folder, store, keyring or port cannot be had, or what was counted
/// cannot be stored at the end.
pub async fn run(
    options: &Options,
    started: impl FnOnce(Started),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), BoxError> {
    let setup = Setup::new(options).await?;
    started(setup.started()?);
    axum::serve(setup.listener, super::app(setup.gate.clone()))
        .with_graceful_shutdown(stop)
        .await?;
    setup.gate.shutdown().await?;
    Ok(())
}
