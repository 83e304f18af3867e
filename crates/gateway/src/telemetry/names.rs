//! Every metric that `/metrics` of a gateway may show: its name, its labels, what it tells.
//!
//! Those of the manager, the store, the limits and the layer are here as well. Labels are what the
//! configuration names, or words of a closed list; nothing that a client sends is one.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name. Those of a histogram's series have `_bucket`, `_sum` or `_count` behind it.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels, without the `le` of a histogram's buckets.
    pub labels: &'static [&'static str],
    /// What it tells: the line `# HELP` of the exposition.
    pub help: &'static str,
    /// Whose it is: the crate that documents it.
    pub of: Of,
}

/// What can be done with a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How often which size.
    Histogram,
}

/// The crate that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// This one.
    Gateway,
    /// `portcullis-layer`.
    Layer,
    /// `portcullis-admission`.
    Admission,
    /// `portcullis-core`.
    Core,
    /// `portcullis-store`.
    Store,
}

macro_rules! metrics {
    ($($of:ident { $($constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)* })*) => {
        $($(
            #[doc = $help]
            pub const $constant: &str = $name;
        )*)*

        /// All of them.
        pub const METRICS: &[Metric] = &[$($(
            Metric {
                name: $constant,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
                of: Of::$of,
            },
        )*)*];
    };
}

