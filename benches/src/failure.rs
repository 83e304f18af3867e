use std::process::ExitCode;

/// Why a bench could not be run.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How a bench's program ends.
#[must_use]
pub fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
