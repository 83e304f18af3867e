use metrics::counter;

use super::entry::Live;
use crate::server::EndReason;
use crate::telemetry::names;

/// How a request was ended: the label `how`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Before its answer began: it was refused.
    Refused,
    /// By the trailers of gRPC.
    Trailers,
    /// By the frame that closes a WebSocket.
    CloseFrame,
    /// By breaking off its answer.
    Aborted,
    /// Without its client: the client took nothing any more.
    Cut,
}

/// Counts a request that was ended, `portcullis_streams_ended_total{service, reason, how}`, and
/// tells the log. That is rare, and of all the reasons and ways that there are, few ever come
/// together: the counter is looked up here.
pub(super) fn ended(live: &Live, reason: EndReason, how: How) {
    if how != How::Cut {
        live.ended(reason);
    }
    let (service, reason, how) = (live.route.service(), label(reason), how.as_str());
    tracing::debug!(
        route = live.route.name(), service, key_id = %live.key_id(), reason, how,
        "a request was ended"
    );
    counter!(
        names::STREAMS_ENDED,
        "service" => service.to_owned(), "reason" => reason, "how" => how
    )
    .increment(1);
}

impl How {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Trailers => "trailers",
            Self::CloseFrame => "close_frame",
            Self::Aborted => "aborted",
            Self::Cut => "cut",
        }
    }
}

/// The label `reason`.
pub(super) const fn label(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Denied(reason) => reason.as_str(),
        EndReason::CutOff => "cut_off",
        EndReason::Draining => "draining",
    }
}
