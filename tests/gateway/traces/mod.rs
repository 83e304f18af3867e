//! Spans of requests, at a collector of OTLP.

mod collector;
mod export;
mod secure;
mod spans;

use portcullis_tests::{Gateway, Place, Upstream, eventually};

use crate::{PROGRAM, service};
use collector::Collector;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A gateway whose spans go to a collector.
struct World {
    place: Place,
    upstream: Upstream,
    gateway: Gateway,
    token: String,
}

impl World {
    /// `otlp` is what stands in its table beside the endpoint, and `others` elsewhere.
    fn start(collector: &Collector, otlp: &str, others: &str) -> Self {
        let endpoint = format!("http://{}", collector.address);
        Self::start_at(&endpoint, otlp, others)
    }

    /// The same, with a file beside the configuration.
    fn start_with_file(endpoint: &str, otlp: &str, name: &str, text: &str) -> Self {
        let place = Place::new(PROGRAM);
        std::fs::write(place.path(name), text).expect("written");
        Self::start_in(place, endpoint, otlp, "")
    }

    fn start_at(endpoint: &str, otlp: &str, others: &str) -> Self {
        Self::start_in(Place::new(PROGRAM), endpoint, otlp, others)
    }

    fn start_in(place: Place, endpoint: &str, otlp: &str, others: &str) -> Self {
        let upstream = Upstream::start();
        let delay = match otlp.contains("delay") {
            true => "",
            false => "delay = \"20ms\"\n",
        };
        let config = format!(
            "[trace.otlp]\nendpoint = \"{endpoint}\"\n{delay}{otlp}\n{others}\n{}",
            service("orders", "/orders", &upstream)
        );
        let gateway = Gateway::start(&place, &config);
        let token = place.issue("orders", &["--scope", "*"]);
        Self {
            place,
            upstream,
            gateway,
            token,
        }
    }

    /// The fields of a good request, and these.
    fn fields(&self, further: &str) -> String {
        format!("authorization: Bearer {}\r\n{further}", self.token)
    }

    /// Writes something else into the configuration, and waits until that counts.
    fn reload(&self, from: &str, to: &str) {
        let applied = || self.gateway.metric("portcullis_config_reloads_total") as u64;
        let (before, path) = (applied(), self.place.config());
        let text = std::fs::read_to_string(path).expect("a configuration");
        assert!(text.contains(from), "{text}");
        self.place.write_config(&text.replace(from, to));
        eventually("it is read again", || applied() > before);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.place.path("gateway.log")).expect("a log")
    }
}
