use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::error::Invalid;
use crate::store::FromStored;

/// The networks from which a key may be used; from everywhere where there are
/// none.
///
/// Written as CIDR blocks (RFC 4632, RFC 4291 section 2.3) with commas or
/// white space between: `192.0.2.0/24, 2001:db8::/32`. A single address stands
/// for itself. An IPv4 address that is mapped into IPv6 (RFC 4291 section
/// 2.5.5.2) is the IPv4 address, here and in a request.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Addresses(Option<Arc<[IpNet]>>);

impl Addresses {
    /// The most networks of a key.
    pub const MAX: usize = 32;

    /// Whether a request from `client` is allowed: any, where there is no list;
    /// with a list, none from an address that is not known.
    #[must_use]
    pub fn allow(&self, client: Option<IpAddr>) -> bool {
        let Some(networks) = &self.0 else { return true };
        client.is_some_and(|client| {
            let client = client.to_canonical();
            networks.iter().any(|network| network.contains(&client))
        })
    }

    /// The networks in their order, as text would have them.
    pub fn iter(&self) -> impl Iterator<Item = impl fmt::Display> {
        self.0.iter().flat_map(|networks| networks.iter())
    }

    /// Whether the key may be used from everywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl FromStr for Addresses {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut networks: Vec<IpNet> = Vec::new();
        let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
        for word in words.filter(|word| !word.is_empty()) {
            if networks.len() == Self::MAX {
                return Err(invalid("at most 32 networks"));
            }
            networks.push(network(word)?);
        }
        networks.sort();
        for (at, one) in networks.iter().enumerate() {
            let others = networks.get(at + 1..).unwrap_or_default();
            if let Some(other) = others
                .iter()
                .find(|other| one.contains(*other) || other.contains(one))
            {
                return Err(invalid(format!(
                    "networks that do not overlap: {one} and {other} do"
                )));
            }
        }
        Ok(Self((!networks.is_empty()).then(|| networks.into())))
    }
}

impl FromStored for Addresses {
    fn from_stored(text: &str) -> Result<Self, Invalid> {
        let expected = || invalid("at most 32 networks, with a comma and a space between");
        let words = text.split(", ").filter(|word| !word.is_empty());
        let networks: Vec<IpNet> = words
            .map(|word| word.parse().map_err(|_| expected()))
            .collect::<Result<_, _>>()?;
        match networks.len() {
            0 => Ok(Self(None)),
            1..=Self::MAX => Ok(Self(Some(networks.into()))),
            _ => Err(expected()),
        }
    }
}

fn network(word: &str) -> Result<IpNet, Invalid> {
    let expected =
        || invalid("networks such as 192.0.2.0/24 or 2001:db8::/32, or single addresses");
    let network = match word.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => word.parse::<IpNet>().map_err(|_| expected())?,
    };
    let network = match network {
        IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => {
            return Err(invalid(
                "IPv4 networks in IPv4's form, not mapped into IPv6",
            ));
        }
        network => network,
    };
    if network.prefix_len() == 0 {
        return Err(invalid(
            "networks smaller than the whole internet: leave the list empty for that",
        ));
    }
    if network.addr() != network.network() {
        return Err(invalid(format!(
            "the first address of a network: {} for {network}",
            network.trunc()
        )));
    }
    Ok(network)
}

fn invalid(expected: impl Into<String>) -> Invalid {
    Invalid::new("addresses", expected)
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, network) in self.0.iter().flat_map(|list| list.iter()).enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{network}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Addresses({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::Addresses;
    use crate::store::FromStored as _;

    fn addresses(text: &str) -> Addresses {
        text.parse().expect(text)
    }

    fn client(text: &str) -> Option<IpAddr> {
        Some(text.parse().expect(text))
    }

    #[test]
    fn what_was_stored_is_read_whatever_is_asked_of_a_new_list() {
        let list = addresses("2001:db8::/32, 192.0.2.0/24 198.51.100.7");
        let read = |text: &str| Addresses::from_stored(text);
        assert_eq!(read(&list.to_string()), Ok(list));
        assert_eq!(read(""), Ok(Addresses::default()));
        // Networks that nobody may write any more mean what they meant.
        for text in ["0.0.0.0/0", "192.0.2.0/24, 192.0.2.7/32", "192.0.2.7/24"] {
            assert!(text.parse::<Addresses>().is_err(), "{text}");
            let read = read(text).expect(text);
            assert!(read.allow(client("192.0.2.9")), "{text}");
        }
        let many = vec!["192.0.2.0/24"; 33].join(", ");
        for text in ["somewhere", "192.0.2.0/33", "192.0.2.0/24;", &many] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_allows_its_networks_alone() {
        let list = addresses("192.0.2.0/24, 2001:db8::/32 198.51.100.7");
        for inside in [
            "192.0.2.255",
            "::ffff:192.0.2.1",
            "2001:db8:1::",
            "198.51.100.7",
        ] {
            assert!(list.allow(client(inside)), "{inside}");
        }
        for outside in [
            "192.0.3.0",
            "::ffff:192.0.3.1",
            "2001:db9::",
            "198.51.100.8",
            "::c000:201",
        ] {
            assert!(!list.allow(client(outside)), "{outside}");
        }
        assert!(!list.allow(None), "an address that is not known");
        assert_eq!(list.to_string().parse(), Ok(list));
    }

    #[test]
    fn no_list_allows_every_address() {
        let list = addresses(" ");
        assert!(list.is_empty());
        assert!(list.allow(None) && list.allow(client("192.0.2.1")));
    }

    #[test]
    fn absurd_lists_are_refused_with_a_reason() {
        let many: String = (0..33).map(|n| format!("10.0.{n}.0/24,")).collect();
        for (text, reason) in [
            ("10.0.0.0/8, 10.1.0.0/16", "10.0.0.0/8 and 10.1.0.0/16"),
            ("10.0.0.1, 10.0.0.1", "do not overlap"),
            ("10.0.0.1/8", "10.0.0.0/8 for 10.0.0.1/8"),
            ("0.0.0.0/0", "whole internet"),
            ("::/0", "whole internet"),
            ("10.0.0.0/33", "such as"),
            ("10.0.0", "such as"),
            ("localhost", "such as"),
            ("fe80::1%eth0", "such as"),
            ("::ffff:10.0.0.0/104", "not mapped"),
            (&many, "at most 32"),
        ] {
            let error = text.parse::<Addresses>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
