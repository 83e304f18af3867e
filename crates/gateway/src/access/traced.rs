use http::Request;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::uri::Authority;
use portcullis::clock::Moment;
use portcullis::token;

use super::AccessLog;
use super::line::Line;
use super::notes::Told;
use super::outcome::Outcome;
use super::record::path;
use crate::headers::origin::Origin;
use crate::headers::trace_context::TraceContext;
use crate::server::HeadFault;
use crate::spans::{Kind, Span, SpanQueue, Spans, Value};
use crate::upstream::UpstreamErrorKind;

/// What a span says of a request that its line does not. What clients write is cut, and what looks
/// like a token in it is taken out.
#[derive(Debug)]
pub(super) struct Traced(Box<Seen>);

#[derive(Debug)]
struct Seen {
    queue: SpanQueue,
    trace: TraceContext,
    /// Nothing of all this where there was no request.
    scheme: Option<&'static str>,
    path: Option<String>,
    host: Option<(Box<str>, Option<u16>)>,
    agent: Option<Box<str>>,
}

/// As much of what a client calls itself, and of the host that it asks for, as is told.
const LONGEST_AGENT: usize = 256;
const LONGEST_HOST: usize = 255;

/// The methods of HTTP, as far as OpenTelemetry knows them, and what all others are called.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];
const OTHER: &str = "_OTHER";

impl Traced {
    /// Of a request of a trace that is recorded, where spans go anywhere.
    pub(super) fn begin<B>(log: &AccessLog, request: &Request<B>) -> Option<Self> {
        let queue = log.spans()?;
        let extensions = request.extensions();
        let trace = extensions.get::<TraceContext>()?;
        if !trace.is_sampled() {
            return None;
        }
        let mut seen = Seen {
            queue: queue.clone(),
            trace: trace.clone(),
            scheme: None,
            path: None,
            host: None,
            agent: None,
        };
        if extensions.get::<HeadFault>().is_none() {
            seen.scheme = extensions.get::<Origin>().map(Origin::scheme);
            seen.path = path(request);
            seen.host = host(request);
            let agent = request.headers().get(USER_AGENT);
            let agent = agent.and_then(|agent| agent.to_str().ok());
            seen.agent = agent.map(|agent| shown(agent, LONGEST_AGENT));
        }
        Some(Self(Box::new(seen)))
    }

    /// Hands over the spans of a request that is over.
    pub(super) fn finish(
        &self,
        line: &Line<'_>,
        told: &Told,
        failure: Option<UpstreamErrorKind>,
        began: Moment,
        now: u64,
    ) {
        let Self(seen) = self;
        let start = u64::try_from(began.wall().as_millis()).unwrap_or(0) * 1_000_000;
        let at = |moment: u64| start + moment.saturating_sub(began.monotonic());
        let method = line.method.as_deref().map(known);
        let (id, parent) = seen.trace.span();
        let server = Span {
            id,
            parent,
            kind: Kind::Server,
            name: name(method, told.route.as_ref().map(|route| &*route.pattern)),
            start,
            end: at(now),
            attributes: seen.attributes(line, told, method),
            is_error: line.is_failure(),
        };
        let exchange = seen.trace.exchange().zip(told.sent);
        let client = exchange.map(|(exchange, sent)| Span {
            id: exchange,
            parent: Some(id),
            kind: Kind::Client,
            name: name(method, None),
            start: at(sent),
            end: at(told.answered.unwrap_or(now)),
            attributes: of_exchange(line, method, failure, answer(line, told, failure)),
            is_error: match failure {
                Some(failure) => !failure.is_of_client(),
                // Whoever asks has made a mistake as well.
                None => answer(line, told, failure).is_some_and(|status| status >= 400),
            },
        });
        seen.queue.hand(Spans {
            trace: seen.trace.trace_id().get(),
            state: seen.state(),
            server,
            client,
        });
    }
}

impl Seen {
    /// What tracing systems on the way keep for themselves: nothing of it where something in it
    /// looks like a token.
    fn state(&self) -> Option<HeaderValue> {
        let state = self.trace.state()?;
        let text = state.to_str().ok()?;
        (token::redact(text) == text).then(|| state.clone())
    }

