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
    max_lifetime_seconds: Option<u64>,
    prefix: Option<String>,
    created_at: String,
    retired_at: Option<String>,
    retirement_reason: Option<String>,
    version: u64,
}

impl From<&Service> for ServiceDto {
    fn from(service: &Service) -> Self {
        let retirement = service.retirement.as_ref();
        Self {
            name: service.name.to_string(),
            quota: service.quota,
            default_rate: service.default_rate.map(|rate| rate.to_string()),
            default_lifetime_seconds: service.default_lifetime.map(|lifetime| lifetime.as_secs()),
            max_lifetime_seconds: service.max_lifetime.map(|lifetime| lifetime.as_secs()),
            prefix: service.prefix.map(|prefix| prefix.to_string()),
            created_at: service.created_at.to_string(),
            retired_at: retirement.map(|retirement| retirement.at.to_string()),
            retirement_reason: retirement.map(|retirement| retirement.reason.to_string()),
            version: service.version,
        }
    }
}
