use std::net::SocketAddr;

use portcullis_benches::Failure;
use portcullis_gateway::telemetry::{LogFormat, LogLevel, init_logs};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{bare, gateway, plain};

/// What stands between the clients and the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// The whole gateway.
    Gateway,
    /// The gateway's parts without its checks.
    Bare,
    /// hyper alone.
    Plain,
    /// The one that most people have.
    #[value(skip)]
    Nginx,
}

/// A proxy that serves.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// A token of each key; none where nobody asks for one.
    pub(crate) tokens: Vec<String>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) served: JoinHandle<Result<(), Failure>>,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Gateway, Self::Bare, Self::Plain, Self::Nginx];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Bare => "bare",
            Self::Plain => "plain",
            Self::Nginx => "nginx",
        }
    }

    /// Starts serving in this process, in front of an upstream.
    pub(crate) async fn start(self, upstream: SocketAddr, keys: u16) -> Result<Proxy, Failure> {
        // As `portcullis serve`, which writes more only while it starts and stops.
        init_logs(LogFormat::Text, LogLevel::Warn)?;
        match self {
            Self::Gateway => gateway::start(upstream, keys).await,
            Self::Bare => bare::start(upstream).await,
            Self::Plain => plain::start(upstream).await,
            Self::Nginx => Err("nginx is a program of its own".into()),
        }
    }
}
