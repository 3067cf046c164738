//! HTTP servers on this machine that do what a script says, good or bad, and remember what they were sent.
//!
//! They run on a runtime of their own, so tests without one, and tests of the program itself, can use them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query, untouched.
    pub(crate) target: String,
    /// In their order and spelling.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The first header of a name, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// Everything of it, as one text to search in.
    pub(crate) fn text(&self) -> String {
        format!("{} {} {:?} {}", self.method, self.target, self.headers, String::from_utf8_lossy(&self.body))
    }
}

/// What a server does.
pub(crate) enum Act {
    /// Answers and ends the connection.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8> },
    /// Sends these bytes and ends the connection.
    Raw(Vec<u8>),
    /// Says nothing until the client goes.
    Hang,
    /// Sends byte after byte, with a pause after each.
    Trickle(Vec<u8>, Duration),
    /// Sends the first part, then the second again and again until the client goes.
    Endless(Vec<u8>, Vec<u8>),
    /// Ends the connection with a reset.
    Reset,
    /// Waits for as many other requests, then does it.
    Together(Arc<Barrier>, Box<Act>),
    /// Waits, then does it.
    After(Duration, Box<Act>),
}

/// An answer with a JSON body.
pub(crate) fn json(status: u16, body: impl Into<String>) -> Act {
    answer(status, &[("content-type", "application/json")], body)
}

/// An answer.
pub(crate) fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<String>) -> Act {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Act::Answer { status, headers, body: body.into().into_bytes() }
}

/// What several servers saw together.
#[derive(Debug, Default)]
pub(crate) struct Log {
    requests: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    ended: AtomicUsize,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
    sent: AtomicU64,
}

