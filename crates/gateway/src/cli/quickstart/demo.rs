use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::config::{Config, ServiceConfig};

/// The service that quickstart makes and looks for.
pub(super) const SERVICE: &str = "demo";

/// The service to try out; a configuration without it is somebody's own, and left alone.
pub(super) fn demo(config: &mut Config) -> Result<&mut ServiceConfig, CliError> {
    let found = config
        .services
        .iter_mut()
        .find(|service| service.name.as_str() == SERVICE && service.prefix.as_str() == "/demo");
    found.ok_or_else(|| {
        CliError::new(
            Exit::Conflict,
            "the folder holds a configuration without quickstart's service demo at /demo: \
             name another folder with --dir, or run it with portcullis serve --config",
        )
    })
}
