//! Which trace a request belongs to: `traceparent` and `tracestate` (W3C Trace Context, level 1).

use std::fmt;

use bytes::{BufMut, BytesMut};
use http::Request;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;
use uuid::fmt::Simple;

use super::spelling;
use super::values::Values;
use crate::spans::Ratio;

/// The trace, and who asked: version, trace, span and flags.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What tracing systems on the way keep for themselves.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The length of a `traceparent`.
const LENGTH: usize = 55;

/// The longest `tracestate` that is kept, in bytes, and the most entries of it (section 3.3).
const LONGEST_STATE: usize = 512;
const MOST_ENTRIES: usize = 32;

/// Whose traces the gateway goes on with, and what it says of those that it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracePolicy {
    /// Who may say to which trace a request belongs.
    pub inbound: Inbound,
    /// Whether those behind are told to record a trace that begins here. Most record what they are
    /// told to, and nothing else.
    pub sampled: bool,
    /// Where spans go to a collector of ours: which of the traces that begin here, if any does.
    pub export: Option<Ratio>,
}

/// Who may say to which trace a request belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inbound {
    /// Trusted proxies.
    Trusted,
    /// Every client: one can add to other clients' traces, if it knows them.
    Always,
    /// Nobody: each request begins a trace.
    Never,
}

/// The place of one request in a trace; the span is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    /// Whose request it is, where somebody who may say so says it.
    parent: Option<u64>,
    /// The span of the exchange with the upstream, where it has one of its own.
    exchange: Option<u64>,
    is_sampled: bool,
    state: Option<HeaderValue>,
}

impl Default for TracePolicy {
    /// Trusted proxies may say, and a trace that begins here is recorded.
    fn default() -> Self {
        Self {
            inbound: Inbound::Trusted,
            sampled: true,
            export: None,
        }
    }
}

impl TraceContext {
    /// Gives a request its place in a trace: in the one that it says it belongs to, where it may
    /// say so, else in a new one. In its extensions: its fields say the same once they are
    /// [`set`](Self::set), on the way to an upstream.
    pub(crate) fn assign<B>(request: &mut Request<B>, policy: TracePolicy, trusted: bool) -> Self {
        let believed = match policy.inbound {
            Inbound::Trusted => trusted,
            Inbound::Always => true,
            Inbound::Never => false,
        };
        let inbound = believed.then(|| Self::of(request.headers())).flatten();
        let mut context = inbound.unwrap_or_else(|| Self::begun(policy));
        if policy.export.is_some() && context.is_sampled {
            context.exchange = Some(new_span());
        }
        request.extensions_mut().insert(context.clone());
        context
    }

    /// A trace that begins with this request.
    fn begun(policy: TracePolicy) -> Self {
        let trace = Uuid::new_v4().as_u128();
        let is_taken = policy.export.is_none_or(|ratio| ratio.takes(trace));
        Self {
            trace,
            span: new_span(),
            parent: None,
            exchange: None,
            is_sampled: policy.sampled && is_taken,
            state: None,
        }
    }

    /// The trace that the fields name, with a span of ours in it. Fields that break the rules name
    /// none.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(&TRACEPARENT).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return None;
        };
        let (trace, parent, flags) = parse(line.as_bytes())?;
        Some(Self {
            trace,
            span: new_span(),
            parent: Some(parent),
            exchange: None,
            is_sampled: flags & 1 == 1,
            state: state(headers),
        })
    }

    /// Sets the fields, in place of what bears their names.
    pub(crate) fn set(&self, headers: &mut HeaderMap, values: &mut Values) {
        spelling::remove_where(headers, is_ours);
        if let Some(parent) = values.value(|text| self.write(text)) {
            headers.insert(TRACEPARENT, parent);
        }
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, state.clone());
        }
    }

    /// Writes `traceparent`, as each request's needs: without what formats anything.
    fn write(&self, text: &mut BytesMut) {
        let (mut trace, mut span) = ([0; Simple::LENGTH], [0; Simple::LENGTH]);
        let trace = Uuid::from_u128(self.trace)
            .as_simple()
            .encode_lower(&mut trace);
        let span = Uuid::from_u64_pair(0, self.exchange.unwrap_or(self.span))
            .as_simple()
            .encode_lower(&mut span);
        text.put_slice(b"00-");
        text.put_slice(trace.as_bytes());
        text.put_slice(b"-");
        text.put_slice(span.as_bytes().last_chunk::<16>().unwrap_or(&[b'0'; 16]));
        text.put_slice(if self.is_sampled { b"-01" } else { b"-00" });
    }

    /// The id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        TraceId(self.trace)
    }

    /// Whether the trace is recorded.
    #[cfg(feature = "otlp")]
    pub(crate) fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// Our own span, and the one that it is of.
    #[cfg(feature = "otlp")]
    pub(crate) fn span(&self) -> (u64, Option<u64>) {
        (self.span, self.parent)
    }

    /// The span of the exchange with the upstream.
    #[cfg(feature = "otlp")]
    pub(crate) fn exchange(&self) -> Option<u64> {
        self.exchange
    }

    /// What tracing systems on the way keep for themselves.
    #[cfg(feature = "otlp")]
    pub(crate) fn state(&self) -> Option<&HeaderValue> {
        self.state.as_ref()
    }
}

