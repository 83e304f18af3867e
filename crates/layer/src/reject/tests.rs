use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http_body_util::BodyExt;
use portcullis_core::scope::{Permission, Requirement};

use super::{Dialect, Refusal, Refuser};
use crate::testing::{Bytes, ORDERS};

const ALL: [Refusal; 6] = [
    Refusal::MissingCredential,
    Refusal::InvalidRequest,
    Refusal::InvalidToken,
    Refusal::InsufficientScope,
    Refusal::Unavailable {
        retry_after: Duration::from_millis(1),
    },
    Refusal::Misconfigured,
];

fn refuser() -> Refuser {
    Refuser::new(
        &ORDERS,
        &Requirement::all_of([Permission::from_static("orders:read")]),
    )
}

#[tokio::test]
async fn every_body_is_a_problem_whose_members_say_what_the_response_says() {
    for refusal in ALL {
        let response = refuser().respond::<Bytes>(&refusal, Dialect::Http);
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("infallible").to_bytes();
        assert_eq!(parts.headers[CONTENT_LENGTH], body.len().to_string());
        assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
        let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["status"], parts.status.as_u16());
        assert_eq!(problem["error"], refusal.as_str());
        assert_eq!(
            problem["title"],
            parts.status.canonical_reason().expect("known")
        );
    }
}

#[test]
fn one_never_retries_at_once() {
    let refusal = Refusal::Unavailable {
        retry_after: Duration::ZERO,
    };
    let response = refuser().respond::<Bytes>(&refusal, Dialect::Http);
    assert_eq!(response.headers()[RETRY_AFTER], "1");
    let refusal = Refusal::Unavailable {
        retry_after: Duration::from_millis(1_001),
    };
    let response = refuser().respond::<Bytes>(&refusal, Dialect::Http);
    assert_eq!(response.headers()[RETRY_AFTER], "2");
}

#[test]
fn the_dialect_is_that_of_the_content_type() {
    let of = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
        Dialect::of(&headers)
    };
    assert_eq!(of("application/json"), Dialect::Http);
    assert_eq!(of("application/grpc+proto"), Dialect::Grpc);
    assert_eq!(of("application/grpc-web+proto"), Dialect::GrpcWeb);
    assert_eq!(of("application/grpc-web-text"), Dialect::GrpcWebText);
    assert_eq!(Dialect::of(&HeaderMap::new()), Dialect::Http);
}

#[test]
fn every_refusal_has_its_grpc_status() {
    let statuses = ALL.map(|refusal| {
        let response = refuser().respond::<Bytes>(&refusal, Dialect::Grpc);
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key(CONTENT_LENGTH));
        response.headers()["grpc-status"]
            .to_str()
            .expect("digits")
            .to_owned()
    });
    assert_eq!(statuses, ["16", "3", "16", "7", "14", "13"]);
}

#[test]
fn grpc_is_told_when_to_come_back_in_its_own_words() {
    let refusal = Refusal::Unavailable {
        retry_after: Duration::from_millis(149_100),
    };
    let response = refuser().respond::<Bytes>(&refusal, Dialect::Grpc);
    assert_eq!(response.headers()[RETRY_AFTER], "150");
    let details = response.headers()["grpc-status-details-bin"].as_bytes();
    let details = STANDARD_NO_PAD.decode(details).expect("base64");
    let any = [
        b"\x0a\x28type.googleapis.com/google.rpc.RetryInfo".as_slice(),
        b"\x12\x05\x0a\x03\x08\x96\x01",
    ]
    .concat();
    let status = [b"\x08\x0e\x12\x0bunavailable\x1a\x31".as_slice(), &any].concat();
    assert_eq!(details, status);
    let none = refuser().respond::<Bytes>(&Refusal::InvalidToken, Dialect::Grpc);
    assert!(!none.headers().contains_key("grpc-status-details-bin"));
}

#[test]
fn a_challenge_is_bounded_however_much_is_required() {
    let challenge = |permissions: usize| {
        let all = (0..permissions).map(|n| {
            let text = format!("orders:{n:0>60}");
            text.parse::<Permission>().expect("valid")
        });
        let refuser = Refuser::new(&ORDERS, &Requirement::all_of(all));
        let response = refuser.respond::<Bytes>(&Refusal::InsufficientScope, Dialect::Http);
        let value = response.headers()[WWW_AUTHENTICATE].to_str().expect("text");
        value.to_owned()
    };
    assert!(challenge(30).contains(", scope=\"orders:0"));
    let long = challenge(31);
    assert_eq!(
        long,
        "Bearer realm=\"orders\", error=\"insufficient_scope\""
    );
}
