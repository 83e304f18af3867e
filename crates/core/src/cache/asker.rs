use std::net::{IpAddr, Ipv4Addr};

/// For whom the store is read: all reads for one asker share its part of the
/// queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// The manager itself, before anybody asks: what is read again, and what
    /// is read ahead.
    Background,
    /// The clients whose address is not known, together.
    Unknown,
    /// An IPv4 address, also where it was mapped into IPv6.
    V4(Ipv4Addr),
    /// An IPv6 network of 64 bits: as much as the smallest customer is given
    /// (RFC 6177), and may send from at will.
    V6([u8; 8]),
}

impl Asker {
    /// The asker on whose behalf a request from `client` reads.
    pub(crate) fn of(client: Option<IpAddr>) -> Self {
        match client.map(|client| client.to_canonical()) {
            None => Self::Unknown,
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Asker;

    #[test]
    fn addresses_of_one_subscriber_are_one_asker() {
        let of = |text: &str| Asker::of(Some(text.parse().expect(text)));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("0.0.0.0"), Asker::of(None));
    }
}
