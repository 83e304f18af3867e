use std::ops::Range;

use bytes::{Buf, BytesMut};
use tokio::io::ReadBuf;

use super::framing::{Advance, Framing};
use super::head::HeadEnd;
use super::substitute::SUBSTITUTE;
use super::vet::{HeadLimits, Vetted, vet};
use crate::server::HeadFault;
use crate::server::phase::Phase;

/// What of a connection's octets may go up to hyper, and when.
///
/// What is read goes into hyper's own buffer and stays there where it may: a request that comes in
/// one piece is not copied. The rest is held: what there is of a head until the whole of it came,
/// and what came behind a message until that is answered.
#[derive(Debug)]
pub(in crate::server) struct Feed {
    limits: HeadLimits,
    pub(super) state: State,
    /// At most a head, or what one read brought.
    pub(super) held: BytesMut,
    head_end: HeadEnd,
    /// Messages whose whole head went up.
    pub(super) given: u64,
}

#[derive(Debug)]
pub(super) enum State {
    /// A head may come, or came in part.
    Head,
    /// So many octets of what is held are a head that was vetted.
    Vetted {
        octets: usize,
        framing: Framing,
    },
    Body(Framing),
    /// The whole of a message went up. The next one waits for its answer.
    Ended,
    /// This much of the substitute is still to go up.
    Substitute(&'static [u8]),
    /// No message follows the substitute.
    Substituted,
    /// Nothing goes up any more: the body is none from here on, which its reader is told once it
    /// comes to ask, or hyper left it before its end.
    Over(Option<HeadFault>),
}

/// What [`Feed::give`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Given {
    /// Put octets into the buffer.
    Octets,
    /// There will be none any more.
    End,
    /// There are none now.
    Nothing,
}

impl Feed {
    pub(in crate::server) fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            state: State::Head,
            held: BytesMut::new(),
            head_end: HeadEnd::default(),
            given: 0,
        }
    }

    /// Puts up what is held and may go.
    pub(in crate::server) fn give(&mut self, buffer: &mut ReadBuf<'_>, phase: &Phase) -> Given {
        self.turn(phase);
        if matches!(self.state, State::Head) && !self.held.is_empty() {
            self.examine_held(phase);
        }
        match &mut self.state {
            State::Vetted { .. } => self.give_head(buffer),
            State::Body(_) if !self.held.is_empty() => self.give_body(buffer, phase),
            State::Substitute(rest) => {
                let (now, later) = rest.split_at(buffer.remaining().min(rest.len()));
                buffer.put_slice(now);
                *rest = later;
                if later.is_empty() {
                    self.given += 1;
                    self.state = State::Substituted;
                }
                Given::Octets
            }
            State::Over(fault) => {
                if let Some(fault) = fault.take() {
                    phase.spoil(fault);
                }
                Given::End
            }
            _ => Given::Nothing,
        }
    }

    /// Whether more is to be read from the socket.
    pub(in crate::server) fn is_hungry(&self) -> bool {
        match self.state {
            State::Head => true,
            // While a request is answered, hyper reads to learn whether its client is still there.
            State::Body(_) | State::Ended => self.held.is_empty(),
            _ => false,
        }
    }

    /// Takes out of the buffer what was just read and may not go up, which may be all of it.
    pub(in crate::server) fn take(
        &mut self,
        buffer: &mut ReadBuf<'_>,
        before: usize,
        phase: &Phase,
    ) {
        match self.state {
            State::Head if self.held.is_empty() => self.take_head(buffer, before, phase),
            State::Body(_) => self.take_body(buffer, before),
            _ => self.hold(buffer, before),
        }
    }

    /// Gives up waiting for the rest of a head.
    pub(in crate::server) fn head_is_late(&mut self, phase: &Phase) {
        self.refuse(HeadFault::Late, phase);
    }

    /// Whether the next thing to come is a head, or the rest of one.
    pub(in crate::server) const fn awaits_head(&self) -> bool {
        matches!(self.state, State::Head)
    }

    /// Whether a part of a head came. The empty line that some clients send behind a body is
    /// none (RFC 9112 section 2.2).
    pub(in crate::server) fn has_begun_head(&self) -> bool {
        self.awaits_head() && !matches!(&self.held[..], b"" | b"\r" | b"\r\n")
    }

    /// Whether the last message stands in the place of what was none.
    pub(in crate::server) const fn is_substituted(&self) -> bool {
        matches!(self.state, State::Substitute(_) | State::Substituted)
    }

    /// What came behind the last message.
    pub(in crate::server) fn into_held(self) -> BytesMut {
        self.held
    }

    /// Goes on where the service, or hyper, went on meanwhile.
    fn turn(&mut self, phase: &Phase) {
        match self.state {
            // What follows a change of protocol is no head.
            State::Ended if phase.switches() => {}
            State::Ended if phase.answers() == self.given => self.state = State::Head,
            // Nobody reads this body any more, or hyper never took its head for one. What is left
            // of it must not be taken for the next head.
            State::Body(_) if phase.requests() != self.given || phase.awaits_head() => {
                self.end(None);
            }
            _ => {}
        }
    }

    /// A head at the beginning of what was just read, which stays where it is if it is whole.
    fn take_head(&mut self, buffer: &mut ReadBuf<'_>, before: usize, phase: &Phase) {
        let came = buffer.filled().get(before..).unwrap_or_default();
        match examine(&mut self.head_end, came, &self.limits) {
            Ok(None) => self.hold(buffer, before),
            Ok(Some((octets, vetted))) => {
                ask(&vetted, came, phase);
                let fresh = buffer.filled_mut().get_mut(before..).unwrap_or_default();
                let gone = close_gaps(fresh, &vetted.upgrades);
                buffer.set_filled(buffer.filled().len() - gone);
                self.begin_body(vetted.framing);
                self.take_body(buffer, before + octets - gone);
            }
            Err(fault) => {
                buffer.set_filled(before);
                self.refuse(fault, phase);
            }
        }
    }

    fn examine_held(&mut self, phase: &Phase) {
        match examine(&mut self.head_end, &self.held, &self.limits) {
            Ok(None) => {}
            Ok(Some((octets, vetted))) => {
                ask(&vetted, &self.held, phase);
                let gone = close_gaps(&mut self.held, &vetted.upgrades);
                self.held.truncate(self.held.len() - gone);
                self.head_end = HeadEnd::default();
                self.state = State::Vetted {
                    octets: octets - gone,
                    framing: vetted.framing,
                };
            }
            Err(fault) => self.refuse(fault, phase),
        }
    }

    /// The body, from a place in the buffer on.
    fn take_body(&mut self, buffer: &mut ReadBuf<'_>, from: usize) {
        let came = buffer.filled().get(from..).unwrap_or_default();
        let Advance { octets, fault } = self.state.follow(came);
        let beyond = came.get(octets..).unwrap_or_default();
        match fault {
            Some(_) => self.end(fault),
            None => self.held.extend_from_slice(beyond),
        }
        buffer.set_filled(from + octets);
    }

    fn give_head(&mut self, buffer: &mut ReadBuf<'_>) -> Given {
        let State::Vetted { octets, .. } = &mut self.state else {
            return Given::Nothing;
        };
        let now = buffer.remaining().min(*octets);
        *octets -= now;
        let is_given = *octets == 0;
        self.put(buffer, now);
        if is_given
            && let State::Vetted { framing, .. } = std::mem::replace(&mut self.state, State::Ended)
        {
            self.begin_body(framing);
        }
        Given::Octets
    }

    fn give_body(&mut self, buffer: &mut ReadBuf<'_>, phase: &Phase) -> Given {
        let room = buffer.remaining().min(self.held.len());
        let held = self.held.get(..room).unwrap_or_default();
        let Advance { octets, fault } = self.state.follow(held);
        self.put(buffer, octets);
        if fault.is_none() {
            return Given::Octets;
        }
        self.end(fault);
        match octets {
            0 => self.give(buffer, phase),
            _ => Given::Octets,
        }
    }

    /// Puts up the first of what is held.
    fn put(&mut self, buffer: &mut ReadBuf<'_>, octets: usize) {
        buffer.put_slice(self.held.get(..octets).unwrap_or_default());
        self.held.advance(octets);
        if self.held.is_empty() {
            // Most connections never hold anything again.
            self.held = BytesMut::new();
        }
    }

    fn hold(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let came = buffer.filled().get(before..).unwrap_or_default();
        self.held.extend_from_slice(came);
        buffer.set_filled(before);
    }

    /// The whole head went up.
    fn begin_body(&mut self, framing: Framing) {
        self.given += 1;
        self.head_end = HeadEnd::default();
        self.state = match framing.is_over() {
            true => State::Ended,
            false => State::Body(framing),
        };
    }

    fn refuse(&mut self, fault: HeadFault, phase: &Phase) {
        phase.refuse(fault);
        self.held = BytesMut::new();
        self.state = State::Substitute(SUBSTITUTE);
    }

    /// Ends the connection's input in the middle of a body.
    fn end(&mut self, fault: Option<HeadFault>) {
        self.held = BytesMut::new();
        self.state = State::Over(fault);
    }
}

