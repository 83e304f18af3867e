use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use portcullis::audit::Actor;
use portcullis::manager::NewKey;
use portcullis::{KeyManager, Keyring, SqliteStore};
use portcullis_benches::Failure;
use portcullis_gateway::config::Config;
use portcullis_gateway::gateway;
use portcullis_gateway::listeners::Listeners;
use portcullis_gateway::telemetry::{LogFormat, LogLevel, Metrics, init_logs};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The gateway with its defaults, in this process, in front of an upstream.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Failure>>,
}

impl Served {
    pub(crate) fn start() -> Result<Self, Failure> {
        // Those who are closed in the end are warned of.
        init_logs(LogFormat::Text, LogLevel::Error)?;
        let upstream = upstream()?;
        let runtime = Runtime::new()?;
        let (folder, stop, stopped) = {
            let (stop, stopped) = oneshot::channel::<()>();
            (TempDir::new()?, stop, stopped)
        };
        let text = format!(
            "listen = \"127.0.0.1:0\"\noperations.listen = \"127.0.0.1:0\"\n\
             timeouts.shutdown = \"1s\"\nlimits.connections_per_address = 10000\n\
             [[services]]\nname = \"orders\"\nprefix = \"/\"\nupstream = \"http://{upstream}\"\n"
        );
        let config = Config::parse(&text, &folder.path().join("portcullis.toml"))?;
        let (address, token, task) = runtime.block_on(async {
            let metrics = Metrics::install()?;
            let listeners = Listeners::bind(&config).await?;
            let address = listeners.public.local_addr()?;
            let manager = KeyManager::builder(SqliteStore::open(&config.store_path)?)
                .keyring(Keyring::generate("k1".parse()?)?)
                .build()
                .await?;
            config.create_missing_services(&manager).await?;
            let key = NewKey::new("orders".parse()?, "acme".parse()?, "job".parse()?);
            let issued = manager.create_key(key, &Actor::new("bench")?).await?;
            let token = issued.token.expose().to_owned();
            let task = tokio::spawn(async move {
                let stopped = async { drop(stopped.await) };
                gateway::serve(config, manager, listeners, metrics, stopped).await?;
                folder.close()?;
                Ok(())
            });
            Ok::<_, Failure>((address, token, task))
        })?;
        Ok(Self {
            address,
            token,
            runtime,
            stop,
            task,
        })
    }

    pub(crate) fn end(self) -> Result<(), Failure> {
        drop(self.stop);
        self.runtime.block_on(self.task)?
    }
}

/// Answers each request once it is whole.
fn upstream() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The slow bodies have a thread each, which does nothing.
            let serving = thread::Builder::new().stack_size(64 * 1024);
            let _ = serving.spawn(move || while answer(&stream).is_some() {});
        }
    });
    Ok(address)
}

fn answer(stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::with_capacity(4096, stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let text = line.trim_end().to_ascii_lowercase();
        if text.is_empty() {
            break;
        }
        if let Some(value) = text.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let mut writer = stream;
    let response = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";
    writer.write_all(response).ok()
}
