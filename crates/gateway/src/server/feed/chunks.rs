use super::framing::{Advance, least};
use super::vet::{is_field_octet, is_token};
use crate::server::HeadFault;

/// Follows a chunked body to its end (RFC 9112 section 7.1), one octet after the other: what is
/// wrong does not depend on how many came at once.
///
/// Stricter than what recipients may be: no white space behind a size, no more digits than a size
/// needs, lines that end with both carriage return and line feed. All that hyper bounds is
/// bounded here as well, and not above it.
#[derive(Debug)]
pub(super) struct Chunks {
    place: Place,
    /// Octets of extensions so far, in all chunks.
    extensions: usize,
    trailers: usize,
    trailer_octets: usize,
    longest_trailers: usize,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Size { size: u64, digits: u32 },
    Extension { size: u64, octets: usize },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataReturn,
    DataEnd,
    Trailers,
    TrailerName,
    TrailerValue,
    TrailerEnd,
    End,
    Over,
}

/// The beginning of a chunk.
const CHUNK: Place = Place::Size { size: 0, digits: 0 };

const MOST_DIGITS: u32 = 16;
/// Octets of extensions in one chunk, of which nobody is known to make use.
const LONGEST_EXTENSION: usize = 256;
/// In all chunks of a body together.
const LONGEST_EXTENSIONS: usize = 16 * 1024;
const MOST_TRAILERS: usize = 64;
const LONGEST_TRAILERS: usize = 16 * 1024;

impl Chunks {
    /// A body whose trailer fields must be shorter than a head may be, and than 16 KiB.
    pub(super) fn new(longest_head: usize) -> Self {
        Self {
            place: CHUNK,
            extensions: 0,
            trailers: 0,
            trailer_octets: 0,
            longest_trailers: longest_head.min(LONGEST_TRAILERS),
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    pub(super) fn advance(&mut self, came: &[u8]) -> Advance {
        let mut octets = 0;
        while let Some(octet) = came.get(octets) {
            match &mut self.place {
                Place::Over => break,
                Place::Data { left } => {
                    let taken = least(*left, came.len() - octets);
                    *left -= taken as u64;
                    octets += taken;
                    if *left == 0 {
                        self.place = Place::DataReturn;
                    }
                }
                _ => match self.step(*octet) {
                    Ok(place) => {
                        self.place = place;
                        octets += 1;
                    }
                    Err(fault) => {
                        return Advance {
                            octets,
                            fault: Some(fault),
                        };
                    }
                },
            }
        }
        Advance {
            octets,
            fault: None,
        }
    }

    fn step(&mut self, octet: u8) -> Result<Place, HeadFault> {
        match (self.place, octet) {
            (Place::Size { size, digits }, b'\r') if digits > 0 => Ok(Place::SizeEnd { size }),
            (Place::Size { size, digits }, b';') if digits > 0 => {
                Ok(Place::Extension { size, octets: 0 })
            }
            (Place::Size { size, digits }, _) => digit(size, digits, octet),
            (Place::Extension { size, .. }, b'\r') => Ok(Place::SizeEnd { size }),
            (Place::Extension { size, octets }, _) => self.extension(size, octets, octet),
            (Place::SizeEnd { size: 0 }, b'\n') => Ok(Place::Trailers),
            (Place::SizeEnd { size }, b'\n') => Ok(Place::Data { left: size }),
            (Place::DataReturn, b'\r') => Ok(Place::DataEnd),
            (Place::DataEnd, b'\n') => Ok(CHUNK),
            (Place::SizeEnd { .. } | Place::DataReturn | Place::DataEnd, _) => {
                Err(HeadFault::Chunk)
            }
            (place, _) => self.trailer(place, octet),
        }
    }

    fn extension(&mut self, size: u64, octets: usize, octet: u8) -> Result<Place, HeadFault> {
        self.extensions += 1;
        let fits = octets < LONGEST_EXTENSION && self.extensions < LONGEST_EXTENSIONS;
        match fits && is_field_octet(octet) {
            true => Ok(Place::Extension {
                size,
                octets: octets + 1,
            }),
            false => Err(HeadFault::Chunk),
        }
    }

    /// Trailer fields, and the empty line behind them.
    fn trailer(&mut self, place: Place, octet: u8) -> Result<Place, HeadFault> {
        self.trailer_octets += 1;
        if self.trailer_octets >= self.longest_trailers {
            return Err(HeadFault::Trailer);
        }
        match (place, octet) {
            (Place::Trailers, b'\r') => Ok(Place::End),
            (Place::Trailers, _) if self.trailers == MOST_TRAILERS => Err(HeadFault::Trailer),
            (Place::TrailerName, b':') => Ok(Place::TrailerValue),
            (Place::Trailers | Place::TrailerName, _) if is_token(octet) => Ok(Place::TrailerName),
            (Place::TrailerValue, b'\r') => Ok(Place::TrailerEnd),
            (Place::TrailerValue, _) if is_field_octet(octet) => Ok(Place::TrailerValue),
            (Place::TrailerEnd, b'\n') => {
                self.trailers += 1;
                Ok(Place::Trailers)
            }
            (Place::End, b'\n') => Ok(Place::Over),
            _ => Err(HeadFault::Trailer),
        }
    }
}

fn digit(size: u64, digits: u32, octet: u8) -> Result<Place, HeadFault> {
    match char::from(octet).to_digit(16) {
        Some(digit) if digits < MOST_DIGITS => Ok(Place::Size {
            size: size << 4 | u64::from(digit),
            digits: digits + 1,
        }),
        _ => Err(HeadFault::Chunk),
    }
}
