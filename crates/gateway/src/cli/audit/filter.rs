use clap::Args;
use portcullis::key::KeyId;
use portcullis::manager::ListEvents;
use portcullis::service::ServiceName;

use crate::cli::checked::checked;

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
