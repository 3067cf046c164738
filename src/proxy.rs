//! Proxies: which one a request takes, if any. Pure; [`http`](crate::http) goes through them.

use std::net::IpAddr;

use url::{Host, Url};

use crate::secret::{MASK, Secret};

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP's CONNECT.
    Http,
    /// The same, over TLS.
    Https,
    /// SOCKS 5; names are looked up here.
    Socks5,
    /// SOCKS 5; the proxy looks names up.
    Socks5h,
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its host.
    pub host: Host<String>,
    /// Its port.
    pub port: u16,
    /// User name and password.
    pub login: Option<(Secret, Secret)>,
}

/// Why a text is no proxy. Names no part of it: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a proxy's address such as http://proxy.example:3128 or socks5h://127.0.0.1:1080")]
pub struct NotAProxy;

impl std::fmt::Display for Proxy {
    /// Its address; that there is a login, but nothing of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let login = if self.login.is_some() { format!("{MASK}@") } else { String::new() };
        write!(f, "{}://{login}{}:{}", self.scheme.word(), self.host, self.port)
    }
}

impl Scheme {
    fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }
}

impl Proxy {
    /// Reads a proxy's address: `http`, `https`, `socks5` or `socks5h`, with a login where it wants one.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, NotAProxy> {
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(NotAProxy);
        }
        let (word, rest) = text.split_once("://").ok_or(NotAProxy)?;
        let (scheme, port) = match word.to_ascii_lowercase().as_str() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "socks5" => (Scheme::Socks5, 1080),
            "socks5h" => (Scheme::Socks5h, 1080),
            _ => return Err(NotAProxy),
        };
        // Read as an http address, so that the host is read as one of http: `0x7f.1` is 127.0.0.1.
        let url = Url::parse(&format!("http://{rest}")).map_err(|_| NotAProxy)?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host().filter(|_| bare).ok_or(NotAProxy)?.to_owned();
        // The parser drops http's own port.
        let written = rest.trim_end_matches('/').ends_with(":80").then_some(80);
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((decoded(user)?, decoded(password.unwrap_or_default())?)),
        };
        Ok(Self { scheme, host, port: url.port().or(written).unwrap_or(port), login })
    }
}

/// A part of a login, without its percent-encoding.
fn decoded(text: &str) -> Result<Secret, NotAProxy> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let hex = (first == b'%').then(|| behind.get(..2)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).map(Secret::new).map_err(|_| NotAProxy)
}

/// Which proxy a request takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For https.
    pub https: Option<Proxy>,
    /// For plain http.
    pub http: Option<Proxy>,
    /// For hosts other than these.
    pub except: Vec<Except>,
    /// Where they were named, such as `HTTPS_PROXY`; empty where there are none.
    pub named_by: String,
}

impl Proxies {
    /// One proxy for everything.
    pub fn all(proxy: Proxy, except: Vec<Except>, named_by: impl Into<String>) -> Self {
        Self { https: Some(proxy.clone()), http: Some(proxy), except, named_by: named_by.into() }
    }

    /// The proxy for a place. This machine is never asked through one.
    pub fn for_place(&self, https: bool, host: &Host<&str>, port: u16) -> Option<&Proxy> {
        let proxy = if https { &self.https } else { &self.http };
        let direct = is_here(host) || self.except.iter().any(|except| except.is(host, port));
        proxy.as_ref().filter(|_| !direct)
    }

    /// Each proxy that there is, once.
    pub fn each(&self) -> Vec<&Proxy> {
        let mut each: Vec<&Proxy> = Vec::new();
        for proxy in [&self.https, &self.http].into_iter().flatten() {
            if !each.contains(&proxy) {
                each.push(proxy);
            }
        }
        each
    }
}

/// Whether a host is this machine, by its name or its address.
pub(crate) fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}

/// Hosts that are reached without a proxy: an entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Except {
    /// `*`
    All,
    /// A name and those under it, at one port or at each.
    Name(String, Option<u16>),
    /// An address, or the network it begins.
    Net(IpAddr, u8, Option<u16>),
}

impl Except {
    /// Reads one entry: `*`, `example.com` (and all under it), `.example.com`, an address, a network such as
    /// `10.0.0.0/8`; a port may stand behind.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            return Some(Self::Net(address, bits.parse().ok().filter(|bits| *bits <= most)?, None));
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::one(address, None));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Some(Self::one(address, port));
        }
        let name = name.trim_start_matches("*.").trim_matches('.');
        match Host::parse(name).ok()? {
            Host::Domain(name) => Some(Self::Name(name, port)),
            _ => None,
        }
    }

    /// The entries of a list with commas; what is none is left out, as every program does.
    pub fn list(text: &str) -> Vec<Self> {
        text.split([',', ' ']).filter_map(Self::parse).collect()
    }

    fn one(address: IpAddr, port: Option<u16>) -> Self {
        Self::Net(address, if address.is_ipv4() { 32 } else { 128 }, port)
    }

    fn is(&self, host: &Host<&str>, port: u16) -> bool {
        let address = match host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        };
        match (self, host, address) {
            (Self::All, ..) => true,
            (Self::Name(name, at), Host::Domain(host), _) => {
                let host = host.trim_end_matches('.');
                let under = host.strip_suffix(name.as_str());
                at.is_none_or(|at| at == port)
                    && under.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Net(net, bits, at), _, Some(address)) => {
                at.is_none_or(|at| at == port) && same_net(*net, address, *bits)
            }
            _ => false,
        }
    }
}