/// The id of a trace: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// Whether a field of this name is one of the two.
pub(crate) fn is_ours(name: &HeaderName) -> bool {
    [TRACEPARENT, TRACESTATE].contains(name)
}

fn new_span() -> u64 {
    // Zero is no span. The low half of a random UUID holds two bits that are always the same, and
    // one of these is set.
    Uuid::new_v4().as_u64_pair().1
}

/// Trace, span and flags of `00-<32 digits>-<16 digits>-<2 digits>`, lower case, neither id zero. Other
/// versions are none that we know.
fn parse(line: &[u8]) -> Option<(u128, u64, u8)> {
    let text = str::from_utf8(line).ok()?;
    let text = Some(text).filter(|text| text.len() == LENGTH)?;
    let mut parts = text.split('-');
    let mut digits = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        part.bytes().all(is_hex).then_some(part)
    };
    let (version, trace) = (digits(2)?, digits(32)?);
    let (span, flags) = (digits(16)?, digits(2)?);
    let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    let span = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    (version == "00").then_some((trace, span, flags))
}

/// The state of the fields as one, where it is one and no longer than everybody keeps.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut entries: Vec<&[u8]> = Vec::new();
    for line in headers.get_all(&TRACESTATE) {
        for entry in line.as_bytes().split(|byte| *byte == b',') {
            match entry.trim_ascii() {
                b"" => {}
                entry if is_entry(entry) => entries.push(entry),
                _ => return None,
            }
        }
    }
    let joined = entries.join(b",".as_slice());
    let fits =
        !entries.is_empty() && entries.len() <= MOST_ENTRIES && joined.len() <= LONGEST_STATE;
    fits.then(|| HeaderValue::from_bytes(&joined).ok())
        .flatten()
}

