use super::FrameHeader;
use super::header::LENGTH;

/// Follows frames by their heads; what is in them is counted off.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// Octets that are no frame: a client's preface.
    before: usize,
    /// The head of a frame, as far as it came.
    head: [u8; LENGTH],
    has: usize,
    /// The frame that the next octet is of, once its head is whole.
    now: Option<Now>,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    header: FrameHeader,
    left: u32,
    /// The first four octets in it, which are the code of RST_STREAM.
    code: u32,
}

/// What an octet was the last of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameEvent {
    /// The head of a frame.
    Begins(FrameHeader),
    /// The whole of a frame; with the number that its first four octets are.
    Ends(FrameHeader, u32),
}

impl FrameReader {
    /// Of what comes behind so many octets.
    pub(super) fn behind(before: usize) -> Self {
        Self {
            before,
            ..Self::default()
        }
    }

    /// Whether the next octet begins a frame.
    pub(super) const fn is_at_border(&self) -> bool {
        self.before == 0 && self.has == 0
    }

    /// Reads on.
    pub(super) fn read(&mut self, mut octets: &[u8], mut tell: impl FnMut(FrameEvent)) {
        octets = skip(octets, &mut self.before);
        while !octets.is_empty() {
            let Some(now) = &mut self.now else {
                octets = self.read_head(octets);
                if let Some(now) = &self.now {
                    tell(FrameEvent::Begins(now.header));
                    self.end(&mut tell);
                }
                continue;
            };
            octets = now.read(octets);
            self.end(&mut tell);
        }
    }

    fn read_head<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let mut rest = octets.iter();
        for place in self.head.iter_mut().skip(self.has) {
            let Some(octet) = rest.next() else {
                return &[];
            };
            *place = *octet;
            self.has += 1;
        }
        let header = FrameHeader::parse(self.head);
        self.now = Some(Now {
            header,
            left: header.length,
            code: 0,
        });
        rest.as_slice()
    }

    fn end(&mut self, tell: &mut impl FnMut(FrameEvent)) {
        if let Some(now) = self.now.take_if(|now| now.left == 0) {
            self.has = 0;
            tell(FrameEvent::Ends(now.header, now.code));
        }
    }
}

impl Now {
    fn read<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let mut left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let begun = usize::try_from(self.header.length - self.left).unwrap_or(usize::MAX);
        for octet in octets.iter().take(4_usize.saturating_sub(begun).min(left)) {
            self.code = self.code << 8 | u32::from(*octet);
        }
        let rest = skip(octets, &mut left);
        self.left = u32::try_from(left).unwrap_or(u32::MAX);
        rest
    }
}

/// What is behind the first so many octets, and how many of these are still to come.
fn skip<'a>(octets: &'a [u8], count: &mut usize) -> &'a [u8] {
    let skipped = octets.len().min(*count);
    *count -= skipped;
    octets.get(skipped..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::server::frames::header::{DATA, RST_STREAM};

    fn events(reader: &mut FrameReader, octets: &[u8]) -> Vec<FrameEvent> {
        let mut events = Vec::new();
        reader.read(octets, |event| events.push(event));
        events
    }

    #[test]
    fn the_code_of_a_reset_is_told() {
        let mut reader = FrameReader::behind(3);
        let reset = [
            b'P', b'R', b'I', 0, 0, 4, RST_STREAM, 0, 0, 0, 0, 1, 0, 0, 1, 8,
        ];
        let header = FrameHeader::parse([0, 0, 4, RST_STREAM, 0, 0, 0, 0, 1]);
        let expected = [FrameEvent::Begins(header), FrameEvent::Ends(header, 0x108)];
        assert_eq!(events(&mut reader, &reset), expected);
        assert!(reader.is_at_border());
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_they_are_cut(
            lengths in prop::collection::vec(0_u8..40, 0..12),
            cuts in prop::collection::vec(1_usize..17, 1..40),
        ) {
            let mut octets = Vec::new();
            for length in &lengths {
                octets.extend([0, 0, *length, DATA, 0, 0, 0, 0, 1]);
                octets.extend(1..=*length);
            }
            let whole = events(&mut FrameReader::default(), &octets);
            prop_assert_eq!(whole.len(), lengths.len() * 2);
            let (mut reader, mut pieces, mut rest) = (FrameReader::default(), Vec::new(), &octets[..]);
            for cut in cuts.iter().cycle() {
                let (piece, others) = rest.split_at((*cut).min(rest.len()));
                pieces.extend(events(&mut reader, piece));
                rest = others;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(pieces, whole);
            prop_assert!(reader.is_at_border());
        }
    }
}
