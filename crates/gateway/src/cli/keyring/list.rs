use std::path::Path;

use portcullis::KeyManager;
use portcullis::keyring::Keyring;

use crate::cli::dto::{RootDto, RootListDto};
use crate::cli::error::CliError;
use crate::cli::output::{self, Output};

pub(super) async fn list(
    manager: Option<&KeyManager>,
    path: &Path,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let roots = match manager {
        Some(manager) => manager.roots().await?.iter().map(RootDto::from).collect(),
        None => {
            let keyring = Keyring::from_file(path)?;
            let names = keyring.names();
            names.map(|name| RootDto::unused(&keyring, name)).collect()
        }
    };
    let list = RootListDto { roots };
    output.result(&list, || table(&list))?;
    Ok(())
}

fn table(list: &RootListDto) -> String {
    let count =
        |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let row = |root: &RootDto| {
        [
            root.name.clone(),
            root.state.to_owned(),
            count(root.digests),
            count(root.tokens),
        ]
    };
    output::list(
        ["NAME", "STATE", "DIGESTS", "TOKENS"],
        list.roots.iter().map(row),
    )
}
