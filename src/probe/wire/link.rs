//! A connection to a server, with a bound on all that it may send.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::login::{Login, Mode};
use super::reader::text;
use super::trace::Trace;
use super::verdict::{Ends, Verdict};
use crate::http::socket::{self, Encrypted};
use crate::http::{Failure, Peer, Trust};

/// The longest frame or line that is read, in bytes: many times what any login needs.
pub(super) const FRAME: usize = 64 << 10;

/// The most that is read in all, in bytes.
const TOTAL: usize = 1 << 20;

/// How much of the beginning is kept, to recognise what answers.
const HEAD: usize = 32;

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<Encrypted>),
    /// Only while a handshake goes on, or after one that failed.
    Gone,
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Link<'a> {
    login: &'a Login,
    trust: &'a Trust,
    trace: &'a mut Trace,
    stream: Stream,
    /// Read from the connection and not taken yet: never more than a frame and what came along with it.
    unread: Vec<u8>,
    /// How many bytes it may still send.
    room: usize,
    /// The first that it sent.
    head: Vec<u8>,
}

impl<'a> Link<'a> {
    /// Looks the host up and connects; with TLS from the start where the port or the protocol wants it.
    pub(super) async fn open(login: &'a Login, trust: &'a Trust, trace: &'a mut Trace) -> Ends<Self> {
        let failed = |failure| Verdict::failed(&failure, login);
        let here = login.mode == Mode::Plain && !login.plain_anywhere;
        let resolving = socket::resolve(&login.host, login.port, here);
        let addresses = if socket::is_address(&login.host) {
            resolving.await.map_err(failed)
        } else {
            trace.begin("resolve", login.host.as_str());
            let found = resolving.await.map_err(failed);
            let ips = found.iter().flatten().take(3).map(|address| address.ip().to_string());
            trace.note(&ips.collect::<Vec<_>>().join(" "));
            found
        };
        // A forbidden address is known before the connection: it is the connection that is not made.
        let addresses = addresses.inspect_err(|_| {
            if trace.is_empty() {
                trace.begin("connect", login.place());
            }
        })?;
        trace.begin("connect", login.place());
        let (stream, address) = socket::connect(&addresses).await.map_err(failed)?;
        if let Some(address) = address.filter(|_| addresses.len() > 1) {
            trace.note(&address.ip().to_string());
        }
        let stream = Stream::Plain(stream);
        let mut link =
            Self { login, trust, trace, stream, unread: Vec::new(), room: TOTAL, head: Vec::new() };
        if login.encrypts_first() {
            link.encrypt().await?;
        }
        Ok(link)
    }

    /// Begins the next step.
    pub(super) fn step(&mut self, name: &'static str, detail: impl Into<String>) {
        self.trace.begin(name, detail);
    }

    /// Whether TLS is wanted and not there yet: the protocol has to ask for it.
    pub(super) fn wants_tls(&self) -> bool {
        self.login.mode != Mode::Plain && !self.is_encrypted()
    }

    /// Whether what is sent now is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Goes on under TLS. What came before in plain text does not count any more.
    pub(super) async fn encrypt(&mut self) -> Ends<()> {
        self.trace.begin("TLS", "");
        // Anyone on the way could have put it there, to be taken for what the server says under TLS.
        if !self.unread.is_empty() {
            return Err(Verdict::unexpected(
                "something was said between the request for TLS and its beginning",
            ));
        }
        let Stream::Plain(stream) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Verdict::unexpected("TLS was asked for twice"));
        };
        let options = &self.login.tls;
        let encrypted = socket::encrypt(stream, &self.login.host, options, self.trust)
            .await
            .map_err(|failure| Verdict::failed(&failure, self.login))?;
        let version = encrypted.stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
        self.trace.note(&version.unwrap_or("TLS").replace("TLSv1_", "TLS 1."));
        if options.peer == Peer::Anyone && options.authorities.is_empty() {
            self.trace.note("(the certificate was not checked)");
        }
        self.stream = Stream::Tls(Box::new(encrypted));
        Ok(())
    }

    /// Sends all of it.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Ends<()> {
        let sent = match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes).await,
            Stream::Tls(tls) => match tls.stream.write_all(bytes).await {
                Ok(()) => tls.stream.flush().await,
                error => error,
            },
            Stream::Gone => Err(io::ErrorKind::NotConnected.into()),
        };
        match sent {
            // A server that has closed may have said why before: reading finds out.
            Err(error) if !is_end(&error) => Err(self.broken(&error)),
            _ => Ok(()),
        }
    }

    /// Says goodbye; whether anyone hears it does not matter.
    pub(super) async fn leave(&mut self, bytes: &[u8]) {
        let _ = self.send(bytes).await;
    }

    /// Reads more; what was read before stays.
    async fn fill(&mut self) -> Ends<()> {
        let mut chunk = [0; 4096];
        let limit = chunk.len().min(self.room);
        if limit == 0 {
            return Err(Verdict::unexpected("the server said more than 1 MiB without coming to an end"));
        }
        let read = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut chunk[..limit]).await,
            Stream::Tls(tls) => tls.stream.read(&mut chunk[..limit]).await,
            Stream::Gone => Ok(0),
        };
        match read {
            Ok(0) => Err(self.ended()),
            Ok(count) => {
                self.room -= count;
                let head = HEAD - self.head.len();
                self.head.extend_from_slice(&chunk[..count.min(head)]);
                self.unread.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// The next bytes, exactly as many. More than [`FRAME`] are not waited for.
    pub(super) async fn exact(&mut self, count: usize) -> Ends<Vec<u8>> {
        if count > FRAME {
            return Err(self.garbled());
        }
        while self.unread.len() < count {
            self.fill().await?;
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// The next line, without its end.
    pub(super) async fn line(&mut self) -> Ends<String> {
        let mut from = 0;
        loop {
            if let Some(end) = self.unread[from..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=from + end).collect();
                return Ok(text(line.trim_ascii_end()));
            }
            from = self.unread.len();
            if from > FRAME {
                return Err(self.garbled());
            }
            self.fill().await?;
        }
    }

    /// What came is not the protocol's.
    pub(super) fn garbled(&self) -> Verdict {
        Verdict::garbled(&self.head, self.login)
    }

    /// What came, if there is any of it, is the protocol's.
    pub(super) fn whole<T>(&self, parsed: Option<T>) -> Ends<T> {
        parsed.ok_or_else(|| self.garbled())
    }

    fn ended(&self) -> Verdict {
        // What was not understood may be why: a web server answers a login with an error and closes.
        let other = Verdict::garbled(&self.head, self.login);
        let silent = self.head.is_empty();
        let other_protocol = !self.unread.is_empty() && other.message.contains(" speaks ");
        if silent || other_protocol { other } else { Verdict::closed(self.login) }
    }

    fn broken(&self, error: &io::Error) -> Verdict {
        let tls = match &self.stream {
            Stream::Tls(tls) => tls.failure(error),
            Stream::Plain(_) | Stream::Gone => None,
        };
        match tls {
            Some(tls) => Verdict::failed(&Failure::Tls(tls), self.login),
            None if is_end(error) => self.ended(),
            None => Verdict::unreachable("the connection broke"),
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
    )
}
