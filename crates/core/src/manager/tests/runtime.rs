//! No runtime, one that is closed, and a store that panics on it.

use std::sync::Arc;
use std::task::{Poll, Wake};

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::audit::Actor;
use crate::error::ErrorKind;
use crate::keyring::Keyring;
use crate::manager::{KeyManager, ManagerConfig, NewService};
use crate::store::{Fault, FaultStore, MemoryStore};
use crate::token::Presented;
use crate::verdict::UnavailableCause;

const STORE: Outcome = Outcome::Unavailable(UnavailableCause::Store);

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let build = KeyManager::builder(MemoryStore::new())
        .keyring(keyring)
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime");
    let handle = runtime.handle().clone();
    drop(runtime);
    let mut build = Box::pin(build);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let Poll::Ready(built) = build.as_mut().poll(&mut context) else {
        panic!("nothing to wait for");
    };
    assert_eq!(built.expect_err("no runtime").kind(), ErrorKind::NoRuntime);
    drop(handle);
}

#[test]
fn a_manager_works_where_there_is_no_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("runtime");
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    // On the machine's clock: its timers are a runtime's.
    let build = KeyManager::builder(MemoryStore::new())
        .keyring(keyring)
        .runtime(runtime.handle().clone())
        .build();
    let manager = wait_for(build).expect("built");
    let actor = Actor::new("test").expect("name");
    wait_for(manager.create_service(NewService::new(ORDERS), &actor)).expect("created");
    assert_eq!(wait_for(manager.services()).expect("read").len(), 1);
}

#[test]
fn a_runtime_without_a_timer_is_an_error_and_no_panic() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("runtime");
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let build = || KeyManager::builder(MemoryStore::new()).keyring(keyring.clone());
    let given = wait_for(build().runtime(runtime.handle().clone()).build());
    assert_eq!(given.expect_err("no timer").kind(), ErrorKind::NoRuntime);
    let own = runtime.block_on(build().build());
    assert_eq!(own.expect_err("no timer").kind(), ErrorKind::NoRuntime);
}

#[test]
fn a_manager_works_on_another_runtime_that_has_no_timer() {
    let own = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("runtime");
    let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
    let store = FaultStore::new(MemoryStore::new());
    let timeout = std::time::Duration::from_millis(200);
    let config = ManagerConfig::default().store_timeout(timeout);
    let other = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime");
    other.block_on(async {
        let build = KeyManager::builder(store.clone())
            .keyring(keyring)
            .config(config)
            .runtime(own.handle().clone());
        let manager = build.build().await.expect("built");
        let actor = Actor::new("test").expect("name");
        let created = manager.create_service(NewService::new(ORDERS), &actor);
        created.await.expect("created");
        assert_eq!(manager.services().await.expect("read").len(), 1);
        // The timer is one that runs: a store that hangs is given up.
        store.set(Fault::Hang);
        let error = manager.services().await.expect_err("hangs");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        store.set(Fault::None);
    });
}

#[tokio::test]
async fn a_manager_whose_runtime_is_closed_says_so_and_does_not_hang() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    let (memory, keyring) = (fixture.memory.clone(), fixture.keyring.clone());
    let built = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("runtime");
        runtime.block_on(KeyManager::builder(memory).keyring(keyring).build())
    });
    let manager = built.join().expect("thread").expect("built");
    let token = Presented::new(issued.token.expose().as_bytes());
    let verdict = manager.validate(token, &Context::new(&ORDERS)).await;
    assert_eq!(outcome(&verdict), STORE);
    let polled = manager.poll_now().await.expect_err("ended");
    assert_eq!(polled.kind(), ErrorKind::NoRuntime);
}

#[tokio::test]
async fn a_store_that_panics_has_failed_and_is_asked_again() {
    let fixture = Fixture::new().await;
    let issued = fixture.issue().await;
    fixture.store.set(Fault::Panic);
    assert!(fixture.manager.poll_now().await.is_err());
    assert_eq!(fixture.validate(issued.token.expose()).await, STORE);
    fixture.store.set(Fault::None);
    fixture.manager.poll_now().await.expect("polls again");
    assert_eq!(
        fixture.validate(issued.token.expose()).await,
        Outcome::Granted
    );
}

/// Waits on this thread, outside of every runtime.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Thread(std::thread::Thread);

    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Arc::new(Thread(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(ready) = future.as_mut().poll(&mut context) {
            return ready;
        }
        std::thread::park();
    }
}
