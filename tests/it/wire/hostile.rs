//! Servers that mean harm, or are something else, for every engine.

use std::time::Instant;

use super::*;
use crate::support::server::{Act, Server};

/// Every engine with a protocol of its own, and a message of it whose length makes no sense.
const ENGINES: [(&str, &[u8]); 11] = [
    ("postgres", b"R\x7f\xff\xff\xff\0\0\0\x05"),
    ("mysql", b"\xff\xff\xff\0\x0a8.0.0\0"),
    ("redis", b"$2147483647\r\n"),
    ("mongodb", b"\xff\xff\xff\x7f\x01\0\0\0\x01\0\0\0\xdd\x07\0\0"),
    ("rabbitmq", b"\x01\0\0\xff\xff\xff\xff\0\x0a\0\x0a"),
    ("mqtt", b"\x20\xff\xff\xff\x7f"),
    ("nats", b"INFO {\"max_payload\": 99999999999999999999999999\r\n"),
    ("smtp", b"220-\xff\xff\r\n999999999999999 x\r\n"),
    ("imap", b"* OK {4294967295}\r\n* x\r\n+ go\r\n"),
    ("ldap", b"\x30\x84\xff\xff\xff\xff\x02\x01\x01"),
    ("ftp", b"2200000000000000 x\r\n99999\r\n"),
];

