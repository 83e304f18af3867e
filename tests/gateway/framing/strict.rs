/// A request as the strictest of readers takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Method and target.
    pub(super) asked: String,
    pub(super) body: String,
}

/// The request that these octets begin with, and its length; nothing where more must come.
///
/// # Errors
///
/// Why it is none.
pub(super) fn read(octets: &[u8]) -> Result<Option<(Message, usize)>, String> {
    let Some(end) = position(octets, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8(octets[..end].to_vec()).map_err(|error| error.to_string())?;
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default();
    let [method, target, "HTTP/1.1"] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("a request line: {line:?}"));
    };
    if !is_token(method) || !target.starts_with(['/', '*']) {
        return Err(format!("a request line: {line:?}"));
    }
    let (mut hosts, mut lengths, mut codings) = (0, Vec::new(), Vec::new());
    for line in lines {
        let (name, value) = line.split_once(": ").ok_or(format!("a field: {line:?}"))?;
        if !is_token(name) || value.contains(|sign: char| sign.is_control() && sign != '\t') {
            return Err(format!("a field: {line:?}"));
        }
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "host" => hosts += 1,
            "content-length" => lengths.push(value),
            "transfer-encoding" => codings.push(value),
            "upgrade" | "http2-settings" | "keep-alive" => return Err(format!("still {line:?}")),
            _ => {}
        }
    }
    if hosts != 1 {
        return Err(format!("{hosts} hosts"));
    }
    let rest = &octets[end + 4..];
    let body = match (&lengths[..], &codings[..]) {
        ([], []) => Some((String::new(), 0)),
        ([length], []) if length.bytes().all(|octet| octet.is_ascii_digit()) => {
            let length = length.parse().map_err(|_| format!("a length: {length}"))?;
            rest.get(..length).map(|body| (text(body), length))
        }
        ([], ["chunked"]) => read_chunks(rest)?,
        _ => return Err(format!("{lengths:?} and {codings:?}")),
    };
    let asked = format!("{method} {target}");
    Ok(body.map(|(body, length)| (Message { asked, body }, end + 4 + length)))
}

/// The body that chunks make, and how long they are with what ends them.
fn read_chunks(octets: &[u8]) -> Result<Option<(String, usize)>, String> {
    let (mut body, mut at) = (String::new(), 0);
    loop {
        let Some(end) = position(&octets[at..], b"\r\n") else {
            return Ok(None);
        };
        let line = text(&octets[at..at + end]);
        if !line.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            return Err(format!("a chunk's size: {line:?}"));
        }
        let size = usize::from_str_radix(&line, 16).map_err(|error| error.to_string())?;
        at += end + 2;
        if size == 0 {
            break;
        }
        let Some(chunk) = octets.get(at..at + size + 2) else {
            return Ok(None);
        };
        let data = chunk
            .strip_suffix(b"\r\n")
            .ok_or("a chunk without its end")?;
        body.push_str(&text(data));
        at += size + 2;
    }
    loop {
        let Some(end) = position(&octets[at..], b"\r\n") else {
            return Ok(None);
        };
        let line = text(&octets[at..at + end]);
        at += end + 2;
        match line.split_once(": ") {
            None if line.is_empty() => return Ok(Some((body, at))),
            Some((name, _)) if is_token(name) => {}
            _ => return Err(format!("a trailer: {line:?}")),
        }
    }
}

pub(super) fn position(octets: &[u8], wanted: &[u8]) -> Option<usize> {
    octets
        .windows(wanted.len())
        .position(|window| window == wanted)
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn is_token(name: &str) -> bool {
    let is_sign = |octet| b"!#$%&'*+-.^_`|~".contains(&octet);
    !name.is_empty()
        && name
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || is_sign(octet))
}