impl Log {
    /// The most requests that waited for their answer at once.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::SeqCst)
    }

    fn came(&self, seen: Seen) {
        self.requests.lock().unwrap().push(seen);
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(now, Ordering::SeqCst);
    }

    fn connected(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    fn ended(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::SeqCst);
    }

    fn answers(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

type Script = Arc<dyn Fn(&Seen) -> Act + Send + Sync>;

#[derive(Clone)]
enum When {
    /// Once a request was read.
    Asked(Script),
    /// At once, before anything was read.
    Connected(Arc<dyn Fn() -> Act + Send + Sync>),
    /// At once, by somebody else.
    Taken(Arc<dyn Fn(TcpStream) -> Handling + Send + Sync>),
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A server; ends when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    tls: bool,
    log: Arc<Log>,
    /// What all of them saw that were started with the same one.
    shared: Arc<Log>,
    _task: JoinSet<()>,
}

impl Server {
    /// Plain http on 127.0.0.1.
    pub(crate) fn start(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::with("127.0.0.1", None, When::Asked(Arc::new(script)), Arc::default())
    }

    /// Plain http on another address of this machine.
    pub(crate) fn start_at(ip: &str, script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::with(ip, None, When::Asked(Arc::new(script)), Arc::default())
    }

    /// Plain http on a host of its own, 127.0.1.`host`, counted together with others.
    pub(crate) fn counted(
        log: &Arc<Log>,
        host: u8,
        script: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::with(&format!("127.0.1.{host}"), None, When::Asked(Arc::new(script)), log.clone())
    }

    /// https on 127.0.0.1; speaks HTTP/2 where that is agreed on.
    pub(crate) fn tls(
        config: Arc<ServerConfig>,
        script: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::with("127.0.0.1", Some(config), When::Asked(Arc::new(script)), Arc::default())
    }

    /// https that ends a connection at once where the handshake fails.
    pub(crate) fn tls_abrupt(config: Arc<ServerConfig>) -> Self {
        let acceptor = TlsAcceptor::from(config);
        let handshake = move |stream: TcpStream| {
            let acceptor = acceptor.clone();
            async move { drop(acceptor.accept(stream).await) }
        };
        let mut server = Self::with(
            "127.0.0.1",
            None,
            When::Taken(Arc::new(move |s| Box::pin(handshake(s)))),
            Arc::default(),
        );
        server.tls = true;
        server
    }

    /// https on another address of this machine.
    pub(crate) fn tls_at(
        ip: &str,
        config: Arc<ServerConfig>,
        script: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::with(ip, Some(config), When::Asked(Arc::new(script)), Arc::default())
    }

    /// Does something as soon as somebody connects.
    pub(crate) fn on_connect(act: impl Fn() -> Act + Send + Sync + 'static) -> Self {
        Self::with("127.0.0.1", None, When::Connected(Arc::new(act)), Arc::default())
    }

    fn with(ip: &str, tls: Option<Arc<ServerConfig>>, when: When, shared: Arc<Log>) -> Self {
        let listener = std::net::TcpListener::bind((ip, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let mut task = JoinSet::new();
        let acceptor = tls.clone().map(TlsAcceptor::from);
        let logs = [log.clone(), shared.clone()];
        let serve = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                logs.iter().for_each(|log| log.connected());
                let (acceptor, when, logs) = (acceptor.clone(), when.clone(), logs.clone());
                connections.spawn(async move {
                    // How it ended is the client's matter.
                    drop(connection(stream, acceptor, when, &logs).await);
                    logs.iter().for_each(|log| log.ended());
                });
            }
        };
        task.spawn_on(serve, RUNTIME.handle());
        Self { address, tls: tls.is_some(), log, shared, _task: task }
    }

    /// `http://127.0.0.1:PORT`, or `https`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// The same with another host's name.
    pub(crate) fn url_as(&self, host: &str) -> String {
        format!("{}://{host}:{}", if self.tls { "https" } else { "http" }, self.address.port())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.log.requests.lock().unwrap().clone()
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// Whether every connection has ended.
    pub(crate) fn is_idle(&self) -> bool {
        self.connections() == self.log.ended.load(Ordering::SeqCst)
    }

    /// The most requests that waited for their answer at once.
    pub(crate) fn peak(&self) -> usize {
        self.log.peak()
    }

    /// How many bytes it could send, of [`Act::Endless`] only.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }
}

/// A port that is taken, but on which nobody listens: connections are refused, and no other test gets it.
pub(crate) struct Dead(TcpSocket);

impl Dead {
    pub(crate) fn port() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

/// A stream that can be reset.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

async fn connection(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    when: When,
    logs: &[Arc<Log>; 2],
) -> io::Result<()> {
    let script = match when {
        When::Connected(act) => return perform(act(), stream, logs, false).await,
        When::Taken(take) => {
            take(stream).await;
            return Ok(());
        }
        When::Asked(script) => script,
    };
    match acceptor {
        None => asked(stream, &script, logs).await,
        Some(acceptor) => {
            let stream = match acceptor.accept(stream).into_fallible().await {
                Ok(stream) => stream,
                // Until the client goes: closing on unread bytes would reset the connection, and the alert be
                // lost.
                Err((_, mut stream)) => {
                    return tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop);
                }
            };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                return http2(stream, &script, logs).await.map_err(io::Error::other);
            }
            asked(stream, &script, logs).await
        }
    }
}

async fn asked(mut stream: impl Stream, script: &Script, logs: &[Arc<Log>; 2]) -> io::Result<()> {
    let seen = read(&mut stream).await?;
    logs.iter().for_each(|log| log.came(seen.clone()));
    perform(script(&seen), stream, logs, true).await
}

async fn read(stream: &mut impl Stream) -> io::Result<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let mut seen = Seen {
        method: first.next().unwrap_or_default(),
        target: first.next().unwrap_or_default(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
        body: bytes.split_off(end),
    };
    let length = seen.header("content-length").parse().unwrap_or(0);
    while seen.body.len() < length {
        if stream.read_buf(&mut seen.body).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(seen)
}

/// What is left to do after all waiting.
async fn waited(mut act: Act) -> Act {
    loop {
        act = match act {
            Act::Together(barrier, then) => {
                barrier.wait().await;
                *then
            }
            Act::After(pause, then) => {
                tokio::time::sleep(pause).await;
                *then
            }
            now => return now,
        }
    }
}

async fn perform(act: Act, mut stream: impl Stream, logs: &[Arc<Log>; 2], asked: bool) -> io::Result<()> {
    let act = waited(act).await;
    if asked && !matches!(act, Act::Hang) {
        // Before the answer: whoever has it may begin the next request at once.
        logs.iter().for_each(|log| log.answers());
    }
    match act {
        Act::Answer { status, headers, body } => {
            let mut head = format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in &headers {
                head.extend([name, ": ", value, "\r\n"]);
            }
            stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).await?;
            stream.shutdown().await?;
        }
        Act::Raw(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
        }
        Act::Trickle(bytes, pause) => {
            for byte in bytes {
                stream.write_all(&[byte]).await?;
                stream.flush().await?;
                tokio::time::sleep(pause).await;
            }
            stream.shutdown().await?;
        }
        Act::Endless(first, again) => {
            stream.write_all(&first).await?;
            loop {
                let sent = stream.write(&again).await? as u64;
                logs.iter().for_each(|log| log.sent(sent));
            }
        }
        Act::Reset => {
            if !asked {
                // Not while the client still connects: that would be another failure.
                stream.read_u8().await?;
            }
            return stream.tcp().set_zero_linger();
        }
        Act::Hang | Act::Together(..) | Act::After(..) => {}
    }
    // Until the client goes: closing on unread bytes would reset the connection.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
}

/// Answers over HTTP/2; knows only [`Act::Answer`].
async fn http2(stream: impl Stream, script: &Script, logs: &[Arc<Log>; 2]) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, mut respond) = accepted?;
        let headers = request.headers().iter();
        let seen = Seen {
            method: request.method().to_string(),
            target: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: headers
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
            body: Vec::new(),
        };
        logs.iter().for_each(|log| log.came(seen.clone()));
        logs.iter().for_each(|log| log.answers());
        let Act::Answer { status, headers, body } = script(&seen) else {
            panic!("HTTP/2 knows only answers")
        };
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        respond.send_response(response.body(()).unwrap(), false)?.send_data(body.into(), true)?;
    }
    Ok(())
}
