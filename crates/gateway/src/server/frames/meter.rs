use tokio::time::Instant;

use super::header::{CONTINUATION, DATA, HEADERS, RST_STREAM};
use super::{Budget, Calm, FrameEvent, FrameHeader, FrameReader};
use crate::server::Http2Config;

/// How long a client's preface is (RFC 9113 section 3.4).
const PREFACE: usize = 24;
/// What honest use gives back to the budgets, in thousandths: a frame of a body is followed by
/// windows for it, a request comes with some of them, and one that is answered pays for a quarter of
/// one that is not.
const FOR_DATA: u64 = 2_000;
const FOR_REQUEST: u64 = 4_000;
const FOR_ANSWER: u64 = 250;

/// Counts the frames of one connection, both ways.
#[derive(Debug)]
pub(in crate::server) struct Meter {
    from_client: FrameReader,
    to_client: FrameReader,
    control: Budget,
    resets: Budget,
    /// Whether the head of a request has begun that is not whole.
    in_head: bool,
    last_stream: u32,
    data_frames: u64,
    calm: Option<Calm>,
}

impl Meter {
    /// Of a connection whose first octet is still to come.
    pub(in crate::server) fn new(config: &Http2Config) -> Self {
        Self {
            from_client: FrameReader::behind(PREFACE),
            to_client: FrameReader::default(),
            control: Budget::new(config.control_frames, config.control_frames / 20),
            resets: Budget::new(config.resets, config.resets / 20),
            in_head: false,
            last_stream: 0,
            data_frames: 0,
            calm: None,
        }
    }

    /// Counts what came from the client.
    pub(in crate::server) fn came(&mut self, octets: &[u8], now: Instant) {
        let mut reader = std::mem::take(&mut self.from_client);
        reader.read(octets, |event| match event {
            FrameEvent::Begins(header) => self.begins(header, now),
            FrameEvent::Ends(header, _) if header.is_of_head() => {
                self.in_head = !header.ends_head();
            }
            FrameEvent::Ends(..) => {}
        });
        self.from_client = reader;
    }

    /// Counts what went to the client.
    pub(in crate::server) fn went(&mut self, octets: &[u8], now: Instant) {
        let mut reader = std::mem::take(&mut self.to_client);
        reader.read(octets, |event| {
            if let FrameEvent::Ends(header, code) = event {
                self.sent(header, code, now);
            }
        });
        self.to_client = reader;
    }

    /// Why the client must go, once it must.
    pub(in crate::server) const fn calm(&self) -> Option<Calm> {
        self.calm
    }

    /// Notes that it must; the first reason counts.
    pub(in crate::server) fn calm_down(&mut self, why: Calm) {
        self.calm.get_or_insert(why);
    }

    /// Whether the head of a request has begun that is not whole.
    pub(in crate::server) const fn awaits_rest_of_head(&self) -> bool {
        self.in_head
    }

    /// Whether a frame may follow what went to the client.
    pub(in crate::server) const fn is_at_border(&self) -> bool {
        self.to_client.is_at_border()
    }

    /// The newest stream of the client.
    pub(in crate::server) const fn last_stream(&self) -> u32 {
        self.last_stream
    }

    /// How many frames of answers' bodies went to the client.
    pub(in crate::server) const fn data_frames(&self) -> u64 {
        self.data_frames
    }

    fn begins(&mut self, header: FrameHeader, now: Instant) {
        match header.kind {
            HEADERS => {
                self.in_head = true;
                // One of a stream that is known are trailers.
                if header.stream > self.last_stream {
                    self.last_stream = header.stream;
                    self.control.give(FOR_REQUEST);
                }
            }
            CONTINUATION => self.in_head = true,
            DATA if header.has_data() => self.control.give(FOR_DATA),
            DATA if header.ends_stream() => {}
            RST_STREAM => self.take_reset(now),
            _ if !self.control.take(now) => self.calm_down(Calm::ControlFrames),
            _ => {}
        }
    }

    fn sent(&mut self, header: FrameHeader, code: u32, now: Instant) {
        if header.has_data() {
            self.data_frames += 1;
            self.control.give(FOR_DATA);
        }
        if header.ends_stream() {
            self.resets.give(FOR_ANSWER);
        }
        if header.kind == RST_STREAM && is_for_what_was_sent(code) {
            self.take_reset(now);
        }
    }

    fn take_reset(&mut self, now: Instant) {
        if !self.resets.take(now) {
            self.calm_down(Calm::Resets);
        }
    }
}

