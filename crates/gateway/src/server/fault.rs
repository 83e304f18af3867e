use std::error::Error;
use std::fmt;

use http::StatusCode;

/// Why the head of a request, or the framing of its body, is not taken. Most of it is of HTTP/1:
/// in HTTP/2 streams and connections are ended for what HTTP/1 has no other answer to.
///
/// What two readers could take in two ways is refused rather than repaired: an attacker who gets
/// this gateway and what is behind it to see different requests passes the checks with one of them
/// and is served the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeadFault {
    /// More than one empty line before the request line.
    EmptyLines,
    /// A line that ends with a line feed alone.
    BareLineFeed,
    /// A carriage return that no line feed follows.
    BareCarriageReturn,
    /// A NUL.
    Nul,
    /// A method that is no token.
    Method,
    /// CONNECT, which would make a tunnel of the connection.
    Connect,
    /// A target that is empty, or has a space, a control character or more than ASCII in it, or a
    /// request line that does not have three parts with one space between them.
    Target,
    /// A target longer than is allowed.
    TargetTooLong,
    /// A target with a fragment, which no client sends.
    Fragment,
    /// A request line that does not end with a version of HTTP.
    Version,
    /// A version other than 1.0 and 1.1.
    VersionUnsupported,
    /// A field line without a colon.
    NoColon,
    /// White space between a field's name and its colon, or before the name of the first field.
    SpaceBeforeColon,
    /// A line that continues the one before it.
    Folded,
    /// A field name that is no token.
    FieldName,
    /// A control character in a field's value; in HTTP/2 also white space at its beginning or end.
    FieldValue,
    /// More fields than are allowed.
    TooManyFields,
    /// A head longer than is allowed.
    TooLong,
    /// `Content-Length` beside `Transfer-Encoding`.
    LengthAndCoding,
    /// More than one `Content-Length`, equal or not.
    SeveralLengths,
    /// A `Content-Length` that is not 1 to 19 decimal digits.
    Length,
    /// A transfer coding that is not known here.
    Coding,
    /// More than one `Transfer-Encoding`, or more than one coding in it.
    SeveralCodings,
    /// `Transfer-Encoding` in HTTP/1.0, which has none.
    CodingInHttp10,
    /// A name that some servers read as `Content-Length` or `Transfer-Encoding`.
    LookalikeFraming,
    /// A chunk whose size or end is not as it must be.
    Chunk,
    /// Trailer fields that are malformed, too many or too long.
    Trailer,
    /// A head that did not come to its end in time.
    Late,
}

impl HeadFault {
    /// Every fault.
    pub(crate) const ALL: [Self; 28] = [
        Self::EmptyLines,
        Self::BareLineFeed,
        Self::BareCarriageReturn,
        Self::Nul,
        Self::Method,
        Self::Connect,
        Self::Target,
        Self::TargetTooLong,
        Self::Fragment,
        Self::Version,
        Self::VersionUnsupported,
        Self::NoColon,
        Self::SpaceBeforeColon,
        Self::Folded,
        Self::FieldName,
        Self::FieldValue,
        Self::TooManyFields,
        Self::TooLong,
        Self::LengthAndCoding,
        Self::SeveralLengths,
        Self::Length,
        Self::Coding,
        Self::SeveralCodings,
        Self::CodingInHttp10,
        Self::LookalikeFraming,
        Self::Chunk,
        Self::Trailer,
        Self::Late,
    ];