metrics! {
    Gateway {
        REQUEST_DURATION = Histogram "portcullis_request_duration_seconds" ["service", "route", "class"]
            "From the head of a request to the last byte of its answer, by the class of the answer's status; none where there is no answer.";
        GATEWAY_DURATION = Histogram "portcullis_gateway_duration_seconds" ["service", "route"]
            "What the gateway itself had of the time until the head of an answer, look-ups of keys included.";
        REQUEST_BODY_BYTES = Histogram "portcullis_request_body_bytes" ["service", "route"]
            "How much of requests' bodies was read.";
        RESPONSE_BODY_BYTES = Histogram "portcullis_response_body_bytes" ["service", "route"]
            "How much of answers' bodies was handed on.";
        UPSTREAM_REQUESTS = Counter "portcullis_upstream_requests_total" ["service", "outcome"]
            "Requests to upstreams: answered, or why not.";
        UPSTREAM_DURATION = Histogram "portcullis_upstream_duration_seconds" ["service"]
            "From the request to the head of the upstream's answer, or its failure.";
        UPSTREAM_BODY_ERRORS = Counter "portcullis_upstream_body_errors_total" ["service", "kind"]
            "Answers of upstreams whose body did not come to its end.";
        REFUSED = Counter "portcullis_refused_total" ["status"]
            "Requests that came to no service.";
        HEAD_FAULTS = Counter "portcullis_head_faults_total" ["fault"]
            "Of these, what was no request at all.";
        PANICS = Counter "portcullis_panics_total" []
            "Requests that ended in a panic.";
        CONNECTIONS_ACCEPTED = Counter "portcullis_connections_accepted_total" []
            "Connections of clients that were taken.";
        CONNECTIONS_OPEN = Gauge "portcullis_connections_open" []
            "Connections of clients that are open.";
        CONNECTIONS_REFUSED = Counter "portcullis_connections_refused_total" ["why"]
            "Connections of clients that were closed at once: too many of one address, or no proxy's header.";
        OPEN_FILES_LIMIT = Gauge "portcullis_open_files_limit" []
            "How many files the program may have open: each connection is one.";
        ACCEPT_ERRORS = Counter "portcullis_accept_errors_total" []
            "Connections that could not be accepted.";
        HEAD_TIMEOUTS = Counter "portcullis_connection_head_timeouts_total" []
            "Connections that ended before a head was whole.";
        IDLE_TIMEOUTS = Counter "portcullis_connection_idle_timeouts_total" []
            "Connections that ended without a further request.";
        WRITE_TIMEOUTS = Counter "portcullis_connection_write_timeouts_total" []
            "Connections whose client took nothing of its answer.";
        REQUESTS_CUT = Counter "portcullis_requests_cut_total" []
            "Requests that were to end with their key, and were cut with their connection.";
        LIVE_REQUESTS = Gauge "portcullis_live_requests" ["service"]
            "Requests that are being served by a key.";
        LIVE_UNREAD = Gauge "portcullis_live_unread" []
            "Of these, how many could not be said to stand at the last look.";
        STREAMS_ENDED = Counter "portcullis_streams_ended_total" ["service", "reason", "how"]
            "Requests that were ended while they were served: why, and how.";
        TUNNELS_OPEN = Gauge "portcullis_tunnels_open" []
            "Connections that carry another protocol.";
        TUNNELS_ENDED = Counter "portcullis_tunnels_ended_total" ["reason"]
            "Connections that carried another protocol, and why they do no more.";
        STREAM_END_DURATION = Histogram "portcullis_stream_end_duration_seconds" ["service"]
            "How long it took to end them: from when this gateway heard of the change until nothing was left of the request.";
        HTTP2_CONNECTIONS = Counter "portcullis_http2_connections_total" []
            "Of the connections that were taken, those that speak HTTP/2.";
        HTTP2_CALMED = Counter "portcullis_http2_calmed_total" ["why"]
            "Connections of HTTP/2 that were told to calm down, and why.";
        TLS_HANDSHAKES = Counter "portcullis_tls_handshakes_total" ["version", "protocol"]
            "Handshakes with clients that came to an end: the version of TLS, and what is spoken then.";
        TLS_HANDSHAKE_FAILURES = Counter "portcullis_tls_handshake_failures_total" ["kind"]
            "Handshakes with clients that failed.";
        UPSTREAM_IN_FLIGHT = Gauge "portcullis_upstream_requests_in_flight" ["upstream"]
            "Requests that have their turn at an upstream, until the last of their answers.";
        UPSTREAM_WAITING = Gauge "portcullis_upstream_requests_waiting" ["upstream"]
            "Requests that wait for their turn at an upstream.";
        UPSTREAM_IDLE = Gauge "portcullis_upstream_connections_idle" ["upstream"]
            "Connections to an upstream that wait for a request.";
        UPSTREAM_DIALLED = Counter "portcullis_upstream_connections_dialled_total" ["upstream"]
            "Connections to an upstream that were opened.";
        UPSTREAM_REUSED = Counter "portcullis_upstream_connections_reused_total" ["upstream"]
            "Kept connections to an upstream that were used once more.";
        UPSTREAM_DIAL_FAILURES = Counter "portcullis_upstream_connection_failures_total" ["upstream"]
            "Connections to an upstream that did not come about.";
        UPSTREAM_ADDRESSES = Gauge "portcullis_upstream_addresses" ["upstream", "condition"]
            "Addresses of an upstream that are up, down (not well when asked) or ejected (requests failed).";
        UPSTREAM_EJECTIONS = Counter "portcullis_upstream_ejections_total" ["upstream"]
            "How often an address was left out because requests failed.";
        UPSTREAM_LAST_RESORTS = Counter "portcullis_upstream_last_resorts_total" ["upstream"]
            "Requests for which no address was left, so that all were asked.";
        UPSTREAM_RETRIES = Counter "portcullis_upstream_retries_total" ["upstream", "reason"]
            "Further attempts at a request, and why.";
        UPSTREAM_BUDGET_SPENT = Counter "portcullis_upstream_retry_budget_spent_total" ["upstream"]
            "Attempts that were not made because the budget was spent.";
        UPSTREAM_HEALTH_CHECKS = Counter "portcullis_upstream_health_checks_total" ["upstream", "outcome"]
            "Questions whether an address is well, and what came of them.";
        UPSTREAM_LOOKUPS = Counter "portcullis_upstream_lookups_total" ["upstream", "outcome"]
            "Look-ups of an upstream's names, and what came of them.";
        CONFIG_RELOADS = Counter "portcullis_config_reloads_total" ["outcome"]
            "Readings of a changed configuration: applied, invalid or failed.";
        CONFIG_VALID = Gauge "portcullis_config_valid" []
            "1 where the last configuration that was read has no fault.";
        CONFIG_APPLIED = Gauge "portcullis_config_applied_timestamp_seconds" []
            "When the configuration that runs was applied.";
        CONFIG_RESTART_NEEDED = Gauge "portcullis_config_restart_needed" []
            "Fields of the configuration that count after a restart alone.";
        ACCESS_LOG_DROPPED = Counter "portcullis_access_log_dropped_total" ["reason"]
            "Lines of the access log that were lost: queue_full, or write_failed.";
        TRACE_SPANS_EXPORTED = Counter "portcullis_trace_spans_exported_total" []
            "Spans that the collector took.";
        TRACE_SPANS_DROPPED = Counter "portcullis_trace_spans_dropped_total" ["reason"]
            "Spans that were lost: queue_full, export_failed, rejected by the collector, or shutdown.";
        TRACE_EXPORTS = Counter "portcullis_trace_exports_total" ["outcome"]
            "Attempts at sending a batch of spans: success, partial_success, or failure.";
    }
    Layer {
        REQUESTS = Counter "portcullis_requests_total" ["service", "outcome"]
            "Requests at the door of a service: admitted, anonymous, or the refusal.";
        DECISION_DURATION = Histogram "portcullis_decision_duration_seconds" ["service"]
            "How long the decision took, of requests that passed or waited for a look-up.";
    }
    Admission {
        ADMISSION = Counter "portcullis_admission_total" ["outcome"]
            "Decisions: admitted, refused, throttled, unavailable.";
        LIMITER_ENTRIES = Gauge "portcullis_limiter_entries" []
            "Keys whose use of their rate is remembered.";
        LIMITER_EVICTIONS = Counter "portcullis_limiter_evictions_total" []
            "Keys that were forgotten before they had recovered.";
    }
    Store {
        STORE_CHECKPOINTS = Counter "portcullis_store_checkpoints_total" ["outcome"]
            "Attempts to empty the database's log.";
    }
    Core {
        VALIDATIONS_GRANTED = Counter "portcullis_validations_granted_total" ["namespace"]
            "Validations that granted.";
        VALIDATIONS_DENIED = Counter "portcullis_validations_denied_total" ["namespace", "reason"]
            "Validations that were refused, and why.";
        VALIDATIONS_UNAVAILABLE = Counter "portcullis_validations_unavailable_total" ["namespace"]
            "Validations that could not be answered.";
        CACHE_HITS = Counter "portcullis_cache_hits_total" ["namespace"]
            "Validations answered from the cache.";
        CACHE_NEGATIVE_HITS = Counter "portcullis_cache_negative_hits_total" ["namespace"]
            "Of those: refused because the id is known to name no key.";
        CACHE_MISSES = Counter "portcullis_cache_misses_total" ["namespace"]
            "Validations that had to ask the store, or to wait for it.";
        CACHE_COALESCED_MISSES = Counter "portcullis_cache_coalesced_misses_total" ["namespace"]
            "Misses that joined a read which was under way.";
        STORE_LOADS = Counter "portcullis_store_loads_total" ["namespace"]
            "Keys read from the store.";
        STORE_LOAD_FAILURES = Counter "portcullis_store_load_failures_total" ["namespace"]
            "Reads of the store that failed or timed out.";
        GATE_RETRIES = Counter "portcullis_gate_retries_total" ["namespace"]
            "Reads that brought what was too old by then, and began again.";
        STORE_OVERLOADS = Counter "portcullis_store_overloads_total" ["namespace"]
            "Misses refused because too many were waiting, or waited too long.";
        STORE_ADDRESS_OVERLOADS = Counter "portcullis_store_address_overloads_total" ["namespace"]
            "Misses refused because their client's address had its share of reads under way.";
        CACHE_REFRESHES = Counter "portcullis_cache_refreshes_total" ["namespace"]
            "Entries to be read again in the background, past their TTL.";
        CACHE_REFRESH_FAILURES = Counter "portcullis_cache_refresh_failures_total" ["namespace"]
            "Of those: not read.";
        CACHE_REREADS = Counter "portcullis_cache_rereads_total" ["namespace"]
            "Mismatching tokens for which the key was read again.";
        CACHE_WARMED_KEYS = Counter "portcullis_cache_warmed_keys_total" ["namespace"]
            "Keys read ahead after the start.";
        CACHE_WARM_UPS_CUT = Counter "portcullis_cache_warm_ups_cut_total" ["namespace"]
            "Times that reading ahead was given up.";
        POLLS = Counter "portcullis_polls_total" ["namespace"]
            "Polls for changes that were good.";
        POLL_FAILURES = Counter "portcullis_poll_failures_total" ["namespace"]
            "Polls that failed or timed out.";
        STORE_DIVERGENCES = Counter "portcullis_store_divergences_total" ["namespace"]
            "Times that the store turned out to be restored or replaced.";
        USAGE_FLUSHES = Counter "portcullis_usage_flushes_total" ["namespace"]
            "Batches of usage that the store acknowledged.";
        USAGE_FLUSH_FAILURES = Counter "portcullis_usage_flush_failures_total" ["namespace"]
            "Batches of usage that the store did not acknowledge; they are sent again.";
        COMMITS = Counter "portcullis_commits_total" ["namespace"]
            "Changes that were committed through this manager.";
        COMMIT_FAILURES = Counter "portcullis_commit_failures_total" ["namespace"]
            "Changes that were refused or failed.";
        REFUSED_CHANGES = Counter "portcullis_refused_changes_total" ["namespace"]
            "Changes that were asked for and refused.";
        REDIGESTS = Counter "portcullis_redigests_total" ["namespace"]
            "Digests that moved to the current root.";
        REDIGEST_FAILURES = Counter "portcullis_redigest_failures_total" ["namespace"]
            "Batches of digests that the store did not take; they are sent again.";
        CACHE_KEYS = Gauge "portcullis_cache_keys" ["namespace"]
            "Keys that are cached, roughly.";
        CACHE_NEGATIVE_ENTRIES = Gauge "portcullis_cache_negative_entries" ["namespace"]
            "Ids that are remembered to name no key, roughly.";
        STORE_LOADS_RUNNING = Gauge "portcullis_store_loads_running" ["namespace"]
            "Reads of keys that run.";
        STORE_LOADS_WAITING = Gauge "portcullis_store_loads_waiting" ["namespace"]
            "Reads of keys that wait for their turn.";
        CACHE_WARMING = Gauge "portcullis_cache_warming" ["namespace"]
            "1 while the most used keys are read ahead after the start.";
        REDIGESTS_WAITING = Gauge "portcullis_redigests_waiting" ["namespace"]
            "Digests that wait to be moved to the current root.";
        KEYRING_MISSING_ROOTS = Gauge "portcullis_keyring_missing_roots" ["namespace"]
            "Roots of the store's keys that this keyring lacks.";
        STORE_AGE = Gauge "portcullis_store_age_seconds" ["namespace"]
            "How long ago the store was last known to hold nothing unheard of.";
        STORE_WRITABLE = Gauge "portcullis_store_writable" ["namespace"]
            "1 where the store takes changes, 0 where it does not.";
    }
}

