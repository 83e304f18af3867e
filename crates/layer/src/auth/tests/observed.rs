use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use tower::Layer;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

use super::{Upstream, open, send};
use crate::auth::{ApiKey, ApiKeyLayer};
use crate::testing::{ORDERS, World, new_key, request};

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
