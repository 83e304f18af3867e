use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::config::{Config, ServiceRoute};

/// The service that quickstart makes and looks for.
pub(super) const SERVICE: &str = "demo";

/// The route of the service to try out; a configuration without it is somebody's own, and left alone.
pub(super) fn demo(config: &mut Config) -> Result<&mut ServiceRoute, CliError> {
    let services = config.services.iter_mut();
    let demo = services.filter(|service| service.name.as_str() == SERVICE);
    let mut routes = demo.filter_map(|service| service.route.as_mut());
    let found = routes.find(|route| route.prefix.as_str() == "/demo");
    found.ok_or_else(|| {
        CliError::new(
            Exit::Conflict,
            "the folder holds a configuration without quickstart's service demo at /demo: \
             name another folder with --dir, or run it with portcullis serve --config",
        )
    })
}
