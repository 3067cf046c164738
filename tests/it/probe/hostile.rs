//! Services that send too much, too little, too slowly or garbage: an end and a sentence each time.

use credbench::model::Outcome;
use tokio::sync::Barrier;

use super::*;
use crate::support::server::{Act, Server, answer, json as json_answer};
use crate::support::tls::{Leaf, server as tls_server};

type Script = Box<dyn Fn() -> Act + Send + Sync>;

/// What is sent, and what of it must be shown.
type Shown = (&'static str, fn() -> Act, &'static str);

/// More than any answer that is read, with room for what lies in sockets.
const MUCH: u64 = 24 << 20;

fn raw(text: &str) -> Act {
    Act::Raw(text.as_bytes().to_vec())
}

fn endless(first: &str, again: &str) -> Act {
    Act::Endless(first.as_bytes().to_vec(), again.as_bytes().to_vec())
}

#[tokio::test]
async fn too_much_is_cut() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
    let cut = "(only the first MiB of the answer was read)";
    for (name, first, again, outcome, words) in [
        ("body until the end", format!("{head}\r\n"), "a".repeat(0x10000), Outcome::Ok, cut),
        ("chunks", format!("{head}transfer-encoding: chunked\r\n\r\n"), chunk, Outcome::Ok, cut),
        (
            "a long body",
            format!("{head}content-length: 99999999999\r\n\r\n"),
            "a".repeat(0x10000),
            Outcome::Ok,
            cut,
        ),
        ("a JSON text", format!("{head}\r\n{{\"error\": \""), "b".repeat(0x10000), Outcome::Ok, cut),
        (
            "headers",
            head.to_owned(),
            "x-more: and more\r\n".repeat(1000),
            Outcome::WrongEndpoint,
            "not valid HTTP",
        ),
        (
            "a header",
            format!("{head}x-long: "),
            "c".repeat(0x10000),
            Outcome::WrongEndpoint,
            "not valid HTTP",
        ),
        (
            "a status line",
            "HTTP/1.1 200 ".to_owned(),
            "d".repeat(0x10000),
            Outcome::WrongEndpoint,
            "not valid HTTP",
        ),
    ] {
        let server = Server::start(move |_| endless(&first, &again));
        let report = tested(credential("header", &server.url(), SECRET)).await;
        assert_eq!(report.outcome, outcome, "{name}: {report:?}");
        assert!(report.message.contains(words), "{name}: {report:?}");
        assert!(report.message.chars().count() < 400, "{name}: {report:?}");
        assert!(server.sent() < MUCH, "{name}: {}", server.sent());
    }
}

