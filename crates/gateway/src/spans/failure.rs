use std::fmt;

use http::StatusCode;

use crate::upstream::UpstreamErrorKind;

/// Why a collector did not take a batch. Nothing in it is the collector's own words: those may
/// repeat what it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// There was no answer.
    Unanswered(UpstreamErrorKind),
    /// None in time.
    Late,
    /// The status of HTTP says no.
    Status(StatusCode),
    /// The status of gRPC says no.
    Grpc(u16),
    /// What it answered is no answer to this.
    Garbage,
}

impl Failure {
    /// Whether the same batch may be taken later (OTLP 1.9, "Failures" of either protocol).
    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::Unanswered(_) | Self::Late => true,
            Self::Status(status) => [429, 502, 503, 504].contains(&status.as_u16()),
            // Cancelled, deadline exceeded, aborted, out of range, unavailable, data loss. Resource
            // exhausted (8) is only with details that nobody reads here.
            Self::Grpc(code) => [1, 4, 10, 11, 14, 15].contains(&code),
            Self::Garbage => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(kind) => f.write_str(kind.as_str()),
            Self::Late => f.write_str("no answer in time"),
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::Grpc(code) => write!(f, "gRPC status {code}"),
            Self::Garbage => f.write_str("an answer that is none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::Failure;
    use crate::upstream::UpstreamErrorKind;

    #[test]
    fn what_may_be_taken_later_is_tried_again() {
        for code in 1..=16 {
            let transient = [1, 4, 10, 11, 14, 15].contains(&code);
            assert_eq!(Failure::Grpc(code).is_transient(), transient, "{code}");
        }
        for (status, transient) in [
            (400, false),
            (401, false),
            (429, true),
            (500, false),
            (503, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                Failure::Status(status).is_transient(),
                transient,
                "{status}"
            );
        }
        assert!(Failure::Late.is_transient() && !Failure::Garbage.is_transient());
        assert!(Failure::Unanswered(UpstreamErrorKind::Connect).is_transient());
    }
}
