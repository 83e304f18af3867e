use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, Version};
use portcullis::clock::Moment;
use portcullis::{ClientAddr, token};

use super::line::{Decision, Line, millis, protocol};
use super::metrics::Measured;
use super::notes::Told;
use super::outcome::{Answer, Ending, Outcome, Panicked, without_route};
use super::{AccessLog, Notes, Traced};
use crate::body::{BodyErrorKind, BodySource};
use crate::headers::request_id::RequestId;
use crate::headers::trace_context::{TraceContext, TraceId};
use crate::path::CanonicalPath;
use crate::server::{HeadFault, PeerAddr, Secured};
use crate::upstream::UpstreamErrorKind;

/// What is known of one request from outside. Finished, once, when it is dropped.
#[derive(Debug)]
pub(super) struct Record {
    log: AccessLog,
    notes: Notes,
    began: Moment,
    id: Option<RequestId>,
    trace: Option<TraceId>,
    peer: Option<IpAddr>,
    /// Where somebody knew it before the request came here.
    client: Option<IpAddr>,
    version: Version,
    secured: Option<Secured>,
    /// Nothing of what was no request.
    method: Option<Method>,
    fault: Option<HeadFault>,
    path: Option<String>,
    /// What a span says of it besides, where it is to have one.
    traced: Option<Traced>,
    head: Option<Head>,
    has_panicked: bool,
    failure: Option<UpstreamErrorKind>,
    sent: u64,
    answer: Answer,
}

/// The head of the answer.
#[derive(Debug, Clone, Copy)]
struct Head {
    status: StatusCode,
    at: u64,
}

/// The longest path in a line, in bytes; of longer ones, the beginning.
const LONGEST_PATH: usize = 2 * 1024;

/// As much of a method as any has that is served.
const LONGEST_METHOD: usize = 32;

/// A client may write anything for a method, and that at length.
fn shown(method: &Method) -> Cow<'_, str> {
    let text = token::redact(method.as_str());
    match text.char_indices().nth(LONGEST_METHOD) {
        Some((end, _)) => Cow::Owned(text.get(..end).unwrap_or_default().to_owned()),
        None => text,
    }
}

impl Record {
    pub(super) fn begin<B>(log: AccessLog, notes: Notes, request: &Request<B>) -> Self {
        let extensions = request.extensions();
        let fault = extensions.get::<HeadFault>().copied();
        Self {
            began: log.clock().now(),
            notes,
            id: extensions.get().copied(),
            trace: extensions.get().map(TraceContext::trace_id),
            peer: extensions.get().map(|PeerAddr(peer)| peer.ip()),
            client: extensions.get().map(|ClientAddr(client)| *client),
            version: request.version(),
            secured: extensions.get().copied(),
            method: fault.is_none().then(|| request.method().clone()),
            fault,
            path: log.with_path().then(|| path(request)).flatten(),
            traced: Traced::begin(&log, request),
            head: None,
            has_panicked: false,
            failure: None,
            sent: 0,
            answer: Answer::GivenUp,
            log,
        }
    }

    /// The head of the answer is there.
    pub(super) fn head<B>(&mut self, response: &Response<B>) {
        let extensions = response.extensions();
        self.has_panicked = extensions.get::<Panicked>().is_some();
        self.failure = extensions.get().copied();
        self.head = Some(Head {
            status: response.status(),
            at: self.log.clock().monotonic(),
        });
    }

