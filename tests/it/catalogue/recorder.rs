//! A proxy that is every host there is: it ends each tunnel itself, remembers what came through it and answers
//! as the case says that the tunnel's login names.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credbench::http::Trust;
use credbench::proxy::{Proxies, Proxy};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::tls::{authority_der, server_of_any_name};

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Host and port of the tunnel.
    pub(super) host: String,
    pub(super) method: String,
    /// Path and query, untouched.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// What is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

#[derive(Default)]
struct Case {
    replies: std::collections::VecDeque<Reply>,
    seen: Vec<Seen>,
}

type Cases = Arc<Mutex<HashMap<String, Case>>>;

/// The running proxy.
pub(super) struct Recorder {
    address: std::net::SocketAddr,
    cases: Cases,
    trust: Trust,
}

impl Recorder {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cases = Cases::default();
        let (known, acceptor) = (cases.clone(), TlsAcceptor::from(server_of_any_name()));
        tokio::task::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (cases, acceptor) = (known.clone(), acceptor.clone());
                // A client that goes away in the middle is its own affair: the case then lacks a request.
                tokio::task::spawn(async move { tunnel(stream, &cases, acceptor).await.ok() });
            }
        });
        Self { address, cases, trust: Trust::new(vec![authority_der()], Proxies::default()) }
    }

    /// What a test of the case trusts and goes through, and what it is answered, call by call.
    pub(super) fn expect(&self, case: &str, replies: impl IntoIterator<Item = Reply>) -> Trust {
        let replies = replies.into_iter().collect();
        self.cases.lock().unwrap().insert(case.to_owned(), Case { replies, seen: Vec::new() });
        let proxy = Proxy::parse(&format!("http://{case}:x@{}", self.address)).unwrap();
        let mut trust = self.trust.clone();
        trust.proxies = Proxies::all(proxy, Vec::new(), "test");
        trust
    }

    /// What came, in its order.
    pub(super) fn seen(&self, case: &str) -> Vec<Seen> {
        self.cases.lock().unwrap().remove(case).map(|case| case.seen).unwrap_or_default()
    }
}

async fn tunnel(mut stream: TcpStream, cases: &Cases, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let (head, _) = read_head(&mut stream).await?;
    let mut words = head.split(' ');
    assert_eq!(words.next(), Some("CONNECT"), "{head}");
    let host = words.next().unwrap_or_default().to_owned();
    let login = header(&head, "proxy-authorization").unwrap_or_default();
    let login = STANDARD.decode(login.trim_start_matches("Basic ")).unwrap_or_default();
    let case = String::from_utf8_lossy(&login).split(':').next().unwrap_or_default().to_owned();
    stream.write_all(b"HTTP/1.1 200 ok\r\n\r\n").await?;
    // A TLS record begins with 22; plain http with a letter.
    let mut first = [0];
    stream.peek(&mut first).await?;
    match first[0] {
        22 => serve(acceptor.accept(stream).await?, host, &case, cases).await,
        _ => serve(stream, host, &case, cases).await,
    }
}

async fn serve<S>(mut stream: S, host: String, case: &str, cases: &Cases) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (head, mut body) = read_head(&mut stream).await?;
    let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while body.len() < length {
        let mut more = [0; 4096];
        let count = stream.read(&mut more).await?;
        if count == 0 {
            break;
        }
        body.extend_from_slice(&more[..count]);
    }
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let headers = lines.filter_map(|line| line.split_once(": "));
    let seen = Seen {
        host,
        method: words.next().unwrap_or_default().to_owned(),
        target: words.next().unwrap_or_default().to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let head_only = seen.method == "HEAD";
    let reply = {
        let mut cases = cases.lock().unwrap();
        let case = cases.entry(case.to_owned()).or_default();
        case.seen.push(seen);
        case.replies.pop_front().unwrap_or(Reply { status: 500, ..Reply::default() })
    };
    let mut text = format!("HTTP/1.1 {} x\r\n", reply.status);
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let bodyless = matches!(reply.status, 100..200 | 204 | 304);
    if !bodyless {
        text.push_str(&format!("content-length: {}\r\n", reply.body.len()));
    }
    text.push_str("connection: close\r\n\r\n");
    if !head_only && !bodyless {
        text.push_str(&reply.body);
    }
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), body));
        }
        let mut more = [0; 4096];
        let count = stream.read(&mut more).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&more[..count]);
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
