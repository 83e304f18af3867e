use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use portcullis::{ApiKeyLayer, Caller, Gatekeeper, Permission, RequireScopes};

use super::book::{Book, Full};
use crate::ORDERS;

pub(super) const READ: Permission = Permission::from_static("orders:read");
pub(super) const WRITE: Permission = Permission::from_static("orders:write");

/// The application over an empty book.
pub fn app(gate: Gatekeeper) -> Router {
    let closed = Router::new()
        .route("/orders", get(list).layer(RequireScopes::all_of([READ])))
        .route("/orders", post(place).layer(RequireScopes::all_of([WRITE])))
        .layer(ApiKeyLayer::new(gate.clone(), ORDERS));
    let ajar = Router::new()
        .route("/orders/count", get(count))
        .layer(ApiKeyLayer::builder(gate, ORDERS).optional().build());
    closed.merge(ajar).with_state(Book::default())
}

async fn list(caller: Caller, State(book): State<Book>) -> String {
    book.of(caller.owner())
}

async fn place(caller: Caller, State(book): State<Book>, order: String) -> StatusCode {
    match book.add(caller.owner(), order) {
        Ok(()) => StatusCode::CREATED,
        Err(Full) => StatusCode::INSUFFICIENT_STORAGE,
    }
}

async fn count(caller: Option<Caller>, State(book): State<Book>) -> String {
    let (all, whose) = (book.count(None), caller.as_ref());
    match whose.map(|caller| book.count(Some(caller.owner()))) {
        Some(theirs) => format!("{all} orders, {theirs} of them yours\n"),
        None => format!("{all} orders\n"),
    }
}
