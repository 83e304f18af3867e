use http::header::AUTHORIZATION;
use http::{StatusCode, Uri};
use portcullis_benches::Failure;

use crate::client::{Client, bearer};
use crate::proxy::Role;
use crate::side::Side;
use crate::upstream::{LOOKED_AT, Upstream};

const IDENTITY: &str = "x-portcullis-key-id";

/// Holds what is measured against what it is said to be, before it is measured: the gateway lets
/// every key pass, tells the upstream whose it is, and lets nothing else pass; the others let
/// everything pass.
pub(crate) async fn verify(side: &mut Side, upstream: &Upstream) -> Result<(), Failure> {
    let path = Uri::from_static(LOOKED_AT);
    let mut client = Client::connect(side.address).await?;
    let guarded = side.role == Role::Gateway;
    let without = client.get(&path, None).await?.status;
    let expected = if guarded {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    };
    expect(side, "the status without a key", &expected, &without)?;
    expect(
        side,
        "an upstream that saw it",
        &!guarded,
        &upstream.take_seen().is_some(),
    )?;
    for token in &side.tokens {
        let with = client.get(&path, Some(&bearer(token)?)).await?;
        expect(side, "the status with a key", &StatusCode::OK, &with.status)?;
        expect(side, "the body's length", &128, &with.length)?;
        let seen = upstream.take_seen().ok_or("the upstream saw no request")?;
        expect(
            side,
            "an identity field",
            &true,
            &seen.contains_key(IDENTITY),
        )?;
        expect(
            side,
            "a credential at the upstream",
            &false,
            &seen.contains_key(AUTHORIZATION),
        )?;
    }
    Ok(())
}

fn expect<T: PartialEq + std::fmt::Debug>(
    side: &Side,
    what: &str,
    expected: &T,
    found: &T,
) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    let role = side.role.as_str();
    Err(format!("{role}: {what}: expected {expected:?}, found {found:?}").into())
}
