//! Networks of addresses, in the form of the configuration.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// A list of networks; the default is the empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// A part of a list that is neither an address nor a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: give addresses or networks like 10.0.0.0/8, with commas between")]
pub struct NetworksError(String);

impl Networks {
    /// Whether the address is in one of the networks. An IPv4 address that is written as an IPv6 one counts as itself.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = NetworksError;

    /// Reads addresses and networks in CIDR notation with commas between; an empty text is the empty list.
    fn from_str(text: &str) -> Result<Self, NetworksError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

fn network(text: &str) -> Result<IpNet, NetworksError> {
    let address = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
    text.parse().or_else(|_| address()).map_err(|_| NetworksError(text.to_owned()))
}

/// The addresses that one party controls: an IPv4 address, or an IPv6 network of 64 bits.
#[must_use]
pub fn party(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_list_has_addresses_and_networks_of_both_families() {
        let list: Networks = "10.0.0.0/8, 192.0.2.7,2001:db8::/32".parse().unwrap();
        for inside in ["10.1.2.3", "192.0.2.7", "2001:db8::1", "::ffff:10.9.9.9"] {
            assert!(list.contains(address(inside)), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "2001:db9::1", "::1"] {
            assert!(!list.contains(address(outside)), "{outside}");
        }
        assert_eq!(list.to_string(), "10.0.0.0/8,192.0.2.7/32,2001:db8::/32");
        assert_eq!("".parse(), Ok(Networks::default()));
        assert!(!Networks::default().contains(address("127.0.0.1")));
    }

    #[test]
    fn invalid_networks_are_named_in_the_error() {
        for wrong in ["proxy", "10.0.0.0/33", "10.0.0/8", "2001:db8::/129", "10.0.0.1:80"] {
            let error = format!("10.0.0.0/8,{wrong}").parse::<Networks>().unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_party_and_a_mapped_ipv4_address_is_itself() {
        assert_eq!(party(address("2001:db8::1")), party(address("2001:db8::ffff:2")));
        assert_ne!(party(address("2001:db8::1")), party(address("2001:db8:0:1::1")));
        assert_eq!(party(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
