/// What a client sends on one connection, and what must come of it.
#[derive(Debug)]
pub(super) struct Case {
    /// The octets, one for each character, that are read in one way or not at all.
    pub(super) text: &'static str,
    pub(super) expects: Expects,
    /// Where it is written.
    pub(super) rfc: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expects {
    /// These requests, as method and target and body, and no further one.
    Arrives(&'static [(&'static str, &'static str)], Fate),
    /// None, and an answer with this status.
    Refused(u16, Fate),
    /// At most the beginning of one, which is never ended; an answer with this status, and the end
    /// of the connection.
    Malformed(u16),
    /// The same where the client goes away in the middle, in this way.
    Left(Leaving),
}

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Closed,
    /// One or the other, by how much of a body has come that nobody takes.
    Either,
}

/// How a client goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It has sent its last, and still reads.
    Finished,
    /// With a reset.
    Reset,
}

/// How the octets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    AtOnce,
    /// Each in a write of its own.
    OctetByOctet,
    LineByLine,
    /// In one write with a good request before them.
    BehindAnother,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [
        Self::AtOnce,
        Self::OctetByOctet,
        Self::LineByLine,
        Self::BehindAnother,
    ];

    /// What is sent in one write each.
    pub(super) fn pieces(self, octets: Vec<u8>) -> Vec<Vec<u8>> {
        match self {
            Self::AtOnce => vec![octets],
            Self::OctetByOctet => octets.into_iter().map(|octet| vec![octet]).collect(),
            Self::LineByLine => octets
                .split_inclusive(|octet| *octet == b'\n')
                .map(<[u8]>::to_vec)
                .collect(),
            Self::BehindAnother => vec![[FIRST.as_bytes(), &octets].concat()],
        }
    }
}

/// A good request that is sent before others.
const FIRST: &str = "GET /first HTTP/1.1\r\nhost: a.test\r\n\r\n";

/// What follows where nothing may: it must be no request to anybody.
const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nhost: a.test\r\n\r\n";

impl Case {
    pub(super) const fn refused(text: &'static str, status: u16, rfc: &'static str) -> Self {
        let expects = Expects::Refused(status, Fate::Closed);
        Self { text, expects, rfc }
    }

    pub(super) const fn refused_and_kept(
        text: &'static str,
        status: u16,
        rfc: &'static str,
    ) -> Self {
        let expects = Expects::Refused(status, Fate::Kept);
        Self { text, expects, rfc }
    }

    pub(super) const fn refused_with_body(
        text: &'static str,
        status: u16,
        rfc: &'static str,
    ) -> Self {
        let expects = Expects::Refused(status, Fate::Either);
        Self { text, expects, rfc }
    }

    pub(super) const fn malformed(text: &'static str, rfc: &'static str) -> Self {
        let expects = Expects::Malformed(400);
        Self { text, expects, rfc }
    }

    pub(super) const fn left(text: &'static str, leaving: Leaving, rfc: &'static str) -> Self {
        let expects = Expects::Left(leaving);
        Self { text, expects, rfc }
    }

    pub(super) const fn arrives(
        text: &'static str,
        requests: &'static [(&'static str, &'static str)],
        rfc: &'static str,
    ) -> Self {
        let expects = Expects::Arrives(requests, Fate::Kept);
        Self { text, expects, rfc }
    }

    pub(super) const fn arrives_last(
        text: &'static str,
        requests: &'static [(&'static str, &'static str)],
        rfc: &'static str,
    ) -> Self {
        let expects = Expects::Arrives(requests, Fate::Closed);
        Self { text, expects, rfc }
    }

    /// What is sent, with a request behind it where the connection must end before that.
    pub(super) fn octets(&self) -> Vec<u8> {
        let hidden = match self.expects {
            Expects::Refused(_, Fate::Closed)
            | Expects::Arrives(_, Fate::Closed)
            | Expects::Malformed(_) => HIDDEN,
            _ => "",
        };
        let characters = self.text.chars().chain(hidden.chars());
        characters
            .map(|octet| u8::try_from(octet).expect("one octet"))
            .collect()
    }
}

/// A request with this behind its `Host`.
macro_rules! post {
    ($($rest:literal)*) => { concat!("POST /p HTTP/1.1\r\nhost: a.test\r\n", $($rest),*) };
}

/// The same, without a body.
macro_rules! get {
    ($($rest:literal)*) => { concat!("GET /g HTTP/1.1\r\nhost: a.test\r\n", $($rest),*) };
}

/// A request with this as its chunks.
macro_rules! chunks {
    ($($rest:literal)*) => {
        concat!(
            "POST /p HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n",
            $($rest),*
        )
    };
}

pub(super) use {chunks, get, post};
