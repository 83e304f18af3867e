/// Follows what a server of WebSocket says from frame to frame (RFC 6455 section 5.2), without a
/// look at what is in them.
#[derive(Debug, Default)]
pub(super) struct Frames {
    place: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between two frames: the only place where one of ours may stand.
    #[default]
    Border,
    /// Behind the first octet.
    Length,
    /// So many octets of the length are to come.
    Longer {
        left: u8,
        length: u64,
    },
    Payload {
        left: u64,
    },
    /// What came is no frame of a server's.
    Lost,
}

const RESERVED_OPCODES: [u8; 10] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
const MASKED: u8 = 0x80;

impl Frames {
    pub(super) fn is_at_border(&self) -> bool {
        self.place == Place::Border
    }

    pub(super) fn is_lost(&self) -> bool {
        self.place == Place::Lost
    }

    /// Goes on over all of this.
    pub(super) fn follow(&mut self, mut came: &[u8]) {
        while !came.is_empty() {
            let taken = self.follow_one(came);
            came = came.get(taken..).unwrap_or_default();
        }
    }

    /// Goes on to the next border, and says how much that took: all of it where there is none.
    pub(super) fn follow_one(&mut self, came: &[u8]) -> usize {
        let mut at = 0;
        while let Some(octet) = came.get(at) {
            at += match self.place {
                Place::Payload { left } => {
                    let rest = came.len() - at;
                    let taken = usize::try_from(left).map_or(rest, |left| left.min(rest));
                    self.place = payload(left - taken as u64);
                    taken
                }
                Place::Lost => return came.len(),
                _ => {
                    self.place = self.step(*octet);
                    1
                }
            };
            if self.is_at_border() {
                break;
            }
        }
        at
    }

    fn step(&self, octet: u8) -> Place {
        match self.place {
            Place::Border if RESERVED_OPCODES.contains(&(octet & 0x0f)) => Place::Lost,
            Place::Border => Place::Length,
            // RFC 6455 section 5.1: a server masks nothing.
            Place::Length if octet & MASKED != 0 => Place::Lost,
            Place::Length => match octet {
                126 => Place::Longer { left: 2, length: 0 },
                127 => Place::Longer { left: 8, length: 0 },
                length => payload(length.into()),
            },
            Place::Longer { left, length } => {
                let length = (length << 8) | u64::from(octet);
                match left {
                    1 if length >> 63 != 0 => Place::Lost,
                    1 => payload(length),
                    _ => Place::Longer {
                        left: left - 1,
                        length,
                    },
                }
            }
            other => other,
        }
    }
}

const fn payload(left: u64) -> Place {
    match left {
        0 => Place::Border,
        left => Place::Payload { left },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..=125 => frame.push(length as u8),
            126..=65_535 => {
                frame.push(126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0x81; length]);
        frame
    }

    #[test]
    fn borders_are_found_however_the_octets_come() {
        let lengths = [0, 1, 125, 126, 65_535, 65_536, 2];
        let frames: Vec<Vec<u8>> = lengths
            .iter()
            .zip([0x81, 0x01, 0x00, 0x80, 0x89, 0xc2, 0x8a])
            .map(|(length, first)| frame(first, *length))
            .collect();
        let mut borders = Vec::new();
        let mut end = 0;
        for frame in &frames {
            end += frame.len();
            borders.push(end);
        }
        let all = frames.concat();
        for step in [1, 2, 3, 7, 1000, all.len()] {
            let (mut followed, mut found) = (Frames::default(), Vec::new());
            let mut at = 0;
            for piece in all.chunks(step) {
                let mut rest = piece;
                while !rest.is_empty() {
                    let taken = followed.follow_one(rest);
                    at += taken;
                    rest = &rest[taken..];
                    if followed.is_at_border() {
                        found.push(at);
                    }
                }
            }
            assert_eq!(found, borders, "{step}");
        }
    }

    #[test]
    fn what_is_no_frame_of_a_server_is_lost_for_good() {
        let long = [&[0x82, 127, 0x80][..], &[0; 7]].concat();
        for lost in [&[0x81, 0x80][..], &[0x83], &[0x8f], &long] {
            let mut frames = Frames::default();
            frames.follow(lost);
            assert!(frames.is_lost(), "{lost:?}");
            frames.follow(&frame(0x81, 3));
            assert!(frames.is_lost() && !frames.is_at_border());
        }
    }
}
