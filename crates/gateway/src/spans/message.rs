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

    /// The message that brings a batch.
    pub(super) fn message(&self, batch: &[Spans]) -> Vec<u8> {
        let spans = batch.iter().flat_map(|spans| {
            let both = std::iter::once(&spans.server).chain(&spans.client);
            both.map(|span| message(spans, span))
        });
        let spans = ScopeSpans {
            scope: Some(self.scope.clone()),
            spans: spans.collect(),
            ..ScopeSpans::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![spans],
                ..ResourceSpans::default()
            }],
        };
        request.encode_to_vec()
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