    /// The status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::TooManyFields | Self::TooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Connect | Self::Coding => StatusCode::NOT_IMPLEMENTED,
            Self::VersionUnsupported => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The fault in lower-case words: the label `fault` of metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyLines => "empty_lines",
            Self::BareLineFeed => "bare_line_feed",
            Self::BareCarriageReturn => "bare_carriage_return",
            Self::Nul => "nul",
            Self::Method => "method",
            Self::Connect => "connect",
            Self::Target => "target",
            Self::TargetTooLong => "target_too_long",
            Self::Fragment => "fragment",
            Self::Version => "version",
            Self::VersionUnsupported => "version_unsupported",
            Self::NoColon => "no_colon",
            Self::SpaceBeforeColon => "space_before_colon",
            Self::Folded => "folded",
            Self::FieldName => "field_name",
            Self::FieldValue => "field_value",
            Self::TooManyFields => "too_many_fields",
            Self::TooLong => "too_long",
            Self::LengthAndCoding => "length_and_coding",
            Self::SeveralLengths => "several_lengths",
            Self::Length => "length",
            Self::Coding => "coding",
            Self::SeveralCodings => "several_codings",
            Self::CodingInHttp10 => "coding_in_http10",
            Self::LookalikeFraming => "lookalike_framing",
            Self::Chunk => "chunk",
            Self::Trailer => "trailer",
            Self::Late => "late",
        }
    }

    /// Where it is said that it is one.
    #[must_use]
    pub const fn source_text(self) -> &'static str {
        match self {
            Self::EmptyLines | Self::BareLineFeed | Self::BareCarriageReturn => {
                "RFC 9112 section 2.2"
            }
            Self::Nul | Self::FieldValue => "RFC 9110 section 5.5",
            Self::Method | Self::Connect => "RFC 9110 section 9.1",
            Self::Target | Self::Fragment => "RFC 9112 section 3.2",
            Self::TargetTooLong => "RFC 9112 section 3",
            Self::Version | Self::VersionUnsupported => "RFC 9112 section 2.3",
            Self::NoColon | Self::FieldName => "RFC 9112 section 5",
            Self::SpaceBeforeColon => "RFC 9112 section 5.1",
            Self::Folded => "RFC 9112 section 5.2",
            Self::TooManyFields | Self::TooLong => "RFC 6585 section 5",
            Self::LengthAndCoding | Self::Coding | Self::SeveralCodings | Self::CodingInHttp10 => {
                "RFC 9112 section 6.1"
            }
            Self::SeveralLengths | Self::Length | Self::LookalikeFraming => "RFC 9112 section 6.3",
            Self::Chunk => "RFC 9112 section 7.1",
            Self::Trailer => "RFC 9112 section 7.1.2",
            Self::Late => "RFC 9110 section 15.5.9",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::EmptyLines => "there are empty lines before the request",
            Self::BareLineFeed => "a line ends with a line feed alone",
            Self::BareCarriageReturn => "a carriage return stands alone",
            Self::Nul => "there is a NUL in the head",
            Self::Method => "the method is no token",
            Self::Connect => "CONNECT is not served",
            Self::Target => "the request line is not `METHOD target HTTP/1.1`",
            Self::TargetTooLong => "the target is too long",
            Self::Fragment => "the target has a fragment",
            Self::Version => "the request line does not end with a version of HTTP",
            Self::VersionUnsupported => "HTTP/1.1 is served here, and HTTP/1.0",
            Self::NoColon => "a field line has no colon",
            Self::SpaceBeforeColon => "there is white space before a field's colon",
            Self::Folded => "a field is folded over several lines",
            Self::FieldName => "a field's name is no token",
            Self::FieldValue => "there is a control character in a field's value",
            Self::TooManyFields => "there are too many fields",
            Self::TooLong => "the head is too long",
            Self::LengthAndCoding => "there are both `Content-Length` and `Transfer-Encoding`",
            Self::SeveralLengths => "there is more than one `Content-Length`",
            Self::Length => "`Content-Length` is no number",
            Self::Coding => "the transfer coding is not known here",
            Self::SeveralCodings => "there is more than one transfer coding",
            Self::CodingInHttp10 => "HTTP/1.0 has no `Transfer-Encoding`",
            Self::LookalikeFraming => "a field looks like `Content-Length` or `Transfer-Encoding`",
            Self::Chunk => "a chunk is malformed",
            Self::Trailer => "the trailer fields are malformed",
            Self::Late => "the request did not come in time",
        }
    }
}

impl fmt::Display for HeadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Error for HeadFault {}
