use http::header::{COOKIE, HeaderMap, HeaderValue};

/// Makes one field of several `cookie` fields, as they must be before anybody reads them who does
/// not know HTTP/2 (RFC 9113 section 8.2.3).
pub(super) fn join(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(COOKIE).iter();
    if crumbs.by_ref().nth(1).is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    // What is joined of values by these two characters is one.
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(crumbs: &[&'static str]) -> Vec<HeaderValue> {
        let mut headers = HeaderMap::new();
        for crumb in crumbs {
            headers.append(COOKIE, HeaderValue::from_static(crumb));
        }
        join(&mut headers);
        headers.get_all(COOKIE).iter().cloned().collect()
    }

    #[test]
    fn crumbs_are_joined_in_their_order() {
        assert_eq!(joined(&["a=1", "b=2; c", ""]), ["a=1; b=2; c; "]);
        assert_eq!(joined(&["a=1"]), ["a=1"]);
        assert!(joined(&[]).is_empty());
    }
}
