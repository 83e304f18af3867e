/// What hyper gets in the place of a head that is refused.
///
/// No path is `*`: a service that does not look for the fault has nothing to answer it with.
pub(super) const SUBSTITUTE: &[u8] = b"GET * HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n";
