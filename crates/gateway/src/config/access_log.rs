//! `[access_log]`: whether and where a line is written for each request.

use std::path::Path;

use toml::Spanned;

use super::fault::Finding;
use super::file::AccessLog;
use super::section::Section;
use super::settings::{Setting, settle};
use crate::access::{AccessLogConfig, AccessOutput};

/// The table turns the log on: who writes it wants one, unless it says `enabled = false`.
pub(super) fn resolve_access_log(
    table: Option<Section<AccessLog>>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<AccessLogConfig> {
    let AccessLog {
        enabled,
        path,
        lines,
        path_field,
    } = table?.0;
    let settings = [Setting::count(
        "lines",
        lines,
        |config: AccessLogConfig, lines| AccessLogConfig { lines, ..config },
    )];
    let config = settle(
        &AccessLogConfig::default(),
        settings,
        |config| config.check().map_err(Into::into),
        findings,
    );
    let config = AccessLogConfig {
        output: path.map_or(AccessOutput::Standard, |path| {
            output(path, folder, findings)
        }),
        with_path: path_field.is_some_and(Spanned::into_inner),
        ..config
    };
    enabled.is_none_or(Spanned::into_inner).then_some(config)
}

fn output(
    path: Spanned<std::path::PathBuf>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> AccessOutput {
    let text = path.get_ref().to_string_lossy();
    if text == "-" {
        return AccessOutput::Standard;
    }
    if text.is_empty() || text.contains('\0') {
        findings.push(Finding::new(
            path.span(),
            "expected the path of a file, or \"-\" for standard output",
        ));
    }
    AccessOutput::File(folder.join(path.into_inner()))
}
