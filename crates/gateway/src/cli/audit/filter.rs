use clap::Args;
use portcullis::KeyManager;
use portcullis::key::KeyId;
use portcullis::manager::ListEvents;
use portcullis::service::ServiceName;

use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::error::CliError;

/// Which events are meant.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// Begin after the event of this number
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    pub(super) after: u64,
    /// Events of this service and its keys alone
    #[arg(long, value_parser = checked::<ServiceName>())]
    service: Option<ServiceName>,
    /// Events of the key of this id alone
    #[arg(long, value_name = "ID", value_parser = checked::<KeyId>())]
    key: Option<KeyId>,
}

impl FilterArgs {
    /// Whoever goes on behind an event has seen it: a trail that ends before it was set back.
    pub(super) async fn check_end(&self, manager: &KeyManager) -> Result<(), CliError> {
        if self.after == 0 {
            return Ok(());
        }
        let (after, end) = (self.after, manager.audit_head().await?.sequence);
        if after <= end {
            return Ok(());
        }
        let message = format!(
            "the trail ends at event {end}, and there is no event {after} to go on behind: unless \
             the number is mistyped, the trail was cut off or an older copy of the database put in \
             its place"
        );
        Err(CliError::new(Exit::Refused, message))
    }

    pub(super) fn request(&self) -> ListEvents {
        let mut request = ListEvents::new().after(self.after);
        if let Some(service) = &self.service {
            request = request.service(service.clone());
        }
        match self.key {
            Some(key) => request.key(key),
            None => request,
        }
    }
}
