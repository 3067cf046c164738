//! A small HTTP/1.1 server: enough of RFC 9112 for tests of credentials, with limits.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The longest head of a request, in bytes.
const HEAD_LIMIT: usize = 16 << 10;

/// The longest body of a request, in bytes.
const BODY_LIMIT: usize = 64 << 10;

/// Connections at once; more wait until one ends.
const CONNECTIONS: usize = 128;

/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(30);

/// A request that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// The method, as it was sent.
    pub(super) method: String,
    /// The path, without the query.
    pub(super) path: String,
    /// What stands behind the `?`, or nothing.
    pub(super) query: String,
    /// What was sent; text, as forms and JSON are.
    pub(super) body: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The first header of a name (in lower case), or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Reply {
    /// The status code.
    pub(super) status: u16,
    /// Beside the length and the content type.
    pub(super) headers: Vec<(&'static str, String)>,
    /// The content type.
    pub(super) kind: &'static str,
    /// The body; not sent to a HEAD.
    pub(super) body: String,
    /// How long it takes to find out.
    pub(super) after: Duration,
}

/// Answers every connection until the future is dropped.
pub(super) async fn serve(listener: TcpListener, answer: fn(&Request) -> Reply) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                // How a connection ends says nothing to anybody: the client sees it too.
                Ok((stream, _)) => drop(connections.spawn(async move { connection(stream, answer).await.ok() })),
                // Out of file descriptors: others have to end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(mut stream: TcpStream, answer: fn(&Request) -> Reply) -> io::Result<()> {
    let mut received = Vec::new();
    loop {
        let read = timeout(IDLE, read(&mut stream, &mut received)).await;
        let (request, close) = match read {
            Ok(Ok(Some(read))) => read,
            Ok(Ok(None)) | Err(_) => return Ok(()),
            Ok(Err(status)) => {
                let reply = Reply {
                    status,
                    headers: Vec::new(),
                    kind: "text/plain",
                    body: String::new(),
                    after: Duration::ZERO,
                };
                stream.write_all(&written(&reply, false, true)).await?;
                stream.shutdown().await?;
                // Closing on unread bytes would reset the connection and take the answer back (RFC 9112, 9.6).
                let (mut rest, mut nowhere) = (stream.take(1 << 20), tokio::io::sink());
                let rest = tokio::io::copy(&mut rest, &mut nowhere);
                return timeout(Duration::from_secs(2), rest).await.map_or(Ok(()), |copied| copied.map(drop));
            }
        };
        let reply = answer(&request);
        tokio::time::sleep(reply.after).await;
        stream.write_all(&written(&reply, request.method == "HEAD", close)).await?;
        if close {
            return stream.shutdown().await;
        }
    }
}

/// Reads one request, and whether the connection ends after it. `None`: the client has gone. An error is
/// the status to refuse it with.
async fn read(stream: &mut TcpStream, received: &mut Vec<u8>) -> Result<Option<(Request, bool)>, u16> {
    let end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if received.len() > HEAD_LIMIT {
            return Err(431);
        }
        match stream.read_buf(received).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    };
    let head = std::str::from_utf8(&received[..end]).map_err(|_| 400_u16)?;
    let (mut request, old) = parse(head).ok_or(400_u16)?;
    if !request.header("transfer-encoding").is_empty() {
        return Err(501);
    }
    let length = match request.header("content-length") {
        "" => 0,
        text => text.parse::<usize>().map_err(|_| 400_u16)?,
    };
    if length > BODY_LIMIT {
        return Err(413);
    }
    if request.header("expect").eq_ignore_ascii_case("100-continue")
        && stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err()
    {
        return Ok(None);
    }
    while received.len() < end + length {
        match stream.read_buf(received).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
    request.body = String::from_utf8_lossy(&received[end..end + length]).into_owned();
    // What is left belongs to the next request.
    received.drain(..end + length);
    let close = old || request.header("connection").eq_ignore_ascii_case("close");
    Ok(Some((request, close)))
}

/// Reads the head of a request, and whether it is of HTTP/1.0.
fn parse(head: &str) -> Option<(Request, bool)> {
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target, version) = (first.next()?, first.next()?, first.next()?);
    if first.next().is_some() || !target.starts_with('/') {
        return None;
    }
    let old = match version {
        "HTTP/1.1" => false,
        "HTTP/1.0" => true,
        _ => return None,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        if name.is_empty() || name.contains([' ', '\t']) {
            return None;
        }
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
    Some((Request { method, path, query, body: String::new(), headers }, old))
}

fn written(reply: &Reply, head: bool, close: bool) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\n",
        reply.status,
        reason(reply.status),
        reply.kind,
        reply.body.len()
    );
    for (name, value) in &reply.headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.push_str(if close { "connection: close\r\n\r\n" } else { "\r\n" });
    if !head {
        text.push_str(&reply.body);
    }
    text.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(request: &Request) -> Reply {
        Reply {
            status: 200,
            headers: vec![("x-seen", request.header("x-sent").to_owned())],
            kind: "text/plain",
            body: format!("{} {} {} {}", request.method, request.path, request.query, request.body),
            after: Duration::ZERO,
        }
    }

    /// What comes back to these bytes until the server closes.
    async fn talk(bytes: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, echo));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut out = Vec::new();
        timeout(Duration::from_secs(20), stream.read_to_end(&mut out)).await.unwrap().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn several_requests_on_one_connection() {
        let answers = talk(
            b"POST /a?b=c HTTP/1.1\r\nX-Sent: 1\r\nContent-Length: 3\r\n\r\nxyzHEAD /d HTTP/1.1\r\n\r\nGET /e HTTP/1.0\r\n\r\n",
        )
        .await;
        insta::assert_snapshot!(answers.replace("\r\n", "\n"));
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused() {
        let long = format!("GET / HTTP/1.1\r\nx: {}", "a".repeat(HEAD_LIMIT));
        for (bytes, status) in [
            (&b"hello\r\n\r\n"[..], "400"),
            (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"),
            (b"GET / HTTP/1.1\r\nx: \xff\r\n\r\n", "400"),
            (b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", "400"),
            (b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n", "413"),
            (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", "501"),
            (long.as_bytes(), "431"),
        ] {
            let answer = talk(bytes).await;
            assert_eq!(answer.split(' ').nth(1), Some(status), "{answer}");
        }
        assert_eq!(talk(b"GET / HT").await, "", "half a request");
    }
}
