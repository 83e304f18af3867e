use clap::{Parser, Subcommand};

use super::audit::AuditCommand;
use super::backup::BackupArgs;
use super::config::ConfigCommand;
use super::exit::Exit;
use super::global::GlobalArgs;
use super::init::InitArgs;
use super::keyring::KeyringCommand;
use super::keys::KeysCommand;
use super::quickstart::QuickstartArgs;
use super::services::ServicesCommand;

/// API keys for HTTP services: issue them, check them, stand in front
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, after_help = Exit::help(), arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the gateway until SIGTERM or Ctrl-C
    Serve,
    /// Write a commented configuration and a keyring; overwrites nothing
    Init(InitArgs),
    /// Create, show, change and retire services
    #[command(subcommand)]
    Services(ServicesCommand),
    /// Issue, show, change and end keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Read and verify the trail of every change
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show and change the keyring's roots
    #[command(subcommand)]
    Keyring(KeyringCommand),
    /// Copy the database to a new file, while it is in use
    Backup(BackupArgs),
    /// Check and show the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look for damage in the database, its keyring and its audit trail
    Check,
    /// A gateway with a service, an upstream and a key to try out, at once
    Quickstart(QuickstartArgs),
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Cli;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }

    /// What a person is told for these arguments.
    fn refusal(arguments: &[&str]) -> String {
        let all = ["portcullis"].iter().chain(arguments);
        let error = Cli::try_parse_from(all).expect_err(&arguments.join(" "));
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn a_bad_value_is_refused_with_its_argument_and_what_is_allowed() {
        let key = [
            "keys",
            "create",
            "--service",
            "a",
            "--owner",
            "o",
            "--name",
            "n",
        ];
        let huge = "x".repeat(100_000);
        let table: &[(&[&str], &[&str], &str)] = &[
            (
                &key,
                &["--rate", "0/s"],
                "--rate <RATE>: expected 1 to 1,000,000 requests",
            ),
            (
                &key,
                &["--rate", "-1/s"],
                "--rate <RATE>: expected the form 100/s",
            ),
            (
                &key,
                &["--rate", "99999999999/s"],
                "--rate <RATE>: expected 1 to 1,000,000",
            ),
            (
                &key,
                &["--scope", "Orders"],
                "--scope <SCOPE>: expected 1 to 8 segments",
            ),
            (
                &key,
                &["--environment", "prod"],
                "--environment <ENVIRONMENT>: expected live or test",
            ),
            (
                &key,
                &["--expires-in", "-1d"],
                "--expires-in <DURATION>: expected a whole number",
            ),
            (
                &key,
                &["--expires-in", "1 day"],
                "--expires-in <DURATION>: expected a whole number",
            ),
            (
                &key,
                &["--expires-at", "tomorrow"],
                "--expires-at <TIME>: expected an RFC 3339 time",
            ),
            (
                &key,
                &["--expires-in", "1d", "--never-expires"],
                "cannot be used with",
            ),
            (
                &["services", "create"],
                &["Orders"],
                "<NAME>: expected 1 to 63 characters",
            ),
            (
                &["services", "create"],
                &[""],
                "<NAME>: expected 1 to 63 characters",
            ),
            (
                &["services", "create"],
                &[&huge],
                "<NAME>: expected 1 to 63 characters",
            ),
            (
                &["services", "create", "a"],
                &["--quota", "-1"],
                "--quota <KEYS>",
            ),
            (
                &["services", "create", "a"],
                &["--quota", "0"],
                "--quota <KEYS>",
            ),
            (
                &["services", "create", "a"],
                &["--prefix", "P"],
                "--prefix <PREFIX>: expected 2 to 16",
            ),
            (
                &["keys", "list", "--service", "a"],
                &["--limit", "0"],
                "--limit <KEYS>",
            ),
            (
                &["keys", "list", "--service", "a"],
                &["--limit", "1001"],
                "--limit <KEYS>",
            ),
            (&["keys", "show"], &["nonsense"], "<ID>: expected a UUID"),
            (
                &["keys", "revoke"],
                &["6f9619ff8b86d011b42d00c04fc964ff"],
                "--reason <REASON>",
            ),
            (
                &["keys", "list", "--all-services"],
                &["--status", "gone"],
                "--status <STATUS>: expected active, disabled, expired or revoked",
            ),
            (
                &["keys", "list", "--all-services"],
                &["--name", "ab"],
                "--name <TEXT>: expected 3 to 64 characters",
            ),
            (
                &["keys", "list", "--all-services"],
                &["--created-after", "yesterday"],
                "--created-after <WHEN>: expected a time such as",
            ),
            (
                &["keys", "list", "--all-services"],
                &["--service", "orders"],
                "cannot be used with",
            ),
            (
                &["keys", "list", "--all-services", "--never-used"],
                &["--used-after", "1d"],
                "cannot be used with",
            ),
            (
                &["keys", "update", "6f9619ff8b86d011b42d00c04fc964ff"],
                &["--address", "10.0.0.1/8"],
                "--address <NETWORK>: expected the first address",
            ),
            (
                &["keys", "update", "6f9619ff8b86d011b42d00c04fc964ff"],
                &["--name", "a\u{202e}b"],
                "--name <NAME>: expected no control, bidirectional",
            ),
            (
                &["keys", "update", "6f9619ff8b86d011b42d00c04fc964ff"],
                &["--patch", "{}", "--no-note"],
                "cannot be used with",
            ),
            (
                &["keys", "update", "6f9619ff8b86d011b42d00c04fc964ff"],
                &["--rate", "1/s", "--no-rate"],
                "cannot be used with",
            ),
            (&["keys", "revoke", "--reason", "over"], &[], "<ID>..."),
            (
                &["keys", "revoke", "--reason", "over", "--all"],
                &["6f9619ff8b86d011b42d00c04fc964ff"],
                "cannot be used with",
            ),
            (&["services", "retire", "orders"], &[], "--reason <REASON>"),
            (
                &["services", "update", "orders", "--patch", "{}"],
                &["--quota", "1"],
                "cannot be used with",
            ),
            (
                &["audit", "list"],
                &["--limit", "99999"],
                "--limit <EVENTS>",
            ),
            (
                &["--output", "xml"],
                &["audit", "verify"],
                "--output <FORMAT>",
            ),
        ];
        for (first, then, expected) in table {
            let told = refusal(&[*first, *then].concat());
            assert!(told.contains(expected), "expected {expected} in\n{told}");
            assert!(told.len() < 2_000, "a value of any length is not repeated");
        }
    }

    #[test]
    fn a_token_is_no_argument_and_is_not_repeated() {
        let told = refusal(&["keys", "verify", "pck_live_secret", "--service", "orders"]);
        assert!(
            told.contains("standard input") && !told.contains("pck_live_secret"),
            "{told}"
        );
    }

    #[test]
    fn help_names_the_exit_statuses() {
        let help = Cli::command().render_help().to_string();
        assert!(help.contains("Exit status:\n  0  done\n"), "{help}");
    }
}
