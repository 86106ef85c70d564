//! Names and addresses of hosts, in all their spellings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::secrets;

/// Takes the port off a host. A name that no client reads in one way only has none.
pub(super) fn name(host: &str) -> Option<&str> {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, port)) => {
            inner.parse::<Ipv6Addr>().ok()?;
            (inner, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")))
        }
        None => host.split_once(':').map_or((host, Some("")), |(name, port)| (name, Some(port))),
    };
    let port = port?;
    let is_port =
        port.bytes().all(|byte| byte.is_ascii_digit()) && (!port.is_empty() || !host.ends_with(':'));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    (!name.is_empty() && is_port && !name.starts_with('-') && name.bytes().all(plain)).then_some(name)
}

/// Says whether a host is one that hands a machine its credentials.
pub(super) fn hands_out_credentials(name: &str) -> bool {
    let known = |address: IpAddr| {
        let inner = match address {
            IpAddr::V6(address) => inside(address),
            IpAddr::V4(_) => None,
        };
        secrets::host(&address.to_string()) || inner.is_some_and(|inner| secrets::host(&inner.to_string()))
    };
    secrets::host(name.trim_end_matches('.')) || address(name).is_some_and(known)
}

/// Says whether a name is an address that is not written in the usual way, and so hides which.
pub(super) fn is_odd(name: &str) -> bool {
    let numeric = |part: &str| part.starts_with("0x") || part.bytes().all(|byte| byte.is_ascii_digit());
    let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    match name.parse::<Ipv6Addr>() {
        Ok(address) => inside(address).is_some_and(|inner| inner.octets() != [0, 0, 0, 1]),
        Err(_) => !last.is_empty() && numeric(last) && name.parse::<Ipv4Addr>().is_err(),
    }
}

/// The IPv4 address inside an IPv6 address: mapped, compatible, NAT64 (RFC 6052) or 6to4 (RFC 3056).
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) | (0x64, 0xff9b, ..) if (g, h) != (0, 0) => {
            of(g, h)
        }
        (0x2002, ..) => of(b, c),
        _ => None,
    }
}

/// Reads an address as `inet_aton` does: `2852039166`, `0xa9.254.0251.0376` and `169.16689662` are one.
fn address(name: &str) -> Option<IpAddr> {
    if let Ok(address) = name.parse() {
        return Some(IpAddr::V6(address));
    }
    let parts: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    let numbers: Option<Vec<u32>> = parts.iter().map(|part| number(part)).collect();
    let numbers = numbers?;
    let (last, high) = numbers.split_last()?;
    let mut octets = last.to_be_bytes();
    if high.len() > 3 || octets.iter().zip(high).any(|(octet, _)| *octet != 0) {
        return None;
    }
    for (octet, number) in octets.iter_mut().zip(high) {
        *octet = u8::try_from(*number).ok()?;
    }
    Some(IpAddr::V4(Ipv4Addr::from(octets)))
}

fn number(part: &str) -> Option<u32> {
    if let Some(hex) = part.strip_prefix("0x") {
        return if hex.is_empty() { Some(0) } else { u32::from_str_radix(hex, 16).ok() };
    }
    match part.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => part.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_metadata_address_is_found() {
        for name in [
            "169.254.169.254",
            "169.254.169.254.",
            "2852039166",
            "0xa9fea9fe",
            "025177524776",
            "0xa9.0xfe.0xa9.0xfe",
            "0251.0376.0251.0376",
            "169.16689662",
            "169.254.43518",
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
            "0:0:0:0:0:ffff:a9fe:a9fe",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "::a9fe:a9fe",
            "fd00:ec2::254",
            "fd00:0ec2:0:0::254",
            "metadata.google.internal",
            "metadata",
            "instance-data.ec2.internal",
            "metadata.tencentyun.com",
            "168.63.129.16",
            "192.0.0.192",
            "100.100.100.200",
            "169.254.169.254.nip.io",
            "x.a9fea9fe.example",
        ] {
            assert!(hands_out_credentials(name), "{name}");
        }
        for name in ["10.0.0.1", "api.example", "::1", "2001:db8::1", "169.25.4.1", "localhost"] {
            assert!(!hands_out_credentials(name) && !is_odd(name), "{name}");
        }
        for name in ["2852039167", "0x7f.1", "127.1", "::ffff:10.0.0.1", "010.0.0.1", "1.2.3.4.5"] {
            assert!(is_odd(name), "{name}");
        }
    }

    #[test]
    fn host_that_could_be_read_in_two_ways_has_no_name() {
        for host in
            ["", "-x", "http:", "file:", "a:b", "a:1:2", "[::1", "[::1]x", "[1-9]", "[a-z].example", "a%41"]
        {
            assert_eq!(name(host), None, "{host}");
        }
        for (host, expected) in [("a", "a"), ("a:80", "a"), ("[::1]", "::1"), ("[::1]:80", "::1")] {
            assert_eq!(name(host), Some(expected), "{host}");
        }
    }
}