fn same_net(net: IpAddr, address: IpAddr, bits: u8) -> bool {
    let (net, address, width) = match (net, address) {
        (IpAddr::V4(net), IpAddr::V4(address)) => {
            (u128::from(u32::from(net)), u128::from(u32::from(address)), 32)
        }
        (IpAddr::V6(net), IpAddr::V6(address)) => (u128::from(net), u128::from(address), 128),
        _ => return false,
    };
    // A shift by the whole width is none that can be done: everything is in a net of no bits.
    (net ^ address).checked_shr(width - u32::from(bits)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address_and_a_login() {
        let read = |text: &str| Proxy::parse(text).map(|proxy| proxy.to_string());
        assert_eq!(read("http://proxy.example:3128").as_deref(), Ok("http://proxy.example:3128"));
        assert_eq!(read("http://proxy.example").as_deref(), Ok("http://proxy.example:80"));
        assert_eq!(read("https://proxy.example/").as_deref(), Ok("https://proxy.example:443"));
        assert_eq!(read("https://proxy.example:80").as_deref(), Ok("https://proxy.example:80"));
        assert_eq!(read("SOCKS5H://[::1]").as_deref(), Ok("socks5h://[::1]:1080"));
        let shown = format!("socks5://{MASK}@127.0.0.1:9");
        assert_eq!(read("socks5://ann:p%40ss@127.0.0.1:9").as_deref(), Ok(shown.as_str()));
        let login = Proxy::parse("http://ann:p%40ss%2@p.example").unwrap().login.unwrap();
        assert_eq!((login.0.expose(), login.1.expose()), ("ann", "p@ss%2"));
        assert!(!format!("{:?}", Proxy::parse("http://ann:hidden@p.example")).contains("hidden"));
        for text in
            ["", "proxy:3128", "socks4://a", "ftp://a", "http://", "http://a/b", "http://a?b", "http://a\nb"]
        {
            assert_eq!(Proxy::parse(text), Err(NotAProxy), "{text:?}");
        }
    }

    #[test]
    fn this_machine_and_the_exceptions_are_reached_without() {
        let proxy = Proxy::parse("http://p.example:1").unwrap();
        let go = |except: &str, place: &str| {
            let url = Url::parse(place).unwrap();
            let proxies = Proxies::all(proxy.clone(), Except::list(except), "");
            let port = url.port_or_known_default().unwrap();
            proxies.for_place(url.scheme() == "https", &url.host().unwrap(), port).is_some()
        };
        for here in [
            "https://localhost",
            "http://LOCALHOST.:3",
            "https://a.localhost",
            "https://127.1.2.3",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "http://0x7f.1",
        ] {
            assert!(!go("", here), "{here}");
        }
        assert!(go("", "https://api.example.com") && go("", "http://10.0.0.1"));
        let except =
            "example.com,.corp.example, 10.0.0.0/8,192.0.2.7,fd00::/8,port.example:8443,*.star.example";
        for direct in [
            "https://example.com",
            "https://API.example.com.",
            "https://x.corp.example",
            "https://10.9.9.9",
            "https://192.0.2.7",
            "https://[fd12::1]",
            "https://port.example:8443",
            "https://a.star.example",
        ] {
            assert!(!go(except, direct), "{direct}");
        }
        for through in [
            "https://notexample.com",
            "https://example.com.evil",
            "https://11.0.0.1",
            "https://192.0.2.8",
            "https://[fe00::1]",
            "https://port.example",
            "https://xstar.example",
        ] {
            assert!(go(except, through), "{through}");
        }
        assert!(!go("*", "https://api.example.com"));
        assert!(go("300.0.0.1/8,/,:,a b", "https://api.example.com"));
    }

    #[test]
    fn each_scheme_has_its_own() {
        let proxy = |text| Proxy::parse(text).ok();
        let proxies = Proxies { https: proxy("http://s.example"), ..Proxies::default() };
        let host = Host::Domain("api.example");
        assert!(proxies.for_place(true, &host, 443).is_some());
        assert!(proxies.for_place(false, &host, 80).is_none());
        assert_eq!(proxies.each().len(), 1);
    }
}
