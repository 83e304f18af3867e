//! Events as they are stored, by this version and by those before it.

use crate::audit::{Action, Actor, AuditEvent, Outcome};
use crate::clock::Timestamp;
use crate::error::ErrorKind;
use crate::key::KeyId;

#[test]
fn events_of_the_first_version_are_still_read() {
    let bytes = br#"{"v":1,"at":1790000000123,"actor":"cli:alice","address":"192.0.2.7","request":"r-1","action":"key.rotate","service":"orders","key":"0f8fad5b-d9cb-469f-a165-70867728950e","changes":[{"field":"secret","before":"1","after":"2"},{"field":"grace_seconds","after":"0"}]}"#;
    let event = AuditEvent::decode(9, bytes).expect("read");
    assert_eq!(event.sequence, 9);
    assert_eq!(event.at, Timestamp::from_millis(1_790_000_000_123));
    assert_eq!(event.actor.name(), "cli:alice");
    assert_eq!(event.actor.in_request(), Some("r-1"));
    let address = event
        .actor
        .from_address()
        .map(|address| address.to_string());
    assert_eq!(address.as_deref(), Some("192.0.2.7"));
    assert_eq!(event.action, Action::KeyRotate);
    assert_eq!(event.service.expect("named").as_str(), "orders");
    let id: KeyId = "0f8fad5b-d9cb-469f-a165-70867728950e"
        .parse()
        .expect("an id");
    assert_eq!(event.key, Some(id));
    assert_eq!(event.changes.len(), 2);
    assert_eq!(event.changes[1].before, None);
    assert_eq!(event.outcome, Outcome::Done);
}

#[test]
fn an_event_is_read_whatever_is_asked_of_a_new_actor() {
    let token = format!("pck_live_{}_{}", "0".repeat(32), "x".repeat(49));
    for text in [token.as_str(), " a", "a\u{200B}b"] {
        assert!(Actor::new(text).is_err(), "{text:?}");
        let bytes = serde_json::json!({
            "v": 2, "at": 1, "actor": text, "request": text, "action": "key.create"
        });
        let event = AuditEvent::decode(1, bytes.to_string().as_bytes()).expect("read");
        assert_eq!(event.actor.name(), text);
        assert_eq!(event.actor.in_request(), Some(text));
    }
}

#[test]
fn what_is_no_event_of_ours_is_refused() {
    let outcome = |text: &str| {
        let bytes = format!(r#"{{"v":2,"at":1,"actor":"a","action":"key.create"{text}}}"#);
        AuditEvent::decode(1, bytes.as_bytes()).map(|event| event.outcome)
    };
    assert_eq!(outcome(""), Ok(Outcome::Done));
    let refused = Outcome::Refused(ErrorKind::QuotaReached);
    assert_eq!(outcome(r#","refused":"quota_reached""#), Ok(refused));
    assert!(outcome(r#","refused":"because""#).is_err());
    assert!(outcome(r#","more":1"#).is_err());
    for bytes in [
        "",
        "{}",
        "null",
        r#"{"v":0,"at":1,"actor":"a","action":"key.create"}"#,
        r#"{"v":3,"at":1,"actor":"a","action":"key.create"}"#,
        r#"{"v":2,"at":1,"actor":"","action":"key.create"}"#,
        r#"{"v":2,"at":1,"actor":"a","action":"key.steal"}"#,
        r#"{"v":2,"at":1.5,"actor":"a","action":"key.create"}"#,
    ] {
        assert!(AuditEvent::decode(1, bytes.as_bytes()).is_err(), "{bytes}");
    }
}
