//! Where a request may go.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Why an address cannot be used. Names no part of it: a query may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an absolute http(s) address.
    #[error("the base URL is not an address such as https://api.example.com")]
    NotHttp,
    /// No host.
    #[error("the address has no host")]
    NoHost,
    /// A user name or password stands in it.
    #[error("the base URL must not hold a user name or a password")]
    UserInfo,
    /// A `?` or `#` part in a base URL, where a path would be appended behind it.
    #[error("the base URL must end with its path: no ? and no #")]
    NotABase,
    /// The path would lead elsewhere.
    #[error(
        "the path must stay on the base URL's host: no //, no scheme, no backslash, no control characters"
    )]
    PathLeaves,
}

/// Reads a base URL.
///
/// # Errors
/// What makes it unusable.
pub fn base(text: &str) -> Result<Url, AddressError> {
    // The parser drops line breaks, turns `\\` into `/` and adds a missing `//`: what a person reads must be the
    // host that is asked.
    let altered = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    let start = text.split_once("://").map_or("", |(scheme, _)| scheme);
    if text.contains(altered) || !["http", "https"].iter().any(|scheme| start.eq_ignore_ascii_case(scheme)) {
        return Err(AddressError::NotHttp);
    }
    let url = Url::parse(text).map_err(|_| AddressError::NotHttp)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::NotHttp);
    }
    if url.host().is_none() {
        return Err(AddressError::NoHost);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::UserInfo);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(AddressError::NotABase);
    }
    Ok(url)
}

/// Appends a path, query included, to a base URL. The base's own path stays; scheme, host and port cannot
/// change.
///
/// # Errors
/// [`AddressError::PathLeaves`].
pub fn join(base: &Url, path: &str) -> Result<Url, AddressError> {
    let leaves = path.starts_with("//")
        || path.contains('\\')
        || path.contains('#')
        || path.chars().any(char::is_control)
        || path.split(['/', '?']).next().is_some_and(|first| first.contains(':') || first.contains('@'));
    if leaves {
        return Err(AddressError::PathLeaves);
    }
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let mut url = base.clone();
    if !path.is_empty() {
        let joined = format!("{}/{}", base.path().trim_end_matches('/'), path.trim_start_matches('/'));
        url.set_path(&joined);
    }
    url.set_query(query.filter(|query| !query.is_empty()));
    if same_origin(base, &url) { Ok(url) } else { Err(AddressError::PathLeaves) }
}

/// Whether scheme, host and port are exactly the same.
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Whether a host is this machine.
pub fn is_loopback(host: &Host<&str>) -> bool {
    crate::proxy::is_here(host)
}

/// Names under which clouds hand out a machine's own credentials.
const METADATA: [&str; 5] =
    ["metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal"];

/// Whether credentials may go to a host at all.
pub(super) fn allowed_host(host: &Host<&str>) -> Result<(), &'static str> {
    match host {
        Host::Domain(name)
            if METADATA.iter().any(|known| name.trim_end_matches('.').eq_ignore_ascii_case(known)) =>
        {
            Err("it is a cloud's metadata service")
        }
        Host::Domain(_) => Ok(()),
        Host::Ipv4(address) => allowed(IpAddr::V4(*address)),
        Host::Ipv6(address) => allowed(IpAddr::V6(*address)),
    }
}

/// Whether credentials may go to an address at all: link-local addresses are where clouds hand out a
/// machine's credentials; the others are nobody's.
pub(super) fn allowed(address: IpAddr) -> Result<(), &'static str> {
    const AWS_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    const ALIBABA_METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
    match inner(address) {
        IpAddr::V4(v4) if v4.is_link_local() => Err("it is a link-local address"),
        IpAddr::V4(v4) if v4.octets()[0] == 0 || v4 == Ipv4Addr::BROADCAST => Err("it is nobody's address"),
        IpAddr::V4(v4) if v4.is_multicast() => Err("it is a multicast address"),
        IpAddr::V4(ALIBABA_METADATA) | IpAddr::V6(AWS_METADATA) => Err("it is a cloud's metadata service"),
        IpAddr::V6(v6) if v6.is_unspecified() => Err("it is nobody's address"),
        IpAddr::V6(v6) if v6.is_multicast() => Err("it is a multicast address"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Err("it is a link-local address"),
        _ => Ok(()),
    }
}

