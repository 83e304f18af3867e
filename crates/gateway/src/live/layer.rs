use std::sync::Arc;

use tower::Layer;

use super::LiveStreams;
use super::route::LiveRoute;
use super::service::LiveService;
use crate::route::RouteMeta;

/// Has the requests of a route end with the key that its guard admitted them by.
///
/// It stands directly behind the guard. What has no grant passes as it is.
#[derive(Debug, Clone)]
pub(crate) struct LiveLayer {
    streams: LiveStreams,
    route: Option<Arc<LiveRoute>>,
}

impl LiveLayer {
    pub(super) fn new(streams: LiveStreams, route: &RouteMeta) -> Self {
        Self {
            streams,
            route: LiveRoute::of(route).map(Arc::new),
        }
    }
}

impl<S> Layer<S> for LiveLayer {
    type Service = LiveService<S>;

    fn layer(&self, inner: S) -> LiveService<S> {
        LiveService::new(inner, self.streams.clone(), self.route.clone())
    }
}
