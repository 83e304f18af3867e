use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use portcullis::manager::Standing;
use portcullis::{ClientAddr, Grant};
use tower::Service;

use super::LiveStreams;
use super::entry::Live;
use super::future::LiveFuture;
use super::registry::Ticket;
use super::route::LiveRoute;
use super::served::Served;
use crate::body::ProxyBody;
use crate::server::Lifeline;

/// What [`LiveLayer`](super::LiveLayer) puts around a service.
#[derive(Debug, Clone)]
pub(crate) struct LiveService<S> {
    inner: S,
    streams: LiveStreams,
    route: Option<Arc<LiveRoute>>,
}

impl<S> LiveService<S> {
    pub(super) const fn new(inner: S, streams: LiveStreams, route: Option<Arc<LiveRoute>>) -> Self {
        Self {
            inner,
            streams,
            route,
        }
    }

    /// Enters a request that has a grant.
    fn enter<B>(&self, request: &Request<B>) -> Option<Ticket> {
        let route = self.route.as_ref()?;
        let extensions = request.extensions();
        let grant: &Grant = extensions.get()?;
        // The server gives each request one; where there is none, nobody could end it.
        let lifeline: &Lifeline = extensions.get()?;
        let client = extensions
            .get()
            .map(|ClientAddr(client)| client.to_canonical());
        let live = Live::new(Arc::clone(route), lifeline.clone(), grant.clone(), client)
            .noted_in(extensions.get().cloned());
        Some(self.streams.enter(live))
    }

    /// Looks at a request that is entered, once: its key may have ended after it was admitted, and
    /// whoever looked at all that were being served may not have found it. Says whether it may go
    /// on.
    fn may_go_on(&self, ticket: &Ticket) -> bool {
        let (live, manager) = (ticket.live(), self.streams.manager());
        let now = manager.clock().now();
        let standing = live.standing(manager, now);
        match standing {
            Standing::Unread => self.streams.look_again(),
            // The guard has just asked the store itself where nobody can say here.
            Standing::Good { .. } | Standing::Unknown => {}
            Standing::Ended(_) => {
                if let Some(reason) = live.route.end(standing) {
                    live.end(reason, now.monotonic());
                    return false;
                }
            }
        }
        true
    }
}

impl<S, B> Service<Request<B>> for LiveService<S>
where
    S: Service<Request<B>, Response = Response<ProxyBody>>,
{
    type Response = Response<ProxyBody>;
    type Error = S::Error;
    type Future = LiveFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> LiveFuture<S::Future> {
        let Some(ticket) = self.enter(&request) else {
            return LiveFuture::passing(self.inner.call(request));
        };
        let may_go_on = self.may_go_on(&ticket);
        let served = Served::new(ticket, request.headers(), request.version());
        match may_go_on {
            true => LiveFuture::serving(self.inner.call(request), served),
            false => LiveFuture::refused(served),
        }
    }
}
