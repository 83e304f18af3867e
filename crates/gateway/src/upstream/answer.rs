use std::error::Error;
use std::fmt;

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Response, StatusCode, Version};

/// Why an answer is not handed on, though hyper could read it.
///
/// Where two servers can disagree about the end of a message, the rest of it may be taken for
/// another one (RFC 9112 section 11.2). hyper takes the one of several readings that the standard
/// prefers; whoever made the message may have meant the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerFault {
    /// A length, and a transfer coding beside it.
    LengthAndCoding,
    /// Several lengths, or several times the same.
    SeveralLengths,
    /// A length that is not digits alone.
    Length,
    /// A transfer coding other than chunked, or several.
    Coding,
    /// A change of protocols that nobody asked for.
    Upgrade,
    /// A change to another protocol than was asked for, or one that does not prove it was asked.
    OtherUpgrade,
}

/// Lets an answer pass whose end is beyond doubt.
pub(super) fn check<B>(method: &Method, answer: &Response<B>) -> Result<(), AnswerFault> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(AnswerFault::Upgrade);
    }
    let headers = answer.headers();
    let is_coded = match said(headers.get_all(TRANSFER_ENCODING)) {
        Said::Nothing => false,
        Said::Once(coding) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => true,
        _ => return Err(AnswerFault::Coding),
    };
    if !has_content(method, answer.status()) {
        // Its lengths are of the content that it would have had.
        return Ok(());
    }
    match said(headers.get_all(CONTENT_LENGTH)) {
        Said::Nothing => Ok(()),
        Said::MoreThanOnce => Err(AnswerFault::SeveralLengths),
        Said::Once(_) if is_coded => Err(AnswerFault::LengthAndCoding),
        Said::Once(length) if !is_digits(length) => Err(AnswerFault::Length),
        Said::Once(_) => Ok(()),
    }
}

/// Whether another request may follow on the connection after this answer. hyper decides the same
/// for itself; here it is decided once more, and where hyper is lenient, with less trust.
pub(super) fn is_reusable<B>(method: &Method, answer: &Response<B>) -> bool {
    let headers = answer.headers();
    // hyper would speak HTTP/1.0 to whoever did so before, and leave bodies of unknown length out.
    if answer.version() != Version::HTTP_11 || asks_to_close(headers) {
        return false;
    }
    let is_coded = headers.contains_key(TRANSFER_ENCODING);
    if has_content(method, answer.status()) {
        return is_coded || headers.contains_key(CONTENT_LENGTH);
    }
    // Some servers send the content of an answer that has none. What has arrived by now would be
    // noticed; what arrives later would be taken for the next answer. These announce it.
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_announced = answer.status() == StatusCode::NO_CONTENT
        && lengths.any(|length| length.as_bytes() != b"0");
    !is_coded && !is_announced
}

/// Whether there is content after the head (RFC 9112 section 6.3, rules 1 and 2).
fn has_content(method: &Method, status: StatusCode) -> bool {
    *method != Method::HEAD && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn asks_to_close(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn is_digits(value: &HeaderValue) -> bool {
    !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit)
}

/// What a field that may be there once says.
enum Said<'a> {
    Nothing,
    Once(&'a HeaderValue),
    MoreThanOnce,
}

fn said<'a>(values: impl IntoIterator<Item = &'a HeaderValue>) -> Said<'a> {
    let mut values = values.into_iter();
    match (values.next(), values.next()) {
        (None, _) => Said::Nothing,
        (Some(value), None) => Said::Once(value),
        (Some(_), Some(_)) => Said::MoreThanOnce,
    }
}

impl fmt::Display for AnswerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LengthAndCoding => "the answer has a length and a transfer coding",
            Self::SeveralLengths => "the answer has several lengths",
            Self::Length => "the length of the answer is no number",
            Self::Coding => "the answer has a transfer coding other than chunked",
            Self::Upgrade => "the answer changes protocols, and nobody asked for it",
            Self::OtherUpgrade => "the answer changes protocols in another way than was asked for",
        })
    }
}

