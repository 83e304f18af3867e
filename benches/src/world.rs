use portcullis::audit::Actor;
use portcullis::manager::{NewKey, NewService};
use portcullis::service::ServiceName;
use portcullis::store::Store;
use portcullis::token::Presented;
use portcullis::{
    Attempt, Context, Gatekeeper, KeyManager, Keyring, Limiter, MemoryStore, Permission,
    Requirement, Verdict,
};
use tokio::runtime::Runtime;

use crate::Failure;

/// A manager whose keys are all cached, with its background tasks on a thread
/// of their own: whoever measures calls it from another thread, and never waits.
#[derive(Debug)]
pub struct World {
    /// What the measured calls go to.
    pub gate: Gatekeeper,
    /// The service without a rate.
    pub free: Issue,
    /// The service whose keys have a rate, which the benches do not reach.
    pub rated: Issue,
    /// What the tokens derive from.
    pub keyring: Keyring,
    runtime: Runtime,
}

/// A service with its keys' tokens.
#[derive(Debug)]
pub struct Issue {
    /// The service.
    pub service: ServiceName,
    /// What every request requires.
    pub requirement: Requirement,
    /// A token of each key.
    pub tokens: Vec<String>,
}

impl World {
    /// Two services with so many keys each.
    ///
    /// # Errors
    ///
    /// What the manager says.
    pub fn new(keys: usize) -> Result<Self, Failure> {
        Self::over(MemoryStore::new(), keys)
    }

    /// The same over another store than memory.
    ///
    /// # Errors
    ///
    /// What the manager says.
    pub fn over(store: impl Store, keys: usize) -> Result<Self, Failure> {
        let keyring = Keyring::generate("k1".parse()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (gate, free, rated) = runtime.block_on(async {
            let manager = KeyManager::builder(store)
                .keyring(keyring.clone())
                .build()
                .await?;
            let plain = NewService::new(ServiceName::from_static("free"));
            let limited = NewService::new(ServiceName::from_static("rated"))
                .default_rate("1000000/s".parse()?);
            let free = Issue::new(&manager, plain, "free", keys).await?;
            let rated = Issue::new(&manager, limited, "rated", keys).await?;
            // The next poll tells of these keys, and whoever was cached before is read again.
            manager.poll_now().await?;
            free.warm(&manager).await?;
            rated.warm(&manager).await?;
            let gate = Gatekeeper::new(manager, Limiter::default());
            Ok::<_, Failure>((gate, free, rated))
        })?;
        Ok(Self {
            gate,
            free,
            rated,
            keyring,
            runtime,
        })
    }

    /// Has every key cached, also one that was not used for long.
    ///
    /// # Errors
    ///
    /// Where a key is not granted.
    pub fn warm(&self) -> Result<(), Failure> {
        self.runtime.block_on(async {
            self.free.warm(self.manager()).await?;
            self.rated.warm(self.manager()).await
        })
    }

    /// The key manager.
    #[must_use]
    pub fn manager(&self) -> &KeyManager {
        self.gate.manager()
    }

    /// Ends the background tasks, and says whether they wrote what was counted.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn end(self) -> Result<(), Failure> {
        self.runtime.block_on(self.gate.shutdown())?;
        Ok(())
    }
}

impl Issue {
    async fn new(
        manager: &KeyManager,
        service: NewService,
        name: &'static str,
        keys: usize,
    ) -> Result<Self, Failure> {
        let actor = Actor::new("bench")?;
        let service = manager.create_service(service, &actor).await?.name;
        let read: Permission = format!("{name}:read").parse()?;
        let mut tokens = Vec::with_capacity(keys);
        for _ in 0..keys {
            let key = NewKey::new(service.clone(), "acme".parse()?, "nightly job".parse()?);
            let key = key.scopes(format!("{name}:*").parse()?);
            let issued = manager.create_key(key, &actor).await?;
            tokens.push(issued.token.expose().to_owned());
        }
        Ok(Self {
            service,
            requirement: Requirement::all_of([read]),
            tokens,
        })
    }

    /// Has every key cached.
    async fn warm(&self, manager: &KeyManager) -> Result<(), Failure> {
        for token in &self.tokens {
            let presented = Presented::new(token.as_bytes());
            match manager.validate(presented, &self.context()).await {
                Verdict::Granted(_) => {}
                other => return Err(format!("a new key is not granted: {other:?}").into()),
            }
        }
        Ok(())
    }

    /// What a token is presented to.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        Context::new(&self.service).require(&self.requirement)
    }

    /// A token of the `turn`-th request. Turns go through the keys in an order in which no two
    /// that follow each other were made one after the other, so that no prefetcher helps.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "`at` is a remainder by the number of tokens"
    )]
    pub fn token(&self, turn: u64) -> Presented<'_> {
        Presented::new(self.tokens[self.at(turn)].as_bytes())
    }

    /// The place of the `turn`-th request's key.
    #[must_use]
    pub fn at(&self, turn: u64) -> usize {
        // 7,919 is prime: every key has its turn unless their number is a multiple of it.
        (turn as usize).wrapping_mul(7_919) % self.tokens.len()
    }

    /// Whether the `turn`-th request is admitted, decided without waiting.
    #[must_use]
    pub fn is_admitted(&self, gate: &Gatekeeper, turn: u64) -> bool {
        let attempt = gate.try_decide(self.token(turn), &self.context());
        matches!(attempt, Attempt::Decided(portcullis::Decision::Admitted(_)))
    }
}
