use http::header::{AUTHORIZATION, HeaderValue};
use http::request::Builder;
use portcullis_core::token::Token;

/// Puts a key into a request that is being built.
///
/// ```
/// use http::Request;
/// use portcullis::testing::{self, WithKey};
/// # use portcullis::ServiceName;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # const ORDERS: ServiceName = ServiceName::from_static("orders");
/// let (_gate, token) = testing::gate_with_key(ORDERS, []).await;
/// let request = Request::post("/orders").with_key(&token).body("coffee").unwrap();
/// assert!(request.headers()["authorization"].to_str().unwrap().starts_with("Bearer pck_live_"));
/// # }
/// ```
pub trait WithKey {
    /// As `Authorization: Bearer <token>`.
    #[must_use]
    fn with_key(self, token: &Token) -> Self;
}

impl WithKey for Builder {
    fn with_key(self, token: &Token) -> Self {
        let bearer = format!("Bearer {}", token.expose());
        // What is no value of a field goes to the builder all the same, which
        // says so where the request is made.
        match HeaderValue::from_str(&bearer) {
            Ok(mut bearer) => {
                bearer.set_sensitive(true);
                self.header(AUTHORIZATION, bearer)
            }
            Err(_) => self.header(AUTHORIZATION, bearer),
        }
    }
}
