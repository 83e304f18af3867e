use crate::headers::host::AskedHost;
use crate::headers::identity::IdentityFields;
use crate::headers::origin::Origin;
use crate::path::CanonicalPath;

/// What the gateway found out about a request before it may pass.
#[derive(Clone, Debug)]
pub struct Passage {
    /// Where it goes; what was routed and authorized, or what its route makes of that.
    pub path: CanonicalPath,
    /// From where it came, for `Forwarded` and `X-Forwarded-*`.
    pub origin: Origin,
    /// The host that it was routed by.
    pub host: Option<AskedHost>,
    /// Whose key it came with, for the fields that are set last of all.
    pub identity: Option<IdentityFields>,
}
