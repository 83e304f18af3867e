//! What events say of refusals.

use crate::audit::{Action, AuditEvent, Outcome as Ended};
use crate::error::ErrorKind;
use crate::manager::tests::told;

pub(super) fn ends(events: &[AuditEvent]) -> Vec<(Action, ErrorKind)> {
    let refused = events.iter().filter_map(|event| match event.outcome {
        Ended::Refused(kind) => Some((event.action, kind)),
        Ended::Done => None,
    });
    refused.collect()
}

/// The attempts that each event of a refusal stands for beyond itself.
pub(super) fn attempts(events: &[AuditEvent]) -> Vec<Option<&str>> {
    let told = events.iter().map(|event| {
        let mut fields = told(event).into_iter();
        fields.rfind(|(field, ..)| *field == "attempts")
    });
    told.map(|field| field.and_then(|(_, _, after)| after))
        .collect()
}
