use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use portcullis::clock::Clock;
use portcullis::token::Token;

use crate::cli::Exit;
use crate::cli::error::CliError;

/// How long the gateway may take to answer: it is on the same machine, and was started just now.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends one request through the gateway, over a real socket, and says how it was answered.
pub(super) async fn probe(
    gateway: SocketAddr,
    token: Option<&Token>,
    clock: &dyn Clock,
) -> Result<StatusCode, CliError> {
    let failed = |error: &(dyn Error + 'static)| {
        CliError::because(Exit::Failure, "the gateway did not answer", error)
    };
    let mut request = Request::get(format!("http://{gateway}/demo/hello"));
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(&error))?;
    // No connection is kept: it would stand in the way of a quick end.
    let client = Client::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build_http();
    tokio::select! {
        response = client.request(request) => {
            response.map(|response| response.status()).map_err(|error| failed(&error))
        }
        () = clock.sleep(PATIENCE) => {
            let message = format!("the gateway did not answer within {PATIENCE:?}");
            Err(CliError::new(Exit::Failure, message))
        }
    }
}
