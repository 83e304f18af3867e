use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use interleaved_core::audit::Actor;
use interleaved_core::keyring::Keyring;
use interleaved_core::manager::{Expiry, KeyManager, NewKey, NewService};
use interleaved_core::service::ServiceName;
use interleaved_core::store::MemoryStore;

use crate::clock::StepClock;
use crate::explore;
use crate::holder::Holder;

pub(crate) const ORDERS: ServiceName = ServiceName::from_static("orders");

/// How long the key lives that lives for a short time.
pub(crate) const SHORT: Duration = Duration::from_secs(60);

/// What every schedule starts from, made once.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) keyring: Keyring,
    pub(crate) actor: Actor,
    /// A service and three keys.
    pub(crate) store: MemoryStore,
    pub(crate) first: Holder,
    pub(crate) second: Holder,
    pub(crate) short: Holder,
    /// The same store with one more key.
    pub(crate) grown: MemoryStore,
    pub(crate) late: Holder,
    /// Another life of the same store: the first key is revoked in it, and it
    /// counts as many changes as the grown one.
    pub(crate) revoked: MemoryStore,
    /// The same store with the first key disabled,
    pub(crate) disabled: MemoryStore,
    /// a life of that in which it is enabled again,
    pub(crate) enabled: MemoryStore,
    /// and a longer one in which it is not.
    pub(crate) not_enabled: MemoryStore,
}

static PREPARED: OnceLock<Prepared> = OnceLock::new();

impl Prepared {
    pub(crate) fn instance() -> &'static Self {
        PREPARED.get_or_init(|| {
            let made = Arc::new(Mutex::new(None));
            let slot = Arc::clone(&made);
            explore::once(async move || {
                let prepared = Self::make().await;
                *slot.lock().expect("lock") = Some(prepared);
            });
            let prepared = made.lock().expect("lock").take();
            prepared.expect("made")
        })
    }

    async fn make() -> Self {
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let actor = Actor::new("test").expect("name");
        let store = MemoryStore::new();
        let over = |store: &MemoryStore| {
            let builder = KeyManager::builder(store.clone()).keyring(keyring.clone());
            builder.clock(StepClock::new()).build()
        };
        let manager = over(&store).await.expect("built");
        let orders = manager.create_service(NewService::new(ORDERS), &actor);
        orders.await.expect("created");
        let issue = async |manager: &KeyManager, expiry| {
            let issued = manager.create_key(new_key(ORDERS).expiry(expiry), &actor);
            Holder::of(&issued.await.expect("issued"))
        };
        let placed = async |place, expiry| {
            let before = store.snapshot();
            loop {
                let issued = issue(&manager, expiry).await;
                if is_placed(&issued, place) {
                    return issued;
                }
                store.restore(&before);
            }
        };
        let first = placed(0, Expiry::Default).await;
        let second = placed(1, Expiry::Default).await;
        let short = placed(2, Expiry::In(SHORT)).await;
        let grown = store.snapshot();
        let late = issue(&over(&grown).await.expect("built"), Expiry::Default).await;
        let (revoked, disabled) = (store.snapshot(), store.snapshot());
        let reason = "leaked".parse().expect("reason");
        let life = over(&revoked).await.expect("built");
        let changed = life.revoke_key(first.id, reason, &actor).await;
        changed.expect("revoked");
        let life = over(&disabled).await.expect("built");
        let changed = life.disable_key(first.id, &actor).await;
        changed.expect("disabled");
        let (enabled, not_enabled) = (disabled.snapshot(), disabled.snapshot());
        let life = over(&enabled).await.expect("built");
        let changed = life.enable_key(first.id, &actor).await;
        changed.expect("enabled");
        let life = over(&not_enabled).await.expect("built");
        for _ in 0..3 {
            issue(&life, Expiry::Default).await;
        }
        Self {
            keyring,
            actor,
            store,
            first,
            second,
            short,
            grown,
            late,
            revoked,
            disabled,
            enabled,
            not_enabled,
        }
    }
}

/// Whether the key comes in this place among others, in every order and with
/// parts of the gate and of the counters for itself: ids are random, and yet each
/// run of a schedule, also by another process, is to meet the same locks.
fn is_placed(holder: &Holder, place: u8) -> bool {
    let id = holder.id.as_bytes();
    id[0] / 64 == place && id[1] / 64 == place && id[15] % 4 == place
}

/// A key of a service, to be created.
pub(crate) fn new_key(service: ServiceName) -> NewKey {
    let (owner, name) = ("acme".parse(), "job".parse());
    NewKey::new(service, owner.expect("owner"), name.expect("name"))
}