/// Whether a request may go to all addresses of a name. `here`: only to this machine, because the name (such
/// as `localhost`) says so and the request is plain http.
pub(super) fn all_allowed(
    mut addresses: impl Iterator<Item = IpAddr>,
    here: bool,
) -> Result<(), &'static str> {
    addresses.try_for_each(|address| match allowed(address) {
        Ok(()) if here && !inner(address).is_loopback() => {
            Err("its name leads to another machine, unencrypted")
        }
        allowed => allowed,
    })
}

/// The IPv4 address that an IPv6 address stands for, where it does: mapped, compatible, NAT64 (RFC 6052) and
/// 6to4 (RFC 3056).
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let (high, low) = match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => (high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return address,
    };
    IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_appended_and_stays_on_its_host() {
        let join = |from: &str, path: &str| join(&base(from).unwrap(), path).map(String::from);
        assert_eq!(join("https://a.example", "/v1/me").as_deref(), Ok("https://a.example/v1/me"));
        assert_eq!(
            join("https://a.example/api/", "v1/me?x=1").as_deref(),
            Ok("https://a.example/api/v1/me?x=1")
        );
        assert_eq!(join("https://a.example/api", "").as_deref(), Ok("https://a.example/api"));
        assert_eq!(
            join("https://a.example/api", "?x=/a:b@c").as_deref(),
            Ok("https://a.example/api?x=/a:b@c")
        );
        for path in [
            "//evil.example/x",
            "https://evil.example",
            "@evil.example",
            "\\\\evil.example",
            "/a\nb",
            "/a#b",
            ":8080/x",
        ] {
            assert_eq!(join("https://a.example", path), Err(AddressError::PathLeaves), "{path}");
        }
        // Dots are resolved inside the host.
        assert_eq!(join("https://a.example/api", "/../../x").as_deref(), Ok("https://a.example/x"));
    }

    #[test]
    fn a_base_is_an_address_and_nothing_more() {
        assert_eq!(base("ftp://a.example"), Err(AddressError::NotHttp));
        assert_eq!(base("a.example"), Err(AddressError::NotHttp));
        for altered in [
            "https:a.example",
            "https:\\\\a.example",
            "https://a.exa\nmple",
            " https://a.example",
            "https:///a.example\t",
        ] {
            assert_eq!(base(altered), Err(AddressError::NotHttp), "{altered:?}");
        }
        assert!(base("HTTPS://A.example").is_ok());
        assert_eq!(base("https://u:p@a.example"), Err(AddressError::UserInfo));
        assert_eq!(base("https://a.example/?x"), Err(AddressError::NotABase));
    }

    #[test]
    fn origins_match_exactly() {
        let same = |a: &str, b: &str| same_origin(&Url::parse(a).unwrap(), &Url::parse(b).unwrap());
        assert!(same("https://a.example/x", "https://A.EXAMPLE:443/y"));
        for other in
            ["http://a.example", "https://a.example:444", "https://a.example.evil", "https://evila.example"]
        {
            assert!(!same("https://a.example", other), "{other}");
        }
    }

    #[test]
    fn addresses_that_hand_out_a_machine_s_credentials_are_refused() {
        for text in [
            "http://169.254.169.254",
            "http://0.0.0.0",
            "http://[::ffff:169.254.169.254]",
            "http://[fe80::1]",
            "http://[fd00:ec2::254]",
            "http://224.0.0.1",
            "http://2852039166",
            "http://metadata.google.internal",
            "http://instance-data.ec2.internal",
            "http://100.100.100.200",
            "http://[64:ff9b::169.254.169.254]",
            "http://[2002:a9fe:a9fe::1]",
            "http://[::169.254.169.254]",
            "http://0251.0376.0251.0376",
        ] {
            let url = Url::parse(text).unwrap();
            assert!(allowed_host(&url.host().unwrap()).is_err(), "{text}");
        }
        for text in ["http://127.0.0.1", "http://10.0.0.1", "http://[::1]", "http://example.com"] {
            let url = Url::parse(text).unwrap();
            assert!(allowed_host(&url.host().unwrap()).is_ok(), "{text}");
        }
    }

    #[test]
    fn plain_http_to_localhost_stays_on_this_machine() {
        let go = |addresses: &[&str], here| {
            all_allowed(addresses.iter().map(|text| text.parse().unwrap()), here).is_ok()
        };
        assert!(go(&["::1", "127.0.0.1", "::ffff:127.0.0.1"], true));
        assert!(!go(&["127.0.0.1", "192.0.2.1"], true));
        assert!(go(&["127.0.0.1", "192.0.2.1"], false), "https is checked by certificate");
        assert!(!go(&["192.0.2.1", "169.254.169.254"], false), "one bad address is enough");
    }
}