/// `key=value` (section 3.3.1.3).
fn is_entry(entry: &[u8]) -> bool {
    let mut parts = entry.splitn(2, |byte| *byte == b'=');
    let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
        return false;
    };
    let of_key =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(byte);
    let of_value = |byte: &u8| matches!(byte, b' '..=b'~') && !b",=".contains(byte);
    let starts = key
        .first()
        .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    starts
        && key.len() <= 256
        && key.iter().all(of_key)
        && (1..=256).contains(&value.len())
        && value.iter().all(of_value)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = BytesMut::with_capacity(LENGTH);
        self.write(&mut text);
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl TraceId {
    /// The id as a number.
    #[cfg(feature = "otlp")]
    pub(crate) const fn get(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// What goes on of a request with these lines.
    fn passed(policy: TracePolicy, trusted: bool, lines: &[(&str, &str)]) -> HeaderMap {
        let mut request = Request::new(());
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().append(name, value);
        }
        let context = TraceContext::assign(&mut request, policy, trusted);
        assert_eq!(request.extensions().get(), Some(&context));
        let mut headers = request.into_parts().0.headers;
        context.set(&mut headers, &mut Values::with_capacity(0));
        assert_eq!(headers[TRACEPARENT], context.to_string());
        assert_eq!(headers.get_all(TRACEPARENT).iter().count(), 1);
        headers
    }

    fn goes_on(policy: TracePolicy, trusted: bool, lines: &[(&str, &str)]) -> bool {
        let headers = passed(policy, trusted, lines);
        let parent = headers[TRACEPARENT].to_str().unwrap();
        assert!(parse(parent.as_bytes()).is_some(), "{parent}");
        assert!(!parent.contains("00f067aa0ba902b7"), "the span is ours");
        parent.contains(TRACE)
    }

    #[test]
    fn a_trace_goes_on_where_its_teller_is_believed() {
        let sampled = true;
        for (inbound, trusted, expected) in [
            (Inbound::Trusted, true, true),
            (Inbound::Trusted, false, false),
            (Inbound::Always, false, true),
            (Inbound::Never, true, false),
        ] {
            let policy = TracePolicy {
                inbound,
                sampled,
                export: None,
            };
            let lines = [("traceparent", PARENT), ("tracestate", "a=1")];
            assert_eq!(goes_on(policy, trusted, &lines), expected, "{inbound:?}");
            let state = passed(policy, trusted, &lines).remove(TRACESTATE);
            assert_eq!(state.is_some(), expected, "{inbound:?}");
        }
    }

    #[test]
    fn what_is_not_exactly_a_parent_begins_a_trace() {
        let policy = TracePolicy {
            inbound: Inbound::Always,
            sampled: false,
            export: None,
        };
        let zero = "0".repeat(32);
        for line in [
            "",
            TRACE,
            &PARENT.to_uppercase(),
            &PARENT.replace(TRACE, &zero),
            &PARENT.replace("00f067aa0ba902b7", "0000000000000000"),
            &PARENT.replacen("00-", "01-", 1),
            &PARENT.replacen("00-", "ff-", 1),
            &format!("{PARENT}-x"),
            &format!("{PARENT}0"),
            &PARENT[..54],
            &PARENT.replace('4', "g"),
            &PARENT.replace("-00f0", "--0f0"),
            &PARENT.replace("-01", "-+1"),
        ] {
            assert!(!goes_on(policy, false, &[("traceparent", line)]), "{line}");
        }
        let twice = [("traceparent", PARENT), ("traceparent", PARENT)];
        assert!(!goes_on(policy, false, &twice));
        assert!(goes_on(policy, false, &[("traceparent", PARENT)]));
    }

    #[test]
    fn flags_are_told_on_and_begun_as_configured() {
        let end = |sampled, lines: &[(&str, &str)]| {
            let policy = TracePolicy {
                inbound: Inbound::Always,
                sampled,
                export: None,
            };
            let parent = passed(policy, false, lines)[TRACEPARENT].clone();
            parent.to_str().unwrap()[53..].to_owned()
        };
        assert_eq!(end(true, &[]), "01");
        assert_eq!(end(false, &[]), "00");
        assert_eq!(end(false, &[("traceparent", PARENT)]), "01");
        let not = PARENT.replace("-01", "-fe");
        assert_eq!(
            end(true, &[("traceparent", &not)]),
            "00",
            "unknown flags end here"
        );
    }

    #[test]
    fn a_state_is_kept_as_one_field_or_not_at_all() {
        let policy = TracePolicy {
            inbound: Inbound::Always,
            sampled: true,
            export: None,
        };
        let state = |lines: &[&str]| {
            let lines = lines.iter().map(|line| ("tracestate", *line));
            let all: Vec<_> = std::iter::once(("traceparent", PARENT))
                .chain(lines)
                .collect();
            let headers = passed(policy, false, &all);
            assert!(headers.get_all(TRACESTATE).iter().count() <= 1);
            headers
                .get(TRACESTATE)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            state(&["a=1, b@c=x y", ",d=2"]).as_deref(),
            Some("a=1,b@c=x y,d=2")
        );
        let many = vec!["a=1"; 33].join(",");
        let long = format!("a={},b={}", "x".repeat(256), "x".repeat(251));
        assert!(state(&[&long]).is_some_and(|kept| kept.len() == 512));
        for line in [
            "",
            ",",
            "a",
            "A=1",
            "=1",
            "a=",
            "a=1;=2",
            "a=1,@=2",
            &many,
            &format!("{long}y"),
        ] {
            assert_eq!(state(&[line]), None, "{line}");
        }
        let without = passed(policy, false, &[("tracestate", "a=1")]);
        assert!(!without.contains_key(TRACESTATE), "it is of no trace");
    }

    #[test]
    fn of_traces_that_begin_here_as_many_are_recorded_as_are_exported() {
        let assigned = |policy: TracePolicy, lines: &[(&str, &str)]| {
            let headers = passed(policy, true, lines);
            let parent = headers[TRACEPARENT].to_str().unwrap();
            parent.ends_with("-01")
        };
        let policy = |part, sampled| TracePolicy {
            inbound: Inbound::Trusted,
            sampled,
            export: Ratio::new(part),
        };
        assert!(assigned(policy(1.0, true), &[]));
        assert!(!assigned(policy(1.0, false), &[]));
        assert!(!assigned(policy(0.0, true), &[]));
        // Whoever is believed has decided already.
        let unsampled = PARENT.replace("-01", "-00");
        assert!(assigned(policy(0.0, false), &[("traceparent", PARENT)]));
        assert!(!assigned(policy(1.0, true), &[("traceparent", &unsampled)]));
    }

    #[test]
    fn the_upstream_is_of_the_exchange_where_that_has_a_span() {
        for (export, sampled) in [
            (None, true),
            (Some(Ratio::ALL), false),
            (Some(Ratio::ALL), true),
        ] {
            let policy = TracePolicy {
                inbound: Inbound::Always,
                sampled,
                export,
            };
            let context = TraceContext::assign(&mut Request::new(()), policy, false);
            let has_own = export.is_some() && sampled;
            assert_eq!(context.exchange.is_some(), has_own);
            let told = context.exchange.unwrap_or(context.span);
            assert!(context.to_string().contains(&format!("-{told:016x}-")));
            assert_ne!(context.exchange, Some(context.span));
        }
    }

    proptest! {
        #[test]
        fn no_line_makes_reading_panic(line in "[-0-9a-f]{50,60}|.{0,60}") {
            if let Some((trace, _, _)) = parse(line.as_bytes()) {
                prop_assert!(trace != 0 && line.len() == 55);
            }
            let _ = is_entry(line.as_bytes());
        }
    }
}
