//! From a host's name to a TCP connection, with the rules for hosts in between: the address that was checked
//! is the address that is dialled.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use url::Host;

use super::steps::Steps;
use super::{Failure, address};

/// How long one address of a host has for itself before the next one is tried beside it (RFC 8305, 5).
const NEXT: Duration = Duration::from_millis(250);

/// What bytes go through.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The addresses of a host. `checked`: they must be such that a credential may go to; `here`: and lead to
/// this machine.
pub(super) async fn resolve(
    host: &Host<&str>,
    port: u16,
    checked: bool,
    here: bool,
    steps: &Steps,
) -> Result<Vec<SocketAddr>, Failure> {
    let name = match host {
        Host::Ipv4(address) => return Ok(vec![SocketAddr::from((*address, port))]),
        Host::Ipv6(address) => return Ok(vec![SocketAddr::from((*address, port))]),
        Host::Domain(name) => *name,
    };
    let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((name, port)).await {
        Ok(addresses) => addresses.collect(),
        // getaddrinfo's errors have no kinds of their own, only the system's words.
        Err(error) if error.to_string().contains("emporary failure") => return Err(Failure::Resolve),
        Err(_) => return Err(Failure::NotFound),
    };
    if addresses.is_empty() {
        return Err(Failure::NotFound);
    }
    if checked {
        address::all_allowed(addresses.iter().map(SocketAddr::ip), here)
            .map_err(|reason| Failure::Forbidden { reason })?;
    }
    for address in addresses.iter().take(3) {
        steps.note(&address.ip().to_string());
    }
    Ok(addresses)
}

/// Connects to the first of the addresses that answers. Each has a moment for itself; one that says nothing
/// does not keep the others waiting.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut waiting = addresses.iter();
    let mut attempts = JoinSet::new();
    let mut failure = Failure::Connect;
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(TcpStream::connect(*address));
        }
        let next = tokio::time::sleep(NEXT);
        let ended = tokio::select! {
            ended = attempts.join_next() => ended,
            () = next, if waiting.len() > 0 => continue,
        };
        match ended {
            None => return Err(failure),
            Some(Ok(Ok(stream))) => {
                // Small requests go out at once; a system that refuses that is only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Some(Ok(Err(error))) => failure = refused(&error),
            Some(Err(_)) => {}
        }
    }
}

fn refused(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        // Accepted and reset before anything was sent.
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Failure::Closed,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => Failure::NoRoute,
        io::ErrorKind::TimedOut => Failure::TimedOut { during: "connect" },
        _ => Failure::Connect,
    }
}
