use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Collected, Full, LengthLimitError, Limited};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;

use super::failure::Failure;
use super::{OtlpConfig, OtlpProtocol, grpc};
use crate::body::{BodySource, ProxyBody};
use crate::gateway::GatewayError;
use crate::setting::InvalidSetting;
use crate::upstream::{HttpUpstream, Protocol, Upstream, UpstreamConfig, UpstreamErrorKind};

/// Whom spans are sent to.
#[derive(Debug)]
pub(super) struct Collector {
    upstream: HttpUpstream,
    protocol: OtlpProtocol,
    path: PathAndQuery,
    headers: HeaderMap,
}

/// What metrics and errors of the connection call it: no upstream of the configuration can be
/// called so.
const NAME: &str = "trace.otlp";

/// An answer says next to nothing; no more of it is read.
const LONGEST_ANSWER: usize = 64 * 1024;

impl Collector {
    /// Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`GatewayError`] for a setting out of range, and roots that cannot be used.
    pub(super) fn new(config: &OtlpConfig) -> Result<Self, GatewayError> {
        config.check()?;
        let address = config.endpoint.address();
        let mut upstream = UpstreamConfig::new(address.authority().clone());
        // Faults are told of by the name of the field here, before the upstream would by its own.
        config.check_tls()?;
        upstream.tls = config.tls();
        upstream.connect_timeout = upstream.connect_timeout.min(config.timeout);
        upstream.response_timeout = config.timeout;
        upstream.body_timeout = config.timeout;
        let (path, kind) = match config.protocol {
            OtlpProtocol::Grpc => {
                upstream.protocol = Protocol::Http2;
                let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
                (path, "application/grpc")
            }
            OtlpProtocol::Http => ("/v1/traces", "application/x-protobuf"),
        };
        let bad_path = || InvalidSetting::new("endpoint", "an address with a path that is one");
        Ok(Self {
            upstream: HttpUpstream::new(NAME, upstream)?,
            protocol: config.protocol,
            path: config.endpoint.path(path).ok_or_else(bad_path)?,
            headers: headers(config, kind),
        })
    }

    /// Sends a batch. How many spans of it were not taken, if it was.
    pub(super) async fn export(&self, message: &[u8]) -> Result<u64, Failure> {
        let body = match self.protocol {
            OtlpProtocol::Grpc => grpc::framed(message).ok_or(Failure::Garbage)?,
            OtlpProtocol::Http => Bytes::copy_from_slice(message),
        };
        let sent = self.upstream.send(self.request(body)).await;
        let answer = sent.map_err(|error| Failure::Unanswered(error.kind()))?;
        let (status, head, body) = read(answer).await?;
        let answer = match self.protocol {
            // gRPC has one status for whatever it says itself.
            OtlpProtocol::Grpc if status != StatusCode::OK => return Err(Failure::Status(status)),
            _ if !status.is_success() => return Err(Failure::Status(status)),
            OtlpProtocol::Grpc => {
                grpc::status(&head, body.trailers())?;
                let body = body.to_bytes();
                body.slice_ref(grpc::message(&body)?)
            }
            OtlpProtocol::Http => body.to_bytes(),
        };
        let answer = ExportTraceServiceResponse::decode(answer).map_err(|_| Failure::Garbage)?;
        let rejected = answer.partial_success.map_or(0, |part| part.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or(0))
    }

    fn request(&self, body: Bytes) -> Request<ProxyBody> {
        let length = HeaderValue::from(body.len());
        let body = ProxyBody::new(Full::new(body), BodySource::Client);
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from(self.path.clone());
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(CONTENT_LENGTH, length);
        request
    }
}

fn headers(config: &OtlpConfig, kind: &'static str) -> HeaderMap {
    let mut headers = config.headers.clone();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let agent = concat!("portcullis/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if config.protocol == OtlpProtocol::Grpc {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    headers
}

async fn read(
    answer: Response<ProxyBody>,
) -> Result<(StatusCode, HeaderMap, Collected<Bytes>), Failure> {
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST_ANSWER).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => Failure::Garbage,
        false => Failure::Unanswered(UpstreamErrorKind::Closed),
    })?;
    Ok((head.status, head.headers, body))
}
