//! Connections that are not HTTP, under the same rules: the same hosts are refused, the same certificates are
//! believed, and what fails has the same names. No proxy is used: those are for HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::steps::Steps;
use super::tls::{self, Seen};
use super::{AddressError, Failure, TlsFailure, TlsOptions, Trust, address, dial};

/// Looks a host's name up, and refuses addresses that no credential may go to. `here`: only this machine will do,
/// because what follows is not encrypted and nobody said that it may go anywhere else.
///
/// # Errors
/// Why there is no address to dial.
pub async fn resolve(host: &str, port: u16, here: bool) -> Result<Vec<SocketAddr>, Failure> {
    let host = parse(host)?;
    let forbidden = |reason| Failure::Forbidden { reason };
    address::allowed_host(&borrowed(&host)).map_err(forbidden)?;
    let found = dial::resolve(&borrowed(&host), port, false, here, &Steps::default()).await?;
    // Also of an address that was written as one, and so not looked up.
    address::all_allowed(found.iter().map(SocketAddr::ip), here).map_err(forbidden)?;
    Ok(found)
}

/// Whether a host, as a person writes it, is this machine.
pub fn names_this_machine(host: &str) -> bool {
    parse(host).is_ok_and(|host| address::is_loopback(&borrowed(&host)))
}

/// Whether a host, as a person writes it, is an address: then nothing is looked up.
pub fn is_address(host: &str) -> bool {
    matches!(parse(host), Ok(Host::Ipv4(_) | Host::Ipv6(_)))
}

/// Reads a host as a URL's is read, so that `0x7f.1` and `127.0.0.1` are the same; an IPv6 address stands
/// without brackets.
fn parse(host: &str) -> Result<Host<String>, Failure> {
    match host.parse() {
        Ok(ip) => Ok(Host::Ipv6(ip)),
        Err(_) => Host::parse(host).map_err(|_| Failure::Address(AddressError::NoHost)),
    }
}

fn borrowed(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(ip) => Host::Ipv4(*ip),
        Host::Ipv6(ip) => Host::Ipv6(*ip),
    }
}

/// Connects to the first of the addresses that answers, and tells which that was.
///
/// # Errors
/// Why none did.
pub async fn connect(addresses: &[SocketAddr]) -> Result<(TcpStream, Option<SocketAddr>), Failure> {
    let stream = dial::connect(addresses).await?;
    let address = stream.peer_addr().ok();
    Ok((stream, address))
}

/// A connection under TLS.
#[derive(Debug)]
pub struct Encrypted {
    /// What to read from and write to.
    pub stream: TlsStream<TcpStream>,
    seen: Arc<Seen>,
}

impl Encrypted {
    /// What an error of the connection means, if it is one of TLS: with TLS 1.3 a server refuses a client only
    /// after its own part of the handshake.
    pub fn failure(&self, error: &io::Error) -> Option<TlsFailure> {
        self.seen.explain_io(error)
    }
}

/// Makes the handshake on a connection that stands.
///
/// # Errors
/// Which part of it failed; nothing but the handshake was sent.
pub async fn encrypt(
    stream: TcpStream,
    host: &str,
    options: &TlsOptions,
    trust: &Trust,
) -> Result<Encrypted, Failure> {
    let host = parse(host)?;
    let seen = Arc::new(Seen::default());
    let secured = tls::handshake(stream, &borrowed(&host), &[], trust, options, &seen).await;
    Ok(Encrypted { stream: secured.map_err(Failure::Tls)?.stream, seen })
}
