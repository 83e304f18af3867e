/// Follows the frames of a connection (RFC 9113 section 4.1), without a look at what is in them.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Frames {
    head: [u8; HEAD],
    /// How much of the head is there.
    has: usize,
    /// How much of the rest is to come.
    left: usize,
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) struct FrameHead {
    pub(in crate::upstream) kind: u8,
    pub(in crate::upstream) flags: u8,
    pub(in crate::upstream) stream: u32,
}

const HEAD: usize = 9;

impl Frames {
    /// Goes on over all of this, and tells of each frame that has come to its end.
    pub(in crate::upstream) fn follow(&mut self, mut came: &[u8], mut tell: impl FnMut(FrameHead)) {
        while !came.is_empty() {
            let taken = match self.head.get_mut(self.has..) {
                Some(rest) if !rest.is_empty() => {
                    let taken = rest.len().min(came.len());
                    rest.iter_mut().zip(came).for_each(|(to, from)| *to = *from);
                    self.has += taken;
                    if self.has == HEAD {
                        let [high, middle, low, ..] = self.head;
                        self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
                    }
                    taken
                }
                _ => {
                    let taken = self.left.min(came.len());
                    self.left -= taken;
                    taken
                }
            };
            came = came.get(taken..).unwrap_or_default();
            if self.has == HEAD && self.left == 0 {
                self.has = 0;
                tell(FrameHead::of(self.head));
            }
        }
    }
}

impl FrameHead {
    const fn of([_, _, _, kind, flags, stream @ .., d]: [u8; HEAD]) -> Self {
        let [a, b, c] = stream;
        Self {
            kind,
            flags,
            // The highest bit is reserved.
            stream: u32::from_be_bytes([a & 0x7f, b, c, d]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_when_they_are_there_to_their_end() {
        let frame = |length: u32, kind, flags, stream: u32| {
            let [_, length_octets @ ..] = length.to_be_bytes();
            let mut frame = length_octets.to_vec();
            frame.extend([kind, flags]);
            frame.extend((stream | 1 << 31).to_be_bytes());
            frame.extend(vec![0xff; length as usize]);
            let head = FrameHead {
                kind,
                flags,
                stream,
            };
            (frame, head)
        };
        let frames = [
            frame(0, 4, 1, 0),
            frame(70_000, 0, 0, 3),
            frame(8, 6, 0, 0),
            frame(1, 1, 5, (1 << 31) - 1),
        ];
        let all: Vec<u8> = frames.iter().flat_map(|(frame, _)| frame.clone()).collect();
        let heads: Vec<_> = frames.iter().map(|(_, head)| *head).collect();
        for step in [1, 8, 9, 10, 1000, all.len()] {
            let (mut followed, mut told) = (Frames::default(), Vec::new());
            for piece in all[..all.len() - 1].chunks(step) {
                followed.follow(piece, |head| told.push(head));
            }
            assert_eq!(told, heads[..3], "{step}");
            followed.follow(&all[all.len() - 1..], |head| told.push(head));
            assert_eq!(told, heads, "{step}");
        }
    }
}
