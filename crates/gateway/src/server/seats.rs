use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many connections each address has open.
///
/// One client has one IPv4 address, but a whole network of IPv6 addresses (RFC 6177): there the
/// first 64 bits are counted as one. There is never more to remember than there are connections.
#[derive(Debug)]
pub(super) struct Seats {
    shards: Box<[Shard]>,
    hasher: RandomState,
}

type Shard = Mutex<HashMap<IpAddr, usize>>;

/// So many, so that those who come and go at once seldom wait for each other.
const SHARDS: usize = 64;

/// One connection of an address, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    /// A seat for one more connection of this address; none where it has as many as this.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Seat> {
        let address = counted(address);
        let mut shard = self.shard(address)?;
        let taken = shard.entry(address).or_default();
        // An entry is made with its first connection, and may have that one.
        if *taken >= most {
            return None;
        }
        *taken += 1;
        drop(shard);
        Some(Seat {
            seats: Arc::clone(self),
            address,
        })
    }

    fn shard(&self, address: IpAddr) -> Option<MutexGuard<'_, HashMap<IpAddr, usize>>> {
        let hash = self.hasher.hash_one(address);
        let at = usize::try_from(hash % SHARDS as u64).ok()?;
        let shard = self.shards.get(at)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Seats {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(mut shard) = self.seats.shard(self.address) else {
            return;
        };
        if let Entry::Occupied(mut taken) = shard.entry(self.address) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            Ipv6Addr::from_bits(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use super::Seats;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_seats_and_gives_them_back() {
        let seats = Arc::new(Seats::default());
        let address = ip("192.0.2.1");
        let first = seats.take(address, 2).unwrap();
        let _second = seats.take(ip("::ffff:192.0.2.1"), 2).unwrap();
        assert!(seats.take(address, 2).is_none());
        assert!(seats.take(ip("192.0.2.2"), 2).is_some(), "another's");
        drop(first);
        assert!(seats.take(address, 2).is_some());
    }

    #[test]
    fn the_addresses_of_one_network_are_one_client() {
        let seats = Arc::new(Seats::default());
        let _seat = seats.take(ip("2001:db8:0:1::1"), 1).unwrap();
        assert!(seats.take(ip("2001:db8:0:1:ffff::2"), 1).is_none());
        assert!(seats.take(ip("2001:db8:0:2::1"), 1).is_some());
    }

    #[test]
    fn nothing_is_kept_of_those_who_are_gone() {
        let seats = Arc::new(Seats::default());
        for host in 0..1_000_u32 {
            let address = IpAddr::from(host.to_be_bytes());
            drop(seats.take(address, 1).unwrap());
            let _held = seats.take(address, 1).unwrap();
            assert!(seats.take(address, 1).is_none());
        }
        let kept = seats.shards.iter().map(|shard| shard.lock().unwrap().len());
        assert_eq!(kept.sum::<usize>(), 0);
    }
}