/// Whether a stream was reset for what its client sent. Not so `STREAM_CLOSED`: what was on its way
/// to a stream that ended with its key must not end those of other keys.
const fn is_for_what_was_sent(code: u32) -> bool {
    const PROTOCOL_ERROR: u32 = 0x1;
    const FLOW_CONTROL_ERROR: u32 = 0x3;
    const FRAME_SIZE_ERROR: u32 = 0x6;
    const REFUSED_STREAM: u32 = 0x7;
    const ENHANCE_YOUR_CALM: u32 = 0xb;
    matches!(
        code,
        PROTOCOL_ERROR | FLOW_CONTROL_ERROR | FRAME_SIZE_ERROR | REFUSED_STREAM | ENHANCE_YOUR_CALM
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SETTINGS: u8 = 0x4;
    const PING: u8 = 0x6;
    const WINDOW_UPDATE: u8 = 0x8;
    const CANCEL: u32 = 0x8;
    const STREAM_CLOSED: u32 = 0x5;
    const REFUSED_STREAM: u32 = 0x7;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        let mut frame = vec![0, 0, length, kind, flags];
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    struct Wire {
        meter: Meter,
        now: Instant,
    }

    impl Wire {
        fn new() -> Self {
            let config = Http2Config {
                control_frames: 40,
                resets: 20,
                ..Http2Config::default()
            };
            let mut meter = Meter::new(&config);
            let now = Instant::now();
            meter.came(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", now);
            Self { meter, now }
        }

        fn came(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Option<Calm> {
            self.meter
                .came(&frame(kind, flags, stream, payload), self.now);
            self.meter.calm()
        }

        fn went(&mut self, kind: u8, flags: u8, payload: &[u8]) -> Option<Calm> {
            self.meter.went(&frame(kind, flags, 1, payload), self.now);
            self.meter.calm()
        }
    }

    #[test]
    fn control_frames_of_every_kind_use_one_budget() {
        for kind in [SETTINGS, PING, WINDOW_UPDATE, 0x2, 0x7, 0xee] {
            let mut wire = Wire::new();
            for _ in 0..40 {
                assert_eq!(wire.came(kind, 0, 0, &[0; 8]), None, "{kind}");
            }
            assert_eq!(wire.came(kind, 1, 0, &[]), Some(Calm::ControlFrames));
        }
        let mut empty = Wire::new();
        for _ in 0..40 {
            assert_eq!(empty.came(DATA, 0, 1, &[]), None);
        }
        assert_eq!(empty.came(DATA, 0, 1, &[]), Some(Calm::ControlFrames));
        let mut ends = Wire::new();
        for _ in 0..400 {
            assert_eq!(ends.came(DATA, 1, 1, &[]), None, "the end of a body");
        }
    }

    #[test]
    fn bodies_and_requests_pay_for_control_frames_and_so_does_time() {
        let mut wire = Wire::new();
        for _ in 0..400 {
            assert_eq!(wire.came(DATA, 0, 1, &[1]), None);
            assert_eq!(wire.went(DATA, 0, &[1]), None);
            for _ in 0..4 {
                assert_eq!(wire.came(WINDOW_UPDATE, 0, 1, &[0; 4]), None);
            }
        }
        assert_eq!(wire.meter.data_frames(), 400);
        for stream in 0..100 {
            assert_eq!(wire.came(HEADERS, 5, 2 * stream + 1, &[1]), None);
            for _ in 0..4 {
                assert_eq!(wire.came(PING, 0, 0, &[0; 8]), None);
            }
        }
        assert_eq!(wire.meter.last_stream(), 199);
        for _ in 0..100 {
            wire.now += Duration::from_secs(1);
            assert_eq!(wire.came(PING, 0, 0, &[0; 8]), None);
            assert_eq!(wire.came(SETTINGS, 0, 0, &[]), None);
        }
        // Trailers are no request.
        wire.now += Duration::from_mins(1);
        for _ in 0..40 {
            assert_eq!(wire.came(HEADERS, 5, 1, &[1]), None);
            assert_eq!(wire.came(PING, 0, 0, &[0; 8]), None);
        }
        assert_eq!(wire.came(PING, 0, 0, &[0; 8]), Some(Calm::ControlFrames));
    }

    #[test]
    fn resets_use_a_budget_that_answers_fill() {
        let mut wire = Wire::new();
        for _ in 0..20 {
            assert_eq!(wire.came(RST_STREAM, 0, 1, &CANCEL.to_be_bytes()), None);
        }
        for _ in 0..4 {
            assert_eq!(wire.went(DATA, 1, &[]), None);
        }
        assert_eq!(wire.came(RST_STREAM, 0, 1, &[0; 4]), None);
        assert_eq!(wire.came(RST_STREAM, 0, 1, &[0; 4]), Some(Calm::Resets));
    }

    #[test]
    fn resets_that_the_client_provokes_count_and_our_own_do_not() {
        let mut wire = Wire::new();
        for _ in 0..400 {
            for code in [CANCEL, STREAM_CLOSED, 0, 2] {
                assert_eq!(wire.went(RST_STREAM, 0, &code.to_be_bytes()), None);
            }
        }
        for _ in 0..20 {
            assert_eq!(
                wire.went(RST_STREAM, 0, &REFUSED_STREAM.to_be_bytes()),
                None
            );
        }
        let refused = REFUSED_STREAM.to_be_bytes();
        assert_eq!(wire.went(RST_STREAM, 0, &refused), Some(Calm::Resets));
    }

    #[test]
    fn a_head_is_awaited_until_its_last_octet() {
        let mut wire = Wire::new();
        let head = [
            frame(HEADERS, 1, 1, &[1, 2, 3]),
            frame(CONTINUATION, 0, 1, &[]),
            frame(CONTINUATION, 4, 1, &[4, 5]),
        ]
        .concat();
        for (at, octet) in head.iter().enumerate() {
            wire.meter.came(&[*octet], wire.now);
            // What the first nine are of is not known before.
            let awaits = (8..head.len() - 1).contains(&at);
            assert_eq!(wire.meter.awaits_rest_of_head(), awaits, "{at}");
        }
        wire.came(DATA, 1, 1, &[1]);
        assert!(!wire.meter.awaits_rest_of_head());
        assert_eq!(wire.meter.calm(), None);
    }
}
