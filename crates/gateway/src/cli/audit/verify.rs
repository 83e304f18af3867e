use clap::Args;
use portcullis::KeyManager;
use portcullis::audit::{AuditReport, HeadCheck};
use portcullis::manager::VerifyAudit;

use crate::cli::Exit;
use crate::cli::checked::checked;
use crate::cli::dto::AuditReportDto;
use crate::cli::error::CliError;
use crate::cli::input::TextSource;
use crate::cli::output::{Output, counted, counted_are};

/// A head is 85 characters at most; a file may end in a line break.
const MAX_HEAD: u64 = 256;

#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// A head that audit head printed before, and that must still be on the chain: as it is,
    /// @FILE, or - for standard input
    #[arg(long, value_name = "HEAD|@FILE|-", value_parser = checked::<TextSource>())]
    head: Option<TextSource>,
}

impl VerifyArgs {
    /// Reads the head, where it lies outside the arguments.
    pub(super) fn read(&self, output: &mut Output<'_>) -> Result<Vec<u8>, CliError> {
        match &self.head {
            Some(source) => source.read("--head", MAX_HEAD, output),
            None => Ok(Vec::new()),
        }
    }
}

pub(super) async fn verify(
    manager: &KeyManager,
    args: &VerifyArgs,
    read: &[u8],
    output: &mut Output<'_>,
) -> Result<Exit, CliError> {
    let mut request = VerifyAudit::new();
    if let Some(source) = &args.head {
        request = request.head(source.text("--head", read)?.trim_ascii().parse()?);
    }
    let report = manager.verify_audit(request).await?;
    output.result(&AuditReportDto::from(&report), || tell(&report))?;
    // A head that cannot be confirmed is no yes.
    Ok(
        if report.is_whole() && report.head != Some(HeadCheck::Pruned) {
            Exit::Done
        } else {
            Exit::Refused
        },
    )
}

fn tell(report: &AuditReport) -> String {
    let verified = report.verified;
    if let Some(fault) = &report.fault {
        let before = counted(verified, "event");
        return format!("fault: {fault} (before it, {before} as written)");
    }
    let mut text = format!("whole: {} as written", counted_are(verified, "event"));
    if report.pruned > 0 {
        text.push_str(&format!("\npruned: the events up to {}", report.pruned));
    }
    tell_of_retired_roots(report, &mut text);
    match report.head {
        Some(HeadCheck::Confirmed) => text.push_str("\nhead: it is on the chain"),
        Some(HeadCheck::Pruned) => text.push_str(
            "\nhead: its event was pruned, so that nothing can be said of it: use a later head",
        ),
        _ => {}
    }
    text
}

fn tell_of_retired_roots(report: &AuditReport, text: &mut String) {
    if report.attested > 0 {
        text.push_str(&format!(
            "\nattested: {} events whose root is retired are what they were when a later root signed \
             for them",
            report.attested
        ));
    }
    if report.unproven > 0 {
        text.push_str(&format!(
            "\nunproven: {} events of roots that an earlier version retired: nobody can say whether \
             they are as they were written; the number never grows (audit anchor fixes what is there)",
            report.unproven
        ));
    }
    if let Some(anchor) = &report.rests_on {
        text.push_str(&format!(
            "\nanchored: they rest on what was signed at event {}, under root {}",
            anchor.place.sequence, anchor.root
        ));
    }
}
