//! What each place of a credential reads and takes out.

use http::request::Parts;
use http::{HeaderValue, Request};

use super::{CredentialSource, Credentials, Malformed};

mod cookies;
mod fields;
mod names;
mod queries;
mod several;

fn parts(fields: &[(&'static str, &[u8])]) -> Parts {
    let mut request = Request::new(());
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value).expect("a value");
        request.headers_mut().append(*name, value);
    }
    request.into_parts().0
}

/// Whether a credential was found.
fn found(credentials: &Credentials, fields: &[(&'static str, &[u8])]) -> Result<bool, Malformed> {
    credentials
        .extract(&parts(fields))
        .map(|presented| presented.is_some())
}
