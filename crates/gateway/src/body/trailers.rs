use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use http_body::Frame;

use super::{BodyError, BodySource};
use crate::headers::trailers;

/// What becomes of the trailer fields of a body on its way through.
#[derive(Debug, Default)]
pub(super) enum Trailers {
    /// They are ours, or somebody else's task.
    #[default]
    AsTheyCome,
    /// They end here.
    Dropped,
    /// Those pass that are trailers indeed, see [`trailers::clean`].
    Cleaned {
        from: BodySource,
        /// The fields of the message's head, and what else none may be.
        taken: Box<[HeaderName]>,
    },
}

impl Trailers {
    /// A frame as it goes on; nothing where nothing is left of it.
    pub(super) fn pass(&self, frame: Frame<Bytes>) -> Option<Result<Frame<Bytes>, BodyError>> {
        let frame = match frame.into_trailers() {
            Ok(trailers) => return self.pass_trailers(trailers),
            Err(frame) => frame,
        };
        Some(Ok(frame))
    }

    fn pass_trailers(&self, mut fields: HeaderMap) -> Option<Result<Frame<Bytes>, BodyError>> {
        match self {
            Self::AsTheyCome => {}
            Self::Dropped => return None,
            Self::Cleaned { from, taken } => {
                if let Err(error) = trailers::clean(&mut fields, taken) {
                    return Some(Err(BodyError::malformed(*from, error)));
                }
                if fields.is_empty() {
                    return None;
                }
            }
        }
        Some(Ok(Frame::trailers(fields)))
    }
}
