//! A small HTTP service on loopback that really checks what it is sent.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// The secret that the service accepts, in every form.
pub(crate) const RIGHT: &str = "right-secret";

/// A running service; it ends with the test's process.
pub(crate) struct Service {
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    /// One message for each request: its first line.
    pub(crate) requests: Receiver<String>,
}

impl Service {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || answer(stream, &sender));
            }
        });
        Self { url, requests }
    }
}

/// An address on loopback where nothing listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn answer(stream: TcpStream, requests: &Sender<String>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let mut authorized = first.contains(&format!("key={RIGHT}"));
    for line in lines.by_ref() {
        let line = line.ok()?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        authorized |= match name.to_lowercase().as_str() {
            // ann:right-secret
            "authorization" => {
                value == format!("Bearer {RIGHT}") || value == "Basic YW5uOnJpZ2h0LXNlY3JldA=="
            }
            "x-api-key" => value == RIGHT,
            _ => false,
        };
    }
    // Nobody may be waiting for it any more.
    let _ = requests.send(first.clone());
    let path = first.split(' ').nth(1)?;
    if path.starts_with("/never") {
        // Keeps the connection until the other side gives up.
        return lines.next().map(|_| ());
    }
    let (status, kind, body) = match path.split('?').next()? {
        "/me" if authorized => ("200 OK", "application/json", r#"{"id":7}"#),
        "/me" => ("401 Unauthorized", "application/json", r#"{"error":"bad credentials"}"#),
        "/page" => ("200 OK", "text/html", "<html>hello</html>"),
        "/slower" => ("429 Too Many Requests", "text/plain", "slower"),
        _ => ("404 Not Found", "text/plain", "no"),
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()
}
