//! Any bytes as a stored audit event: read, or refused as damage.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use portcullis_core::ErrorKind;
use portcullis_core::manager::ListEvents;
use portcullis_core::store::conformance::Driver;
use portcullis_core::store::{AuditLog, KeyStore, MemoryStore, Operation};
use portcullis_fuzz::{World, edited};

struct Trail {
    world: World,
    store: MemoryStore,
    driver: Driver,
    sample: Vec<u8>,
}

static TRAIL: LazyLock<Trail> = LazyLock::new(|| {
    let store = MemoryStore::new();
    let world = World::new(store.clone());
    let request = portcullis_core::store::EventsRequest {
        limit: 2,
        ..Default::default()
    };
    let events = world.runtime.block_on(store.events(request)).unwrap();
    Trail {
        driver: Driver::new(Arc::new(store.clone())).unwrap(),
        sample: events.last().unwrap().bytes.clone(),
        world,
        store,
    }
});

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let trail = &*TRAIL;
    let before = trail.store.snapshot();
    let mut change = trail.driver.change(Operation::Record);
    change.steps[0].event.bytes = match kind % 2 {
        0 => rest.to_vec(),
        _ => edited(&trail.sample, rest),
    };
    let runtime = &trail.world.runtime;
    runtime.block_on(trail.store.commit(change)).unwrap();
    let events = runtime.block_on(trail.world.manager.audit_events(ListEvents::default()));
    if let Err(error) = events {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    // The trail does not grow with what was tried.
    trail.store.restore(&before);
});
