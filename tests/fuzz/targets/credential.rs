//! Any fields as a request's: what is found is in one of them, and is gone
//! after it was stripped.
#![no_main]

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use portcullis_layer::credential::{CredentialSource, Credentials};

fuzz_target!(|data: &[u8]| {
    let credentials = Credentials::bearer().or_header("x-api-key");
    let (mut parts, ()) = http::Request::new(()).into_parts();
    for field in data.split(|byte| *byte == b'\n').take(8) {
        let Some((name, value)) = field.split_first() else {
            continue;
        };
        let Ok(value) = HeaderValue::from_bytes(value) else {
            continue;
        };
        let name = match name % 4 {
            0 => AUTHORIZATION,
            1 => HeaderName::from_static("x-api-key"),
            2 => HeaderName::from_static("x_api_key"),
            _ => HeaderName::from_static("accept"),
        };
        parts.headers.append(name, value);
    }
    let found = credentials.extract(&parts).map(|found| found.is_some());
    credentials.strip(&mut parts);
    if found.is_ok() {
        assert!(matches!(credentials.extract(&parts), Ok(None)), "{parts:?}");
    }
});
