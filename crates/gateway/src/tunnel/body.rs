use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::io::{AsyncRead, split};
use tokio_util::io::poll_read_buf;

use super::agreement::Held;
use super::frames::Frames;
use super::{Link, Switched, UpstreamSide};
use crate::access::Notes;
use crate::body::{BodyError, BodySource};
use crate::server::{EndReason, Lifeline};

/// The most that is read at once of what an upstream says.
const PIECE: usize = 16 * 1024;
/// RFC 6455 section 7.4.1: violation of a policy, and going away.
const POLICY: u16 = 1008;
const GOING_AWAY: u16 = 1001;

/// What an upstream says in a tunnel. It is over once both sides are.
///
/// A WebSocket that is to end does so with a frame that closes it, behind the frame that is under
/// way; any other protocol breaks off.
#[derive(Debug)]
pub(crate) struct TunnelBody {
    upstream: Option<Source>,
    buffer: BytesMut,
    frames: Option<Frames>,
    lifeline: Option<Lifeline>,
    link: Arc<Link>,
    notes: Option<Notes>,
    closed: bool,
}

struct Source {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    _held: Held,
}

impl TunnelBody {
    /// The two sides of a connection that is not taken yet.
    pub(crate) fn new(
        switched: &Switched,
        is_websocket: bool,
        lifeline: Option<Lifeline>,
        notes: Option<Notes>,
        idle: Duration,
    ) -> Option<(Self, UpstreamSide)> {
        let (wire, held) = switched.take()?;
        let (reader, writer) = split(wire);
        let link = Arc::new(Link::default());
        let side = UpstreamSide {
            writer: Box::new(writer),
            link: Arc::clone(&link),
            notes: notes.clone(),
            idle,
        };
        let body = Self {
            upstream: Some(Source {
                reader: Box::new(reader),
                _held: held,
            }),
            buffer: BytesMut::new(),
            frames: is_websocket.then(Frames::default),
            lifeline,
            link,
            notes,
            closed: false,
        };
        Some((body, side))
    }

    fn poll_ending(&self, cx: &mut Context<'_>) -> Option<EndReason> {
        match self.lifeline.as_ref()?.poll_ending(cx) {
            Poll::Ready(reason) => Some(reason),
            Poll::Pending => None,
        }
    }

    /// What there is to say at once where the tunnel is to end: nothing in the middle of a frame,
    /// of which the rest may come.
    fn end(&mut self, reason: EndReason) -> Option<Result<Frame<Bytes>, BodyError>> {
        let frames = self.frames.as_ref();
        let may_close = frames.is_some_and(|frames| !frames.is_lost());
        if !may_close || self.link.is_upstream_over() {
            self.upstream = None;
            return Some(Err(BodyError::ended(BodySource::Upstream)));
        }
        if !frames.is_some_and(Frames::is_at_border) {
            return None;
        }
        self.upstream = None;
        self.closed = true;
        Some(Ok(Frame::data(close(reason))))
    }

    /// Of what was just read, what goes to the client.
    fn piece(&mut self, is_ending: bool) -> Bytes {
        let mut came = self.buffer.split();
        if let Some(frames) = &mut self.frames {
            match is_ending {
                // Nothing follows the frame under way.
                true => came.truncate(frames.follow_one(&came)),
                false => frames.follow(&came),
            }
        }
        came.freeze()
    }
}

impl Body for TunnelBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.closed {
            return Poll::Ready(None);
        }
        let ending = this.poll_ending(cx);
        if let Some(last) = ending.and_then(|reason| this.end(reason)) {
            return Poll::Ready(Some(last));
        }
        if this.link.is_idle() {
            this.upstream = None;
            return Poll::Ready(Some(Err(BodyError::stalled(BodySource::Upstream))));
        }
        if this.link.is_upstream_over() {
            return match this.link.is_client_over() {
                true => {
                    this.upstream = None;
                    Poll::Ready(None)
                }
                false => Poll::Pending,
            };
        }
        let Some(source) = &mut this.upstream else {
            return Poll::Ready(None);
        };
        if this.buffer.capacity() < PIECE / 8 {
            this.buffer.reserve(PIECE);
        }
        match ready!(poll_read_buf(
            Pin::new(&mut source.reader),
            cx,
            &mut this.buffer
        )) {
            Ok(0) => {
                this.link.end_upstream();
                if ending.is_some() {
                    // In the middle of a frame.
                    this.upstream = None;
                    return Poll::Ready(Some(Err(BodyError::ended(BodySource::Upstream))));
                }
                // Whether the client is done as well is found when this is asked again.
                match this.link.is_client_over() {
                    true => {
                        this.upstream = None;
                        Poll::Ready(None)
                    }
                    false => Poll::Pending,
                }
            }
            Ok(_) => {
                let piece = this.piece(ending.is_some());
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Err(error) => {
                this.upstream = None;
                if this.frames.as_ref().is_some_and(Frames::is_at_border) {
                    // Whoever reads frames sees that none of them closed the WebSocket, and needs
                    // all that were whole. Any other protocol may take an end for the end of what
                    // was under way.
                    tracing::debug!(%error, "an upstream left a tunnel between two frames");
                    this.link.break_upstream();
                    if let Some(notes) = &this.notes {
                        notes.upstream_broke();
                    }
                    this.closed = true;
                    return Poll::Ready(None);
                }
                let error = BodyError::broken(BodySource::Upstream, error.into());
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

/// A frame that closes a WebSocket. It says no more than it must.
fn close(reason: EndReason) -> Bytes {
    let code = match reason {
        EndReason::Denied(_) | EndReason::CutOff => POLICY,
        EndReason::Draining => GOING_AWAY,
    };
    let [high, low] = code.to_be_bytes();
    Bytes::copy_from_slice(&[0x88, 2, high, low])
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use http_body_util::BodyExt;
    use tokio::io::ReadBuf;

    use super::*;
    use crate::body::BodyErrorKind;

    /// An upstream that says this, and is cut off then.
    struct CutOff(&'static [u8]);

    impl AsyncRead for CutOff {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            match std::mem::take(&mut self.0) {
                [] => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                says => {
                    buffer.put_slice(says);
                    Poll::Ready(Ok(()))
                }
            }
        }
    }

    #[tokio::test]
    async fn a_websocket_that_is_cut_off_between_two_frames_ends_there() {
        const FRAMES: &[u8] = b"\x81\x02hi\x01\x00";
        for (says, is_websocket, ends) in [
            (FRAMES, true, true),
            // In the middle of a frame.
            (&FRAMES[..5], true, false),
            (&FRAMES[..3], true, false),
            // No frames.
            (b"\x83", true, false),
            // Who knows what an end means there?
            (FRAMES, false, false),
        ] {
            let mut body = TunnelBody {
                upstream: Some(Source {
                    reader: Box::new(CutOff(says)),
                    _held: Box::new(()),
                }),
                buffer: BytesMut::new(),
                frames: is_websocket.then(Frames::default),
                lifeline: None,
                link: Arc::default(),
                notes: None,
                closed: false,
            };
            let said = body.frame().await.unwrap().unwrap();
            assert_eq!(said.into_data().unwrap(), says);
            let kind = body.frame().await.map(|last| last.unwrap_err().kind());
            let expected = (!ends).then_some(BodyErrorKind::Broken);
            assert_eq!(kind, expected, "{says:?}");
            assert_eq!(body.link.has_upstream_broken(), ends, "{says:?}");
        }
    }
}
