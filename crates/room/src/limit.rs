//! How often one network or one person may ask.

use jiff::Timestamp;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// At most `number` requests from one asker within `seconds`.
pub struct Limit<Asker> {
    number: u32,
    seconds: i64,
    seen: Mutex<HashMap<Asker, (i64, u32)>>,
}

/// More askers than this are not kept apart: the table is emptied, so that its size is bounded.
const MOST_ASKERS: usize = 100_000;

impl<Asker: Eq + Hash> Limit<Asker> {
    /// A limit.
    pub fn new(number: u32, seconds: i64) -> Self {
        Self {
            number,
            seconds,
            seen: Mutex::default(),
        }
    }

    /// Counts a request; whether it may go on.
    pub fn admits(&self, from: Asker, now: Timestamp) -> bool {
        let window = now.as_second().div_euclid(self.seconds);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_ASKERS {
            seen.clear();
        }
        let count = seen.entry(from).or_insert((window, 0));
        if count.0 != window {
            *count = (window, 0);
        }
        count.1 = count.1.saturating_add(1);
        count.1 <= self.number
    }
}

/// The network that an address counts as: of IPv6 the /64. A listener of both kinds gives IPv4 written as IPv6, whose
/// first half is the same for everybody.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
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
        let at = |address: &str| network(address.parse().unwrap());
        let from = at("192.0.2.1");
        let now = Timestamp::from_second(600).unwrap();
        assert!((0..20).all(|_| limit.admits(from, now)));
        assert!(!limit.admits(from, now));
        assert!(limit.admits(at("192.0.2.2"), now));
        assert!(limit.admits(from, Timestamp::from_second(660).unwrap()));
    }

    #[test]
    fn the_addresses_of_one_household_count_as_one() {
        let at = |address: &str| network(address.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
    }

    #[test]
    fn ipv4_over_a_listener_of_both_kinds_is_not_one_asker() {
        let at = |address: &str| network(address.parse().unwrap());
        assert_ne!(at("::ffff:192.0.2.1"), at("::ffff:192.0.2.2"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
    }
}
