//! The listener on this machine that a browser returns to (RFC 8252, 7.3). It takes one answer and closes.
//!
//! It listens on literal addresses of this machine only. Who asks for another host than the redirect names was sent
//! here by somebody else's page, and is refused. However many connect, and however slowly they speak, there is room
//! for the browser: the oldest of too many connections is dropped.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet, yield_now};
use tokio::time::timeout;

use super::login::Deaf;
use super::redirect::Redirect;
use super::transaction::{Answered, NotThis, Transaction};

/// How many connections are held at once.
const CONNECTIONS: usize = 256;

/// How many may wait to be let in.
const QUEUE: u32 = 1024;

/// The most that is read of a request, in bytes: a code, and the cookies of everything else on this machine.
const REQUEST: usize = 32 << 10;

/// How long a request may take to come, and its answer to go.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the page of the one answer may take, in which the login waits.
const GRACE: Duration = Duration::from_secs(2);

/// How often another free port is tried where the second address of `localhost` has it taken.
const TRIES: usize = 8;

/// What is to come of one answer.
type Judged = Result<Answered, NotThis>;

/// Listens for a browser.
pub(super) struct Listener {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
}

impl Listener {
    /// Listens where a redirect leads.
    pub(super) fn open(redirect: &Redirect) -> Result<Self, Deaf> {
        let places = redirect.places();
        let Some(first) = places.first().copied() else { return Err(Deaf::Elsewhere) };
        let deaf = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => Deaf::Taken(first.port()),
            _ => Deaf::Closed(first.port()),
        };
        let mut taken = Deaf::Taken(first.port());
        for _ in 0..TRIES {
            let mut sockets = vec![listen(first).map_err(deaf)?];
            let address = sockets[0].local_addr().map_err(deaf)?;
            let mut whole = true;
            for other in &places[1..] {
                match listen((other.ip(), address.port()).into()) {
                    Ok(socket) => sockets.push(socket),
                    // Somebody else would be told the code.
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => whole = false,
                    // This machine does not have that address: no browser can go there either.
                    Err(_) => {}
                }
            }
            if whole {
                return Ok(Self { sockets, address });
            }
            taken = Deaf::Taken(address.port());
            if first.port() != 0 {
                break;
            }
        }
        Err(taken)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the one answer. From then on nobody listens any more.
    pub(super) async fn answer(self, redirect: &Redirect, transaction: &Arc<Transaction>) -> Judged {
        let (host, path) = redirect.wanted(self.address.port());
        let (answers, mut answered) = unbounded_channel();
        let transaction = transaction.clone();
        let door = Arc::new(Door { host, path, transaction, answers, closed: AtomicBool::new(false) });
        let mut connections: JoinSet<Option<()>> = JoinSet::new();
        let mut order: VecDeque<AbortHandle> = VecDeque::new();
        let (judged, shown) = loop {
            tokio::select! {
                biased;
                Some(answer) = answered.recv() => break answer,
                Some(_) = connections.join_next() => order.retain(|connection| !connection.is_finished()),
                stream = self.accept() => {
                    if order.len() >= CONNECTIONS && let Some(oldest) = order.pop_front() {
                        oldest.abort();
                    }
                    let door = door.clone();
                    order.push_back(connections.spawn(async move { door.greet(stream).await }));
                    // Who was let in is listened to before the next one.
                    yield_now().await;
                }
            }
        };
        drop(self);
        // Until the browser shows the page, or does not want it.
        let _ = timeout(GRACE, shown).await;
        judged
    }

