//! AMQP 0-9-1, as RabbitMQ speaks it: log in, open the virtual host, leave.

use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::reader::{Reader, text};
use super::verdict::{Ends, Verdict};

/// What every frame ends with.
const END: u8 = 0xce;

/// Methods of the class `connection`.
const START: u16 = 10;
const START_OK: u16 = 11;
const SECURE: u16 = 20;
const TUNE: u16 = 30;
const TUNE_OK: u16 = 31;
const OPEN: u16 = 40;
const OPEN_OK: u16 = 41;
const CLOSE: u16 = 50;
const CLOSE_OK: u16 = 51;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("login", format!("as {}", login.user));
    link.send(b"AMQP\x00\x00\x09\x01").await?;
    let start = method(link, START, refusal).await?;
    let mut start = Reader(&start);
    let mechanisms = mechanisms(&mut start);
    let mechanisms = link.whole(mechanisms)?;
    if !mechanisms.split(' ').any(|name| name == "PLAIN") {
        return Err(Verdict::not_testable(format!("the broker takes no passwords, only {mechanisms}")));
    }
    let mut body = Zeroizing::new(Vec::new());
    // Without this a broker closes the connection instead of refusing a password.
    let mut abilities = Vec::new();
    short(&mut abilities, "authentication_failure_close");
    abilities.extend_from_slice(b"t\x01");
    let mut properties = Vec::new();
    short(&mut properties, "capabilities");
    properties.push(b'F');
    long(&mut properties, &abilities);
    short(&mut properties, "product");
    properties.push(b'S');
    long(&mut properties, b"credbench");
    long(&mut body, &properties);
    short(&mut body, "PLAIN");
    let response = Zeroizing::new(format!("\0{}\0{}", login.user, login.password.expose()));
    long(&mut body, response.as_bytes());
    short(&mut body, "en_US");
    link.send(&framed(START_OK, &body)).await?;
    let tune = method(link, TUNE, refusal).await?;
    // What the server proposes, but no heartbeats: we are gone before the first.
    let limits = link.whole(tune.get(..6))?;
    link.send(&framed(TUNE_OK, &[limits, &[0, 0]].concat())).await?;
    let host = if login.database.is_empty() { "/" } else { &login.database };
    link.step("ask", format!("open the virtual host {host}"));
    if host.len() > 255 {
        return Err(Verdict::no_database("no virtual host has a name of more than 255 bytes"));
    }
    let mut open = Vec::new();
    short(&mut open, host);
    open.extend_from_slice(&[0, 0]);
    link.send(&framed(OPEN, &open)).await?;
    method(link, OPEN_OK, closed_to_us).await?;
    let mut bye = 200_u16.to_be_bytes().to_vec();
    bye.extend_from_slice(&[0; 5]);
    link.leave(&framed(CLOSE, &bye)).await;
    Ok(Verdict::ok(format!("logged in as {}, virtual host {host}", login.user)))
}

fn framed(method: u16, arguments: &[u8]) -> Zeroizing<Vec<u8>> {
    // Only our own texts go in here: far from 4 GiB.
    let length = u32::try_from(arguments.len() + 4).unwrap_or(u32::MAX);
    let mut frame = Zeroizing::new(vec![1, 0, 0]);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&10_u16.to_be_bytes());
    frame.extend_from_slice(&method.to_be_bytes());
    frame.extend_from_slice(arguments);
    frame.push(END);
    frame
}

/// A text of at most 255 bytes; what is longer would be cut.
fn short(into: &mut Vec<u8>, text: &str) {
    let text = &text.as_bytes()[..text.len().min(255)];
    into.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    into.extend_from_slice(text);
}

fn long(into: &mut Vec<u8>, bytes: &[u8]) {
    into.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    into.extend_from_slice(bytes);
}

/// Waits for a method and gives its arguments; a `Close` in its place is a refusal.
async fn method(link: &mut Link<'_>, wanted: u16, refusal: fn(u16, String) -> Verdict) -> Ends<Vec<u8>> {
    loop {
        let head = link.exact(7).await?;
        let mut rest = Reader(&head[1..]);
        let (channel, length) = (rest.u16(), rest.u32());
        let length = length.and_then(|length| usize::try_from(length).ok()).filter(|_| channel == Some(0));
        let length = link.whole(length)?;
        let frame = link.exact(length.saturating_add(1)).await?;
        if frame.last() != Some(&END) {
            return Err(link.garbled());
        }
        // A heartbeat.
        if head[0] == 8 {
            continue;
        }
        let mut arguments = Reader(&frame[..length]);
        let (class, method) = (arguments.u16(), arguments.u16());
        if head[0] != 1 || class != Some(10) {
            return Err(link.garbled());
        }
        match method {
            Some(method) if method == wanted => return Ok(arguments.0.to_vec()),
            Some(CLOSE) => {
                let code = link.whole(arguments.u16())?;
                let said = arguments.u8().and_then(|length| arguments.take(usize::from(length)));
                let said = text(link.whole(said)?);
                link.leave(&framed(CLOSE_OK, &[])).await;
                return Err(refusal(code, format!("{said} (code {code})")));
            }
            Some(SECURE) => return Err(Verdict::not_testable("the broker wants more than a password")),
            _ => return Err(link.garbled()),
        }
    }
}

fn mechanisms(start: &mut Reader<'_>) -> Option<String> {
    start.take(2)?;
    let properties = usize::try_from(start.u32()?).ok()?;
    start.take(properties)?;
    let length = usize::try_from(start.u32()?).ok()?;
    Some(text(start.take(length)?))
}

fn refusal(code: u16, words: String) -> Verdict {
    match code {
        403 => Verdict::rejected(words),
        320 | 541 => Verdict::unreachable(words),
        _ => Verdict::unexpected(words),
    }
}

/// The code is the same for a virtual host that is not there and for one that may not be used.
fn closed_to_us(code: u16, words: String) -> Verdict {
    match code {
        530 if words.contains("not found") => Verdict::no_database(words),
        402 => Verdict::no_database(words),
        530 | 403 => Verdict::limited(words),
        320 | 541 => Verdict::unreachable(words),
        _ => Verdict::unexpected(words),
    }
}
