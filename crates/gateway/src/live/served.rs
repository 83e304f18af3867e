use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response, Version};
use http_body::{Body, Frame};
use portcullis::reject::Dialect;

use super::entry::Live;
use super::metrics::{How, ended};
use super::registry::Ticket;
use super::route::refusal;
use crate::body::{BodyError, BodySource, ProxyBody};
use crate::server::EndReason;

/// A request that is entered, and in which words its client is told of its end.
#[derive(Debug)]
pub(super) struct Served {
    ticket: Ticket,
    dialect: Dialect,
    version: Version,
}

impl Served {
    pub(super) fn new(ticket: Ticket, headers: &HeaderMap, version: Version) -> Self {
        Self {
            ticket,
            dialect: Dialect::of(headers),
            version,
        }
    }

    /// Whether the request is to end.
    pub(super) fn poll_ending(&self, cx: &mut Context<'_>) -> Poll<EndReason> {
        self.live().lifeline.poll_ending(cx)
    }

    /// The answer to a request that ends before its answer began.
    pub(super) fn refuse(&self, reason: EndReason) -> Response<ProxyBody> {
        let live = self.live();
        ended(live, reason, How::Refused);
        live.route.refuse(reason, self.dialect)
    }

    /// The last that comes of an answer that ends in its middle, where its `rest` would have come.
    pub(super) fn last_frame(
        &self,
        reason: EndReason,
        rest: &ProxyBody,
    ) -> Result<Frame<Bytes>, BodyError> {
        let live = self.live();
        if self.may_have_trailers(rest) {
            ended(live, reason, How::Trailers);
            return Ok(Frame::trailers(refusal(reason).grpc_trailers()));
        }
        ended(live, reason, How::Aborted);
        Err(BodyError::ended(BodySource::Upstream))
    }

    /// Counts a tunnel that ended because it was to, by a frame that closes it or by breaking off.
    pub(super) fn closed(&self, reason: EndReason, by_frame: bool) {
        let how = match by_frame {
            true => How::CloseFrame,
            false => How::Aborted,
        };
        ended(self.live(), reason, how);
    }

    /// Where trailers do not arrive for certain, an answer that ended with them would look whole:
    /// HTTP/1.1 may leave them out, and a body of known length has no place for them.
    fn may_have_trailers(&self, rest: &ProxyBody) -> bool {
        self.dialect == Dialect::Grpc
            && self.version == Version::HTTP_2
            && rest.size_hint().exact().is_none()
    }

    fn live(&self) -> &Live {
        self.ticket.live()
    }
}
