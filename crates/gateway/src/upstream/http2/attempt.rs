use std::pin::pin;
use std::sync::Arc;

use http::uri::Scheme;
use http::{Request, Response};
use http_body::Body;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::head::head;
use super::upload::{self, Upload};
use super::{Answer, Share, Stream};
use crate::upstream::connection::RequestBody;
use crate::upstream::connector::ConnectFailure;
use crate::upstream::exchange::Failed;
use crate::upstream::member::Member;
use crate::upstream::progress::Progress;
use crate::upstream::retry::{Attempted, Stage};
use crate::upstream::{ExchangeTimes, UpstreamError, UpstreamErrorKind};

/// Sends a request on a stream of its own, and waits for the head of the answer.
pub(in crate::upstream) async fn attempt(
    member: &Member,
    share: Share,
    stage: Stage,
    request: Request<RequestBody>,
    progress: &Progress,
) -> Result<(Response<Answer>, Stream), Box<Failed>> {
    progress.note();
    let terms = &member.terms;
    let timeout = ExchangeTimes::of(&request).response(&terms.config);
    let scheme = match terms.config.tls {
        Some(_) => Scheme::HTTPS,
        None => Scheme::HTTP,
    };
    let (parts, body) = request.into_parts();
    let head = head(&parts, scheme, &member.endpoint.host);
    let mut requests = share.session.requests.clone();
    let (answer, stream) = match requests.send_request(head, body.is_end_stream()) {
        Ok(sent) => sent,
        Err(error) => {
            // What is the request's own fault is one everywhere.
            let is_ours = error.reason().is_none() && !error.is_io();
            let unsent = (!is_ours).then(|| Request::from_parts(parts, body));
            return Err(failed(explained(member, &share, error), stage, unsent));
        }
    };
    let end = share.session.end_of(answer.stream_id());
    let mut answer = pin!(answer);
    let (mut upload, mut empty) = match body.is_end_stream() {
        true => (None, Some(body)),
        false => (Some(Upload::new(body, stream)), None),
    };
    let pulse = Arc::clone(share.session.pulse());
    let mut gone = pin!(pulse.gone());
    let mut look_at = Instant::now() + pulse.patience();
    loop {
        let silent_at = progress.silent_at(timeout);
        tokio::select! {
            biased;
            outcome = &mut answer => match outcome {
                Ok(answer) => {
                    let upload = upload.map(|upload| {
                        AbortOnDropHandle::new(tokio::spawn(upload.run()))
                    });
                    let stream = Stream { _upload: upload, _share: share };
                    return Ok((Answer::of(answer, Arc::clone(&pulse), end), stream));
                }
                Err(error) => {
                    let body = match upload {
                        Some(upload) => upload.untouched(),
                        None => empty.take(),
                    };
                    let came_back = body.filter(|_| was_refused(&error));
                    let unsent = came_back.map(|body| Request::from_parts(parts, body));
                    let stage = match unsent.is_some() {
                        // Whoever sent it back may take it on another connection, or later.
                        true => Stage::OnKept,
                        // A fault in this stream alone is none of the connection's age.
                        false if has_failed(&error) => Stage::OnFresh,
                        false => stage,
                    };
                    let is_refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
                    let mut failed = failed(explained(member, &share, error), stage, unsent);
                    failed.attempted.is_refused = is_refused;
                    return Err(failed);
                }
            },
            outcome = sending(&mut upload) => {
                upload = None;
                if let Err(upload::Failed::Body(error)) = outcome {
                    return Err(failed(terms.error(error), stage, None));
                }
                continue;
            }
            () = &mut gone => {
                let error = terms.error_of(UpstreamErrorKind::Silent);
                let mut failed = failed(error, stage, None);
                failed.attempted.is_told = !pulse.blame();
                return Err(failed);
            }
            () = sleep_until(silent_at.min(look_at)) => {}
        }
        if look_at <= Instant::now() {
            look_at = pulse.look(progress.silent_at(pulse.patience()));
        }
        if progress.silent_at(timeout) <= Instant::now() {
            // Nobody else is to find out that there is nobody.
            share.session.doubt();
            let error = terms.error_of(UpstreamErrorKind::ResponseTimeout);
            return Err(failed(error, stage, None));
        }
    }
}

/// The upload's end; never where there is none.
async fn sending(upload: &mut Option<Upload>) -> Result<(), upload::Failed> {
    match upload {
        Some(upload) => upload.await,
        None => std::future::pending().await,
    }
}

/// Whether the upstream says that it did nothing with a request (RFC 9113 section 8.7). h2 ends a
/// stream by GOAWAY only where the stream is beyond the last that the upstream looked at.
fn was_refused(error: &h2::Error) -> bool {
    error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

/// Whether the upstream says that it could not do what it was asked (RFC 9113 section 7).
fn has_failed(error: &h2::Error) -> bool {
    error.is_remote() && error.is_reset() && error.reason() == Some(h2::Reason::INTERNAL_ERROR)
}

fn explained(member: &Member, share: &Share, error: h2::Error) -> UpstreamError {
    match share.session.distrust() {
        Some(fault) => member.terms.error(ConnectFailure::of_handshake(fault)),
        None => member.terms.error(error),
    }
}

fn failed(error: UpstreamError, stage: Stage, unsent: Option<Request<RequestBody>>) -> Box<Failed> {
    Box::new(Failed {
        error,
        attempted: Attempted {
            stage,
            is_unsent: unsent.is_some(),
            has_begun: false,
            is_refused: false,
            is_told: false,
        },
        unsent,
    })
}
