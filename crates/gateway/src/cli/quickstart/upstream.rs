use std::collections::BTreeMap;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::header;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The upstream that quickstart brings along: it answers each request with what it saw of it.
#[derive(Debug)]
pub(super) struct EchoUpstream {
    task: JoinHandle<()>,
}

#[derive(Debug, Serialize)]
struct Echo {
    method: String,
    path: String,
    /// The identity fields, which the gateway alone sets.
    identity: BTreeMap<String, String>,
    /// Whether the credential came this far; it must not.
    authorization: bool,
}

impl EchoUpstream {
    pub(super) fn start(listener: TcpListener) -> Self {
        let router = Router::new().fallback(echo);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the built-in upstream ended");
            }
        });
        Self { task }
    }
}

impl Drop for EchoUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn echo(request: Request) -> impl IntoResponse {
    let identity = request.headers().iter().filter_map(|(name, value)| {
        let ours = name.as_str().starts_with("x-portcullis-");
        ours.then(|| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
    });
    let echo = Echo {
        method: request.method().to_string(),
        path: request.uri().to_string(),
        identity: identity.collect(),
        authorization: request.headers().contains_key(header::AUTHORIZATION),
    };
    let mut body = serde_json::to_string_pretty(&echo).unwrap_or_default();
    body.push('\n');
    ([(header::CONTENT_TYPE, "application/json")], body)
}
