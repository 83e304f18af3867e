use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use portcullis::clock::Clock;

use super::{TelemetryError, names};

/// The process's metrics, recorded since [`Metrics::install`]. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// How often what was recorded is folded into its buckets, so that a gateway that nobody scrapes
/// does not gather samples without end.
const UPKEEP: Duration = Duration::from_secs(5);

/// Upper bounds in seconds for what the gateway decides itself: a cached key takes microseconds, a
/// look-up in the store milliseconds.
const DECISION_BUCKETS: [f64; 14] = [
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.005,
    0.025,
    0.1,
    1.0,
];

/// Upper bounds in seconds for whole requests, the upstream's part included.
const REQUEST_BUCKETS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

/// Upper bounds in bytes for bodies, each four times the one before, and past them what takes a
/// while whatever it is.
const BODY_BUCKETS: [f64; 12] = [
    0.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    268_435_456.0,
    4_294_967_296.0,
];

/// The one recorder of the process: the `metrics` crate takes one, once.
static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

impl Metrics {
    /// Records every metric of the process from now on. A second call gives the same metrics.
    ///
    /// # Errors
    ///
    /// [`TelemetryError`] where the process has another recorder already.
    pub fn install() -> Result<Self, TelemetryError> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = &*installed {
            return Ok(metrics.clone());
        }
        let recorder = recorder()?;
        let metrics = Self {
            handle: recorder.handle(),
        };
        metrics::set_global_recorder(recorder).map_err(|error| {
            TelemetryError::new(
                "the process has another metrics recorder",
                error.to_string(),
            )
        })?;
        names::describe();
        Ok(installed.insert(metrics).clone())
    }

    /// Metrics that nobody records: tests share one process.
    #[cfg(test)]
    pub(crate) fn unrecorded() -> Self {
        Self {
            handle: PrometheusBuilder::new().build_recorder().handle(),
        }
    }

    /// All metrics in Prometheus' text exposition format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Keeps the recorder's memory bounded, every 5 seconds for as long as it is polled. Never
    /// ends.
    pub async fn upkeep(&self, clock: &dyn Clock) {
        loop {
            clock.sleep(UPKEEP).await;
            self.handle.run_upkeep();
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

fn recorder() -> Result<PrometheusRecorder, TelemetryError> {
    let failed = |error| TelemetryError::new("the metrics' buckets are not accepted", error);
    let full = |name: &str| Matcher::Full(name.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets(&REQUEST_BUCKETS)
        .and_then(|builder| {
            builder.set_buckets_for_metric(full(names::DECISION_DURATION), &DECISION_BUCKETS)
        })
        .and_then(|builder| {
            builder.set_buckets_for_metric(full(names::GATEWAY_DURATION), &DECISION_BUCKETS)
        })
        .and_then(|builder| {
            builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BODY_BUCKETS)
        })
        .map_err(failed)?;
    Ok(builder.build_recorder())
}

#[cfg(test)]
mod tests {
    use metrics::{histogram, with_local_recorder};

    use super::{Metrics, recorder};

    #[test]
    fn durations_are_histograms_with_buckets_of_their_own() {
        let recorder = recorder().expect("buckets");
        let metrics = Metrics {
            handle: recorder.handle(),
        };
        with_local_recorder(&recorder, || {
            histogram!("portcullis_decision_duration_seconds").record(0.000_002);
            histogram!("portcullis_request_duration_seconds").record(0.004);
        });
        let text = metrics.render();
        for line in [
            "# TYPE portcullis_decision_duration_seconds histogram",
            "portcullis_decision_duration_seconds_bucket{le=\"0.000001\"} 0",
            "portcullis_decision_duration_seconds_bucket{le=\"0.0000025\"} 1",
            "portcullis_request_duration_seconds_bucket{le=\"0.0025\"} 0",
            "portcullis_request_duration_seconds_bucket{le=\"0.005\"} 1",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_recorder_is_installed_once_and_shared() {
        let first = Metrics::install().expect("first");
        let second = Metrics::install().expect("second");
        metrics::counter!("portcullis_test_total").increment(3);
        // Other tests of this process record as well, and nothing has an order.
        for metrics in [first, second] {
            let text = metrics.render();
            let found = text.lines().any(|line| line == "portcullis_test_total 3");
            assert!(found, "{text}");
        }
    }
}
