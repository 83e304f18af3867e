//! No runtime, one that is closed, and a store that panics on it.

use std::sync::Arc;
use std::task::{Poll, Wake};

use super::{Fixture, ORDERS, Outcome, outcome};
use crate::Context;
use crate::audit::Actor;
use crate::error::ErrorKind;
use crate::keyring::Keyring;
use crate::manager::{KeyManager, NewService};
use crate::store::{Fault, MemoryStore};
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
