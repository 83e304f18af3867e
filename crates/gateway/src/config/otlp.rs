//! `[trace.otlp]`: where spans go.

use std::path::{Path, PathBuf};

use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use toml::Spanned;

use super::HumanDuration;
use super::fault::Finding;
use super::file::Otlp;
use super::pairs::Pairs;
use super::parsed::Parsed;
use super::section::Section;
use super::services::value;
use super::settings::{Setting, settle};
use crate::headers::hop_by_hop;
use crate::spans::{OtlpConfig, Ratio};

/// The most fields of requests to the collector.
const MOST_HEADERS: usize = 32;

/// The table turns the export on. A program that was built without it says so, and does not serve
/// as if nobody had asked.
pub(super) fn resolve_otlp(
    table: Option<Spanned<Section<Otlp>>>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<(OtlpConfig, Ratio)> {
    resolve_in(cfg!(feature = "otlp"), table?, folder, findings)
}

/// In a program that was built with the feature, or was not.
fn resolve_in(
    has_feature: bool,
    table: Spanned<Section<Otlp>>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<(OtlpConfig, Ratio)> {
    let span = table.span();
    let table = table.into_inner().0;
    if !has_feature {
        let message = "expected no such table: this program was built without the feature otlp \
                       (cargo build --features otlp)";
        findings.push(Finding::new(span, message));
        return None;
    }
    let Some(endpoint) = &table.endpoint else {
        let example = "endpoint = \"http://127.0.0.1:4317\"";
        findings.push(Finding::missing(span, "endpoint", example));
        return None;
    };
    let ratio = resolve_ratio(table.ratio, findings);
    let defaults = OtlpConfig {
        protocol: value(table.protocol).unwrap_or_default(),
        headers: resolve_headers(table.headers, findings),
        roots: resolve_roots(table.roots, folder, findings),
        ..OtlpConfig::new(endpoint.get_ref().0.clone())
    };
    macro_rules! set {
        ($kind:ident, $field:ident, $type:ty, $get:expr) => {
            Setting::$kind(
                stringify!($field),
                table.$field,
                |config: OtlpConfig, value: $type| OtlpConfig {
                    $field: $get(value),
                    ..config
                },
            )
        };
    }
    let settings = [
        set!(text, endpoint, _, std::convert::identity),
        set!(string, service_name, String, std::convert::identity),
        set!(text, timeout, HumanDuration, HumanDuration::get),
        set!(count, queue, usize, std::convert::identity),
        set!(count, batch, usize, std::convert::identity),
        set!(text, delay, HumanDuration, HumanDuration::get),
    ];
    let check = |config: &OtlpConfig| config.check().map_err(Into::into);
    Some((settle(&defaults, settings, check, findings), ratio))
}

fn resolve_ratio(ratio: Option<Spanned<f64>>, findings: &mut Vec<Finding>) -> Ratio {
    let Some(told) = ratio else {
        return Ratio::ALL;
    };
    Ratio::new(*told.get_ref()).unwrap_or_else(|| {
        findings.push(Finding::new(told.span(), "expected 0.0 to 1.0"));
        Ratio::ALL
    })
}

fn resolve_roots(
    roots: Option<Spanned<PathBuf>>,
    folder: &Path,
    findings: &mut Vec<Finding>,
) -> Option<PathBuf> {
    let roots = roots?;
    let text = roots.get_ref().to_string_lossy();
    if text.is_empty() || text.contains('\0') {
        findings.push(Finding::new(roots.span(), "expected the path of a file"));
    }
    Some(folder.join(roots.into_inner()))
}

/// The fields, whose values are never shown.
fn resolve_headers(
    told: Pairs<HeaderName, Spanned<Parsed<HeaderValue>>>,
    findings: &mut Vec<Finding>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some((more, _)) = told.0.get(MOST_HEADERS) {
        let message = format!("expected at most {MOST_HEADERS} fields");
        findings.push(Finding::new(more.span(), message));
    }
    for (name, value) in told.0 {
        let span = name.span();
        let name = name.into_inner().0;
        if is_taken(&name) {
            let message = "expected a field that the export does not set itself";
            findings.push(Finding::new(span.clone(), message));
        }
        let mut value = value.into_inner().0;
        value.set_sensitive(true);
        if headers.insert(name, value).is_some() {
            findings.push(Finding::new(
                span,
                "expected each field once, in one spelling",
            ));
        }
    }
    headers
}

/// What says how a message is to be read, and by whom.
fn is_taken(name: &HeaderName) -> bool {
    hop_by_hop::is_known(name)
        || [HOST, USER_AGENT].contains(name)
        || name.as_str().starts_with("content-")
        || name.as_str().starts_with("grpc-")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::file::File;
    use super::resolve_in;

    #[test]
    fn a_program_without_the_feature_takes_no_such_table_and_names_the_feature() {
        let missing = "expected no such table: this program was built without the feature otlp \
                       (cargo build --features otlp)";
        for (has_feature, message) in [(true, None), (false, Some(missing))] {
            let text = "[trace.otlp]\nendpoint = \"http://127.0.0.1:4317\"\n";
            let file: File = toml::from_str(text).expect("a file");
            let table = file.trace.0.otlp.expect("the table");
            let mut findings = Vec::new();
            let resolved = resolve_in(has_feature, table, Path::new(""), &mut findings);
            assert_eq!(resolved.is_some(), has_feature);
            let told = findings.first().map(|finding| &*finding.message);
            assert_eq!(told, message);
        }
    }
}
