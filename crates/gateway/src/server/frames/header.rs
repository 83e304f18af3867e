/// The types of frames that are told apart (RFC 9113 section 6).
pub(super) const DATA: u8 = 0x0;
pub(super) const HEADERS: u8 = 0x1;
pub(super) const RST_STREAM: u8 = 0x3;
pub(super) const GOAWAY: u8 = 0x7;
pub(super) const CONTINUATION: u8 = 0x9;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// The greatest stream, and the bits of its number: the first is reserved.
const STREAM: u32 = 0x7fff_ffff;

/// The head of a frame (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Octets that follow.
    pub(super) length: u32,
    pub(super) kind: u8,
    flags: u8,
    pub(super) stream: u32,
}

/// Octets in it.
pub(super) const LENGTH: usize = 9;

impl FrameHeader {
    /// Of a frame of the connection's own, without flags.
    pub(super) const fn of(kind: u8, length: u32) -> Self {
        Self {
            length,
            kind,
            flags: 0,
            stream: 0,
        }
    }

    pub(super) const fn parse(octets: [u8; LENGTH]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = octets;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind,
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & STREAM,
        }
    }

    pub(super) const fn octets(self) -> [u8; LENGTH] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }

    /// Whether it is of a head: HEADERS, or CONTINUATION.
    pub(super) const fn is_of_head(self) -> bool {
        matches!(self.kind, HEADERS | CONTINUATION)
    }

    /// Whether a head is whole with it.
    pub(super) const fn ends_head(self) -> bool {
        self.is_of_head() && self.flags & END_HEADERS != 0
    }

    /// Whether its sender has nothing more to say on its stream.
    pub(super) const fn ends_stream(self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// Whether it carries something of a body.
    pub(super) const fn has_data(self) -> bool {
        self.kind == DATA && self.length > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_read_as_they_are_written() {
        let octets = [1, 2, 3, DATA, END_STREAM, 0x80, 0, 1, 4];
        let header = FrameHeader::parse(octets);
        assert_eq!((header.length, header.stream), (0x01_0203, 0x104));
        assert!(header.ends_stream() && header.has_data() && !header.is_of_head());
        let mut again = octets;
        again[5] = 0;
        assert_eq!(header.octets(), again, "without the reserved bit");
        let whole = FrameHeader::parse([0, 0, 0, CONTINUATION, END_HEADERS, 0, 0, 0, 1]);
        assert!(whole.ends_head() && !whole.ends_stream());
        // The same bit is ACK in PING.
        assert!(!FrameHeader::parse([0, 0, 8, 6, 1, 0, 0, 0, 0]).ends_stream());
    }
}
