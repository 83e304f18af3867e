use std::sync::{Arc, Mutex};

use http::HeaderValue;
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::Layer;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::{Upstream, open, send};
use crate::auth::{ApiKey, ApiKeyLayer};
use crate::credential::Credentials;
use crate::testing::{ORDERS, World, new_key, request, retyped};

#[test]
fn the_layer_can_be_shared_between_threads() {
    fn assert_send_sync<T: Send + Sync + Clone>() {}
    assert_send_sync::<ApiKeyLayer>();
    assert_send_sync::<ApiKey<Upstream>>();
}

#[tokio::test]
async fn what_is_counted_bears_the_labels_of_the_configuration() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let layer =
        metrics::with_local_recorder(&recorder, || ApiKeyLayer::new(world.gate.clone(), ORDERS));
    let service = layer.layer(Upstream::default());
    for token in [
        Some(key.token.expose()),
        Some(key.token.expose()),
        Some("pck_live_nothing"),
        None,
        None,
    ] {
        send(service.clone(), request(token)).await;
    }
    let text = recorder.handle().render();
    let counts = |outcome, count| {
        let line = format!(
            "portcullis_requests_total{{service=\"orders\",outcome=\"{outcome}\"}} {count}\n"
        );
        assert!(text.contains(&line), "{line} in {text}");
    };
    counts("admitted", 2);
    counts("invalid_token", 1);
    counts("missing_credential", 2);
    counts("rate_limited", 0);
    assert!(!text.contains("anonymous"), "{text}");
    // Refusals at once are not timed.
    assert!(
        text.contains("portcullis_decision_duration_seconds_count{service=\"orders\"} 2\n"),
        "{text}"
    );
}

#[tokio::test]
async fn the_key_s_id_comes_onto_the_current_span() {
    let world = World::new().await;
    let key = world.issue(new_key(ORDERS)).await;
    let (service, _) = open(&world);
    let told = Told::default();
    let subscriber = tracing_subscriber::registry().with(told.clone());
    let _default = tracing::subscriber::set_default(subscriber);
    let span = tracing::info_span!("request", portcullis.key_id = tracing::field::Empty);
    send(service, request(Some(key.token.expose())))
        .instrument(span)
        .await;
    let told = told.0.lock().expect("whole").clone();
    assert_eq!(told, [format!("portcullis.key_id={}", key.key.id)]);
}

#[tokio::test]
async fn no_token_reaches_the_log_from_wherever_it_comes() {
    let world = World::new().await;
    let rate = "1/m".parse().expect("a rate");
    let key = world.issue(new_key(ORDERS).rate(rate)).await;
    let good = key.token.expose();
    let credentials = Credentials::bearer()
        .or_header("x-api-key")
        .or_cookie("key")
        .or_query("api_key");
    let service = ApiKeyLayer::builder(world.gate.clone(), ORDERS)
        .credentials(credentials)
        .on_refusal(|_notice, _response| panic!("on purpose"))
        .build()
        .layer(Upstream::default());
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || written.clone())
        .finish();
    let _default = tracing::subscriber::set_default(subscriber);
    // Good, throttled, mistyped, of no form, and malformed.
    for token in [good, good, &retyped(good), "canary-token", "canary-token="] {
        for place in ["bearer", "header", "cookie", "query"] {
            let mut request = request((place == "bearer").then_some(token));
            let field = |text: &str| HeaderValue::from_str(text).expect("plain");
            match place {
                "header" => drop(request.headers_mut().insert("x-api-key", field(token))),
                "cookie" => {
                    let cookie = field(&format!("key={token}"));
                    request.headers_mut().insert("cookie", cookie);
                }
                "query" => {
                    let target = format!("/?api_key={token}");
                    *request.uri_mut() = target.parse().expect("a target");
                }
                _ => {}
            }
            send(service.clone(), request).await;
        }
    }
    let text = log.text();
    assert!(text.contains("throttled"), "the log is written: {text}");
    let secret = good.rsplit('_').next().expect("a secret");
    for canary in [secret, "canary-token"] {
        assert!(!text.contains(canary), "{text}");
    }
}

/// A log in memory.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        let bytes = self.0.lock().expect("whole").clone();
        String::from_utf8(bytes).expect("text")
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("whole").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What was recorded onto spans after they were made.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Told {
    fn on_record(
        &self,
        _span: &tracing::span::Id,
        values: &tracing::span::Record<'_>,
        _context: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let mut told = self.0.lock().expect("whole");
        values.record(
            &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                told.push(format!("{}={value:?}", field.name()));
            },
        );
    }
}
