use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use portcullis::audit::Actor;
use portcullis::keyring::Keyring;
use portcullis::manager::{Issued, NewKey, NewService};
use portcullis::{ErrorKind, Gatekeeper, KeyManager, Limiter, ServiceName, SqliteStore};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{BoxError, Options};

/// The service that the examples guard.
pub const ORDERS: ServiceName = ServiceName::from_static("orders");

/// What an example has before it serves: a gate, a key that passes it, and a
/// place to listen.
#[derive(Debug)]
pub struct Setup {
    /// Keys and limits.
    pub gate: Gatekeeper,
    /// A key of [`ORDERS`] with the scope `orders:read` and 10 requests a
    /// minute.
    pub issued: Issued,
    /// A listener on the loopback address.
    pub listener: TcpListener,
    /// The temporary folder, where none was given: removed when it is dropped.
    pub folder: Option<TempDir>,
}

impl Setup {
    /// Opens the store, makes what is not there yet, and issues a key.
    ///
    /// # Errors
    ///
    /// Where folder, store, keyring or port cannot be had.
    pub async fn new(options: &Options) -> Result<Self, BoxError> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let folder = match options.dir {
            Some(_) => None,
            None => Some(TempDir::with_prefix("portcullis-")?),
        };
        let path = options
            .dir
            .as_deref()
            .or(folder.as_ref().map(TempDir::path));
        let manager = open(path.unwrap_or(Path::new("."))).await?;
        let issued = issue(&manager).await?;
        let gate = Gatekeeper::new(manager, Limiter::default());
        Ok(Self {
            gate,
            issued,
            listener,
            folder,
        })
    }

    /// What to tell the person who started the example.
    ///
    /// # Errors
    ///
    /// Where the system does not say on which port it listens.
    pub fn started(&self) -> Result<Started, BoxError> {
        let address = self.listener.local_addr()?;
        Ok(Started {
            address,
            token: self.issued.token.expose().to_owned(),
        })
    }
}

/// Where an example listens, and with which token it lets in.
#[derive(Clone)]
pub struct Started {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// A token that is good there.
    pub token: String,
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "listening on http://{}", self.address)?;
        write!(
            f,
            "curl -i -H 'Authorization: Bearer {}' http://{}/orders",
            self.token, self.address
        )
    }
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Database and keyring of a folder, made where they are not there. In real
/// life the keyring lies apart from the database: who has both can forge keys.
async fn open(folder: &Path) -> Result<KeyManager, BoxError> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("keyring");
    let keyring = if path.exists() {
        Keyring::from_file(&path)?
    } else {
        let keyring = Keyring::generate("k1".parse()?)?;
        keyring.write_new(&path)?;
        keyring
    };
    let store = SqliteStore::open(folder.join("keys.db"))?;
    Ok(KeyManager::builder(store).keyring(keyring).build().await?)
}

async fn issue(manager: &KeyManager) -> Result<Issued, BoxError> {
    let me = Actor::new("example")?;
    let service = NewService::new(ORDERS).default_rate("10/m".parse()?);
    match manager.create_service(service, &me).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    let key = NewKey::new(ORDERS, "acme".parse()?, "example".parse()?);
    Ok(manager
        .create_key(key.scopes("orders:read".parse()?), &me)
        .await?)
}
