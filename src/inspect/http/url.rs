//! Where a call goes: authority, path, template and parameters.
//!
//! Servers, proxies and clients disagree about unusual URLs: `..`, `//`, `;x`, `%2e`, `a@b`. A URL that is
//! not in the one form on which they agree is refused, never repaired, so that no call is taken for another.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::super::Obstacle;

/// The parts of a URL.
#[derive(Debug)]
pub(super) struct Target {
    /// The host, and the port where it is not the scheme's own.
    pub(super) authority: Option<String>,
    pub(super) path: String,
    pub(super) template: String,
    /// The names and values of the query, decoded.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) has_query: bool,
}

impl Target {
    /// Reads `http://…`, `https://…` or, with the authority in a header, `/…`.
    pub(super) fn read(url: &str) -> Result<Self, Obstacle> {
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && !br##""#<>\^`{|}"##.contains(&byte)) {
            return Err(unclear("a character that a URL sends only encoded, or a fragment"));
        }
        let (rest, query) = url.split_once('?').map_or((url, None), |(rest, query)| (rest, Some(query)));
        let (authority, path) = match rest.split_once("://") {
            Some((scheme, rest)) => {
                let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
                if port == 80 && !scheme.eq_ignore_ascii_case("http") {
                    return Err(unclear("the scheme is not `http` or `https`"));
                }
                let end = rest.find('/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (Some(self::authority(authority, port)?), path)
            }
            None if rest.starts_with('/') => (None, rest),
            None => return Err(unclear("neither absolute nor a path")),
        };
        let path = if path.is_empty() { "/" } else { path };
        let template = template(path)?;
        let parameters = query.map_or_else(|| Ok(Vec::new()), parameters)?;
        let has_query = query.is_some();
        Ok(Self { authority, path: path.to_owned(), template, parameters, has_query })
    }

    pub(super) fn parameter(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.parameters.iter().filter(named).map(|(_, value)| value.as_str())
    }

    /// Says whether the path ends as that of a GraphQL service does by convention.
    pub(super) fn is_graphql(&self) -> bool {
        self.path.rsplit('/').next() == Some("graphql")
    }

    /// Says whether the path could be that of a GraphQL service.
    pub(super) fn may_be_graphql(&self) -> bool {
        let named = |segment: &str| GRAPHQL.iter().any(|name| name.eq_ignore_ascii_case(segment));
        self.path.split('/').any(named)
    }
}

/// Reads `host` or `host:port`: names in lower case, addresses in their one form.
pub(super) fn authority(text: &str, default_port: u16) -> Result<String, Obstacle> {
    let unclear = |problem| Obstacle::unclear("authority", problem);
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) =
                rest.split_once(']').ok_or_else(|| unclear("an address without its `]`"))?;
            let address: Ipv6Addr = address.parse().map_err(|_| unclear("not an IPv6 address"))?;
            let port = match rest.strip_prefix(':') {
                None if rest.is_empty() => None,
                Some(port) => Some(port),
                None => return Err(unclear("something behind the address")),
            };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
            (name(host)?, port)
        }
    };
    let Some(port) = port else { return Ok(host) };
    let number: u16 = port.parse().map_err(|_| unclear("the port is not a number"))?;
    if number == 0 || number.to_string() != port {
        return Err(unclear("the port is not a plain number"));
    }
    Ok(if number == default_port { host } else { format!("{host}:{number}") })
}

/// Reads a host's name, or an IPv4 address written as four plain numbers.
fn name(host: &str) -> Result<String, Obstacle> {
    let unclear = |problem| Obstacle::unclear("authority", problem);
    let labels = host.split('.');
    let plain = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if host.len() > 253 || !labels.clone().all(plain) {
        return Err(unclear("not a plain host name; user names have no place here"));
    }
    // What ends in a number is an address to browsers: `127.1`, `0x7f.0.0.1`, `2130706433`.
    let last = labels.last().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    if number {
        let address: Ipv4Addr = host.parse().map_err(|_| unclear("not a plain IPv4 address"))?;
        return Ok(address.to_string());
    }
    Ok(host.to_ascii_lowercase())
}

/// Generalises the path's ids, and refuses what servers read in different ways.
fn template(path: &str) -> Result<String, Obstacle> {
    let mut template = String::with_capacity(path.len());
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(unclear("two `/` one after the other"));
        }
        check_segment(segment)?;
        template.push('/');
        template.push_str(if is_id(segment) { "{id}" } else { segment });
    }
    Ok(template)
}

fn check_segment(segment: &str) -> Result<(), Obstacle> {
    if segment == "." || segment == ".." {
        return Err(unclear("a segment `.` or `..`"));
    }
    if segment.contains(';') {
        return Err(unclear("parameters inside the path (`;`)"));
    }
    // Some servers drop dots and blanks at the end of a segment.
    if segment.ends_with('.') {
        return Err(unclear("a segment that ends in a dot"));
    }
    if !segment.contains('%') {
        return Ok(());
    }
    let decoded = decode(segment, false).ok_or_else(|| unclear("a malformed `%` or other than UTF-8"))?;
    // What needs no encoding is encoded to hide it; what separates must not appear by decoding.
    let encoded = segment.split('%').skip(1).filter_map(|rest| rest.get(..2));
    let hides = encoded.filter_map(|digits| u8::from_str_radix(digits, 16).ok()).any(|byte| {
        byte.is_ascii_alphanumeric() || byte.is_ascii_control() || br"-._~/\;%?#".contains(&byte)
    });
    if hides {
        return Err(unclear("an encoded character that may not be, or need not be, encoded"));
    }
    let odd = |letter: char| {
        !letter.is_ascii() && (!letter.is_alphanumeric() || ('\u{ff00}'..='\u{ffef}').contains(&letter))
    };
    if decoded.chars().any(odd) || decoded.ends_with(' ') || decoded.starts_with(' ') {
        return Err(unclear("an encoded character that some servers replace"));
    }
    Ok(())
}

/// Says whether a segment is a number, a UUID, or at least eight hexadecimal digits with a number among them.
fn is_id(segment: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit();
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = !segment.is_empty() && segment.bytes().all(digit);
    let long_hex = segment.len() >= 8 && hex(segment) && segment.bytes().any(digit);
    let uuid = segment.len() == 36 && {
        let groups: Vec<&str> = segment.split('-').collect();
        groups.iter().all(|group| hex(group)) && groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
    };
    number || long_hex || uuid
}

/// Reads the names and values of a query, separated by `&`; a `;` separates for some servers only.
pub(super) fn parameters(query: &str) -> Result<Vec<(String, String)>, Obstacle> {
    let unclear = |problem| Obstacle::unclear("query", problem);
    if query.contains(';') {
        return Err(unclear("a `;`, which separates parameters for some servers"));
    }
    let decode =
        |text: &str| decode(text, true).ok_or_else(|| unclear("a malformed `%` or other than UTF-8"));
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        if name.chars().chain(value.chars()).any(|letter| letter == '\0') {
            return Err(unclear("an encoded NUL"));
        }
        Ok((name, value))
    });
    pairs.collect()
}

/// Decodes `%xx`, and `+` where a blank is meant; `None` unless the result is UTF-8.
fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                u8::from_str_radix(digits, 16).ok().filter(|_| hex)?
            }
            b'+' if plus => b' ',
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn unclear(problem: &'static str) -> Obstacle {
    Obstacle::unclear("url", problem)
}

const GRAPHQL: [&str; 2] = ["graphql", "gql"];
