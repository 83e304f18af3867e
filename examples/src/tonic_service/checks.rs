use portcullis::Grant;
use tonic::codegen::tokio_stream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// Says that all is well, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct Checks;

#[tonic::async_trait]
impl Health for Checks {
    type WatchStream = tokio_stream::Once<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let mut response = Response::new(SERVING);
        let owner = owner(request.extensions())?;
        response.metadata_mut().insert("owner", owner);
        Ok(response)
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        owner(request.extensions())?;
        Ok(Response::new(tokio_stream::once(Ok(SERVING))))
    }
}

const SERVING: HealthCheckResponse = HealthCheckResponse {
    status: ServingStatus::Serving as i32,
};

type Ascii = tonic::metadata::MetadataValue<tonic::metadata::Ascii>;

/// Behind the layer there always is a grant, and it says who asks.
fn owner(extensions: &tonic::Extensions) -> Result<Ascii, Status> {
    let grant = extensions.get::<Grant>();
    let grant = grant.ok_or_else(|| Status::internal("no layer around this service"))?;
    let owner = grant.owner().as_str().parse();
    owner.map_err(|_| Status::internal("an owner that is not of ASCII"))
}
