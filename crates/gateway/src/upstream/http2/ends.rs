use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use h2::StreamId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{FrameHead, Frames};

/// RFC 9113 sections 6.1, 6.2 and 6.10.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Which answers came to their end.
///
/// h2 knows it as well, but forgets it where the connection ends while the request is still being
/// sent: an answer that came early and whole would look as if it had broken off.
#[derive(Debug, Default)]
pub(super) struct Ends {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Of the streams that somebody reads, whether it came.
    came: HashMap<u32, bool>,
    /// The stream whose last section of fields is coming.
    in_fields: Option<u32>,
}

/// Whether the end of one stream came.
#[derive(Debug)]
pub(super) struct End {
    stream: u32,
    ends: Arc<Ends>,
}

/// A stream of octets whose frames are followed as they are read.
#[derive(Debug)]
pub(super) struct Followed<T> {
    inner: T,
    frames: Frames,
    ends: Arc<Ends>,
}

impl Ends {
    /// Has the end of a stream noted.
    pub(super) fn of(self: &Arc<Self>, stream: StreamId) -> End {
        let stream = stream.as_u32();
        self.state().came.insert(stream, false);
        End {
            stream,
            ends: Arc::clone(self),
        }
    }

    /// We cut the connection ourselves: an end that was read may be one of which h2 has not decoded
    /// what is before it, as behind a PING whose answer it cannot write. None counts any more.
    pub(super) fn forget(&self) {
        for came in self.state().came.values_mut() {
            *came = false;
        }
    }

    fn note(&self, frame: FrameHead) {
        let ends = frame.flags & END_STREAM != 0;
        let has_fields = frame.flags & END_HEADERS != 0;
        let mut state = self.state();
        let ended = match frame.kind {
            DATA if ends => Some(frame.stream),
            HEADERS if ends && has_fields => Some(frame.stream),
            HEADERS if ends => {
                state.in_fields = Some(frame.stream);
                None
            }
            CONTINUATION if has_fields => state.in_fields.take(),
            _ => None,
        };
        if let Some(came) = ended.and_then(|stream| state.came.get_mut(&stream)) {
            *came = true;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    pub(super) fn has_come(&self) -> bool {
        self.ends.state().came.get(&self.stream) == Some(&true)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.ends.state().came.remove(&self.stream);
    }
}

impl<T> Followed<T> {
    pub(super) fn new(inner: T, ends: Arc<Ends>) -> Self {
        Self {
            inner,
            frames: Frames::default(),
            ends,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Followed<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        let came = buffer.filled().get(before..).unwrap_or_default();
        this.frames.follow(came, |frame| this.ends.note(frame));
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Followed<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
