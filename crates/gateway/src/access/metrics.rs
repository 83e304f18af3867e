use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use metrics::{Histogram, histogram};

use crate::telemetry::names;

/// The histograms of one route: how long its requests took and what the gateway had of it, and the
/// sizes of both bodies. Labels come from the configuration, and the class of the status.
///
/// They are made when the first request is over, each once: a class of answers that never comes
/// is nothing to show.
#[derive(Debug)]
pub(super) struct RouteMetrics {
    service: String,
    route: String,
    /// By the class of the status, those without an answer first.
    requests: [OnceLock<Histogram>; 6],
    others: OnceLock<Others>,
}

#[derive(Debug)]
struct Others {
    gateway: Histogram,
    received: Histogram,
    sent: Histogram,
}

/// One request that is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    pub(super) status: Option<StatusCode>,
    pub(super) whole: Duration,
    /// What the gateway had of it until the head of the answer; nothing where there is none.
    pub(super) gateway: Option<Duration>,
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// The label `class`, in the order of [`RouteMetrics::requests`].
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

impl RouteMetrics {
    /// A label that is empty is as good as none: of what belongs to no service, or to no route.
    pub(super) fn new(service: &str, route: &str) -> Self {
        Self {
            service: service.to_owned(),
            route: route.to_owned(),
            requests: Default::default(),
            others: OnceLock::new(),
        }
    }

    pub(super) fn record(&self, measured: Measured) {
        let class = measured
            .status
            .map_or(0, |status| usize::from(status.as_u16() / 100));
        if let (Some(requests), Some(class)) = (self.requests.get(class), CLASSES.get(class)) {
            let requests = requests.get_or_init(|| {
                let (service, route) = self.labels();
                histogram!(
                    names::REQUEST_DURATION,
                    "service" => service, "route" => route, "class" => *class
                )
            });
            requests.record(measured.whole.as_secs_f64());
        }
        let others = self.others.get_or_init(|| self.others());
        if let Some(gateway) = measured.gateway {
            others.gateway.record(gateway.as_secs_f64());
        }
        others.received.record(measured.received as f64);
        others.sent.record(measured.sent as f64);
    }

    fn others(&self) -> Others {
        let of = |name: &'static str| {
            let (service, route) = self.labels();
            histogram!(name, "service" => service, "route" => route)
        };
        Others {
            gateway: of(names::GATEWAY_DURATION),
            received: of(names::REQUEST_BODY_BYTES),
            sent: of(names::RESPONSE_BODY_BYTES),
        }
    }

    fn labels(&self) -> (String, String) {
        (self.service.clone(), self.route.clone())
    }
}
