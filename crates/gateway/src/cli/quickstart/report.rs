use std::net::SocketAddr;

use http::StatusCode;
use portcullis::manager::Issued;
use serde::Serialize;

use super::folder::Folder;

/// What quickstart tells: where everything is, what it tried itself, and what to try next.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    folder: String,
    temporary: bool,
    gateway: String,
    operations: String,
    upstream: String,
    key: String,
    token: &'a str,
    with_key: u16,
    without_key: u16,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        folder: &Folder,
        [public, operations, upstream]: [SocketAddr; 3],
        issued: &'a Issued,
        [with_key, without_key]: [StatusCode; 2],
    ) -> Self {
        let url = |address: SocketAddr| format!("http://{address}");
        Self {
            folder: folder.path().display().to_string(),
            temporary: folder.is_temporary(),
            gateway: url(public),
            operations: url(operations),
            upstream: url(upstream),
            key: issued.key.id.to_string(),
            token: issued.token.expose(),
            with_key: with_key.as_u16(),
            without_key: without_key.as_u16(),
        }
    }

    /// Whether the gateway did what it is for: it let the key through, and nothing else.
    pub(super) fn is_good(&self) -> bool {
        (self.with_key, self.without_key) == (200, 401)
    }

    pub(super) fn text(&self) -> String {
        let Self {
            folder,
            gateway,
            operations,
            upstream,
            key,
            token,
            ..
        } = self;
        let fate = if self.temporary {
            " (removed at the end)"
        } else {
            ""
        };
        format!(
            "Portcullis stands in front of a small service of its own.\n\
             \n\
             \x20 gateway     {gateway}\n\
             \x20 operations  {operations}/healthz, /readyz, /metrics\n\
             \x20 upstream    {upstream} (built in: it answers with what it saw)\n\
             \x20 files       {folder}{fate}\n\
             \n\
             Tried just now:\n\
             \n\
             \x20 GET /demo/hello with the key     {}\n\
             \x20 GET /demo/hello without a key    {}\n\
             \n\
             The key {key} has this token, shown this once, good for 7 days:\n\
             \n\
             \x20 {token}\n\
             \n\
             Try it yourself, with the key and without:\n\
             \n\
             \x20 curl -i -H 'Authorization: Bearer {token}' {gateway}/demo/hello\n\
             \x20 curl -i {gateway}/demo/hello",
            status(self.with_key),
            status(self.without_key),
        )
    }
}

fn status(code: u16) -> String {
    let reason = StatusCode::from_u16(code)
        .ok()
        .and_then(|status| status.canonical_reason());
    format!("{code} {}", reason.unwrap_or_default())
}
