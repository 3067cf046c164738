//! The listener that a browser returns to (RELIABILITY O2).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use credbench::oauth::{Deaf, Prompt, Refusal};
use serde_json::json;

use super::{Frozen, Login, ask, told};
use crate::support::issuer::{Issuer, Manners};

/// Sends bytes as they are; what comes back, or nothing where nobody answers.
fn raw(address: SocketAddr, request: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

async fn sent(address: SocketAddr, request: String) -> String {
    tokio::task::spawn_blocking(move || raw(address, &request)).await.unwrap()
}

fn get(host: &str, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

async fn begun(issuer: &Issuer, redirect: Option<&str>) -> (Login, url::Url, SocketAddr) {
    let mut login = Login::begin(ask(issuer.config("authorization_code"), json!({"redirect_url": redirect})));
    let (url, listening) = login.browser().await;
    (login, url, listening.unwrap())
}

#[tokio::test]
async fn it_listens_on_this_machine_alone_and_on_a_free_port() {
    let issuer = Issuer::start(Manners::default());
    let mut ports = Vec::new();
    for _ in 0..2 {
        let (login, url, address) = begun(&issuer, None).await;
        assert_eq!(address.ip().to_string(), "127.0.0.1");
        let sent: std::collections::BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(sent["redirect_uri"], format!("http://{address}/callback"));
        // What the system says of it: this address, and no other (0.0.0.0 would be zeros here).
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"]
            .map(|table| std::fs::read_to_string(table).unwrap_or_default());
        let all: Vec<&str> = tables
            .iter()
            .flat_map(|table| table.lines())
            .filter_map(|line| line.split_whitespace().nth(1))
            .filter(|place| {
                place.ends_with(&format!(":{:04X}", address.port())) && !place.starts_with("0100007F")
            })
            .collect();
        assert_eq!(all, Vec::<&str>::new());
        ports.push(address.port());
        login.cancel.cancel();
        drop(login.end().await);
    }
    assert_ne!(ports[0], ports[1]);
}

/// Five minutes, by a clock that the test sets.
#[tokio::test]
async fn nobody_is_waited_for_longer_than_five_minutes() {
    let _frozen = Frozen::now();
    let issuer = Issuer::start(Manners::default());
    let (login, _, address) = begun(&issuer, None).await;
    tokio::time::advance(Duration::from_secs(299)).await;
    let host = address.to_string();
    let answer = sent(address, get(&host, "/callback")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "it still listens: {answer}");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert!(matches!(login.refused().await, Refusal::TooLate));
    assert_eq!(sent(address, get(&host, "/callback")).await, "");
}

/// Who has answered and does not read the page, or is pushed out by others, has answered all the same.
#[tokio::test]
async fn an_answer_counts_before_its_page_is_read() {
    let issuer = Issuer::start(Manners::default());
    let (login, url, address) = begun(&issuer, None).await;
    let place: url::Url = issuer.person().agrees(url).await.parse().unwrap();
    let request = get(&address.to_string(), &format!("{}?{}", place.path(), place.query().unwrap()));
    let held = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let others: Vec<TcpStream> = (0..600).filter_map(|_| TcpStream::connect(address).ok()).collect();
        (stream, others)
    });
    let outcome = login.end().await;
    assert!(outcome.result.is_ok(), "{}", told(&outcome));
    drop(held.await.unwrap());
}

