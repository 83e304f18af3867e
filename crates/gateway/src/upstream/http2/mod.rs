//! Upstreams that are spoken to in HTTP/2 (RFC 9113): a connection is shared by many exchanges, each
//! of them a stream of its own.
//!
//! One request opens a connection, and those that come meanwhile wait for it, unless they are more
//! than it has places for; a further one is opened where all have as many streams as they may. What ends an exchange resets its stream and
//! no other: the upload is a task of ours, so that nothing of it outlives the answer, not even where
//! the upstream allows for no more of it.
//!
//! A connection on which nothing comes while a request waits is asked whether somebody is there. One
//! that does not answer gets no new streams, and who waits there for an answer is told, or sent
//! elsewhere.
//!
//! An answer is whole only where the upstream said that it is the end. A stream that is reset in the
//! middle of an answer, with whichever code, is an answer that broke off.

mod answer;
mod attempt;
mod ends;
mod frames;
mod gate;
mod head;
mod places;
mod pulse;
mod session;
mod sessions;
mod upload;

pub(super) use answer::Answer;
pub(super) use attempt::attempt;
#[cfg(test)]
pub(super) use frames::Frames;
pub(super) use gate::Turn;
pub(super) use session::Session;
pub(super) use sessions::{Sessions, Share};

use tokio_util::task::AbortOnDropHandle;

/// What an exchange has of its connection. Dropping it ends the upload.
#[derive(Debug)]
pub(super) struct Stream {
    _upload: Option<AbortOnDropHandle<()>>,
    _share: Share,
}
