//! The hosts besides the base URL's that a credential may be sent to, as a person names them.

use url::{Host, Url};

/// Hosts that a credential names: each exactly, at one port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<(Host<String>, Option<u16>)>);

/// Why an entry is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host such as uploads.example.com or uploads.example.com:8443; each is named in full")]
pub struct NotAHost(pub String);

impl AllowedHosts {
    /// Reads entries: a host, a port behind it where it is not the usual one. No scheme, no path, no `*`.
    ///
    /// # Errors
    /// The first entry that is none.
    pub fn read<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, NotAHost> {
        let hosts =
            entries.into_iter().map(|entry| entry_of(entry).ok_or_else(|| NotAHost(entry.to_owned())));
        hosts.collect::<Result<_, _>>().map(Self)
    }

    /// These and others.
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether a credential may be sent to an address: the host is the same to the letter, once both are
    /// written as the network writes them (small letters, punycode, an IPv4 address in decimals), and the port
    /// is the entry's, or without one the usual one of https. Plain http is never allowed here.
    pub fn allow(&self, url: &Url) -> bool {
        let bare = url.username().is_empty() && url.password().is_none();
        let Some(host) = url.host().filter(|_| bare && url.scheme() == "https") else { return false };
        let port = url.port_or_known_default();
        let host = host.to_owned();
        self.0.iter().any(|(known, at)| *known == host && Some(at.unwrap_or(443)) == port)
    }
}

fn entry_of(entry: &str) -> Option<(Host<String>, Option<u16>)> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "*/\\@?#%".contains(c);
    if entry.is_empty() || entry.contains(odd) {
        return None;
    }
    let (name, port) = match entry.rsplit_once(':') {
        // The colons inside of `[::1]` are the address's.
        Some((name, port)) if !port.ends_with(']') => {
            (name, Some(port.parse().ok().filter(|port| *port != 0)?))
        }
        _ => (entry, None),
    };
    Some((Host::parse(name).ok()?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, place: &str) -> bool {
        AllowedHosts::read([entry]).unwrap().allow(&Url::parse(place).unwrap())
    }

    #[test]
    fn a_host_is_meant_to_the_letter() {
        for (entry, place) in [
            ("api.example.com", "https://api.example.com/x?y"),
            ("API.Example.COM", "https://api.example.com"),
            ("api.example.com", "https://API.EXAMPLE.com:443/"),
            ("api.example.com:8443", "https://api.example.com:8443"),
            ("bücher.example", "https://xn--bcher-kva.example"),
            ("xn--bcher-kva.example", "https://BÜCHER.example"),
            ("127.0.0.1", "https://0x7f.1"),
            ("0177.1", "https://127.0.0.1"),
            ("[::1]", "https://[::1]"),
            ("[::1]:8443", "https://[0:0::1]:8443"),
        ] {
            assert!(allows(entry, place), "{entry} {place}");
        }
        for (entry, place) in [
            ("api.example.com", "https://api.example.com.evil.com"),
            ("api.example.com", "https://evil-api.example.com"),
            ("api.example.com", "https://x.api.example.com"),
            ("example.com", "https://api.example.com"),
            ("api.example.com", "https://api.example.com."),
            ("api.example.com", "https://api.example.com:8443"),
            ("api.example.com:8443", "https://api.example.com"),
            ("api.example.com", "http://api.example.com"),
            ("api.example.com", "http://api.example.com:443"),
            ("api.example.com", "https://api.example.com@evil.com"),
            ("api.example.com", "https://user@api.example.com"),
            ("api.example.com", "https://evil.com/api.example.com"),
            ("api.example.com", "https://evil.com#api.example.com"),
            ("api.example.com", "https://evil.com\\@api.example.com"),
            // A Cyrillic `а` is another letter.
            ("api.example.com", "https://\u{430}pi.example.com"),
            ("127.0.0.1", "https://[::ffff:127.0.0.1]"),
            ("localhost", "https://127.0.0.1"),
        ] {
            assert!(!allows(entry, place), "{entry} {place}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for entry in [
            "",
            "*",
            "*.example.com",
            "https://api.example.com",
            "api.example.com/v1",
            "user@api.example.com",
            "api example",
            "api.example.com:",
            "api.example.com:0",
            "api.example.com:99999",
            "a\u{0}b",
            "a%2fb",
            "::1",
        ] {
            assert_eq!(AllowedHosts::read([entry]), Err(NotAHost(entry.to_owned())));
        }
    }
}