    /// OpenTelemetry's semantic conventions for HTTP servers, and our own words.
    fn attributes(
        &self,
        line: &Line<'_>,
        told: &Told,
        method: Option<&'static str>,
    ) -> Vec<(&'static str, Value)> {
        let mut span = Attributes::with_capacity(30);
        span.tell("http.request.method", method);
        let original = line.method.as_deref().filter(|_| method == Some(OTHER));
        span.tell("http.request.method_original", original.map(text));
        span.tell(
            "http.route",
            told.route.as_ref().map(|route| text(&route.pattern)),
        );
        span.tell("http.response.status_code", line.status);
        span.tell("url.scheme", self.scheme);
        span.tell("url.path", self.path.as_deref().map(text));
        span.tell(
            "server.address",
            self.host.as_ref().map(|(host, _)| host.clone()),
        );
        span.tell(
            "server.port",
            self.host.as_ref().and_then(|(_, port)| *port),
        );
        span.tell(
            "client.address",
            line.client.map(|client| client.to_string()),
        );
        let peer = line.peer.or(line.client);
        span.tell("network.peer.address", peer.map(|peer| peer.to_string()));
        span.tell("network.protocol.version", Some(version(line.protocol)));
        span.tell("tls.protocol.version", line.tls);
        span.tell("user_agent.original", self.agent.clone());
        span.tell("http.request.body.size", Some(line.bytes_in));
        span.tell("http.response.body.size", Some(line.bytes_out));
        span.tell("error.type", line.error_type());
        span.tell(
            "portcullis.request_id",
            line.request_id.map(|id| id.to_string()),
        );
        span.tell("portcullis.route", line.route.map(text));
        span.tell("portcullis.service", line.service.map(text));
        span.tell("portcullis.upstream", line.upstream.map(text));
        let decision = &line.decision;
        span.tell(
            "portcullis.key_id",
            decision.key_id.map(|id| id.to_string()),
        );
        let claimed = decision.claimed_key_id.map(|id| id.to_string());
        span.tell("portcullis.claimed_key_id", claimed);
        span.tell("portcullis.verdict", decision.verdict);
        span.tell("portcullis.reason", decision.reason);
        span.tell("portcullis.admission", decision.admission);
        span.tell("portcullis.refused", decision.refused);
        span.tell("portcullis.fault", line.fault);
        span.tell("portcullis.outcome", Some(line.outcome));
        span.0
    }
}

/// The status of the upstream's answer, if there was one.
fn answer(line: &Line<'_>, told: &Told, failure: Option<UpstreamErrorKind>) -> Option<u16> {
    let is_its_own = failure.is_none() && told.answered.is_some() && told.ended.is_none();
    line.status.filter(|_| is_its_own)
}

/// What is told of the exchange with an upstream: its name, and never its address.
fn of_exchange(
    line: &Line<'_>,
    method: Option<&'static str>,
    failure: Option<UpstreamErrorKind>,
    answer: Option<u16>,
) -> Vec<(&'static str, Value)> {
    let mut span = Attributes::with_capacity(5);
    span.tell("http.request.method", method);
    span.tell("portcullis.upstream", line.upstream.map(text));
    span.tell("http.response.status_code", answer);
    let resent = line.attempts.map(|attempts| attempts.saturating_sub(1));
    span.tell("http.request.resend_count", resent.map(u64::from));
    span.tell("error.type", failure.map(UpstreamErrorKind::as_str));
    let bad = answer.filter(|status| *status >= 400);
    span.tell("error.type", bad.map(|status| status.to_string()));
    span.0
}

struct Attributes(Vec<(&'static str, Value)>);

impl Attributes {
    fn with_capacity(most: usize) -> Self {
        Self(Vec::with_capacity(most))
    }

    /// Says one thing, where it is known.
    fn tell(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        self.0.extend(value.map(|value| (name, value.into())));
    }
}

impl Line<'_> {
    /// Whether it is a failure of ours, or of those behind us: what clients do wrong is none.
    fn is_failure(&self) -> bool {
        let failed = [Outcome::UpstreamBroke, Outcome::Timeout, Outcome::Panic];
        let has_failed = failed
            .iter()
            .any(|outcome| outcome.as_str() == self.outcome);
        match self.status {
            Some(status @ 400..) => status >= 500,
            _ => has_failed,
        }
    }

    /// The one word that says most of what went wrong.
    fn error_type(&self) -> Option<Value> {
        if let Some(error) = self.error {
            return Some(error.into());
        }
        match self.status {
            Some(status @ 500..) => Some(status.to_string().into()),
            _ if self.outcome == Outcome::Complete.as_str() => None,
            _ => Some(self.outcome.into()),
        }
    }
}

/// A span is named by what is the same for many of its kind.
fn name(method: Option<&'static str>, route: Option<&str>) -> Box<str> {
    let method = method.filter(|method| *method != OTHER).unwrap_or("HTTP");
    match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    }
}

fn known(method: &str) -> &'static str {
    let known = METHODS.into_iter().find(|known| *known == method);
    known.unwrap_or(OTHER)
}

fn version(protocol: &'static str) -> &'static str {
    match protocol.split_once('/') {
        Some((_, version)) => version,
        None => protocol,
    }
}

/// Host and port that the client asks for, where they are some.
fn host<B>(request: &Request<B>) -> Option<(Box<str>, Option<u16>)> {
    let field = || request.headers().get(HOST)?.to_str().ok()?.parse().ok();
    let authority: Authority = request.uri().authority().cloned().or_else(field)?;
    Some((shown(authority.host(), LONGEST_HOST), authority.port_u16()))
}

/// The beginning of what a client wrote.
fn shown(text: &str, longest: usize) -> Box<str> {
    let mut shown = token::redact(text).into_owned();
    shown.truncate(shown.floor_char_boundary(longest));
    shown.into()
}

fn text(text: &str) -> Box<str> {
    text.into()
}
