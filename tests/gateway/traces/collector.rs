use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, status};
use portcullis_tests::eventually;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// A collector of OTLP, until it is dropped: gRPC, and at `/otlp/v1/traces` HTTP.
pub(super) struct Collector {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    fate: Mutex<Fate>,
    batches: Mutex<Vec<Batch>>,
}

/// What becomes of the next batches.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fate {
    #[default]
    Taken,
    /// All of it but this many.
    Partly(i64),
    /// This status of gRPC, and none of it.
    Refused(i32),
    /// No answer.
    Silence,
}

struct Batch {
    key: Option<String>,
    request: ExportTraceServiceRequest,
}

/// A span, as texts.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) state: String,
    pub(super) flags: u32,
    pub(super) name: String,
    /// 2 is a server's, 3 a client's.
    pub(super) kind: i32,
    pub(super) nanos: u64,
    pub(super) is_error: bool,
    pub(super) service: String,
    pub(super) attributes: BTreeMap<String, String>,
}

impl Collector {
    pub(super) fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"))
    }

    pub(super) fn start_at(address: SocketAddr) -> Self {
        Self::serve(address, |listener, shared| async move {
            let service = TraceServiceServer::new(Grpc(shared));
            let server = tonic::transport::Server::builder().add_service(service);
            let served = server.serve_with_incoming(TcpIncoming::from(listener));
            served.await.expect("served");
        })
    }

    /// The same in HTTP.
    pub(super) fn start_http() -> Self {
        let address = "127.0.0.1:0".parse().expect("an address");
        Self::serve(address, |listener, shared| async move {
            let service = Router::new()
                .route("/otlp/v1/traces", post(take_http))
                .with_state(shared);
            axum::serve(listener, service).await.expect("served");
        })
    }

    fn serve<F>(address: SocketAddr, serve: impl FnOnce(TcpListener, Arc<Shared>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(address));
        let listener = listener.expect("a port");
        let shared = Arc::new(Shared::default());
        Self {
            address: listener.local_addr().expect("an address"),
            _runtime: {
                runtime.spawn(serve(listener, Arc::clone(&shared)));
                runtime
            },
            shared,
        }
    }

    pub(super) fn fate(&self, fate: Fate) {
        *self.shared.fate.lock().expect("a lock") = fate;
    }

    /// All that came, as the messages' own text.
    pub(super) fn text(&self) -> String {
        let batches = self.shared.batches.lock().expect("a lock");
        let texts = batches.iter().map(|batch| format!("{:?}", batch.request));
        texts.collect()
    }

    /// The key of every batch.
    pub(super) fn keys(&self) -> Vec<Option<String>> {
        let batches = self.shared.batches.lock().expect("a lock");
        batches.iter().map(|batch| batch.key.clone()).collect()
    }

    /// All spans that came, in the order of their coming.
    pub(super) fn spans(&self) -> Vec<Told> {
        let batches = self.shared.batches.lock().expect("a lock");
        let mut told = Vec::new();
        for resource in batches
            .iter()
            .flat_map(|batch| &batch.request.resource_spans)
        {
            let attributes = resource.resource.as_ref().expect("a resource");
            let service = texts(&attributes.attributes)["service.name"].clone();
            let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
            told.extend(spans.map(|span| Told::of(span, &service)));
        }
        told
    }

    /// Waits for so many spans.
    pub(super) fn wait_for(&self, count: usize) -> Vec<Told> {
        eventually("spans arrive", || self.spans().len() >= count);
        let spans = self.spans();
        assert_eq!(spans.len(), count, "{spans:#?}");
        spans
    }
}

impl Told {
    fn of(span: &Span, service: &str) -> Self {
        let status = span.status.as_ref().map(|status| status.code());
        assert!(span.start_time_unix_nano > 1_700_000_000_000_000_000);
        let nanos = span
            .end_time_unix_nano
            .checked_sub(span.start_time_unix_nano);
        Self {
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            state: span.trace_state.clone(),
            flags: span.flags,
            name: span.name.clone(),
            kind: span.kind,
            nanos: nanos.expect("it ends after it began"),
            is_error: status == Some(status::StatusCode::Error),
            service: service.to_owned(),
            attributes: texts(&span.attributes),
        }
    }

    /// An attribute, or nothing.
    pub(super) fn of_name(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let texts = attributes.iter().map(|attribute| {
        let value = attribute
            .value
            .as_ref()
            .and_then(|value| value.value.as_ref());
        let text = match value {
            Some(any_value::Value::StringValue(text)) => text.clone(),
            Some(any_value::Value::IntValue(number)) => number.to_string(),
            other => panic!("{}: {other:?}", attribute.key),
        };
        (attribute.key.clone(), text)
    });
    let map: BTreeMap<String, String> = texts.collect();
    assert_eq!(
        map.len(),
        attributes.len(),
        "each name once: {attributes:?}"
    );
    map
}

impl Shared {
    async fn take(
        &self,
        key: Option<&str>,
        request: ExportTraceServiceRequest,
    ) -> Result<ExportTraceServiceResponse, Status> {
        let fate = *self.fate.lock().expect("a lock");
        let partly = match fate {
            Fate::Taken => None,
            Fate::Partly(rejected) => Some(ExportTracePartialSuccess {
                rejected_spans: rejected,
                error_message: "too\nmany".to_owned(),
            }),
            Fate::Refused(code) => return Err(Status::new(code.into(), "told so")),
            Fate::Silence => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                return Err(Status::internal("late"));
            }
        };
        let key = key.map(str::to_owned);
        let batch = Batch { key, request };
        self.batches.lock().expect("a lock").push(batch);
        Ok(ExportTraceServiceResponse {
            partial_success: partly,
        })
    }
}

async fn take_http(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).expect("a message");
    let key = headers.get("x-key").and_then(|key| key.to_str().ok());
    let answer = shared.take(key, request).await;
    let answer = answer.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(answer.encode_to_vec())
}

struct Grpc(Arc<Shared>);

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (metadata, _, request) = request.into_parts();
        let key = metadata.get("x-key").and_then(|key| key.to_str().ok());
        self.0.take(key, request).await.map(Response::new)
    }
}