fn login(engine: &str, port: u16) -> Value {
    let base =
        json!({"engine": engine, "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD});
    document(&base, json!({}))
}

/// What a test of every engine finds where a server does this as soon as somebody connects.
async fn each(
    act: impl Fn(&[u8]) -> Act + Send + Sync + Copy + 'static,
    timeout: Duration,
) -> Vec<(&'static str, Report)> {
    let mut reports = Vec::new();
    for (engine, odd) in ENGINES {
        let server = Server::on_connect(move || act(odd));
        let report =
            tested_within(login(engine, server.address().port()), timeout, &CancellationToken::new()).await;
        let text = format!("{} {} {:?}", report.message, report.advice, report.steps);
        assert!(!text.contains('\u{1b}') && !text.contains(PASSWORD), "{engine}: {text}");
        assert_ne!(report.outcome, Outcome::Ok, "{engine}: {report:?}");
        assert!(!report.advice.is_empty(), "{engine}: {report:?}");
        assert!(server.sent() < 32 << 20, "{engine} read {} bytes", server.sent());
        reports.push((engine, report));
    }
    reports
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_says_nothing() {
    for (engine, report) in each(|_| Act::Raw(Vec::new()), LONG).await {
        assert_eq!(report.outcome, Outcome::Unreachable, "{engine}: {report:?}");
        assert_eq!(report.message, "the connection was closed without an answer", "{engine}");
    }
}

#[tokio::test]
async fn another_protocol_is_named() {
    for (bytes, name) in [
        (&b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n"[..], "speaks HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "speaks SSH"),
        (b"\x15\x03\x01\0\x02\x02\x46", "speaks TLS"),
    ] {
        for (engine, report) in each(move |_| Act::Raw(bytes.to_vec()), LONG).await {
            assert_eq!(report.outcome, Outcome::WrongEndpoint, "{engine}: {report:?}");
            assert!(report.message.contains(name), "{engine}: {report:?}");
        }
    }
}

#[tokio::test]
async fn garbage_is_no_verdict_about_a_password() {
    let garbage: &[u8] = b"\xfe\x01\x80\xff\x00\x1b]0;x\x07\r\n\x1b[2J\r\n\0\0\0\0\0\0\0\0\r\n";
    for (engine, report) in each(move |_| Act::Raw(garbage.to_vec()), LONG).await {
        assert_eq!(report.outcome, Outcome::WrongEndpoint, "{engine}: {report:?}");
    }
    for (engine, report) in each(|odd| Act::Raw(odd.to_vec()), LONG).await {
        let fine = matches!(report.outcome, Outcome::WrongEndpoint | Outcome::Unexpected);
        assert!(fine, "{engine}: {report:?}");
    }
}

#[tokio::test]
async fn a_length_that_makes_no_sense_is_not_waited_for() {
    // The server never closes: whoever waited for 2 GiB would wait until the deadline.
    let start = Instant::now();
    for (engine, report) in each(|odd| Act::Endless(odd.to_vec(), vec![b'x'; 4096]), LONG).await {
        let fine = matches!(report.outcome, Outcome::WrongEndpoint | Outcome::Unexpected);
        assert!(fine, "{engine}: {report:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn endless_messages_come_to_an_end() {
    for again in [
        &b"\r\n"[..],
        b"220-more\r\n",
        b"* more\r\n",
        b"INFO {}\r\n",
        b"N\0\0\0\x04",
        b"\x08\0\0\0\0\0\0\xce",
    ] {
        let reports = each(move |_| Act::Endless(again.to_vec(), again.repeat(1000)), LONG).await;
        for (engine, report) in reports {
            let fine = matches!(report.outcome, Outcome::WrongEndpoint | Outcome::Unexpected);
            assert!(fine, "{engine}: {report:?}");
        }
    }
}

#[tokio::test]
async fn a_drip_ends_with_the_time() {
    let slow = Duration::from_millis(120);
    let drip = |odd: &[u8]| Act::Trickle(odd.to_vec(), Duration::from_millis(100));
    for (engine, report) in each(drip, slow).await {
        assert_eq!(report.outcome, Outcome::Unreachable, "{engine}: {report:?}");
        assert!(report.message.starts_with("no answer in time, while in step "), "{engine}: {report:?}");
    }
}

#[tokio::test]
async fn a_login_stops_at_once_when_it_is_cancelled() {
    for (engine, _) in ENGINES {
        for tls in ["disable", "require"] {
            let server = Server::on_connect(|| Act::Hang);
            let cancel = CancellationToken::new();
            let mut document = login(engine, server.address().port());
            document["config"]["tls"] = json!(tls);
            let test = tested_within(document, LONG, &cancel);
            let stop = async {
                while server.connections() == 0 {
                    tokio::task::yield_now().await;
                }
                cancel.cancel();
                Instant::now()
            };
            let (report, stopped) = tokio::join!(test, stop);
            assert_eq!(report.outcome, Outcome::Cancelled, "{engine}: {report:?}");
            assert!(stopped.elapsed() < Duration::from_millis(200), "{engine}");
        }
    }
}

#[tokio::test]
async fn no_login_goes_where_no_credential_may_go() {
    for (engine, _) in ENGINES {
        for host in ["169.254.169.254", "metadata.google.internal", "0.0.0.0", "::ffff:169.254.169.254"] {
            let mut document = login(engine, 9);
            document["config"]["host"] = json!(host);
            document["config"]["tls"] = json!("disable");
            let report = tested(document).await;
            assert_eq!(report.outcome, Outcome::Unexpected, "{engine} {host}: {report:?}");
            assert!(report.message.starts_with("no credential is sent there"), "{engine}: {report:?}");
        }
    }
}

#[tokio::test]
async fn a_password_in_plain_text_stays_on_this_machine_unless_somebody_chose_so() {
    // `localhost` is this machine; where TLS is not chosen, every other host is under TLS from the start or not at
    // all. The servers here speak no TLS, so nothing of a login may arrive.
    for (engine, _) in ENGINES {
        for tls in ["require", "verify-full"] {
            let server = super::scripted::Script::silent_about_tls(engine);
            let mut document = login(engine, server.port());
            document["config"]["tls"] = json!(tls);
            let report = tested(document).await;
            assert_eq!(report.outcome, Outcome::Unreachable, "{engine} {tls}: {report:?}");
            let seen = server.seen();
            for secret in [PASSWORD, "app"] {
                assert!(!seen.windows(secret.len()).any(|part| part == secret.as_bytes()), "{engine} {tls}");
            }
        }
    }
}
