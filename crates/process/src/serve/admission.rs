use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use super::bounds::Bounds;

/// Counts the connections of a port.
pub(super) struct Admission {
    connections: usize,
    per_address: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection's place; free again when dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Admission {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self {
            connections: bounds.connections,
            per_address: bounds.per_address,
            open: Mutex::default(),
        }
    }

    /// For handshakes: half the number of connections.
    pub(super) fn of_handshakes(bounds: &Bounds) -> Self {
        Self::new(&Bounds {
            connections: bounds.connections.div_ceil(2),
            per_address: bounds.per_address.div_ceil(2),
            ..*bounds
        })
    }

    /// Takes a place, unless all are taken.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = neighbourhood(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.all >= self.connections || of_address >= self.per_address {
            return None;
        }
        open.all += 1;
        open.by_address.insert(address, of_address + 1);
        Some(Place {
            admission: self.clone(),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let open = self.admission.open.lock();
        let mut open = open.unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// One machine has a whole /64 of IPv6.
fn neighbourhood(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Admission, Bounds};

    #[test]
    fn places_are_bounded_in_all_and_for_each_address() {
        let admission = Arc::new(Admission::new(&Bounds {
            connections: 3,
            per_address: 2,
            ..Bounds::default()
        }));
        let admit = |peer: &str| admission.admit(peer.parse().expect("an address"));
        let first = admit("10.0.0.1");
        let second = admit("::ffff:10.0.0.1");
        assert!(first.is_some() && second.is_some());
        assert!(admit("10.0.0.1").is_none(), "two of this address");
        let third = admit("2001:db8::1");
        assert!(third.is_some());
        assert!(admit("10.0.0.2").is_none(), "three in all");
        drop((first, third));
        let of_the_64 = [admit("2001:db8::1"), admit("2001:db8::2")];
        assert!(of_the_64.iter().all(Option::is_some));
        drop(second);
        assert!(admit("2001:db8::3").is_none(), "two of this /64");
        assert!(admit("2001:db8:0:1::3").is_some());
    }
}
