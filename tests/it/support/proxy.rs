//! Proxies on this machine: they lead everything to one place, or do as a script says, and remember what they
//! were asked for.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::server::RUNTIME;

/// How a proxy answers.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Connects to this place, wherever it was asked to.
    Leads(SocketAddr),
    /// The same, for whoever has this login: `user:password`.
    LeadsFor(SocketAddr, &'static str),
    /// Says this to everybody.
    Says(&'static [u8]),
}

/// A proxy; ends when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    /// Everything that went from the client through it, or to it.
    carried: Arc<Mutex<Vec<u8>>>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// One that understands CONNECT.
    pub(crate) fn http(does: Does) -> Self {
        Self::start(does, None, false)
    }

    /// The same over TLS.
    pub(crate) fn https(does: Does, config: Arc<ServerConfig>) -> Self {
        Self::start(does, Some(config), false)
    }

    /// One that speaks SOCKS 5.
    pub(crate) fn socks(does: Does) -> Self {
        Self::start(does, None, true)
    }

    fn start(does: Does, tls: Option<Arc<ServerConfig>>, socks: bool) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, carried) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<u8>>>::default());
        let mut task = JoinSet::new();
        let logs = (asked.clone(), carried.clone());
        let serve = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (does, tls, logs) = (does.clone(), tls.clone(), logs.clone());
                connections.spawn(async move {
                    // How it ended is the client's matter.
                    let _ = match tls {
                        Some(tls) => match TlsAcceptor::from(tls).accept(stream).await {
                            Ok(stream) => serve_one(stream, does, socks, &logs.0, &logs.1).await,
                            Err(error) => Err(error),
                        },
                        None => serve_one(stream, does, socks, &logs.0, &logs.1).await,
                    };
                });
            }
        };
        task.spawn_on(serve, RUNTIME.handle());
        Self { address, asked, carried, _task: task }
    }

    /// Its address, without a scheme.
    pub(crate) fn place(&self) -> String {
        self.address.to_string()
    }

    /// What it was asked for: `host:port`, or the head of the request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Everything that the client sent.
    pub(crate) fn carried(&self) -> Vec<u8> {
        self.carried.lock().unwrap().clone()
    }
}

async fn serve_one(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    does: Does,
    socks: bool,
    asked: &Mutex<Vec<String>>,
    carried: &Mutex<Vec<u8>>,
) -> io::Result<()> {
    let login = match &does {
        Does::LeadsFor(_, login) => Some(*login),
        _ => None,
    };
    let allowed = if socks {
        if let Does::Says(words) = &does {
            let mut hello = [0; 3];
            stream.read_exact(&mut hello).await?;
            stream.write_all(words).await?;
            return drain(stream).await;
        }
        socks5(&mut stream, login, asked).await?
    } else {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        carried.lock().unwrap().extend_from_slice(&head);
        let head = String::from_utf8_lossy(&head).into_owned();
        let wanted = login.map(|login| {
            use base64::Engine as _;
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login))
        });
        let allowed = wanted.is_none_or(|wanted| head.contains(&wanted));
        asked.lock().unwrap().push(head);
        if let Does::Says(words) = &does {
            stream.write_all(words).await?;
            stream.shutdown().await?;
            return drain(stream).await;
        }
        stream
            .write_all(if allowed { b"HTTP/1.1 200 Go\r\n\r\n" } else { b"HTTP/1.1 407 Login\r\n\r\n" })
            .await?;
        stream.flush().await?;
        allowed
    };
    let (Does::Leads(to) | Does::LeadsFor(to, _)) = does else { return Ok(()) };
    if !allowed {
        return drain(stream).await;
    }
    let mut there = TcpStream::connect(to).await?;
    let (mut from, mut into) = tokio::io::split(stream);
    let (mut back, mut forth) = there.split();
    let up = async {
        let mut bytes = vec![0; 4096];
        loop {
            let count = from.read(&mut bytes).await?;
            carried.lock().unwrap().extend_from_slice(&bytes[..count]);
            match count {
                0 => return forth.shutdown().await,
                count => forth.write_all(&bytes[..count]).await?,
            }
        }
    };
    let down = async {
        tokio::io::copy(&mut back, &mut into).await?;
        into.shutdown().await
    };
    tokio::try_join!(up, down).map(drop)
}

/// Until the client goes: closing on unread bytes would reset the connection.
async fn drain(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.flush().await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

/// The server's side of SOCKS 5.
async fn socks5(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    login: Option<&str>,
    asked: &Mutex<Vec<String>>,
) -> io::Result<bool> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let mut ways = vec![0; head[1].into()];
    stream.read_exact(&mut ways).await?;
    match login {
        None => stream.write_all(&[5, 0]).await?,
        Some(_) if !ways.contains(&2) => {
            stream.write_all(&[5, 0xff]).await?;
            return Ok(false);
        }
        Some(login) => {
            stream.write_all(&[5, 2]).await?;
            let mut parts = Vec::new();
            stream.read_u8().await?;
            for _ in 0..2 {
                let mut part = vec![0; stream.read_u8().await?.into()];
                stream.read_exact(&mut part).await?;
                parts.push(String::from_utf8(part).unwrap());
            }
            let fits = parts.join(":") == login;
            stream.write_all(&[1, u8::from(!fits)]).await?;
            if !fits {
                return Ok(false);
            }
        }
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            stream.read_exact(&mut address).await?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        3 => {
            let mut name = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut name).await?;
            String::from_utf8(name).unwrap()
        }
        _ => {
            let mut address = [0; 16];
            stream.read_exact(&mut address).await?;
            std::net::Ipv6Addr::from(address).to_string()
        }
    };
    let port = stream.read_u16().await?;
    asked.lock().unwrap().push(format!("{host}:{port}"));
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 1]).await?;
    Ok(true)
}
