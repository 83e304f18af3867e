//! Spans in the words of OTLP.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span as Message, Status, span, status,
};
use prost::Message as _;

use super::span::{Kind, Span, Spans, Value};

/// Who sends spans: what stands before those of every batch.
#[derive(Debug)]
pub(super) struct Sender {
    resource: Resource,
    scope: InstrumentationScope,
}

/// That a span is of a trace that is recorded (W3C Trace Context), and that it is known whether
/// its parent is elsewhere, and that it is (OTLP, `SpanFlags`).
const SAMPLED: u32 = 1;
const KNOWS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// The longest that spans are in one message: gRPC refuses messages of more than 4 MiB where nobody
/// says otherwise, and there is more in it than spans.
const LONGEST: usize = 4 * 1024 * 1024 - 64 * 1024;

/// The most that stands before each span: its field and its length.
const FRAME: usize = 6;

impl Sender {
    /// By this name; `instance` tells it from others of the same.
    pub(super) fn new(name: &str, instance: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let resource = Resource {
            attributes: vec![
                text("service.name", name),
                text("service.version", version),
                text("service.instance.id", instance),
            ],
            ..Resource::default()
        };
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: version.to_owned(),
            ..InstrumentationScope::default()
        };
        Self { resource, scope }
    }

    /// The message that brings a batch, or of a long one the beginning, and of how many requests
    /// it is: of one at least.
    pub(super) fn message(&self, batch: &[Spans]) -> (Vec<u8>, usize) {
        let (mut spans, mut length, mut requests) = (Vec::new(), 0, 0);
        for request in batch {
            let both = std::iter::once(&request.server).chain(&request.client);
            let both: Vec<_> = both.map(|span| message(request, span)).collect();
            length += both
                .iter()
                .map(|span| span.encoded_len() + FRAME)
                .sum::<usize>();
            if length > LONGEST && requests > 0 {
                break;
            }
            spans.extend(both);
            requests += 1;
        }
        let spans = ScopeSpans {
            scope: Some(self.scope.clone()),
            spans,
            ..ScopeSpans::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![spans],
                ..ResourceSpans::default()
            }],
        };
        (request.encode_to_vec(), requests)
    }
}

fn message(spans: &Spans, of: &Span) -> Message {
    let (kind, remote) = match of.kind {
        Kind::Server => (span::SpanKind::Server, of.parent.is_some()),
        Kind::Client => (span::SpanKind::Client, false),
    };
    let state = spans.state.as_ref().and_then(|state| state.to_str().ok());
    let code = match of.is_error {
        true => status::StatusCode::Error,
        false => status::StatusCode::Unset,
    };
    let attributes = of.attributes.iter().map(|(name, value)| {
        let value = match value {
            Value::Word(word) => any_value::Value::StringValue((*word).to_owned()),
            Value::Text(text) => any_value::Value::StringValue(text.clone().into()),
            Value::Number(number) => any_value::Value::IntValue(*number),
        };
        key_value(name, value)
    });
    let parent = of.parent.map(|parent| parent.to_be_bytes().to_vec());
    Message {
        trace_id: spans.trace.to_be_bytes().to_vec(),
        span_id: of.id.to_be_bytes().to_vec(),
        trace_state: state.unwrap_or_default().to_owned(),
        parent_span_id: parent.unwrap_or_default(),
        flags: SAMPLED | KNOWS_REMOTE | if remote { IS_REMOTE } else { 0 },
        name: of.name.clone().into(),
        kind: kind.into(),
        start_time_unix_nano: of.start,
        end_time_unix_nano: of.end,
        attributes: attributes.collect(),
        status: Some(Status {
            code: code.into(),
            ..Status::default()
        }),
        ..Message::default()
    }
}

fn text(name: &str, value: &str) -> KeyValue {
    key_value(name, any_value::Value::StringValue(value.to_owned()))
}

fn key_value(name: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spans of a request, one of which is so long.
    fn spans(length: usize) -> Spans {
        let span = |kind, length| Span {
            id: 1,
            parent: None,
            kind,
            name: "a".repeat(length).into(),
            start: 1,
            end: 2,
            attributes: Vec::new(),
            is_error: false,
        };
        Spans {
            trace: 1,
            state: None,
            server: span(Kind::Server, length),
            client: Some(span(Kind::Client, 1)),
        }
    }

    #[test]
    fn a_message_is_no_longer_than_a_collector_takes_and_never_of_nothing() {
        let sender = Sender::new(&"s".repeat(255), "instance");
        let told = |batch: &[Spans]| {
            let (message, requests) = sender.message(batch);
            let request = ExportTraceServiceRequest::decode(&*message).expect("a message");
            let told = request.resource_spans[0].scope_spans[0].spans.len();
            assert_eq!(told, 2 * requests);
            (message.len(), requests)
        };
        assert_eq!(told(&[spans(1), spans(1)]).1, 2);
        let long: Vec<Spans> = (0..100).map(|_| spans(100_000)).collect();
        let (length, requests) = told(&long);
        assert!((4_000_000..4 * 1024 * 1024).contains(&length), "{length}");
        assert_eq!(requests, 41);
        let many: Vec<Spans> = (0..50_000).map(|_| spans(1)).collect();
        assert!(told(&many).0 < 4 * 1024 * 1024);
        assert_eq!(told(&[spans(5_000_000), spans(1)]).1, 1);
    }
}