#[tokio::test]
async fn http2_has_the_same_limits() {
    let long: fn(usize) -> Act = |headers| {
        let more = (0..headers).map(|_| ("x-more", "m".repeat(1000))).collect();
        Act::Answer { status: 200, headers: more, body: vec![b'1'; 3 << 20] }
    };
    let config = tls_server(Leaf::Good, &["h2"]);
    for (headers, outcome, words) in [
        (10, Outcome::Ok, "(only the first MiB of the answer was read)"),
        (100, Outcome::WrongEndpoint, "the answer is not valid HTTP"),
    ] {
        let server = Server::tls(config.clone(), move |_| long(headers));
        let report = tested_with(credential("header", &server.url(), SECRET), &trust(), LONG).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert!(report.message.contains(words), "{report:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_number_ends() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let server = Server::start(move |_| endless(head, &"0".repeat(0x10000)));
    let document = credential("header", &server.url(), SECRET);
    let began = std::time::Instant::now();
    let report = tested_with(document.clone(), &Trust::default(), Duration::from_secs(1)).await;
    // Out of time, or more than is read of anything: whichever is first.
    assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let report = tested(document).await;
    assert_eq!(report.message, "the server sends without end: 8 MiB came and no whole answer", "{report:?}");
    assert!(server.sent() < 2 * MUCH, "{}", server.sent());
}

#[tokio::test]
async fn endless_interim_answers_end() {
    let server = Server::start(|_| endless("", &"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)));
    let document = credential("header", &server.url(), SECRET);
    let report = tested_with(document, &Trust::default(), Duration::from_secs(1)).await;
    // Out of time, or more than is read of headers: whichever is first.
    assert!(matches!(report.outcome, Outcome::Unreachable | Outcome::WrongEndpoint), "{report:?}");
    assert!(server.sent() < MUCH, "{}", server.sent());
    // The control: a few are fine.
    let server = Server::start(|_| {
        raw(&format!(
            "{}HTTP/1.1 200 OK\r\n\r\n{{}}",
            "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n".repeat(3)
        ))
    });
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
}

#[tokio::test]
async fn lies_and_garbage() {
    let ok = "HTTP/1.1 200 OK\r\n";
    for (text, outcome, words) in [
        (
            format!("{ok}content-length: 1000\r\n\r\nshort"),
            Outcome::Unreachable,
            "closed before the answer was whole",
        ),
        (
            format!("{ok}transfer-encoding: chunked\r\n\r\n5\r\nab"),
            Outcome::Unreachable,
            "closed before the answer was whole",
        ),
        (format!("{ok}content-length: 2\r\n\r\n{{}}and more"), Outcome::Ok, "200 accepted"),
        (
            format!("{ok}content-length: 2\r\ncontent-length: 5\r\n\r\n{{}}"),
            Outcome::WrongEndpoint,
            "not valid HTTP",
        ),
        (
            format!("{ok}content-length: 99999999999999999999999\r\n\r\n{{}}"),
            Outcome::WrongEndpoint,
            "not valid HTTP",
        ),
        (format!("{ok}content-length: -1\r\n\r\n{{}}"), Outcome::WrongEndpoint, "not valid HTTP"),
        (format!("{ok}{}\r\n", "x: y\r\n".repeat(5000)), Outcome::WrongEndpoint, "not valid HTTP"),
        ("HTTP/1.1 999 Odd\r\n\r\n".to_owned(), Outcome::Unexpected, "999"),
        ("HTTP/1.1 000 Odd\r\n\r\n".to_owned(), Outcome::WrongEndpoint, "not valid HTTP"),
        ("SSH-2.0-OpenSSH_9.6\r\n".to_owned(), Outcome::WrongEndpoint, "not valid HTTP"),
        ("220 mail.example ESMTP\r\n".to_owned(), Outcome::WrongEndpoint, "not valid HTTP"),
        (String::new(), Outcome::Unreachable, "closed"),
        ("HTTP/1.1 2".to_owned(), Outcome::Unreachable, "closed"),
    ] {
        let sent = text.clone();
        let server = Server::start(move |_| raw(&sent));
        let report = tested(credential("header", &server.url(), SECRET)).await;
        let shown: String = text.chars().take(80).collect();
        assert_eq!(report.outcome, outcome, "{shown:?}: {report:?}");
        assert!(report.message.contains(words), "{shown:?}: {report:?}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_text_or_too_deep() {
    let deep = "[".repeat(500_000);
    let wide = format!("[{}1]", "1,".repeat(400_000));
    for (body, outcome) in [
        (b"\xff\xfe\x00{\"a\": 1}".to_vec(), Outcome::Unexpected),
        (b"{\"a\": \"\xc3\x28\"}".to_vec(), Outcome::Ok),
        (deep.into_bytes(), Outcome::Unexpected),
        (wide.into_bytes(), Outcome::Unexpected),
        (b"{\"a\": 1}".to_vec(), Outcome::Ok),
    ] {
        let server =
            Server::start(move |_| Act::Answer { status: 200, headers: Vec::new(), body: body.clone() });
        let mut document = credential("header", &server.url(), SECRET);
        document["test"]["expect"] = json!({"json": [{"pointer": "/a", "exists": true}]});
        let report = tested(document).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    // 10 MB of zeros in gzip would be 10 kB; nothing here is unpacked, so any bytes do.
    let bomb = [&b"\x1f\x8b\x08"[..], &[0; 10_000]].concat();
    for encoding in ["gzip", "br", "zstd", "x-unknown, gzip", " GZIP "] {
        for (status, outcome) in [
            (200, Outcome::Unexpected),
            (400, Outcome::Unexpected),
            (403, Outcome::Unexpected),
            (401, Outcome::Rejected),
            (404, Outcome::WrongEndpoint),
            (429, Outcome::RateLimited),
            (503, Outcome::Unreachable),
        ] {
            let body = bomb.clone();
            let headers = vec![("content-encoding", encoding.to_owned())];
            let server =
                Server::start(move |_| Act::Answer { status, headers: headers.clone(), body: body.clone() });
            let mut document = credential("header", &server.url(), SECRET);
            document["test"]["rejected"] = json!({"status": [200], "text": [{"contains": "\u{0}"}]});
            let report = tested(document).await;
            assert_eq!(report.outcome, outcome, "{encoding} {status}: {report:?}");
            if outcome == Outcome::Unexpected {
                let words = format!("its body is compressed ({})", encoding.trim());
                assert!(report.message.contains(&words), "{report:?}");
            }
            assert_eq!(server.requests()[0].header("accept-encoding"), "identity", "none was asked for");
        }
    }
    // The controls: no encoding by name, and an encoding of nothing.
    for (encoding, body) in [("identity", "{}"), ("gzip", "")] {
        let server = Server::start(move |_| answer(200, &[("content-encoding", encoding)], body));
        let report = tested(credential("header", &server.url(), SECRET)).await;
        assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    }
}

#[tokio::test]
async fn ipv6_is_asked_as_any_other_address() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return crate::support::vault::report("skipped: this machine has no IPv6");
    }
    let server = Server::start_at("::1", |_| json_answer(200, "{}"));
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    assert_eq!(server.requests()[0].header("host"), server.address().to_string());
    let port = server.address().port();
    // Other ways to write it.
    for host in ["[0:0::1]", "[0000:0000::0001]"] {
        let report = tested(credential("header", &server.url_as(host), SECRET)).await;
        assert_eq!(report.outcome, Outcome::Ok, "{host}: {report:?}");
    }
    assert!(report.steps[0].detail.ends_with(&format!("[::1]:{port}")), "{report:?}");
    let secure = Server::tls_at("::1", tls_server(Leaf::Good, &["h2"]), |_| json_answer(200, "{}"));
    let report = tested_with(credential("header", &secure.url(), SECRET), &trust(), LONG).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    let wrong = Server::tls_at("::1", tls_server(Leaf::WrongName, &[]), |_| json_answer(200, "{}"));
    let report = tested_with(credential("header", &wrong.url(), SECRET), &trust(), LONG).await;
    assert!(report.message.contains("for another name"), "{report:?}");
}

#[tokio::test]
async fn half_a_connection() {
    // The client's half is closed by the server's reading nothing more: it answers all the same.
    let server = Server::start(|_| raw("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}"));
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    // Closed before anything was said, in plain and in TLS.
    for config in [None, Some(tls_server(Leaf::Good, &["http/1.1"]))] {
        let nothing = |_: &_| raw("");
        let server = match config {
            None => Server::start(nothing),
            Some(config) => Server::tls(config, nothing),
        };
        let report = tested_with(credential("header", &server.url(), SECRET), &trust(), LONG).await;
        assert_eq!(report.message, "the connection was closed before the answer was whole", "{report:?}");
        assert_eq!(server.requests().len(), 1, "sent once, not again");
    }
}

#[tokio::test]
async fn slow_servers_meet_the_deadline_of_the_whole() {
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n[1,2,3,4,5,6,7,8,90]".to_vec();
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n".to_vec();
    let slow = Duration::from_millis(100);
    let scripts: [(&str, Script); 4] = [
        ("no answer", Box::new(|| Act::Hang)),
        (
            "a slow head",
            Box::new({
                let whole = whole.clone();
                move || Act::Trickle(whole.clone(), slow)
            }),
        ),
        ("no body", Box::new(move || Act::Trickle(head.clone(), Duration::ZERO))),
        ("a late answer", Box::new(|| Act::After(LONG, Box::new(json_answer(200, "{}"))))),
    ];
    for (name, script) in scripts {
        let server = Server::start(move |_| script());
        let document = credential("header", &server.url(), SECRET);
        let report = tested_with(document, &Trust::default(), Duration::from_millis(1500)).await;
        if name == "no body" {
            // It ends early, which is another thing than being slow.
            assert_eq!(report.message, "the connection was closed before the answer was whole", "{report:?}");
        } else {
            assert_eq!(report.message, "no answer in time, while in step request", "{name}: {report:?}");
            assert_eq!(
                report.advice,
                "It had 1.5 s. Check network and firewall, or allow more time with --timeout."
            );
        }
        assert_eq!((report.outcome, report.status_code), (Outcome::Unreachable, None));
        assert_eq!(steps(&report), "connect request!", "{name}: {report:?}");
        assert_eq!(server.requests().len(), 1, "sent once, not again");
    }
    // The control: with enough time byte after byte is as good as any other way.
    let server = Server::start(move |_| Act::Trickle(whole.clone(), Duration::from_millis(1)));
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
}

#[tokio::test]
async fn a_slow_body_meets_the_deadline_too() {
    let head = "HTTP/1.1 200 OK\r\n\r\n".to_owned();
    let script =
        move |_: &_| Act::Trickle([head.as_bytes(), &[b'1'; 10_000]].concat(), Duration::from_millis(10));
    let server = Server::start(script);
    let document = credential("header", &server.url(), SECRET);
    let report = tested_with(document, &Trust::default(), Duration::from_secs(1)).await;
    assert_eq!(report.message, "no answer in time, while in step request", "{report:?}");
}

#[tokio::test]
async fn each_slow_step_is_named() {
    let silent = Server::on_connect(|| Act::Hang);
    let url = silent.url().replace("http:", "https:");
    let timeout = Duration::from_millis(1500);
    let report = tested_with(credential("header", &url, SECRET), &trust(), timeout).await;
    assert_eq!(report.message, "no answer in time, while in step TLS", "{report:?}");
    assert_eq!(steps(&report), "connect TLS!");

    // A port whose queue is full takes no more connections, and does not say so.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(1).unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(timeout, tokio::net::TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    let document = credential("header", &format!("http://{address}"), SECRET);
    let report = tested_with(document, &Trust::default(), timeout).await;
    assert_eq!(report.message, "no answer in time, while in step connect", "{report:?}");
    assert_eq!(steps(&report), "connect!");
}

#[tokio::test]
async fn a_reset_in_the_middle() {
    let server = Server::start(|_| Act::Reset);
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
    assert_eq!(report.message, "the connection was closed before the answer was whole");
    assert_eq!(server.requests().len(), 1, "sent once, not again");
}

#[tokio::test]
async fn cancel_ends_a_test_at_once() {
    let asked = Arc::new(Barrier::new(2));
    let reached = asked.clone();
    let server = Server::start(move |_| Act::Together(reached.clone(), Box::new(Act::Hang)));
    let plan = planned(credential("header", &server.url(), SECRET)).unwrap();
    let (cancel, trust) = (CancellationToken::new(), Trust::default());
    let (report, ()) = tokio::join!(
        async {
            let test = run(&plan, &trust, LONG * 10, &cancel, now);
            tokio::time::timeout(Duration::from_secs(20), test).await.unwrap()
        },
        async {
            asked.wait().await;
            cancel.cancel();
        }
    );
    assert_eq!((report.outcome, report.message.as_str()), (Outcome::Cancelled, "cancelled"));
    assert_eq!(steps(&report), "connect request!", "it says how far it came");
}

#[tokio::test]
async fn what_could_drive_a_terminal_is_shown_as_symbols() {
    let scripts: [Shown; 5] = [
        (
            "JSON",
            || json_answer(403, r#"{"error": "\u001b[2J\u001b]0;title\u0007 \u202e \u009b31m"}"#),
            "␛[2J␛]0;title␇ ‹U+202E› ‹U+009B›31m",
        ),
        (
            "a location",
            || Act::Raw("HTTP/1.1 302 F\r\nlocation: /\u{9b}31m\u{202e}x\r\n\r\n".into()),
            "/%C2%9B31m%E2%80%AEx",
        ),
        ("a pause", || answer(429, &[("retry-after", "3\t\u{200b}0")], ""), "3 ‹U+200B›0"),
        ("the status text", || Act::Raw(b"HTTP/1.1 401 \x1b[31mred\r\n\r\n".to_vec()), ""),
        ("a header", || Act::Raw(b"HTTP/1.1 302 F\r\nlocation: \x1b[31m\r\n\r\n".to_vec()), ""),
    ];
    for (name, script, shown) in scripts {
        let server = Server::start(move |_| script());
        let report = tested(credential("header", &server.url(), SECRET)).await;
        assert!(report.message.contains(shown), "{name}: {report:?}");
        let all = [
            vec![report.message.clone(), report.advice.clone()],
            report.steps.iter().map(|step| step.detail.clone()).collect(),
        ]
        .concat();
        assert!(!all.concat().chars().any(credbench::redact::is_hidden), "{name}: {all:?}");
    }
}
