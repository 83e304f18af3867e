use std::path::Path;

use portcullis::KeyManager;
use portcullis::keyring::{Keyring, RootName};

use crate::cli::Exit;
use crate::cli::dto::ChangedRootDto;
use crate::cli::error::CliError;
use crate::cli::output::Output;

pub(super) async fn add(
    name: RootName,
    manager: Option<&KeyManager>,
    path: &Path,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let keyring = Keyring::from_file(path)?;
    if let Some(manager) = manager {
        refuse_known(&keyring, &name, manager).await?;
    }
    keyring.add(name.clone())?.replace(path)?;
    let dto = ChangedRootDto {
        name: name.as_str(),
        state: "verify-only",
    };
    output.result(&dto, || {
        format!(
            "root {name} was added to {}: it verifies, and nothing is made under it yet\n\
             next: give the file to every node and restart each; then, on each, portcullis keyring \
             rotate {name}",
            path.display()
        )
    })?;
    Ok(())
}

pub(super) fn rotate(
    name: &RootName,
    path: &Path,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let keyring = Keyring::from_file(path)?;
    let former = keyring.current_name().clone();
    keyring.make_current(name)?.replace(path)?;
    let dto = ChangedRootDto {
        name: name.as_str(),
        state: "current",
    };
    output.result(&dto, || {
        let path = path.display();
        if former == *name {
            return format!("root {name} is current in {path} already");
        }
        format!(
            "root {name} is current in {path}, and {former} verifies\n\
             next: restart this node, and do the same on every other; digests move to {name} as keys \
             are used, and portcullis keyring list counts what still stands under {former}"
        )
    })?;
    output.note(&format!(
        "warning: a node whose keyring lacks root {name} refuses to start from now on, and answers 503 \
         for what is made under it: every node needs the root before the first one restarts"
    ))?;
    Ok(())
}

/// The database remembers every root that it was ever written with.
async fn refuse_known(
    keyring: &Keyring,
    name: &RootName,
    manager: &KeyManager,
) -> Result<(), CliError> {
    let roots = manager.roots().await?;
    if keyring.names().all(|other| other != name) && roots.iter().any(|root| root.name == *name) {
        let message =
            format!("the database knows a root {name} already: a name is never used again");
        return Err(CliError::new(Exit::Conflict, message));
    }
    Ok(())
}
