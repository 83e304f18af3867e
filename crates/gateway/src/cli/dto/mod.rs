//! What `--output json` prints. Domain types are no serde types: these are, and their fields are
//! part of the program's interface. Times are RFC 3339 in UTC, durations whole seconds.

mod audit;
mod key;
mod service;
mod verdict;

pub(super) use audit::{AuditPageDto, AuditReportDto};
pub(super) use key::{IssuedDto, KeyDto, KeyPageDto};
pub(super) use service::{ServiceDto, ServiceListDto};
pub(super) use verdict::VerdictDto;
