use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of a node as proxies write it: `192.0.2.1`, `192.0.2.1:1234`,
/// `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:1234` (RFC 7239 section 6,
/// and what is in use for `X-Forwarded-For`); mapped IPv4 unmapped. Nothing
/// where it is none of these, so `unknown` and obfuscated names as well.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        is_port(port).then_some(())?;
        address.parse::<Ipv6Addr>().ok()?.into()
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_at(text.find(':')?);
        is_port(port).then_some(())?;
        address.parse::<Ipv4Addr>().ok()?.into()
    };
    Some(address.to_canonical())
}

/// Nothing, or a colon and a port. RFC 7239 allows an obfuscated one.
fn is_port(text: &str) -> bool {
    let is_number =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_named = |port: &str| port.starts_with('_') && port.len() > 1;
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| is_number(port) || is_named(port))
}