    /// Whether the answer is its head alone, whatever its body would be.
    pub(super) fn has_no_content(&self) -> bool {
        let is_without = |head: Head| {
            // What follows a change of protocol is an answer's as well.
            head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS
                || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&head.status)
        };
        self.method == Some(Method::HEAD) || self.head.is_some_and(is_without)
    }

    /// So much more of the answer's body was handed on; this is how much it was in all.
    pub(super) fn sent(&mut self, bytes: u64) -> Option<u64> {
        self.sent = self.sent.saturating_add(bytes);
        Some(self.sent)
    }

    /// All of the answer was handed on.
    pub(super) fn whole(&mut self) {
        self.answer = Answer::Whole;
    }

    /// The answer broke off.
    pub(super) fn broken(&mut self, cause: Option<(BodyErrorKind, BodySource)>) {
        self.answer = Answer::Broken(cause);
    }

    fn finish(&mut self) {
        let told = self.notes.take();
        if told.is_overdue {
            self.broken(Some((BodyErrorKind::Overdue, BodySource::Upstream)));
        }
        if told.has_upstream_broken {
            self.broken(Some((BodyErrorKind::Broken, BodySource::Upstream)));
        }
        let now = self.log.clock().monotonic();
        let seen = told.route.as_deref();
        let metrics = seen.map_or(self.log.nowhere(), |route| &route.metrics);
        metrics.record(Measured {
            status: self.head.map(|head| head.status),
            whole: Duration::from_nanos(self.since_began(now)),
            gateway: self.own_time(&told).map(Duration::from_nanos),
            received: self.notes.bytes_received(),
            sent: self.sent,
        });
        if let Some(sink) = &*self.log.sink() {
            let mut line = self.line(&told, now);
            line.path = line.path.filter(|_| sink.config().with_path);
            sink.write(&line.into_bytes());
        }
        if let Some(traced) = &self.traced {
            let line = self.line(&told, now);
            traced.finish(&line, &told, self.failure, self.began, now);
        }
    }

    fn line<'a>(&'a self, told: &'a Told, now: u64) -> Line<'a> {
        let route = told.route.as_deref();
        let peer = self.peer.map(|peer| peer.to_canonical());
        let client = told.client.or(self.client);
        let client = client.map(|client| client.to_canonical()).or(peer);
        let decided_at = told.sent.or(self.head.map(|head| head.at));
        Line {
            time: self.began.wall(),
            request_id: self.id,
            trace_id: self.trace,
            client,
            peer: peer.filter(|peer| Some(*peer) != client),
            protocol: protocol(self.version),
            tls: self.secured.map(|secured| secured.version),
            method: self.method.as_ref().map(shown),
            path: self.path.as_deref(),
            route: route.map(|route| &*route.name),
            service: route.and_then(|route| Some(route.service.as_ref()?.as_str())),
            decision: self.decision(told, now),
            fault: self.fault.map(HeadFault::as_str),
            status: self.head.map(|head| head.status.as_u16()),
            upstream: route
                .and_then(|route| route.upstream.as_deref().filter(|_| told.sent.is_some())),
            endpoint: told.endpoint,
            attempts: Some(told.attempts).filter(|attempts| *attempts > 1),
            error: self.error(),
            bytes_in: self.notes.bytes_received(),
            bytes_out: self.sent,
            duration_ms: millis(self.since_began(now)),
            decision_ms: decided_at.map(|at| millis(self.since_began(at))),
            upstream_ms: upstream_time(told).map(millis),
            outcome: self.outcome(told, now).as_str(),
        }
    }

    fn decision(&self, told: &Told, now: u64) -> Decision {
        let mut decision = match (&told.decision, told.route.as_deref()) {
            (Some(outcome), _) => Decision::of(outcome),
            (None, Some(route)) if route.is_open => Decision::open(),
            (None, Some(_)) => Decision::default(),
            (None, None) => {
                let status = self.head.map(|head| head.status);
                Decision::nowhere(match self.fault {
                    Some(_) => Some("bad_head"),
                    None => status.and_then(without_route),
                })
            }
        };
        if self.is_ended(told, now) {
            decision.reason = told.ended.or(told.asked_to_end).or(Some("draining"));
        }
        decision
    }

    fn error(&self) -> Option<&'static str> {
        match self.answer {
            Answer::Broken(cause) => Some(cause.map_or("broken", |(kind, _)| kind.as_str())),
            _ => self.failure.map(UpstreamErrorKind::as_str),
        }
    }

    fn outcome(&self, told: &Told, now: u64) -> Outcome {
        Outcome::of(Ending {
            answer: self.answer,
            failure: self.failure,
            // A body that panics takes the task that polls it, and this record, with it.
            has_panicked: self.has_panicked || std::thread::panicking(),
            is_ended: self.is_ended(told, now),
        })
    }

    /// What was asked to end and is given up then was cut; so was what is given up once the
    /// gateway's own time is over.
    fn is_ended(&self, told: &Told, now: u64) -> bool {
        let is_cut = self.answer == Answer::GivenUp
            && (told.asked_to_end.is_some() || self.log.is_cutting(now));
        told.ended.is_some() || is_cut
    }

    /// What the gateway had of the time until the head of the answer: all but the upstream's.
    fn own_time(&self, told: &Told) -> Option<u64> {
        let until_head = self.since_began(self.head?.at);
        Some(until_head.saturating_sub(upstream_time(told).unwrap_or(0)))
    }

    fn since_began(&self, at: u64) -> u64 {
        at.saturating_sub(self.began.monotonic())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.finish();
    }
}

/// From when the request was sent to the upstream to the head of its answer.
fn upstream_time(told: &Told) -> Option<u64> {
    Some(told.answered?.saturating_sub(told.sent?))
}

/// The path that is routed, without the query and without what looks like a token. What has no
/// one path has none here.
pub(super) fn path<B>(request: &Request<B>) -> Option<String> {
    let path = CanonicalPath::from_uri(request.uri()).ok()?;
    let mut path = token::redact(path.path()).into_owned();
    path.truncate(path.floor_char_boundary(LONGEST_PATH));
    Some(path)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::shown;

    #[test]
    fn a_method_of_any_length_is_cut() {
        assert_eq!(shown(&Method::GET), "GET");
        let method = Method::from_bytes(&[b'A'; 9_000]).unwrap();
        assert_eq!(shown(&method), "A".repeat(32));
    }
}
