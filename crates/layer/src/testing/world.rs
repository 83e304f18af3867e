use http::Request;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use http_body_util::Full;
use portcullis_admission::{Gatekeeper, Limiter};
use portcullis_core::KeyManager;
use portcullis_core::audit::Actor;
use portcullis_core::clock::ManualClock;
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{Issued, NewKey, NewService};
use portcullis_core::service::ServiceName;
use portcullis_core::store::{FaultStore, MemoryStore, StoreErrorKind};

pub(crate) type Bytes = Full<bytes::Bytes>;

pub(crate) const ORDERS: ServiceName = ServiceName::from_static("orders");
pub(crate) const BILLING: ServiceName = ServiceName::from_static("billing");

pub(crate) struct World {
    pub(crate) gate: Gatekeeper,
    pub(crate) manager: KeyManager,
    pub(crate) store: FaultStore,
    pub(crate) memory: MemoryStore,
    pub(crate) keyring: Keyring,
    pub(crate) clock: ManualClock,
    pub(crate) actor: Actor,
}

impl World {
    pub(crate) async fn new() -> Self {
        let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
        Self::over(MemoryStore::new(), keyring).await
    }

    /// A world over what a store holds, with the keyring that made it.
    pub(crate) async fn over(memory: MemoryStore, keyring: Keyring) -> Self {
        let (clock, store) = (ManualClock::new(), FaultStore::new(memory.clone()));
        let manager = KeyManager::builder(store.clone())
            .keyring(keyring.clone())
            .clock(clock.clone())
            .build()
            .await
            .expect("a manager");
        let actor = Actor::new("test").expect("an actor");
        for service in [ORDERS, BILLING] {
            if let Err(error) = manager
                .create_service(NewService::new(service), &actor)
                .await
            {
                assert_eq!(
                    error.kind().as_str(),
                    StoreErrorKind::AlreadyExists.as_str()
                );
            }
        }
        let gate = Gatekeeper::new(manager.clone(), Limiter::default());
        Self {
            gate,
            manager,
            store,
            memory,
            keyring,
            clock,
            actor,
        }
    }

    pub(crate) async fn issue(&self, key: NewKey) -> Issued {
        self.manager
            .create_key(key, &self.actor)
            .await
            .expect("a key")
    }
}

pub(crate) fn new_key(service: ServiceName) -> NewKey {
    NewKey::new(
        service,
        "acme".parse().expect("an owner"),
        "job".parse().expect("a name"),
    )
}

/// A request with this token, or with none.
pub(crate) fn request(token: Option<&str>) -> Request<Bytes> {
    let mut request = Request::new(Bytes::default());
    request
        .headers_mut()
        .insert(ACCEPT, HeaderValue::from_static("*/*"));
    if let Some(token) = token {
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).expect("plain");
        request.headers_mut().insert(AUTHORIZATION, bearer);
    }
    request
}

/// The token with its last digit typed wrong.
pub(crate) fn retyped(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 1);
    format!("{rest}{}", if last == "0" { "1" } else { "0" })
}