impl State {
    /// How much of this is the body's; there is none where no body is going on.
    fn follow(&mut self, came: &[u8]) -> Advance {
        let Self::Body(framing) = self else {
            return Advance::default();
        };
        let advance = framing.advance(came);
        if framing.is_over() {
            *self = Self::Ended;
        }
        advance
    }
}

/// The head that these octets begin with, if the whole of it is there, and its length.
fn examine(
    end: &mut HeadEnd,
    octets: &[u8],
    limits: &HeadLimits,
) -> Result<Option<(usize, Vetted)>, HeadFault> {
    let Some(end) = end.find(octets, limits.octets)? else {
        return Ok(None);
    };
    let vetted = vet(octets.get(..end).unwrap_or_default(), limits)?;
    Ok(Some((end, vetted)))
}

/// Tells the service which protocols a head asks for.
fn ask(vetted: &Vetted, head: &[u8], phase: &Phase) {
    if vetted.upgrades.is_empty() {
        return;
    }
    let lines = vetted
        .upgrades
        .iter()
        .filter_map(|line| head.get(line.clone()));
    let values = lines.filter_map(|line| line.splitn(2, |octet| *octet == b':').nth(1));
    let values: Vec<&[u8]> = values.map(<[u8]>::trim_ascii).collect();
    phase.ask_upgrade(values.join(&b","[..]).into());
}

/// Moves what is behind these parts over them, and says how much shorter that makes the whole.
fn close_gaps(octets: &mut [u8], gaps: &[Range<usize>]) -> usize {
    let mut gone = 0;
    for (at, gap) in gaps.iter().enumerate() {
        let next = gaps.get(at + 1).map_or(octets.len(), |next| next.start);
        octets.copy_within(gap.end..next, gap.start - gone);
        gone += gap.len();
    }
    gone
}
