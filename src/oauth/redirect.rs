//! Where a browser returns to after a person agreed.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

/// The path of a redirect that nobody chose.
const USUAL: &str = "http://127.0.0.1/callback";

/// An address that a browser returns to: on this machine, on another one, or of no machine at all
/// (`urn:ietf:wg:oauth:2.0:oob`, an app's own scheme).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// To the letter: servers compare it so with what is registered.
    text: String,
    url: Url,
}

impl Default for Redirect {
    /// A free port of this machine (RFC 8252, 7.3).
    fn default() -> Self {
        Self { text: USUAL.to_owned(), url: Url::parse(USUAL).expect("it is an address (tested)") }
    }
}

impl Redirect {
    /// Reads it; `None` where no browser can return there.
    pub fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let plain = !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\');
        let fits = plain && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        fits.then(|| Self { text: text.to_owned(), url })
    }

    /// Where to listen for it: literal addresses of this machine. Nothing where it leads elsewhere. A port of 0 is
    /// any that is free, which servers allow of this machine.
    pub fn places(&self) -> Vec<SocketAddr> {
        if self.url.scheme() != "http" {
            return Vec::new();
        }
        let port = self.url.port().unwrap_or(0);
        match self.url.host() {
            Some(Host::Ipv4(ip)) if ip.is_loopback() => vec![(ip, port).into()],
            Some(Host::Ipv6(ip)) if ip.is_loopback() => vec![(ip, port).into()],
            // A browser takes either.
            Some(Host::Domain("localhost")) => {
                vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
            }
            _ => Vec::new(),
        }
    }

    /// The address that is sent to the server, with the port that is listened at.
    pub(super) fn at(&self, port: Option<u16>) -> String {
        let (Some(port), None) = (port, self.url.port()) else { return self.text.clone() };
        let start = self.text.find("://").map_or(0, |at| at + 3);
        let end = self.text[start..].find(['/', '?']).map_or(self.text.len(), |at| start + at);
        format!("{}:{port}{}", &self.text[..end], &self.text[end..])
    }

    /// What a browser that comes here says it wants: the host with its port, and the path.
    pub(super) fn wanted(&self, port: u16) -> (String, String) {
        (format!("{}:{port}", self.url.host_str().unwrap_or_default()), self.url.path().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_listen() {
        let at = |text: &str| {
            let places = Redirect::read(text).unwrap().places();
            places.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(at("http://127.0.0.1:8400/callback"), "127.0.0.1:8400");
        assert_eq!(at("http://127.0.0.1/callback"), "127.0.0.1:0");
        assert_eq!(at("http://[::1]:8400/"), "[::1]:8400");
        assert_eq!(at("http://LOCALHOST:8400"), "127.0.0.1:8400 [::1]:8400");
        for elsewhere in [
            "https://127.0.0.1:8400/callback",
            "http://0.0.0.0:8400/",
            "http://192.0.2.1/callback",
            "https://app.example/callback",
            "http://localhost.example/",
            "urn:ietf:wg:oauth:2.0:oob",
            "com.example.app:/callback",
        ] {
            assert_eq!(at(elsewhere), "", "{elsewhere}");
        }
    }

    #[test]
    fn what_is_registered_is_sent_to_the_letter() {
        let sent = |text: &str, port| Redirect::read(text).unwrap().at(port);
        assert_eq!(sent("http://127.0.0.1:8400", Some(8400)), "http://127.0.0.1:8400");
        assert_eq!(sent("http://localhost", Some(9)), "http://localhost:9");
        assert_eq!(sent("http://127.0.0.1/a?b=c", Some(9)), "http://127.0.0.1:9/a?b=c");
        assert_eq!(sent("https://App.example/a", None), "https://App.example/a");
        assert_eq!(Redirect::default().at(Some(9)), "http://127.0.0.1:9/callback");
        let (host, path) = Redirect::read("http://[::1]:8400/x").unwrap().wanted(8400);
        assert_eq!((host.as_str(), path.as_str()), ("[::1]:8400", "/x"));
    }

    #[test]
    fn what_is_no_address_to_return_to() {
        for text in
            ["", "callback", "http://127.0.0.1/#x", "http://a@127.0.0.1/", "http:\\\\127.0.0.1", "a b:c"]
        {
            assert_eq!(Redirect::read(text), None, "{text}");
        }
    }
}
