//! How often one network may ask.

use jiff::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// At most `number` requests from one network within `seconds`; IPv6 counts by /64.
pub struct Limit {
    number: u32,
    seconds: i64,
    seen: Mutex<HashMap<IpAddr, (i64, u32)>>,
}

/// More networks than this are not kept apart: the table is emptied, so that its size is bounded.
const MOST_NETWORKS: usize = 100_000;

impl Limit {
    /// A limit.
    pub fn new(number: u32, seconds: i64) -> Self {
        Self {
            number,
            seconds,
            seen: Mutex::default(),
        }
    }

    /// Counts a request; whether it may go on.
    pub fn admits(&self, from: IpAddr, now: Timestamp) -> bool {
        let window = now.as_second().div_euclid(self.seconds);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_NETWORKS {
            seen.clear();
        }
        let count = seen.entry(network(from)).or_insert((window, 0));
        if count.0 != window {
            *count = (window, 0);
        }
        count.1 = count.1.saturating_add(1);
        count.1 <= self.number
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            IpAddr::from(octets)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twenty_first_try_in_a_minute_is_refused_and_the_next_minute_is_new() {
        let limit = Limit::new(20, 60);
        let from: IpAddr = "192.0.2.1".parse().unwrap();
        let now = Timestamp::from_second(600).unwrap();
        assert!((0..20).all(|_| limit.admits(from, now)));
        assert!(!limit.admits(from, now));
        assert!(limit.admits("192.0.2.2".parse().unwrap(), now));
        assert!(limit.admits(from, Timestamp::from_second(660).unwrap()));
    }
}
