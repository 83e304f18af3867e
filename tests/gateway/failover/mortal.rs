use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// A server that can be killed with all of its connections, in the middle of what it does, and
/// started again at its address.
#[derive(Debug)]
pub(super) struct Mortal {
    pub(super) address: SocketAddr,
    life: Option<Runtime>,
    deeds: Deeds,
}

#[derive(Clone, Debug, Default)]
struct Deeds {
    served: Arc<AtomicUsize>,
    is_frozen: Arc<AtomicBool>,
}

impl Mortal {
    pub(super) fn start() -> Self {
        let mut mortal = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            life: None,
            deeds: Deeds::default(),
        };
        mortal.revive();
        mortal
    }

    /// It listens where it did before.
    pub(super) fn revive(&mut self) {
        let life = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let life = life.expect("a runtime");
        let listener = life
            .block_on(TcpListener::bind(self.address))
            .expect("its port");
        self.address = listener.local_addr().expect("an address");
        let deeds = self.deeds.clone();
        let app = Router::new().fallback(move |request| deeds.clone().serve(request));
        life.spawn(async move { axum::serve(listener, app).await });
        self.life = Some(life);
    }

    /// Everything of it is gone when this returns: its sockets were closed by the kernel.
    pub(super) fn kill(&mut self) {
        if let Some(life) = self.life.take() {
            life.shutdown_timeout(Duration::from_secs(10));
        }
    }

    /// It takes connections and requests, and answers none.
    pub(super) fn freeze(&self) {
        self.deeds.is_frozen.store(true, Ordering::SeqCst);
    }

    pub(super) fn thaw(&self) {
        self.deeds.is_frozen.store(false, Ordering::SeqCst);
    }

    /// How many requests it got since it was last asked; questions about its health do not count.
    pub(super) fn take_served(&self) -> usize {
        self.deeds.served.swap(0, Ordering::SeqCst)
    }
}

impl Deeds {
    async fn serve(self, request: Request) -> &'static str {
        if request.uri().path() != "/healthz" {
            self.served.fetch_add(1, Ordering::SeqCst);
        }
        if self.is_frozen.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        // Long enough that some requests are under way whenever it dies.
        tokio::time::sleep(Duration::from_millis(3)).await;
        "ok\n"
    }
}
