use http::HeaderValue;

/// The spans of one request that is over, in plain data: what a collector wants of them is made of
/// it where they are sent, and no request waits for that.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) trace: u128,
    /// What tracing systems on the way keep for themselves.
    pub(crate) state: Option<HeaderValue>,
    pub(crate) server: Span,
    /// The exchange with an upstream, where there was one.
    pub(crate) client: Option<Span>,
}

/// One span. Times are nanoseconds since 1970.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) id: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) kind: Kind,
    pub(crate) name: Box<str>,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: Vec<(&'static str, Value)>,
    pub(crate) is_error: bool,
}

/// Who measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whoever was asked: its parent is elsewhere.
    Server,
    /// Whoever asked: its parent is here.
    Client,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Word(&'static str),
    Text(Box<str>),
    Number(i64),
}

impl Spans {
    /// How many they are.
    pub(super) fn count(&self) -> u64 {
        1 + u64::from(self.client.is_some())
    }
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Box<str>> for Value {
    fn from(text: Box<str>) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}
