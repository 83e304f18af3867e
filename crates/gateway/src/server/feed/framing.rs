use super::chunks::Chunks;
use crate::server::HeadFault;

/// Where a request's body ends.
#[derive(Debug)]
pub(super) enum Framing {
    /// So many octets are still to come; none where there is no body.
    Length(u64),
    Chunked(Chunks),
}

/// How far a body goes in what came of a connection.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Advance {
    /// So many octets are the body's, and as they must be.
    pub(super) octets: usize,
    /// What is wrong with the one behind them.
    pub(super) fault: Option<HeadFault>,
}

impl Framing {
    /// Whether the whole of the body came.
    pub(super) const fn is_over(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(chunks) => chunks.is_over(),
        }
    }

    /// Follows the body through what came next.
    pub(super) fn advance(&mut self, came: &[u8]) -> Advance {
        match self {
            Self::Length(left) => {
                let octets = least(*left, came.len());
                *left -= octets as u64;
                Advance {
                    octets,
                    fault: None,
                }
            }
            Self::Chunked(chunks) => chunks.advance(came),
        }
    }
}

/// The smaller of what is left of something and what is there.
pub(super) fn least(left: u64, there: usize) -> usize {
    usize::try_from(left).map_or(there, |left| left.min(there))
}
