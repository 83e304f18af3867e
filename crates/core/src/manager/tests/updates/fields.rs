//! What a change sets, and what it has to leave.

use super::patch;
use crate::audit::Outcome as Ended;
use crate::clock::Clock as _;
use crate::error::ErrorKind;
use crate::key::{Addresses, Metadata, Note};
use crate::limits::Rate;
use crate::manager::tests::{DAY, Fixture, ORDERS, told};
use crate::manager::{Expiry, KeyPatch, Patch};
use crate::scope::Scopes;

#[tokio::test]
async fn each_field_is_kept_cleared_or_set_and_the_event_tells_which() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let end = fixture.clock.now().wall().saturating_add(DAY);
    let set = KeyPatch::new()
        .name("renamed".parse().expect("name"))
        .owner("globex".parse().expect("owner"))
        .scopes("orders:read".parse::<Scopes>().expect("scopes"))
        .rate("10/m".parse::<Rate>().expect("rate"))
        .expiry(Expiry::At(end))
        .addresses("192.0.2.0/24".parse::<Addresses>().expect("networks"))
        .metadata(r#"{"team":"x"}"#.parse::<Metadata>().expect("object"))
        .note("for the audit".parse::<Note>().expect("note"));
    let before = fixture.manager.key(id).await.expect("key");
    let key = fixture.update(id, set.clone()).await;
    assert_eq!(fixture.manager.key(id).await.expect("key"), key);
    let shown = [
        key.name.to_string(),
        key.owner.to_string(),
        key.scopes.to_string(),
        key.rate.expect("rate").to_string(),
        key.addresses.to_string(),
        key.metadata.to_string(),
        key.note.clone().expect("note").to_string(),
    ];
    let expected = [
        "renamed",
        "globex",
        "orders:read",
        "10/m",
        "192.0.2.0/24",
        r#"{"team":"x"}"#,
        "for the audit",
    ];
    assert_eq!(shown, expected);
    assert_eq!((key.expires_at, key.version), (Some(end), 2));
    assert_eq!(
        (
            key.state.clone(),
            key.secrets.clone(),
            key.created_by.clone()
        ),
        (before.state, before.secrets, before.created_by)
    );
    let (year, day) = (
        before.expires_at.expect("a year").to_string(),
        end.to_string(),
    );
    let events = fixture.events().await;
    assert_eq!(
        told(&events[1]),
        [
            ("name", Some("job"), Some("renamed")),
            ("owner", Some("acme"), Some("globex")),
            ("scopes", Some("orders:*"), Some("orders:read")),
            ("rate", None, Some("10/m")),
            ("expires_at", Some(&*year), Some(&*day)),
            ("addresses", None, Some("192.0.2.0/24")),
            ("note", None, Some("for the audit")),
            ("metadata", Some("2 bytes"), Some("12 bytes")),
        ]
    );
    assert_eq!(
        (events[1].key, &events[1].service),
        (Some(id), &Some(ORDERS))
    );

    let cleared = fixture
        .update(
            id,
            KeyPatch::new()
                .scopes(Patch::Clear)
                .rate(Patch::Clear)
                .expiry(Expiry::Never)
                .addresses(Patch::Clear)
                .metadata(Patch::Clear)
                .note(Patch::Clear),
        )
        .await;
    assert!(cleared.scopes.is_empty() && cleared.addresses.is_empty());
    assert!(cleared.metadata.is_empty() && cleared.note.is_none());
    assert_eq!((cleared.rate, cleared.expires_at), (None, None));
    assert_eq!((cleared.name, cleared.owner), (key.name, key.owner));
}

#[tokio::test]
async fn what_changes_nothing_is_no_change() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let before = fixture.manager.audit_head().await.expect("head");
    for json in [
        "{}",
        r#"{"name":"job","scopes":["orders:*"],"rate":null,"metadata":{"a":null}}"#,
    ] {
        assert_eq!(fixture.update(id, patch(json)).await.version, 1, "{json}");
    }
    assert_eq!(fixture.manager.audit_head().await.expect("head"), before);
}

#[tokio::test]
async fn a_revoked_key_keeps_everything_but_its_note_and_metadata() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    fixture.revoke(id).await;
    for json in [
        r#"{"name":"other"}"#,
        r#"{"owner":"other"}"#,
        r#"{"scopes":null}"#,
        r#"{"rate":"1/s"}"#,
        r#"{"expires_at":null}"#,
        r#"{"addresses":null}"#,
        r#"{"note":"x","name":"other"}"#,
    ] {
        let (kind, told) = fixture.refuse(id, patch(json)).await;
        assert_eq!(kind, ErrorKind::State, "{json}: {told}");
    }
    let key = fixture.update(
        id,
        patch(r#"{"note":"leaked on a wiki","metadata":{"ticket":7}}"#),
    );
    let key = key.await;
    assert_eq!(key.note.expect("note").as_str(), "leaked on a wiki");
    assert_eq!(key.metadata.as_str(), r#"{"ticket":7}"#);
}

#[tokio::test]
async fn metadata_that_grows_too_large_is_refused_and_told_without_its_content() {
    let fixture = Fixture::new().await;
    let id = fixture.issue().await.key.id;
    let half = "x".repeat(2_500);
    fixture
        .update(id, patch(&format!(r#"{{"metadata":{{"a":"{half}"}}}}"#)))
        .await;
    let more = patch(&format!(r#"{{"metadata":{{"b":"{half}"}}}}"#));
    assert!(!format!("{more:?}").contains("xxx"), "{more:?}");
    let (kind, told_it) = fixture.refuse(id, more).await;
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(
        told_it.contains("4,096 bytes") && !told_it.contains("xxx"),
        "{told_it}"
    );
    let events = fixture.events().await;
    assert!(!format!("{events:?}").contains("xxx"));
    let last = events.last().expect("events");
    assert_eq!(last.outcome, Ended::Refused(ErrorKind::Invalid));
    assert_eq!(told(last), [("metadata", None, None)]);
}