impl Error for AnswerFault {}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &[(&'static str, &'static str)]) -> Response<()> {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in fields {
            let value = HeaderValue::from_static(value);
            answer.headers_mut().append(*name, value);
        }
        answer
    }

    const LENGTH: &str = "content-length";
    const CODING: &str = "transfer-encoding";

    #[test]
    fn answer_that_can_be_read_in_two_ways_is_none() {
        for (fields, fault) in [
            (
                &[(LENGTH, "2"), (CODING, "chunked")][..],
                AnswerFault::LengthAndCoding,
            ),
            (&[(LENGTH, "2"), (LENGTH, "3")], AnswerFault::SeveralLengths),
            (&[(LENGTH, "2"), (LENGTH, "2")], AnswerFault::SeveralLengths),
            (&[(LENGTH, "2, 2")], AnswerFault::Length),
            (&[(LENGTH, "+2")], AnswerFault::Length),
            (&[(LENGTH, "")], AnswerFault::Length),
            (&[(CODING, "gzip")], AnswerFault::Coding),
            (&[(CODING, "gzip, chunked")], AnswerFault::Coding),
            (&[(CODING, "chunked, chunked")], AnswerFault::Coding),
            (
                &[(CODING, "chunked"), (CODING, "chunked")],
                AnswerFault::Coding,
            ),
            (&[(CODING, "chunked, identity")], AnswerFault::Coding),
            (&[(CODING, "")], AnswerFault::Coding),
        ] {
            let answer = answer(200, fields);
            assert_eq!(check(&Method::GET, &answer), Err(fault), "{fields:?}");
        }
        let changed = answer(101, &[("upgrade", "websocket")]);
        assert_eq!(check(&Method::GET, &changed), Err(AnswerFault::Upgrade));
        for fields in [
            &[][..],
            &[(LENGTH, "0")],
            &[(LENGTH, "12")],
            &[(CODING, "Chunked")],
        ] {
            assert_eq!(check(&Method::GET, &answer(200, fields)), Ok(()));
        }
    }

    #[test]
    fn length_of_content_that_is_not_there_ends_nothing() {
        let twice = [(LENGTH, "2"), (LENGTH, "3")];
        assert_eq!(check(&Method::HEAD, &answer(200, &twice)), Ok(()));
        assert_eq!(check(&Method::GET, &answer(304, &twice)), Ok(()));
        let coded = answer(200, &[(CODING, "gzip")]);
        assert_eq!(check(&Method::HEAD, &coded), Err(AnswerFault::Coding));
    }

    #[test]
    fn connection_is_kept_after_what_ends_beyond_doubt() {
        for (method, status, fields, kept) in [
            (Method::GET, 200, &[(LENGTH, "2")][..], true),
            (Method::GET, 200, &[(CODING, "chunked")], true),
            (Method::GET, 200, &[], false),
            (
                Method::GET,
                200,
                &[(LENGTH, "2"), ("connection", "x, Close")],
                false,
            ),
            (
                Method::GET,
                200,
                &[(LENGTH, "2"), ("connection", "keep-alive")],
                true,
            ),
            (Method::HEAD, 200, &[(LENGTH, "2")], true),
            (Method::HEAD, 200, &[], true),
            (Method::HEAD, 200, &[(CODING, "chunked")], false),
            (Method::GET, 304, &[(LENGTH, "2")], true),
            (Method::GET, 304, &[(CODING, "chunked")], false),
            (Method::GET, 204, &[], true),
            (Method::GET, 204, &[(LENGTH, "0")], true),
            (Method::GET, 204, &[(LENGTH, "2")], false),
        ] {
            let mut answer = answer(status, fields);
            let case = format!("{method} {status} {fields:?}");
            assert_eq!(is_reusable(&method, &answer), kept, "{case}");
            *answer.version_mut() = Version::HTTP_10;
            assert!(!is_reusable(&method, &answer), "{case}");
        }
    }
}