/// Tells the recorder what each of them is.
pub(super) fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{METRICS, Of};

    /// Where each crate tells of its metrics.
    const DOCS: [(Of, &str); 5] = [
        (Of::Gateway, include_str!("../lib.rs")),
        (Of::Layer, include_str!("../../../layer/src/lib.rs")),
        (Of::Admission, include_str!("../../../admission/src/lib.rs")),
        (Of::Core, include_str!("../../../core/src/manager/stats.rs")),
        (Of::Store, include_str!("../../../store/src/lib.rs")),
    ];

    fn names_in(text: &str) -> HashSet<&str> {
        text.split(|mark: char| !mark.is_ascii_alphanumeric() && mark != '_')
            .filter(|word| word.starts_with("portcullis_"))
            .filter(|word| {
                ![
                    "portcullis_admission",
                    "portcullis_core",
                    "portcullis_store",
                ]
                .contains(word)
            })
            .filter(|word| !["portcullis_layer", "portcullis_gateway"].contains(word))
            .collect()
    }

    #[test]
    fn the_list_is_that_of_the_crates_documentation() {
        for (of, docs) in DOCS {
            let told = names_in(docs);
            let own = METRICS.iter().filter(|metric| metric.of == of);
            let own: HashSet<&str> = own.map(|metric| metric.name).collect();
            assert_eq!(own, told, "{of:?}");
        }
    }

    #[test]
    fn documented_labels_are_the_real_ones() {
        let docs = include_str!("../lib.rs");
        for metric in METRICS.iter().filter(|metric| metric.of == Of::Gateway) {
            let labels = match metric.labels {
                [] => String::new(),
                labels => format!("{{{}}}", labels.join(", ")),
            };
            let told = format!("`{}{labels}`", metric.name);
            assert!(docs.contains(&told), "{told}");
        }
    }
}
