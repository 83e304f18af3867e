/// What an upstream is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// In TLS what the upstream chooses of HTTP/2 and HTTP/1.1 (RFC 7301); HTTP/1.1 in the clear.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: in the clear without asking (RFC 9113 section 3.3), in TLS where the upstream
    /// chooses it, and else not at all.
    Http2,
}
