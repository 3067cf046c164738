//! HTTP over a connection that stands: one request, one answer, within budgets.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use url::Position;

use super::dial::Stream;
use super::tls::Seen;
use super::{Answer, Failure, REST_LIMIT, Request};

/// The most headers, in bytes.
const HEADER_BYTES: u32 = 64 << 10;

/// The most headers, in number.
const HEADER_COUNT: usize = 256;

/// Sends the request and reads the answer, `limit` bytes of its body at most.
pub(super) async fn speak(
    stream: Box<dyn Stream>,
    is_http2: bool,
    request: &Request,
    seen: &Seen,
    limit: usize,
) -> Result<Answer, Failure> {
    let io = TokioIo::new(Counted { inner: stream, left: REST_LIMIT + limit });
    let message = message(request, is_http2)?;
    let explain = |error: &hyper::Error| explain(error, false, seen);
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .max_header_list_size(HEADER_BYTES)
            .initial_max_send_streams(1)
            .max_concurrent_reset_streams(1);
        let (mut sender, connection) = builder.handshake(io).await.map_err(|error| explain(&error))?;
        let work = async { receive(sender.send_request(message).await, seen, limit).await };
        return alongside(connection, work, seen).await;
    }
    let mut builder = http1::Builder::new();
    builder.max_headers(HEADER_COUNT).max_header_size(HEADER_BYTES as usize);
    let (mut sender, connection) = builder.handshake(io).await.map_err(|error| explain(&error))?;
    let work = async { receive(sender.send_request(message).await, seen, limit).await };
    alongside(connection, work, seen).await
}

/// Keeps the connection going while the work is done. How the connection failed says more than that it is
/// gone, which is all that the work sees then.
async fn alongside(
    connection: impl Future<Output = Result<(), hyper::Error>>,
    work: impl Future<Output = Result<Answer, Failure>>,
    seen: &Seen,
) -> Result<Answer, Failure> {
    let (mut connection, mut work) = (pin!(connection), pin!(work));
    let mut ended = None;
    let result = poll_fn(|context| {
        if ended.is_none()
            && let Poll::Ready(end) = connection.as_mut().poll(context)
        {
            ended = Some(end);
        }
        work.as_mut().poll(context)
    })
    .await;
    match (result, ended) {
        (Err(Failure::Closed), Some(Err(error))) => Err(explain(&error, false, seen)),
        (result, _) => result,
    }
}

async fn receive(
    answered: Result<hyper::Response<Incoming>, hyper::Error>,
    seen: &Seen,
    limit: usize,
) -> Result<Answer, Failure> {
    let mut response = answered.map_err(|error| explain(&error, false, seen))?;
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
        body: Vec::new(),
        cut: false,
    };
    while let Some(frame) = response.body_mut().frame().await {
        let frame = frame.map_err(|error| explain(&error, true, seen))?;
        // Trailers say nothing that is asked for.
        let Ok(chunk) = frame.into_data() else { continue };
        let room = limit - answer.body.len();
        answer.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            answer.cut = true;
            break;
        }
    }
    Ok(answer)
}

/// The request as it is sent: HTTP/2 takes the whole address, HTTP/1.1 the path, and the host as a header.
fn message(request: &Request, is_http2: bool) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let url = &request.url;
    let target = match is_http2 {
        true => &url[..Position::AfterQuery],
        false => &url[Position::BeforePath..Position::AfterQuery],
    };
    let uri: Uri = target.parse().map_err(|_| Failure::BadRequest)?;
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| Failure::BadRequest)?;
    let body = request.body.as_ref().map(|body| Bytes::from(body.expose().to_owned())).unwrap_or_default();
    let mut message = hyper::Request::new(Full::new(body));
    *message.method_mut() = method;
    *message.uri_mut() = uri;
    let headers = message.headers_mut();
    if !is_http2 {
        let host = &url[Position::BeforeHost..Position::AfterPort];
        headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| Failure::BadRequest)?);
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
    headers.insert(USER_AGENT, HeaderValue::from_static(super::AGENT));
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failure::BadRequest)?;
        let mut value =
            HeaderValue::from_bytes(value.expose().as_bytes()).map_err(|_| Failure::BadRequest)?;
        value.set_sensitive(true);
        // A person's own accept header replaces ours; a name that is given twice is sent twice.
        if headers.get(&name).is_some_and(|known| !known.is_sensitive()) {
            headers.remove(&name);
        }
        headers.append(name, value);
    }
    Ok(message)
}

/// Why there is no whole answer. `reading`: its head was there.
fn explain(error: &hyper::Error, reading: bool, seen: &Seen) -> Failure {
    let causes = || std::iter::successors(error.source(), |error| cause(*error));
    if let Some(tls) = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return Failure::Tls(seen.explain_tls(tls));
    }
    if causes().any(|cause| cause.is::<TooMuch>()) {
        return Failure::Endless;
    }
    let broken = causes().any(|cause| cause.is::<io::Error>());
    let gone = error.is_incomplete_message() || error.is_closed() || error.is_canceled();
    if reading || broken || gone { Failure::Closed } else { Failure::NotHttp }
}

/// A stream that is read so far and no further.
struct Counted {
    inner: Box<dyn Stream>,
    left: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("more came than is read")]
struct TooMuch;

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        self.left = self.left.checked_sub(read).ok_or_else(|| io::Error::other(TooMuch))?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// What an error wraps. An `io::Error` passes over what it wraps and names the source of that, so it is asked
/// first.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
