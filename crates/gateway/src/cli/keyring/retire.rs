use std::path::Path;

use portcullis::KeyManager;
use portcullis::keyring::{Keyring, KeyringError, KeyringErrorKind, RootName};

use crate::cli::Exit;
use crate::cli::actor::actor;
use crate::cli::dto::ChangedRootDto;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// Asks the database first: what stands there decides. Done again, it does what is left: on the
/// other nodes too.
pub(super) async fn retire(
    name: &RootName,
    manager: Option<&KeyManager>,
    path: &Path,
    output: &mut Output<'_>,
) -> Result<(), CliError> {
    let gone = match manager {
        Some(manager) => {
            manager.retire_root(name, &actor()?).await?;
            remove(name, path).map_err(|error| half_done(name, path, &error))?
        }
        None if remove(name, path)? => true,
        None => {
            let message = format!("the keyring has no root {name}");
            return Err(CliError::new(Exit::NotFound, message));
        }
    };
    let dto = ChangedRootDto {
        name: name.as_str(),
        state: "retired",
    };
    output.result(&dto, || {
        let path = path.display();
        let file = if gone {
            "was taken out of"
        } else {
            "is not in"
        };
        format!(
            "root {name} is retired, and {file} {path}\n\
             next: the same command on every other node takes it out of its file; running nodes do \
             not need it any more"
        )
    })?;
    Ok(())
}

/// Takes the root out of the file; says whether it was there.
fn remove(name: &RootName, path: &Path) -> Result<bool, KeyringError> {
    match Keyring::from_file(path)?.without(name) {
        Ok(keyring) => keyring.replace(path).map(|()| true),
        Err(error) if error.kind() == KeyringErrorKind::UnknownRoot => Ok(false),
        Err(error) => Err(error),
    }
}

fn half_done(name: &RootName, path: &Path, error: &KeyringError) -> CliError {
    if error.kind() == KeyringErrorKind::Unsynced {
        return CliError::because(Exit::Partial, format!("root {name} is retired"), error);
    }
    let message = format!(
        "root {name} is retired, but is still in {}: that does no harm; give the same command again, \
         or delete its line",
        path.display()
    );
    CliError::because(Exit::Partial, message, error)
}
