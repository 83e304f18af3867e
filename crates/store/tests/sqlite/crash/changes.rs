use std::io::Write as _;
use std::path::Path;

use portcullis_core::audit::Actor;
use portcullis_core::error::{Error, ErrorKind};
use portcullis_core::key::{Key, KeyId};
use portcullis_core::keyring::Keyring;
use portcullis_core::manager::{KeyManager, ListKeys, NewKey, NewService, Rotation};
use portcullis_store::SqliteStore;

use super::{QUOTA, SERVICES, runtime};

/// How many changes are under way at once.
const WORKERS: u64 = 3;

/// Changes the folder's database until the process is killed, and prints a line
/// for each change that was acknowledged, before the next one begins.
pub(super) fn make_until_killed(folder: &Path) -> ! {
    runtime().block_on(async {
        let store = SqliteStore::open(folder.join("keys.db")).expect("a store");
        let keyring = Keyring::from_file(folder.join("keyring")).expect("a keyring");
        let builder = KeyManager::builder(store).keyring(keyring);
        let manager = builder.build().await.expect("a manager");
        let actor = Actor::new("a process to be killed").expect("a name");
        for service in SERVICES {
            let new = NewService::new(service).quota(QUOTA);
            allow(
                ErrorKind::AlreadyExists,
                manager.create_service(new, &actor).await,
            );
        }
        let page = manager.list_keys(ListKeys::all().limit(1_000)).await;
        let known: Vec<KeyId> = page
            .expect("a page")
            .keys
            .iter()
            .map(|key| key.id)
            .collect();
        let worker = || work(&manager, &actor, known.clone());
        let workers: [_; WORKERS as usize] = std::array::from_fn(|_| Box::pin(worker()));
        let [one, two, three] = workers;
        tokio::join!(one, two, three);
    });
    unreachable!("the work has no end");
}

async fn work(manager: &KeyManager, actor: &Actor, mut known: Vec<KeyId>) {
    let mut random = fastrand::Rng::new();
    loop {
        let some = random.choice(&known).copied();
        let changed = match (random.u32(..10), some) {
            (0..3, Some(id)) => {
                manager
                    .revoke_key(id, "killed".parse().expect("a reason"), actor)
                    .await
            }
            (3, Some(id)) => manager.disable_key(id, actor).await,
            (4, Some(id)) => manager.enable_key(id, actor).await,
            (5..7, Some(id)) => {
                let issued = manager.rotate_key(id, Rotation::default(), actor).await;
                issued.map(|issued| issued.key)
            }
            (7, _) => several(manager, actor, &mut random, &mut known).await,
            _ => {
                let issued = manager.create_key(young(&mut random), actor).await;
                issued.map(|issued| issued.key)
            }
        };
        match changed {
            Ok(key) => {
                tell(&key);
                known.push(key.id);
            }
            Err(error) => expect(&error),
        }
    }
}

/// Three keys at once, of which each is told.
async fn several(
    manager: &KeyManager,
    actor: &Actor,
    random: &mut fastrand::Rng,
    known: &mut Vec<KeyId>,
) -> Result<Key, Error> {
    let new = vec![young(random), young(random), young(random)];
    let mut issued = manager.create_keys(new, actor).await?;
    let last = issued.pop().expect("three keys");
    for issued in issued {
        tell(&issued.key);
        known.push(issued.key.id);
    }
    Ok(last.key)
}

fn young(random: &mut fastrand::Rng) -> NewKey {
    let service = random.choice(&SERVICES).expect("a service").clone();
    NewKey::new(
        service,
        "acme".parse().expect("an owner"),
        "job".parse().expect("a name"),
    )
}

fn tell(key: &Key) {
    let state = key.state.as_str();
    let mut out = std::io::stdout().lock();
    // In one write: a line is told as a whole or not at all.
    let line = format!("changed {} {} {state}\n", key.id, key.version);
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .expect("told");
}

fn allow<T>(kind: ErrorKind, outcome: Result<T, Error>) {
    if let Err(error) = outcome {
        assert_eq!(error.kind(), kind, "{error}");
    }
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
