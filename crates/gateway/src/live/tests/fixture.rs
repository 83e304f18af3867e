use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::{Request, Response};
use http_body_util::BodyExt;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use portcullis::audit::Actor;
use portcullis::clock::ManualClock;
use portcullis::key::{Environment, Environments};
use portcullis::keyring::Keyring;
use portcullis::manager::{Expiry, Issued, ManagerConfig, NewKey, NewService};
use portcullis::scope::{Permission, Requirement};
use portcullis::service::ServiceName;
use portcullis::store::FaultStore;
use portcullis::token::{Presented, Token};
use portcullis::{ClientAddr, Context, Grant, KeyManager, MemoryStore, Verdict};
use tokio::task::yield_now;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::body::{BodyError, BodySource, ChannelBody, ChannelSender, ProxyBody};
use crate::live::LiveStreams;
use crate::route::{GuardTerms, LivePolicy, RouteMeta};
use crate::server::Lifeline;

pub(super) const ORDERS: ServiceName = ServiceName::from_static("orders");
pub(super) const READ: Permission = Permission::from_static("orders:read");

/// A manager, the requests of its keys, and who watches them.
pub(super) struct World {
    pub(super) store: FaultStore,
    pub(super) memory: MemoryStore,
    pub(super) keyring: Keyring,
    pub(super) clock: ManualClock,
    pub(super) manager: KeyManager,
    pub(super) actor: Actor,
    pub(super) streams: LiveStreams,
    pub(super) metrics: PrometheusHandle,
    _watching: DropGuard,
    _recording: metrics::LocalRecorderGuard<'static>,
}

/// A request that is being served: its lifeline, what its upstream sends, and its answer.
pub(super) struct Served {
    pub(super) lifeline: Lifeline,
    pub(super) upstream: ChannelSender,
    pub(super) body: ProxyBody,
}

impl World {
    pub(super) async fn new() -> Self {
        // It outlives the runtime's tasks, which may drop what they count.
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let metrics = recorder.handle();
        let _recording = metrics::set_default_local_recorder(recorder);
        let memory = MemoryStore::new();
        let store = FaultStore::new(memory.clone());
        let clock = ManualClock::new();
        let keyring = Keyring::generate("k1".parse().expect("name")).expect("entropy");
        let manager = KeyManager::builder(store.clone())
            .keyring(keyring.clone())
            .config(ManagerConfig::default().warm_up(0_u32))
            .clock(clock.clone());
        let manager = manager.build().await.expect("built");
        let actor = Actor::new("test").expect("name");
        let service = manager.create_service(NewService::new(ORDERS), &actor);
        service.await.expect("created");
        let streams = LiveStreams::new(manager.clone());
        let stop = CancellationToken::new();
        tokio::spawn(streams.clone().watch(stop.clone()));
        let world = Self {
            store,
            memory,
            keyring,
            clock,
            manager,
            actor,
            streams,
            metrics,
            _watching: stop.drop_guard(),
            _recording,
        };
        // The first look, at nobody.
        world.pass(Duration::from_millis(100)).await;
        world
    }

    /// Another node over the same store.
    pub(super) async fn other_node(&self) -> KeyManager {
        let builder = KeyManager::builder(self.memory.clone()).keyring(self.keyring.clone());
        let manager = builder.clock(self.clock.clone()).build().await;
        manager.expect("built")
    }

    pub(super) async fn issue(&self, expiry: Expiry) -> Issued {
        let (owner, name) = ("acme".parse(), "job".parse());
        let key = NewKey::new(ORDERS, owner.expect("owner"), name.expect("name"))
            .scopes("orders:*".parse().expect("scopes"))
            .expiry(expiry);
        let issued = self.manager.create_key(key, &self.actor).await;
        issued.expect("issued")
    }

