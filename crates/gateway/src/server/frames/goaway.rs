use super::header::{self, FrameHeader};

/// `ENHANCE_YOUR_CALM` (RFC 9113 section 7).
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// The frame GOAWAY (RFC 9113 section 6.8) of a server that takes nothing of a client any more.
/// `last_stream` is the newest stream of which anything may have been done.
pub(in crate::server) fn goaway(last_stream: u32) -> [u8; 17] {
    let mut frame = [0; 17];
    let parts = [
        &FrameHeader::of(header::GOAWAY, 8).octets()[..],
        &last_stream.to_be_bytes(),
        &ENHANCE_YOUR_CALM.to_be_bytes(),
    ];
    for (octet, from) in frame.iter_mut().zip(parts.into_iter().flatten()) {
        *octet = *from;
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::goaway;

    #[test]
    fn goaway_is_as_the_rfc_draws_it() {
        let frame = goaway(0x0102_0305);
        let expected = [
            0, 0, 8, 7, 0, 0, 0, 0, 0, // length, type, flags, stream
            1, 2, 3, 5, 0, 0, 0, 11,
        ];
        assert_eq!(frame, expected);
    }
}
