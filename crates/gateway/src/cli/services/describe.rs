use std::time::Duration;

use portcullis::service::Service;

use crate::cli::output::{fields, list};
use crate::config::HumanDuration;

/// One service in full, for people.
pub(super) fn describe(service: &Service) -> String {
    let mut rows = vec![
        ("name", service.name.to_string()),
        ("quota", service.quota.to_string()),
        ("default rate", rate(service)),
        ("default lifetime", lifetime(service.default_lifetime)),
        ("greatest lifetime", lifetime(service.max_lifetime)),
        ("prefix", prefix(service)),
        ("created", service.created_at.to_string()),
        ("version", service.version.to_string()),
    ];
    if let Some(retirement) = &service.retirement {
        rows.push(("retired", retirement.at.to_string()));
        rows.push(("reason", retirement.reason.to_string()));
    }
    fields(rows)
}

pub(super) fn table(services: &[Service]) -> String {
    let row = |service: &Service| {
        let retirement = service.retirement.as_ref();
        [
            service.name.to_string(),
            service.quota.to_string(),
            rate(service),
            lifetime(service.default_lifetime),
            lifetime(service.max_lifetime),
            prefix(service),
            service.created_at.to_string(),
            retirement.map_or_else(|| "no".to_owned(), |retirement| retirement.at.to_string()),
        ]
    };
    let titles = [
        "NAME",
        "QUOTA",
        "DEFAULT RATE",
        "DEFAULT LIFETIME",
        "GREATEST LIFETIME",
        "PREFIX",
        "CREATED",
        "RETIRED",
    ];
    list(titles, services.iter().map(row))
}

fn rate(service: &Service) -> String {
    service
        .default_rate
        .map_or_else(|| "unlimited".to_owned(), |rate| rate.to_string())
}

fn lifetime(lifetime: Option<Duration>) -> String {
    let lifetime = lifetime.map(HumanDuration::from);
    lifetime.map_or_else(
        || "as configured".to_owned(),
        |lifetime| lifetime.to_string(),
    )
}

fn prefix(service: &Service) -> String {
    service
        .prefix
        .map_or_else(|| "as configured".to_owned(), |prefix| prefix.to_string())
}
