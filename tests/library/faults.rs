//! A store that fails, hangs or is slow, behind the gateway as a library.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use portcullis::manager::NewService;
use portcullis::{KeyManager, Keyring, SqliteStore};
use portcullis_core::store::{Fault, FaultStore};
use portcullis_gateway::config::Config;
use portcullis_gateway::gateway::serve;
use portcullis_gateway::listeners::Listeners;
use portcullis_gateway::telemetry::Metrics;
use portcullis_tests::{Upstream, figure};

use crate::{ORDERS, get, issue, service};

/// S.
const S: Duration = Duration::from_secs(1);
/// How long the store is given for an answer.
const STORE_TIMEOUT: Duration = Duration::from_millis(300);
/// What a busy machine may add to any of the times below.
const SLACK: Duration = Duration::from_secs(3);

struct Served {
    store: FaultStore,
    address: SocketAddr,
    token: String,
    unused: String,
    _folder: tempfile::TempDir,
    _upstream: Upstream,
}

async fn served() -> Served {
    let (folder, upstream) = (tempfile::tempdir().expect("a folder"), Upstream::start());
    let text = format!(
        "listen = \"127.0.0.1:0\"\n[operations]\nlisten = \"127.0.0.1:0\"\n\
         [manager]\nmax_staleness = \"1s\"\npoll_interval = \"50ms\"\nstore_timeout = \"300ms\"\n\
         [[services]]\nname = \"orders\"\nprefix = \"/\"\nupstream = \"http://{}\"\n",
        upstream.address()
    );
    let config = Config::parse(&text, Path::new("portcullis.toml")).expect("valid");
    let store = FaultStore::new(SqliteStore::open(folder.path().join("keys.db")).expect("opened"));
    let keyring = Keyring::generate("k1".parse().expect("a name")).expect("entropy");
    let manager = KeyManager::builder(store.clone())
        .keyring(keyring)
        .config(config.manager.clone())
        .build()
        .await
        .expect("built");
    service(&manager, NewService::new(ORDERS)).await;
    let follower = manager.clone();
    let token = issue(&manager).await.token.expose().to_owned();
    let unused = issue(&manager).await.token.expose().to_owned();
    let listeners = Listeners::bind(&config).await.expect("free ports");
    let address = listeners.public.local_addr().expect("an address");
    let metrics = Metrics::install().expect("a recorder");
    tokio::spawn(serve(
        config,
        manager,
        listeners,
        metrics,
        std::future::pending(),
    ));
    // Nothing is left to be heard of, and the key is cached.
    follower.poll_now().await.expect("polled");
    for _ in 0..2 {
        assert_eq!(get(address, "/", &token).await.status, 200);
    }
    Served {
        store,
        address,
        token,
        unused,
        _folder: folder,
        _upstream: upstream,
    }
}

impl Served {
    /// How long after the store went `away` the known key was still accepted;
    /// from then on the answer is 503 with `Retry-After`, and never 401.
    async fn accepted_without_the_store(&self, away: Instant) -> Duration {
        let mut last = Duration::ZERO;
        loop {
            let sent = away.elapsed();
            let answer = get(self.address, "/", &self.token).await;
            match answer.status {
                200 => last = sent,
                503 => {
                    let wait = answer.field("retry-after").expect("Retry-After");
                    assert!(wait.parse::<u64>().expect("seconds") >= 1);
                    return last;
                }
                other => panic!("{other} while the store is away"),
            }
            assert!(sent < S + SLACK, "still accepted after {sent:?}");
        }
    }

    /// How long it took until the key was accepted again.
    async fn accepted_again(&self) -> Duration {
        let back = Instant::now();
        while get(self.address, "/", &self.token).await.status != 200 {
            assert!(back.elapsed() < SLACK * 2, "not accepted again");
        }
        assert_eq!(get(self.address, "/", &self.unused).await.status, 200);
        back.elapsed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn known_keys_count_until_s_while_the_store_fails_and_all_comes_back() {
    // Slower than the time that the store is given is as good as hanging.
    let slow = Fault::Slow(STORE_TIMEOUT * 2);
    for fault in [Fault::Fail, Fault::Hang, slow] {
        let served = served().await;
        served.store.set(fault);
        let away = Instant::now();
        let unknown = get(served.address, "/", &served.unused).await;
        assert_eq!(unknown.status, 503, "a key that is not cached: never 401");
        let accepted = served.accepted_without_the_store(away).await;
        // The last good poll was sent at most P before the fault, and a little.
        assert!(accepted >= S / 2, "refused after {accepted:?} already");
        assert!(accepted <= S + SLACK);
        served.store.set(Fault::None);
        let again = served.accepted_again().await;
        figure(&format!(
            "store fault {fault:?}: a known key counts for {accepted:.0?} (S = {S:?}), \
             and again {again:.0?} after its end"
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_store_slows_those_alone_who_need_it() {
    let served = served().await;
    let pause = Duration::from_millis(150);
    served.store.set(Fault::Slow(pause));
    let began = Instant::now();
    let (mut slowest, mut count, mut waited) = (Duration::ZERO, 0, 0);
    while began.elapsed() < S * 2 {
        let sent = Instant::now();
        assert_eq!(get(served.address, "/", &served.token).await.status, 200);
        let took = sent.elapsed();
        slowest = slowest.max(took);
        waited += u32::from(took >= pause);
        count += 1;
    }
    // A busy machine may hold up a few.
    assert!(waited * 100 <= count, "{waited} of {count} waited");
    let sent = Instant::now();
    assert_eq!(get(served.address, "/", &served.unused).await.status, 200);
    assert!(
        sent.elapsed() >= pause,
        "a key that is not cached waits for the store"
    );
    figure(&format!(
        "slow store: {count} requests of a cached key, the slowest {slowest:.1?}, while each read \
         takes {pause:?}"
    ));
}
