//! IP addresses and prefixes.
//!
//! Reads addresses strictly: no leading zeros, no zone, no IPv4 written inside IPv6, because two readers
//! could take such text for two addresses. An IPv6 address that stands for an IPv4 one is that one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::val::Cidr;

pub(super) fn parse_ip(text: &str) -> Option<IpAddr> {
    if text.len() > LONGEST || (text.contains(':') && text.contains('.')) {
        return None;
    }
    Some(text.parse::<IpAddr>().ok()?.to_canonical())
}

pub(super) fn parse_cidr(text: &str) -> Option<Cidr> {
    let (address, prefix) = text.split_once('/')?;
    if address.contains(':') && address.contains('.') || address.len() > LONGEST {
        return None;
    }
    let address: IpAddr = address.parse().ok()?;
    let plain = !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let leading = prefix.len() > 1 && prefix.starts_with('0');
    let prefix: u8 = prefix.parse().ok().filter(|_| plain && !leading)?;
    (prefix <= bits(address)).then_some(Cidr { address, prefix })
}

/// Says whether text is the one that the address prints as.
pub(super) fn is_canonical(text: &str) -> Option<bool> {
    parse_ip(text).map(|address| address.to_string() == text)
}

pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

pub(super) fn is_link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(address.octets(), [224, 0, 0, _]),
        IpAddr::V6(address) => matches!(address.octets(), [0xff, second, ..] if second & 0x0f == 2),
    }
}

/// Any unicast address that is not special; private networks count (RFC 4291, section 2.5.4).
pub(super) fn is_global_unicast(address: IpAddr) -> bool {
    let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    !special && !is_link_local(address) && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

impl Cidr {
    /// The prefix with all other bits zero.
    pub(super) fn masked(self) -> Self {
        let drop = u32::from(bits(self.address).saturating_sub(self.prefix));
        let address = match self.address {
            IpAddr::V4(address) => {
                let bits = u32::from(address);
                IpAddr::V4(bits.checked_shr(drop).and_then(|kept| kept.checked_shl(drop)).unwrap_or(0).into())
            }
            IpAddr::V6(address) => {
                let bits = u128::from(address);
                IpAddr::V6(bits.checked_shr(drop).and_then(|kept| kept.checked_shl(drop)).unwrap_or(0).into())
            }
        };
        Self { address, prefix: self.prefix }
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        let same_family = self.address.is_ipv4() == address.is_ipv4();
        same_family && Self { address, prefix: self.prefix }.masked() == self.masked()
    }

    pub(super) fn covers(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Bytes of the longest address.
const LONGEST: usize = 39;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_addresses_are_refused() {
        for text in ["010.0.0.1", "1.2.3", "fe80::1%eth0", "::ffff:192.168.0.1", "", "1.2.3.4 ", "0x7f.0.0.1"]
        {
            assert_eq!(parse_ip(text), None, "{text}");
        }
        for text in
            ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/+8", "::/129", "10.0.0.0/8/8"]
        {
            assert_eq!(parse_cidr(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_contains_its_addresses_only() {
        let all = parse_cidr("0.0.0.0/0").unwrap();
        let net = parse_cidr("10.1.2.3/8").unwrap();
        assert!(all.contains(parse_ip("255.1.1.1").unwrap()) && all.covers(net) && !net.covers(all));
        assert!(
            net.contains(parse_ip("10.255.0.1").unwrap()) && !net.contains(parse_ip("11.0.0.1").unwrap())
        );
        assert!(!all.contains(parse_ip("::1").unwrap()));
        assert_eq!(net.masked().to_string(), "10.0.0.0/8");
        assert_eq!(parse_cidr("2001:db8:1::/32").unwrap().masked().to_string(), "2001:db8::/32");
    }
}
