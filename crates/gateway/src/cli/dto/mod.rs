//! What `--output json` prints. Domain types are no serde types: these are, and their fields are
//! part of the program's interface. Times are RFC 3339 in UTC, durations whole seconds.

mod audit;
mod database;
mod key;
mod keyring;
mod service;
mod verdict;

pub(super) use audit::{
    AnchorDto, AuditHeadDto, AuditPageDto, AuditReportDto, ExportedEventDto, PrunedDto,
};
pub(super) use database::{BackupDto, CheckDto};
pub(super) use key::{
    DamagedKeyDto, IssuedDto, KeyDto, KeyPageDto, RevokedDamagedDto, RevokedDto, RevokedKeysDto,
};
pub(super) use keyring::{ChangedRootDto, RootDto, RootListDto};
pub(super) use service::{ServiceDto, ServiceListDto};
pub(super) use verdict::VerdictDto;
