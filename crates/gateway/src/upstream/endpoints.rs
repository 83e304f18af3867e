use serde::Serialize;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::health::Usable;
use super::members::Listed;

/// How many of an upstream's endpoints there are in which state. They are counted as the
/// configuration has them: a name is in as long as one of its addresses is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct EndpointCounts {
    /// They get requests.
    #[serde(rename = "in")]
    inside: usize,
    /// They are down, or ejected: they get none, unless all are.
    left_out: usize,
    /// Names that have no address yet.
    unresolved: usize,
}

impl EndpointCounts {
    /// Of these, which have these addresses.
    pub(super) fn of<'a>(
        endpoints: impl IntoIterator<Item = &'a Endpoint>,
        members: &[Listed],
    ) -> Self {
        let (mut counts, now) = (Self::default(), Instant::now());
        for (place, endpoint) in endpoints.into_iter().enumerate() {
            let mut own = members
                .iter()
                .filter(|listed| listed.is_of(place))
                .peekable();
            // What is an address has one before anything begins.
            let is_known = own.peek().is_some() || endpoint.address().is_some();
            let is_inside = own.peek().is_none()
                || own.any(|listed| listed.member.health.usable(now) == Usable::Yes);
            *match (is_known, is_inside) {
                (false, _) => &mut counts.unresolved,
                (true, true) => &mut counts.inside,
                (true, false) => &mut counts.left_out,
            } += 1;
        }
        counts
    }
}
