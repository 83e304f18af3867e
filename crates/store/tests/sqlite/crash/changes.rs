use std::path::Path;

use portcullis_core::audit::Actor;
use portcullis_core::clock::Timestamp;
use portcullis_core::error::{Error, ErrorKind};
use portcullis_core::key::{Key, KeyId, RevocationReason};
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{
    KeyManager, KeyPatch, ListKeys, NewKey, NewService, Rotation, ServicePatch,
};
use portcullis_core::service::ServiceName;
use portcullis_store::SqliteStore;

use super::told::{Told, ToldKey};
use super::{QUOTA, SERVICES, runtime};

/// How many changes are under way at once.
const WORKERS: u64 = 3;
/// The least that a service's quota is set to.
const LEAST_QUOTA: u32 = QUOTA / 2;

const CREATE_SERVICE: &str = "create_service";
const CREATE: &str = "create_key";
const CREATE_SOME: &str = "create_keys";
const UPDATE: &str = "update_key";
const ROTATE: &str = "rotate_key";
const DISABLE: &str = "disable_key";
const ENABLE: &str = "enable_key";
const REVOKE: &str = "revoke_key";
const REVOKE_SOME: &str = "revoke_keys";
const UPDATE_SERVICE: &str = "update_service";
const ANCHOR: &str = "anchor_audit";
const PRUNE: &str = "prune_audit";

/// How many they are.
pub(super) const OPERATIONS: usize = 12;

/// What is done, each as often as it stands here: more keys are made than
/// revoked, so that the quota is reached.
const WORK: [&str; 17] = [
    CREATE,
    CREATE,
    CREATE,
    CREATE_SOME,
    CREATE_SOME,
    UPDATE,
    UPDATE,
    ROTATE,
    ROTATE,
    DISABLE,
    ENABLE,
    REVOKE,
    REVOKE,
    REVOKE_SOME,
    UPDATE_SERVICE,
    ANCHOR,
    PRUNE,
];

/// Changes the folder's database until the process is killed, and prints a line
/// for each change that was acknowledged, before the next one begins.
pub(super) fn make_until_killed(folder: &Path) -> ! {
    runtime().block_on(async {
        let store = SqliteStore::open(folder.join("keys.db")).expect("a store");
        let keyring = Keyring::from_file(folder.join("keyring")).expect("a keyring");
        let builder = KeyManager::builder(store).keyring(keyring);
        let manager = builder.build().await.expect("a manager");
        let began = manager.clock().now().wall();
        let actor = Actor::new("a process to be killed").expect("a name");
        for service in SERVICES {
            let new = NewService::new(service).quota(QUOTA);
            match manager.create_service(new, &actor).await {
                Ok(service) => Told::Service((&service).into()).tell(CREATE_SERVICE),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
            }
        }
        let page = manager.list_keys(ListKeys::all().limit(1_000)).await;
        let keys = page.expect("a page").keys;
        let known: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
        let worker = || {
            let worker = Worker {
                manager: &manager,
                actor: &actor,
                began,
                random: fastrand::Rng::new(),
                known: known.clone(),
            };
            Box::pin(worker.work())
        };
        let workers: [_; WORKERS as usize] = std::array::from_fn(|_| worker());
        let [one, two, three] = workers;
        tokio::join!(one, two, three);
    });
    unreachable!("the work has no end");
}

struct Worker<'a> {
    manager: &'a KeyManager,
    actor: &'a Actor,
    began: Timestamp,
    random: fastrand::Rng,
    known: Vec<KeyId>,
}

impl Worker<'_> {
    async fn work(mut self) {
        loop {
            match self.change().await {
                Ok((operation, all)) => all.iter().for_each(|told| self.tell(operation, told)),
                Err(error) => expect(&error),
            }
        }
    }

    fn tell(&mut self, operation: &str, told: &Told) {
        told.tell(operation);
        if let Told::Key(key) = told
            && !self.known.contains(&key.id)
        {
            self.known.push(key.id);
        }
    }

    /// Makes a change, and returns its name and all that it acknowledged.
    async fn change(&mut self) -> Result<(&'static str, Vec<Told>), Error> {
        let operation = *self.random.choice(&WORK).expect("some");
        let (manager, actor) = (self.manager, self.actor);
        let all = match (operation, self.random.choice(&self.known).copied()) {
            (REVOKE, Some(id)) => key(&manager.revoke_key(id, killed(), actor).await?),
            (DISABLE, Some(id)) => key(&manager.disable_key(id, actor).await?),
            (ENABLE, Some(id)) => key(&manager.enable_key(id, actor).await?),
            (ROTATE, Some(id)) => {
                let rotated = manager.rotate_key(id, Rotation::default(), actor);
                key(&rotated.await?.key)
            }
            (UPDATE, Some(id)) => {
                let name = format!("job-{}", self.random.u32(..));
                let patch = KeyPatch::new().name(name.parse().expect("a name"));
                key(&manager.update_key(id, patch, actor).await?)
            }
            (REVOKE_SOME, _) => self.revoke_some().await?,
            (UPDATE_SERVICE, _) => self.update_service().await?,
            (ANCHOR, _) => {
                let anchor = manager.anchor_audit(actor).await?;
                vec![Told::Anchored(anchor.place.sequence)]
            }
            // What other processes wrote, which were killed before.
            (PRUNE, _) => {
                let pruned = manager.prune_audit(self.began, actor).await?;
                vec![Told::Pruned(pruned.through)]
            }
            (CREATE_SOME, _) => self.create_some().await?,
            _ => {
                let created = manager.create_key(self.new_key(), actor).await?;
                return Ok((CREATE, key(&created.key)));
            }
        };
        Ok((operation, all))
    }

    /// Up to three keys at once.
    async fn revoke_some(&mut self) -> Result<Vec<Told>, Error> {
        let some = self.random.choose_multiple(&self.known, 3);
        let ids = some.into_iter().copied().collect();
        let revoked = self.manager.revoke_keys(ids, killed(), self.actor).await?;
        Ok(several(&revoked))
    }

    /// Three keys at once.
    async fn create_some(&mut self) -> Result<Vec<Told>, Error> {
        let new = vec![self.new_key(), self.new_key(), self.new_key()];
        let issued = self.manager.create_keys(new, self.actor).await?;
        Ok(several(issued.iter().map(|issued| &issued.key)))
    }

    async fn update_service(&mut self) -> Result<Vec<Told>, Error> {
        let patch = ServicePatch::new().quota(self.random.u32(LEAST_QUOTA..=QUOTA));
        let name = self.service();
        let changed = self.manager.update_service(&name, patch, self.actor);
        Ok(vec![Told::Service((&changed.await?).into())])
    }

    fn new_key(&mut self) -> NewKey {
        NewKey::new(
            self.service(),
            "acme".parse().expect("an owner"),
            "job".parse().expect("a name"),
        )
    }

    fn service(&mut self) -> ServiceName {
        self.random.choice(&SERVICES).expect("a service").clone()
    }
}

fn key(key: &Key) -> Vec<Told> {
    several([key])
}

fn several<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Vec<Told> {
    let told = |key| Told::Key(ToldKey::from(key));
    keys.into_iter().map(told).collect()
}

fn killed() -> RevocationReason {
    "killed".parse().expect("a reason")
}

/// What others of the process's own changes may cause, and nothing else.
fn expect(error: &Error) {
    let kinds = [
        ErrorKind::QuotaReached,
        ErrorKind::State,
        ErrorKind::Conflict,
    ];
    assert!(kinds.contains(&error.kind()), "{error}");
}
