use portcullis::service::Service;
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct ServiceListDto {
    pub(crate) services: Vec<ServiceDto>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServiceDto {
    name: String,
    quota: u32,
    default_rate: Option<String>,
    default_lifetime_seconds: Option<u64>,
    prefix: Option<String>,
    created_at: String,
    version: u64,
}

impl From<&Service> for ServiceDto {
    fn from(service: &Service) -> Self {
        Self {
            name: service.name.to_string(),
            quota: service.quota,
            default_rate: service.default_rate.map(|rate| rate.to_string()),
            default_lifetime_seconds: service.default_lifetime.map(|lifetime| lifetime.as_secs()),
            prefix: service.prefix.map(|prefix| prefix.to_string()),
            created_at: service.created_at.to_string(),
            version: service.version,
        }
    }
}
