use std::net::IpAddr;
use std::str::FromStr;

use crate::error::Invalid;

/// From what kind of place a key was last used: enough to see that a secret
/// that is meant for one's own machines is used from elsewhere, and no more of
/// a person than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AddressClass {
    /// The machine itself (127.0.0.0/8, ::1).
    Loopback,
    /// The same link (169.254.0.0/16, fe80::/10).
    LinkLocal,
    /// A private network (RFC 1918, RFC 6598, RFC 4193).
    Private,
    /// The internet.
    Public,
}

impl AddressClass {
    /// Every class, from near to far.
    pub const ALL: [Self; 4] = [Self::Loopback, Self::LinkLocal, Self::Private, Self::Public];

    /// The class of an address; one mapped into IPv6 counts as what it is.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) if v4.is_loopback() => Self::Loopback,
            IpAddr::V4(v4) if v4.is_link_local() => Self::LinkLocal,
            IpAddr::V4(v4) if v4.is_private() || is_shared(v4.octets()) => Self::Private,
            IpAddr::V6(v6) if v6.is_loopback() => Self::Loopback,
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self::LinkLocal,
            IpAddr::V6(v6) if v6.is_unique_local() => Self::Private,
            IpAddr::V4(_) | IpAddr::V6(_) => Self::Public,
        }
    }

    /// `loopback`, `link_local`, `private` or `public`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

impl FromStr for AddressClass {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == text)
            .ok_or_else(|| Invalid::new("address class", "loopback, link_local, private or public"))
    }
}

/// Addresses that providers share among customers (RFC 6598: 100.64.0.0/10).
fn is_shared([first, second, ..]: [u8; 4]) -> bool {
    first == 100 && second & 0xc0 == 64
}

#[cfg(test)]
mod tests {
    use super::AddressClass;

    #[test]
    fn addresses_are_what_their_registries_say() {
        for (address, class) in [
            ("127.0.0.1", AddressClass::Loopback),
            ("::1", AddressClass::Loopback),
            ("::ffff:127.0.0.1", AddressClass::Loopback),
            ("169.254.1.1", AddressClass::LinkLocal),
            ("fe80::1", AddressClass::LinkLocal),
            ("10.1.2.3", AddressClass::Private),
            ("172.31.0.1", AddressClass::Private),
            ("100.64.0.1", AddressClass::Private),
            ("fd00::1", AddressClass::Private),
            ("::ffff:192.168.0.1", AddressClass::Private),
            ("100.128.0.1", AddressClass::Public),
            ("172.32.0.1", AddressClass::Public),
            ("2001:db8::1", AddressClass::Public),
        ] {
            let parsed = address.parse().expect(address);
            assert_eq!(AddressClass::of(parsed), class, "{address}");
            assert_eq!(class.as_str().parse(), Ok(class));
        }
    }
}
