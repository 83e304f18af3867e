use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use portcullis::token::redact;
use tokio::runtime::Builder;

use super::args::{Cli, Command};
use super::error::CliError;
use super::output::Output;
use super::shutdown::outlive_file_limit;
use super::{Exit, audit, backup, check, config, init, keyring, keys, quickstart, serve, services};
use crate::life::Inherited;
use crate::telemetry::{LogLevel, init_logs};

/// The program: reads its arguments, does what they ask, and says how it went. See [`Exit`] for
/// what the status means.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            tell(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()));
        }
    };
    run(cli).unwrap_or_else(|error| told(&error)).into()
}

/// The status of what was not done, once it is said why.
fn told(error: &CliError) -> Exit {
    if !error.is_closed_output() {
        let _ = writeln!(io::stderr(), "{}", redact(&error.to_string()));
    }
    error.exit()
}

/// Says what is wrong with the arguments; in colours, unless a token stands among them, which is
/// not repeated. With standard output or error gone there is nobody to tell.
fn tell(error: &clap::Error) {
    let text = error.render().to_string();
    let _ = match redact(&text) {
        Cow::Borrowed(_) => error.print(),
        Cow::Owned(redacted) => write!(io::stderr(), "{redacted}"),
    };
}

fn run(cli: Cli) -> Result<Exit, CliError> {
    let level = match cli.command {
        Command::Serve => LogLevel::Info,
        Command::Quickstart(_) => LogLevel::Warn,
        _ => LogLevel::Error,
    };
    init_logs(cli.global.log_format, level)?;
    // Before the runtime has threads: they are taken out of the environment.
    let inherited = match cli.command {
        Command::Serve => Inherited::take()?,
        _ => Inherited::default(),
    };
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            CliError::because(
                Exit::Failure,
                "cannot start the asynchronous runtime",
                &error,
            )
        })?;
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let terminal = out.is_terminal();
    let mut output = Output::new(cli.global.output, terminal, &mut out, &mut err);
    let done = runtime.block_on(dispatch(cli, inherited, &mut output));
    // Before the runtime ends: where nobody reads standard error, a signal must still end this.
    let exit = done.unwrap_or_else(|error| told(&error));
    // All is done; a look-up of a name that never ends must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(exit)
}

async fn dispatch(
    cli: Cli,
    inherited: Inherited,
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    outlive_file_limit()?;
    let global = cli.global;
    match cli.command {
        Command::Serve => serve::run(&global, inherited).await,
        Command::Init(args) => init::run(&args, output),
        Command::Services(command) => services::run(command, &global, output).await,
        Command::Keys(command) => keys::run(command, &global, output).await,
        Command::Audit(command) => audit::run(command, &global, output).await,
        Command::Keyring(command) => keyring::run(command, &global, output).await,
        Command::Backup(args) => backup::run(&args, &global, output)
            .await
            .map(|()| Exit::Done),
        Command::Config(command) => config::run(command, &global, output),
        Command::Check => check::run(&global, output).await,
        Command::Quickstart(args) => quickstart::run(&args, output).await,
    }
}
