//! Through a proxy: a connection that it only carries. Plain http goes through a tunnel too, so that an
//! answer is always the service's own and never the proxy's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Host;
use zeroize::Zeroizing;

use super::dial::{self, Stream};
use super::failure::{Failure, ProxyFailure};
use super::steps::Steps;
use super::{TlsOptions, Trust, tls};
use crate::proxy::{Proxy, Scheme};

/// The longest answer of a proxy to CONNECT, in bytes.
const HEAD: usize = 16 << 10;

/// Where a tunnel leads.
pub(super) struct Goal<'a> {
    /// The host, as the credential has it.
    pub(super) host: Host<&'a str>,
    /// Its port.
    pub(super) port: u16,
    /// Only this machine will do.
    pub(super) here: bool,
}

/// Opens a tunnel.
pub(super) async fn open(
    proxy: &Proxy,
    goal: &Goal<'_>,
    trust: &Trust,
    steps: &Steps,
) -> Result<Box<dyn Stream>, Failure> {
    let named_by = match trust.proxies.named_by.as_str() {
        "" => String::new(),
        name => format!(" ({name})"),
    };
    steps.begin("proxy", format!("{proxy}{named_by}"));
    let failed = |problem: ProxyFailure| Failure::Proxy { proxy: proxy.to_string(), problem };
    // To reach a proxy that the operator named no rule for hosts applies: it is sent no credential.
    let unreachable = |failure: Failure| match failure {
        Failure::Tls(tls) => failed(ProxyFailure::Tls(tls)),
        other => failed(ProxyFailure::Unreachable(other.to_string())),
    };
    let host = match &proxy.host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    };
    let addresses = dial::resolve(&host, proxy.port, false, false, steps).await.map_err(unreachable)?;
    let mut stream: Box<dyn Stream> = Box::new(dial::connect(&addresses).await.map_err(unreachable)?);
    if proxy.scheme == Scheme::Https {
        // Neither the credential's authorities nor its certificate are for the proxy.
        let options = TlsOptions::default();
        let secured =
            tls::handshake(stream, &host, &["http/1.1"], trust, &options, &Default::default()).await;
        stream = Box::new(secured.map_err(|tls| failed(ProxyFailure::Tls(tls)))?.stream);
    }
    let Goal { host, port, here } = goal;
    let goal = match proxy.scheme {
        // The address that was checked is the one that the proxy is asked for.
        Scheme::Socks5 => {
            steps.begin("resolve", host.to_string());
            let checked = dial::resolve(host, *port, true, *here, steps).await?;
            checked.first().map(|address| match address.ip() {
                std::net::IpAddr::V4(address) => Host::Ipv4(address),
                std::net::IpAddr::V6(address) => Host::Ipv6(address),
            })
        }
        _ => None,
    };
    let goal = goal.as_ref().unwrap_or(host);
    let looked_up = if matches!(goal, Host::Domain(_)) { ", which the proxy looks up" } else { "" };
    steps.begin("connect", format!("{host}:{port} through the proxy{looked_up}"));
    let result = match proxy.scheme {
        Scheme::Http | Scheme::Https => connect(&mut stream, proxy, goal, *port).await,
        Scheme::Socks5 | Scheme::Socks5h => socks(&mut stream, proxy, goal, *port).await,
    };
    result.map_err(failed)?;
    Ok(stream)
}

/// CONNECT (RFC 9110, 9.3.6).
async fn connect(
    stream: &mut Box<dyn Stream>,
    proxy: &Proxy,
    host: &Host<&str>,
    port: u16,
) -> Result<(), ProxyFailure> {
    let login = proxy.login.as_ref().map(|(user, password)| {
        let pair = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(pair.as_bytes()))
    });
    let head = Zeroizing::new(format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {}\r\n{}\r\n",
        super::AGENT,
        login.unwrap_or_default()
    ));
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await?;
    let mut read = 0;
    loop {
        let mut answer = Vec::new();
        // Byte by byte: what stands behind the head belongs to the service.
        while !answer.ends_with(b"\r\n\r\n") {
            if read == HEAD || answer.len() == 5 && answer != *b"HTTP/" {
                return Err(ProxyFailure::NoProxy);
            }
            answer.push(stream.read_u8().await?);
            read += 1;
        }
        let status = std::str::from_utf8(answer.get(9..12).unwrap_or_default()).ok();
        match status.and_then(|status| status.parse::<u16>().ok()) {
            Some(100..=199) => {}
            Some(200..=299) => return Ok(()),
            Some(407) => return Err(ProxyFailure::Login),
            Some(status) => return Err(ProxyFailure::Refused(status)),
            None => return Err(ProxyFailure::NoProxy),
        }
    }
}

/// SOCKS 5 (RFC 1928), with user name and password (RFC 1929) where there are some.
async fn socks(
    stream: &mut Box<dyn Stream>,
    proxy: &Proxy,
    host: &Host<&str>,
    port: u16,
) -> Result<(), ProxyFailure> {
    let hello: &[u8] = if proxy.login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(hello).await?;
    stream.flush().await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    match (chosen, &proxy.login) {
        ([5, 0], _) => {}
        ([5, 2], Some((user, password))) => {
            let mut login = Zeroizing::new(vec![1]);
            for part in [user, password] {
                let part = part.expose().as_bytes();
                login.push(u8::try_from(part.len()).map_err(|_| ProxyFailure::Login)?);
                login.extend_from_slice(part);
            }
            stream.write_all(&login).await?;
            stream.flush().await?;
            let mut answer = [0; 2];
            stream.read_exact(&mut answer).await?;
            if answer[1] != 0 {
                return Err(ProxyFailure::Login);
            }
        }
        ([5, _], _) => return Err(ProxyFailure::Login),
        _ => return Err(ProxyFailure::NoProxy),
    }
    let mut request = vec![5, 1, 0];
    match host {
        Host::Ipv4(address) => {
            request.push(1);
            request.extend(address.octets());
        }
        Host::Ipv6(address) => {
            request.push(4);
            request.extend(address.octets());
        }
        Host::Domain(name) => {
            let length = u8::try_from(name.len()).map_err(|_| ProxyFailure::Socks("the name is too long"))?;
            request.extend([3, length]);
            request.extend(name.bytes());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    if answer[0] != 5 {
        return Err(ProxyFailure::NoProxy);
    }
    if let Some(reason) = refusal(answer[1]) {
        return Err(ProxyFailure::Socks(reason));
    }
    // The address it went out from is nobody's matter.
    let length = match answer[3] {
        1 => 4,
        3 => usize::from(stream.read_u8().await?),
        4 => 16,
        _ => return Err(ProxyFailure::NoProxy),
    };
    stream.read_exact(&mut vec![0; length + 2]).await?;
    Ok(())
}

fn refusal(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => return None,
        2 => "its rules do not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the connection was refused",
        6 => "it took too long",
        7 | 8 => "it does not support that",
        _ => "it failed",
    })
}