    pub(super) async fn grant(&self, token: &Token) -> Grant {
        let token = Presented::new(token.expose().as_bytes());
        match self.manager.validate(token, &Context::new(&ORDERS)).await {
            Verdict::Granted(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn revoke(&self, issued: &Issued) {
        let reason = "leaked".parse().expect("reason");
        let revoked = self.manager.revoke_key(issued.key.id, reason, &self.actor);
        revoked.await.expect("revoked");
    }

    /// Moves the clock, in steps, and lets everybody do what is due.
    pub(super) async fn pass(&self, duration: Duration) {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = duration;
        loop {
            settled().await;
            let step = left.min(STEP);
            if step.is_zero() {
                return;
            }
            left -= step;
            self.clock.advance(step);
        }
    }

    /// A request with a grant of this token, and its lifeline.
    pub(super) async fn request(&self, token: &Token) -> (Request<ProxyBody>, Lifeline) {
        let grant = self.grant(token).await;
        let lifeline = Lifeline::new(Arc::new(AtomicWaker::new()));
        let mut request = Request::new(ProxyBody::empty());
        let extensions = request.extensions_mut();
        extensions.insert(ClientAddr(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        extensions.insert(lifeline.clone());
        extensions.insert(grant);
        (request, lifeline)
    }

    /// A request that is answered, with a body that goes on.
    pub(super) async fn served(&self, token: &Token, policy: LivePolicy) -> Served {
        let (request, lifeline) = self.request(token).await;
        let mut served = self.serve(request, lifeline, policy).await;
        // As servers do, to see whether there is anything to write behind the head.
        assert!(served.next().await.is_none());
        served
    }

    pub(super) async fn serve(
        &self,
        request: Request<ProxyBody>,
        lifeline: Lifeline,
        policy: LivePolicy,
    ) -> Served {
        let (upstream, body) = ChannelBody::new();
        let body = ProxyBody::new(body, BodySource::Upstream);
        let mut body = Some(body);
        let inner = service_fn(move |_: Request<ProxyBody>| {
            let body = body.take().expect("one request");
            async move { Ok::<_, BodyError>(Response::new(body)) }
        });
        let service = self.streams.layer(&route(policy)).layer(inner);
        let response = service.oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), 200);
        Served {
            lifeline,
            upstream,
            body: response.into_body(),
        }
    }

    /// The answer to a request whose upstream does not answer.
    pub(super) fn waiting(
        &self,
        request: Request<ProxyBody>,
        policy: LivePolicy,
    ) -> impl Future<Output = Response<ProxyBody>> + use<> {
        let mut service =
            self.streams
                .layer(&route(policy))
                .layer(service_fn(|_: Request<ProxyBody>| {
                    std::future::pending::<Result<Response<ProxyBody>, BodyError>>()
                }));
        let answer = service.call(request);
        async move { answer.await.expect("an answer") }
    }

    /// How many requests were ended for this reason, in this way.
    pub(super) fn ended(&self, reason: &str, how: &str) -> u64 {
        let name = "portcullis_streams_ended_total{service=\"orders\"";
        let start = format!("{name},reason=\"{reason}\",how=\"{how}\"}} ");
        let text = self.metrics.render();
        let count = text.lines().find_map(|line| line.strip_prefix(&start));
        count.map_or(0, |count| count.parse().expect("a count"))
    }
}

impl Served {
    /// The next that comes, which must come at once; nothing where nothing does.
    pub(super) async fn next(&mut self) -> Option<Result<String, BodyError>> {
        let mut frame = std::pin::pin!(self.body.frame());
        let polled = poll_fn(|cx| Poll::Ready(frame.as_mut().poll(cx))).await;
        match polled {
            Poll::Pending => None,
            Poll::Ready(None) => Some(Ok(String::new())),
            Poll::Ready(Some(frame)) => Some(frame.map(|frame| {
                let data = frame.into_data().expect("data");
                String::from_utf8(data.to_vec()).expect("text")
            })),
        }
    }

    /// Shows that the answer goes on.
    pub(super) async fn goes_on(&mut self) {
        self.upstream.data("more").await;
        let next = self.next().await.expect("it comes at once");
        assert_eq!(next.expect("it goes on"), "more");
    }
}

pub(super) fn route(policy: LivePolicy) -> RouteMeta {
    RouteMeta {
        name: Arc::from("orders"),
        guard: Some(GuardTerms {
            service: ORDERS,
            environments: Environments::only(Environment::Live),
            requirement: Requirement::all_of([READ]),
        }),
        live: policy,
    }
}

/// Lets every task do what it can do now.
async fn settled() {
    for _ in 0..64 {
        yield_now().await;
    }
}