    /// The next connection, at any of the addresses.
    async fn accept(&self) -> TcpStream {
        loop {
            let accepted = match self.sockets.as_slice() {
                [one, other, ..] => tokio::select! {
                    accepted = one.accept() => accepted,
                    accepted = other.accept() => accepted,
                },
                [one] => one.accept().await,
                [] => std::future::pending().await,
            };
            match accepted {
                Ok((stream, _)) => return stream,
                // No file is left to hold it: some will be, when a connection ends.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

/// A socket that listens. Who waits in a short queue behind a flood waits for seconds.
fn listen(place: SocketAddr) -> io::Result<TcpListener> {
    let socket = if place.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // The port of a login that has just ended is free.
    socket.set_reuseaddr(true)?;
    socket.bind(place)?;
    socket.listen(QUEUE)
}

/// Who is let in.
struct Door {
    host: String,
    path: String,
    transaction: Arc<Transaction>,
    /// Takes the one answer, and what ends when its page was shown.
    answers: UnboundedSender<(Judged, oneshot::Receiver<()>)>,
    /// The one answer was taken.
    closed: AtomicBool,
}

/// What a visitor is told: a status, and a sentence.
struct Page(&'static str, &'static str);

const THANKS: Page = Page("200 OK", "credbench has the answer. Close this page and go back to the terminal.");
const DENIED: Page = Page("200 OK", "The login was not allowed. Go back to the terminal, which says why.");
const STRANGE: Page = Page(
    "400 Bad Request",
    "This does not belong to the login that credbench waits for. Go back to the terminal.",
);
const NO_CODE: Page =
    Page("400 Bad Request", "This address is where a login ends, and this is no answer to one.");
const TAKEN: Page = Page("410 Gone", "credbench already has an answer. Go back to the terminal.");
const WRONG_HOST: Page = Page("403 Forbidden", "This name is not the one that credbench listens for.");
const WRONG_PATH: Page = Page("404 Not Found", "There is nothing here.");
const WRONG_METHOD: Page =
    Page("405 Method Not Allowed", "Only a browser that comes back from a login is answered here.");
const TOO_LONG: Page = Page("431 Request Header Fields Too Large", "This is too long.");

impl Door {
    /// Reads one request and answers it.
    async fn greet(&self, mut stream: TcpStream) -> Option<()> {
        let head = timeout(PATIENCE, head(&mut stream)).await.ok()?.ok()?;
        let (page, judged) = match head {
            Some(head) => self.judge(&head),
            None => (TOO_LONG, None),
        };
        // Ends with this task, however that ends.
        let (_shown, wait) = oneshot::channel();
        if let Some(judged) = judged {
            // Before the page: who is slow to read it, or is dropped, has answered all the same.
            self.answers.send((judged, wait)).ok()?;
        }
        let sent = async {
            stream.write_all(page.bytes().as_bytes()).await?;
            stream.shutdown().await
        };
        // Whether the page arrives is the browser's matter.
        timeout(PATIENCE, sent).await.ok()?.ok()
    }

    fn judge(&self, head: &str) -> (Page, Option<Judged>) {
        let mut lines = head.split("\r\n");
        let mut request = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (request.next().unwrap_or_default(), request.next().unwrap_or_default());
        let mut hosts = lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = hosts.next().map(|(_, value)| value.trim());
        if hosts.next().is_some() || !host.is_some_and(|host| host.eq_ignore_ascii_case(&self.host)) {
            return (WRONG_HOST, None);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path != self.path {
            return (WRONG_PATH, None);
        }
        if method != "GET" {
            return (WRONG_METHOD, None);
        }
        let judged = self.transaction.judge(query);
        if matches!(judged, Err(NotThis::Nothing)) {
            return (NO_CODE, None);
        }
        if self.closed.swap(true, Ordering::SeqCst) {
            return (TAKEN, None);
        }
        let page = match &judged {
            Ok(Answered::Code { .. }) => THANKS,
            Ok(Answered::Denied { .. }) => DENIED,
            Err(_) => STRANGE,
        };
        (page, Some(judged))
    }
}

/// The head of a request; nothing where it is too long.
async fn head(stream: &mut TcpStream) -> io::Result<Option<zeroize::Zeroizing<String>>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(REQUEST));
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            return Ok(Some(zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes[..end]).into_owned())));
        }
        if bytes.len() >= REQUEST {
            return Ok(None);
        }
        let room = REQUEST - bytes.len();
        if (&mut *stream).take(room as u64).read_buf(&mut *bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl Page {
    fn bytes(&self) -> String {
        let Self(status, sentence) = self;
        let body = format!(
            "<!doctype html><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
             <title>credbench</title><p style=\"font:1.2em sans-serif;margin:3em\">{sentence}"
        );
        let allow = if status.starts_with("405") { "Allow: GET\r\n" } else { "" };
        // Nothing of the address is kept or passed on.
        format!(
            "HTTP/1.1 {status}\r\n{allow}Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
             Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    }
}
