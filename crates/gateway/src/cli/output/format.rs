/// For whom a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tables and sentences for people; they may change.
    #[default]
    Text,
    /// One JSON object; fields are added, and never changed or taken away.
    Json,
}
