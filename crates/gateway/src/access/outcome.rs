use http::StatusCode;

use crate::body::{BodyErrorKind, BodySource};
use crate::upstream::UpstreamErrorKind;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The whole answer was handed to the connection, whoever's answer it was.
    Complete,
    /// The client left, or did not finish what it sent, or took nothing of the answer any more.
    ClientGone,
    /// The upstream could not be reached, or broke off.
    UpstreamBroke,
    /// The gateway ended it: with its key, or at the end of its own time.
    Ended,
    /// Somebody was waited for too long.
    Timeout,
    /// The gateway failed.
    Panic,
}

/// That an answer stands for a panic: an extension of the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panicked;

/// What came of the answer, as far as the one who hands it on can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nobody wanted the rest of it, or any of it.
    GivenUp,
    /// All of it was handed on.
    Whole,
    /// It broke off; nothing where it is not known by what.
    Broken(Option<(BodyErrorKind, BodySource)>),
}

/// What is known of a request that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) answer: Answer,
    /// Why the upstream gave no answer.
    pub(super) failure: Option<UpstreamErrorKind>,
    pub(super) has_panicked: bool,
    /// Whether it was ended, or its answer given up after it had been asked to end.
    pub(super) is_ended: bool,
}

impl Outcome {
    /// The one word that says most: what the gateway did before what others did.
    pub(super) fn of(ending: Ending) -> Self {
        if ending.has_panicked {
            return Self::Panic;
        }
        if ending.is_ended {
            return Self::Ended;
        }
        match ending.answer {
            Answer::GivenUp => Self::ClientGone,
            Answer::Broken(cause) => Self::of_body(cause),
            Answer::Whole => ending.failure.map_or(Self::Complete, Self::of_upstream),
        }
    }

    fn of_body(cause: Option<(BodyErrorKind, BodySource)>) -> Self {
        match cause {
            Some((BodyErrorKind::Stalled | BodyErrorKind::Slow | BodyErrorKind::Overdue, _)) => {
                Self::Timeout
            }
            Some((BodyErrorKind::Ended, _)) => Self::Ended,
            Some((_, BodySource::Client)) => Self::ClientGone,
            _ => Self::UpstreamBroke,
        }
    }

    fn of_upstream(failure: UpstreamErrorKind) -> Self {
        match failure {
            UpstreamErrorKind::ConnectTimeout
            | UpstreamErrorKind::ResponseTimeout
            | UpstreamErrorKind::Silent
            | UpstreamErrorKind::RequestBodyTimeout
            | UpstreamErrorKind::Overdue => Self::Timeout,
            UpstreamErrorKind::RequestBody => Self::ClientGone,
            UpstreamErrorKind::Ended => Self::Ended,
            // Refused by the gateway, as it should: nothing broke.
            UpstreamErrorKind::Full
            | UpstreamErrorKind::RequestBodyMalformed
            | UpstreamErrorKind::RequestBodyTooLong => Self::Complete,
            _ => Self::UpstreamBroke,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::UpstreamBroke => "upstream_broke",
            Self::Ended => "ended",
            Self::Timeout => "timeout",
            Self::Panic => "panic",
        }
    }
}

/// Why a request came to no route, by the answer to it.
pub(super) fn without_route(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::NOT_FOUND => Some("no_route"),
        StatusCode::METHOD_NOT_ALLOWED => Some("no_method"),
        StatusCode::URI_TOO_LONG => Some("target_too_long"),
        StatusCode::NOT_IMPLEMENTED => Some("not_supported"),
        _ if status.is_client_error() => Some("bad_request"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Ending, Outcome};
    use crate::body::{BodyErrorKind, BodySource};
    use crate::upstream::UpstreamErrorKind;

    #[test]
    fn the_word_that_says_most_is_taken() {
        use Outcome::{ClientGone, Complete, Ended, Panic, Timeout, UpstreamBroke};
        let whole = Ending {
            answer: Answer::Whole,
            failure: None,
            has_panicked: false,
            is_ended: false,
        };
        let failed = |kind| Ending {
            failure: Some(kind),
            ..whole
        };
        let broken = |kind, from| Ending {
            answer: Answer::Broken(Some((kind, from))),
            ..whole
        };
        let given_up = Ending {
            answer: Answer::GivenUp,
            ..whole
        };
        for (ending, outcome) in [
            (whole, Complete),
            (given_up, ClientGone),
            (failed(UpstreamErrorKind::Connect), UpstreamBroke),
            (failed(UpstreamErrorKind::Closed), UpstreamBroke),
            (failed(UpstreamErrorKind::ResponseTimeout), Timeout),
            (failed(UpstreamErrorKind::RequestBody), ClientGone),
            (failed(UpstreamErrorKind::Full), Complete),
            (
                broken(BodyErrorKind::Broken, BodySource::Upstream),
                UpstreamBroke,
            ),
            (
                broken(BodyErrorKind::Broken, BodySource::Client),
                ClientGone,
            ),
            (
                broken(BodyErrorKind::Stalled, BodySource::Upstream),
                Timeout,
            ),
            (broken(BodyErrorKind::Ended, BodySource::Upstream), Ended),
            (
                Ending {
                    is_ended: true,
                    ..given_up
                },
                Ended,
            ),
            (
                Ending {
                    has_panicked: true,
                    is_ended: true,
                    ..given_up
                },
                Panic,
            ),
        ] {
            assert_eq!(Outcome::of(ending), outcome, "{ending:?}");
        }
    }
}