#[tokio::test]
async fn host_path_and_method_are_checked() {
    let issuer = Issuer::start(Manners::default());
    let (login, url, address) = begun(&issuer, None).await;
    let place: url::Url = issuer.person().agrees(url).await.parse().unwrap();
    let target = format!("{}?{}", place.path(), place.query().unwrap());
    let host = address.to_string();
    for (request, status) in [
        (get("evil.example", &target), "403"),
        (get(&format!("evil.example:{}", address.port()), &target), "403"),
        (get(&format!("localhost:{}", address.port()), &target), "403"),
        (get("127.0.0.1", &target), "403"),
        (format!("GET {target} HTTP/1.1\r\n\r\n"), "403"),
        (format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"), "403"),
        (get(&host, &format!("/other?{}", place.query().unwrap())), "404"),
        (get(&host, "/favicon.ico"), "404"),
        (get(&host, &format!("http://{host}{target}")), "404"),
        (get(&host, &target).replacen("GET", "POST", 1), "405"),
        (get(&host, &target).replacen("GET", "HEAD", 1), "405"),
        (get(&host, "/callback"), "400"),
        (get(&host, "/callback?x=y"), "400"),
        (format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(64 << 10)), "431"),
    ] {
        let answer = sent(address, request.clone()).await;
        let long = request.len() > 64 << 10;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) || (long && answer.is_empty()),
            "{request:.60} {answer}"
        );
        assert!(!login.task.is_finished(), "{request:.60}");
    }
    assert_eq!(issuer.asked("/token").len(), 0);
    // The one answer, and what is said of it: no code, nothing to follow, nothing to keep.
    let answer = sent(address, get(&host.to_uppercase(), &target)).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("go back to the terminal"), "{answer}");
    for header in ["Cache-Control: no-store", "Referrer-Policy: no-referrer", "default-src 'none'"] {
        assert!(answer.contains(header), "{header}: {answer}");
    }
    assert!(!answer.contains("code-"), "{answer}");
    let outcome = login.end().await;
    assert!(outcome.result.is_ok(), "{}", told(&outcome));
    assert_eq!(sent(address, get(&host, &target)).await, "", "a second hit finds nobody");
    assert_eq!(issuer.asked("/token").len(), 1);
}

#[tokio::test]
async fn a_redirect_names_its_port_and_its_host() {
    let issuer = Issuer::start(Manners::default());
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = free();
    for redirect in [
        format!("http://127.0.0.1:{port}/back/here?x=1"),
        format!("http://localhost:{port}/"),
        format!("http://[::1]:{port}/"),
    ] {
        if redirect.contains("[::1]") && TcpListener::bind("[::1]:0").is_err() {
            eprintln!("skipped: no IPv6 on this machine");
            continue;
        }
        let (login, url, address) = begun(&issuer, Some(&redirect)).await;
        assert_eq!(address.port(), port);
        assert!(url.query_pairs().any(|(name, value)| name == "redirect_uri" && value == redirect.as_str()));
        assert_eq!(issuer.person().browses(url).await.0, 200, "{redirect}");
        assert!(login.end().await.result.is_ok(), "{redirect}");
    }
    // Both addresses of `localhost`.
    if TcpListener::bind("[::1]:0").is_ok() {
        let (login, _, address) = begun(&issuer, Some("http://localhost/")).await;
        for ip in ["127.0.0.1", "[::1]"] {
            let place = format!("{ip}:{}", address.port()).parse().unwrap();
            let answer = sent(place, get(&format!("localhost:{}", address.port()), "/")).await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{ip}: {answer}");
        }
        login.cancel.cancel();
        drop(login.end().await);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_leaves_pasting() {
    let issuer = Issuer::start(Manners::default());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let redirect = format!("http://127.0.0.1:{port}/callback");
    let mut login = Login::begin(ask(issuer.config("authorization_code"), json!({"redirect_url": redirect})));
    let Prompt::Browser { url, listening, .. } = login.prompt().await else { panic!() };
    assert_eq!(listening, Err(Deaf::Taken(port)));
    assert_eq!(
        Deaf::Taken(port).to_string(),
        format!("port {port} of this machine is taken by another program")
    );
    login.paste(&issuer.person().agrees(url).await);
    assert!(login.end().await.result.is_ok());
    drop(taken);
}

/// Neither many nor slow ones keep the browser out.
#[tokio::test]
async fn a_flood_leaves_room_for_the_browser() {
    let issuer = Issuer::start(Manners::default());
    let (login, url, address) = begun(&issuer, None).await;
    let flood = tokio::task::spawn_blocking(move || {
        // Some that say nothing, and stay.
        let silent: Vec<TcpStream> = (0..600).filter_map(|_| TcpStream::connect(address).ok()).collect();
        // Many that come and go: who finds the queue full waits, so several at once.
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    for number in 0..500 {
                        let Ok(mut stream) = TcpStream::connect(address) else { continue };
                        if number % 2 == 0 {
                            let _ = stream
                                .write_all(b"GET /callback?code=x HTTP/1.1\r\nHost: evil.example\r\n\r\n");
                        }
                    }
                });
            }
        });
        silent
    });
    let silent = flood.await.unwrap();
    assert!(!login.task.is_finished());
    assert_eq!(issuer.person().browses(url).await.0, 200);
    let outcome = login.end().await;
    assert!(outcome.result.is_ok(), "{}", told(&outcome));
    drop(silent);
}
