//! The network that a portal names: what is counted, delayed and written by.

use std::net::IpAddr;

/// The longest text that is looked at.
const LONGEST: usize = 64;

/// The network of a portal's text: an IPv4 address as it is, an IPv6 address without its lower half (one
/// household or server has a whole /64), and the empty network for anything else.
///
/// Whoever could name any text would have a row, and tries without delay, for each.
pub(crate) fn of(text: &str) -> String {
    if text.len() > LONGEST {
        return String::new();
    }
    match text.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let mut octets = address.octets();
            octets[8..].fill(0);
            IpAddr::from(octets).to_string()
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_in_one_ipv6_network_are_one_and_what_is_no_address_is_no_network() {
        for (text, network) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::ffff", "2001:db8:1:2::"),
            ("2001:db8:1:3::ffff", "2001:db8:1:3::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("", ""),
            ("session", ""),
            ("203.0.113.7, 203.0.113.8", ""),
        ] {
            assert_eq!(of(text), network, "{text}");
        }
        assert_eq!(of(&"1".repeat(65)), "");
    }
}
