//! Conversations by script: what real servers here cannot be brought to say.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::*;

/// A server for one connection: for each turn it waits until what was read since the last holds a text, then
/// sends its own.
pub(crate) struct Script {
    port: u16,
    thread: JoinHandle<Vec<u8>>,
}

impl Script {
    pub(crate) fn of(turns: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut seen, mut from) = (Vec::new(), 0);
            for (wanted, said) in turns {
                while !wanted.is_empty() && !seen[from..].windows(wanted.len()).any(|part| part == wanted) {
                    if !more(&mut stream, &mut seen) {
                        return seen;
                    }
                }
                from = seen.len();
                if stream.write_all(&said).is_err() {
                    return seen;
                }
            }
            let _ = stream.shutdown(std::net::Shutdown::Write);
            while more(&mut stream, &mut seen) {}
            seen
        });
        Self { port, thread }
    }

    fn text(turns: &[(&str, &str)]) -> Self {
        Self::of(
            turns
                .iter()
                .map(|(wanted, said)| (wanted.as_bytes().to_vec(), said.as_bytes().to_vec()))
                .collect(),
        )
    }

    /// A server of an engine that is asked for TLS and has none.
    pub(crate) fn silent_about_tls(engine: &str) -> Self {
        let mut greeting = b"\x0a8.0.0\0\x01\0\0\0saltsalt\0\xff\xf7\x21\x02\0\xff\x81\x15".to_vec();
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(b"saltsaltsalt\0mysql_native_password\0");
        let mut mysql = vec![u8::try_from(greeting.len()).unwrap(), 0, 0, 0];
        mysql.extend_from_slice(&greeting);
        match engine {
            "postgres" => Self::text(&[("\u{4}", "N")]),
            "mysql" => Self::of(vec![(Vec::new(), mysql)]),
            "nats" => Self::text(&[("", "INFO {\"auth_required\":true}\r\n")]),
            "smtp" => Self::text(&[("", "220 hi\r\n"), ("EHLO", "250-hi\r\n250 AUTH PLAIN\r\n")]),
            "imap" => {
                Self::text(&[("", "* OK hi\r\n"), ("CAPABILITY", "* CAPABILITY AUTH=PLAIN\r\nc1 OK x\r\n")])
            }
            "ftp" => Self::text(&[("", "220 hi\r\n"), ("AUTH TLS", "502 no\r\n")]),
            "ldap" => Self::of(vec![(
                b"1466.20037".to_vec(),
                b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\0\x04\0".to_vec(),
            )]),
            _ => Self::text(&[("\u{16}", "-ERR what is that\r\n")]),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Everything that it was sent, once the client is gone.
    pub(crate) fn seen(self) -> Vec<u8> {
        self.thread.join().unwrap()
    }
}

fn more(stream: &mut TcpStream, seen: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 1024];
    match stream.read(&mut chunk) {
        Ok(count @ 1..) => {
            seen.extend_from_slice(&chunk[..count]);
            true
        }
        _ => false,
    }
}

/// A test of an engine against a script, and everything that was sent.
async fn played(engine: &str, script: Script, changes: Value) -> (Report, String) {
    let base = json!({"engine": engine, "host": "127.0.0.1", "port": script.port(), "username": "app",
                      "password": PASSWORD});
    let report = tested(document(&base, changes)).await;
    (report, String::from_utf8_lossy(&script.seen()).into_owned())
}

/// What a server waits for and says in turn, the outcome, and what the message has to say.
type Play<'a> = (&'a [(&'a str, &'a str)], Outcome, &'a str);

/// Plays each script and compares outcome and message.
async fn plays(engine: &str, scripts: &[Play<'_>]) {
    let mut wrong = Vec::new();
    for (turns, outcome, words) in scripts {
        let (report, _) = played(engine, Script::text(turns), json!({})).await;
        if report.outcome != *outcome || !report.message.contains(words) {
            wrong.push(format!("{turns:?}\n  wanted {outcome:?} {words:?}\n  got    {report:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const EHLO: (&str, &str) = ("EHLO", "250-mail\r\n250-SIZE 1\r\n250 AUTH LOGIN PLAIN\r\n");

#[tokio::test]
async fn smtp() {
    const HI: (&str, &str) = ("", "220-mail.example\r\n220 ESMTP\r\n");
    plays(
        "smtp",
        &[
            (
                &[HI, EHLO, ("AUTH PLAIN", "235 2.7.0 in\r\n"), ("NOOP", "250 ok\r\n")],
                Outcome::Ok,
                "logged in as app",
            ),
            (
                &[
                    HI,
                    ("EHLO", "250-m\r\n250 AUTH=LOGIN\r\n"),
                    ("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"),
                    ("YXBw", "334 UGFzc3dvcmQ6\r\n"),
                    ("\r\n", "235 in\r\n"),
                    ("NOOP", "250 ok\r\n"),
                ],
                Outcome::Ok,
                "logged in as app",
            ),
            (&[HI, EHLO, ("AUTH", "535 5.7.8 no\u{1b}[2J\r\n")], Outcome::Rejected, "535 5.7.8 no"),
            (
                &[HI, EHLO, ("AUTH", "534-5.7.9 use\r\n534 5.7.9 an app password\r\n")],
                Outcome::Rejected,
                "an app password",
            ),
            (&[HI, EHLO, ("AUTH", "432 4.7.12 a new one\r\n")], Outcome::Expired, "432"),
            (&[HI, EHLO, ("AUTH", "454 4.7.0 later\r\n")], Outcome::Unreachable, "454"),
            (&[HI, EHLO, ("AUTH", "538 5.7.11 encrypt\r\n")], Outcome::Unreachable, "538"),
            (&[HI, ("EHLO", "250 mail\r\n")], Outcome::WrongEndpoint, "offers no login"),
            (&[HI, ("EHLO", "250-m\r\n250 AUTH XOAUTH2\r\n")], Outcome::NotTestable, "XOAUTH2"),
            (&[("", "421 busy\r\n")], Outcome::Unreachable, "421"),
            (&[("", "554 not you\r\n")], Outcome::Unreachable, "554"),
        ],
    )
    .await;
    let script = Script::text(&[
        HI,
        ("EHLO", "250-m\r\n250 STARTTLS\r\n"),
        ("STARTTLS", "220 go\r\n250 injected\r\n"),
    ]);
    let (report, seen) = played("smtp", script, json!({"tls": "require"})).await;
    assert_eq!(report.message, "something was said between the request for TLS and its beginning");
    assert!(!seen.contains("AUTH"), "{seen}");
    let token = "AGFwcABrOS9YK3YlNz1acX5TZWNyZXQmbQ==";
    let refused = format!("535 you said {token} and {PASSWORD}\r\n");
    let (report, seen) = played("smtp", Script::text(&[HI, EHLO, ("AUTH", &refused)]), json!({})).await;
    assert!(seen.contains(token), "the control: {seen}");
    assert!(!report.message.contains("Secret") && !report.message.contains("AGFwcABrOS9Y"), "{report:?}");
}

#[tokio::test]
async fn ftp() {
    const HI: (&str, &str) = ("", "220-hello\r\n 220 not the end\r\n220 ready\r\n");
    const USER: (&str, &str) = ("USER app", "331 password?\r\n");
    plays(
        "ftp",
        &[
            (
                &[HI, USER, ("PASS k9", "230 in\r\n"), ("PWD", "257 \"/\"\r\n")],
                Outcome::Ok,
                "logged in as app: 257",
            ),
            (&[HI, USER, ("PASS", "530 no\r\n")], Outcome::Rejected, "530 no"),
            (&[HI, USER, ("PASS", "202 not needed\r\n")], Outcome::Unexpected, "without checking"),
            (&[HI, ("USER", "230 in\r\n")], Outcome::Unexpected, "without checking"),
            (&[HI, USER, ("PASS", "332 account?\r\n")], Outcome::NotTestable, "332"),
            (&[HI, USER, ("PASS", "230 in\r\n"), ("PWD", "550 no\r\n")], Outcome::Limited, "550"),
            (&[HI, USER, ("PASS", "421 gone\r\n")], Outcome::Unreachable, "421"),
            (&[("", "421 full\r\n")], Outcome::Unreachable, "421"),
        ],
    )
    .await;
    let script = Script::text(&[HI, ("USER ftp", "331 any\r\n"), ("PASS", "230 in\r\n")]);
    let (report, _) = played("ftp", script, json!({"username": "ftp"})).await;
    assert!(report.message.contains("without checking"), "{report:?}");
}

#[tokio::test]
async fn imap() {
    const HI: (&str, &str) = ("", "* OK hi\r\n");
    const OLD: (&str, &str) = ("CAPABILITY", "* CAPABILITY IMAP4rev1\r\nc1 OK x\r\n");
    plays(
        "imap",
        &[
            (
                &[HI, OLD, ("LOGIN \"app\" \"k9/", "c2 OK in\r\n"), ("NOOP", "c3 OK x\r\n")],
                Outcome::Ok,
                "logged in as app",
            ),
            (
                &[
                    HI,
                    ("CAPABILITY", "* CAPABILITY AUTH=PLAIN\r\nc1 OK x\r\n"),
                    ("PLAIN\r\n", "+ \r\n"),
                    ("AGFwcABrOS9Y", "c2 OK in\r\n"),
                    ("NOOP", "c3 OK x\r\n"),
                ],
                Outcome::Ok,
                "logged in as app",
            ),
            (&[HI, OLD, ("LOGIN", "c2 NO [EXPIRED] old\r\n")], Outcome::Expired, "old"),
            (&[HI, OLD, ("LOGIN", "c2 NO [UNAVAILABLE] later\r\n")], Outcome::Unreachable, "later"),
            (
                &[HI, OLD, ("LOGIN", "c2 NO [AUTHORIZATIONFAILED] not as him\r\n")],
                Outcome::Limited,
                "not as him",
            ),
            (&[HI, OLD, ("LOGIN", "c2 NO wrong\r\n")], Outcome::Rejected, "wrong"),
            (&[HI, OLD, ("LOGIN", "* BYE too many\r\n")], Outcome::Unreachable, "too many"),
            (
                &[HI, ("CAPABILITY", "* CAPABILITY LOGINDISABLED\r\nc1 OK x\r\n")],
                Outcome::Unreachable,
                "plain text",
            ),
            (&[("", "* PREAUTH in\r\n")], Outcome::Unexpected, "without checking"),
        ],
    )
    .await;
}

/// A packet of MySQL.
fn packet(number: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = u32::try_from(body.len()).unwrap().to_le_bytes()[..3].to_vec();
    packet.push(number);
    packet.extend_from_slice(body);
    packet
}

fn greeting(method: &str) -> Vec<u8> {
    let mut greeting = b"\x0a8.4.0\0\x01\0\0\0saltsalt\0\xff\xff\x21\x02\0\xff\x81\x15".to_vec();
    greeting.extend_from_slice(&[0; 10]);
    greeting.extend_from_slice(b"saltsaltsalt\0");
    greeting.extend_from_slice(method.as_bytes());
    greeting.push(0);
    packet(0, &greeting)
}

fn error(number: u8, code: u16) -> Vec<u8> {
    packet(number, &[&[0xff][..], &code.to_le_bytes(), b"#28000it says why"].concat())
}

#[tokio::test]
async fn mysql_codes_that_mariadb_does_not_send_here() {
    for (code, outcome) in [
        (1862, Outcome::Expired),
        (1820, Outcome::Expired),
        (3118, Outcome::Rejected),
        (3955, Outcome::RateLimited),
        (1129, Outcome::Unreachable),
        (1130, Outcome::Unreachable),
        (1040, Outcome::Unreachable),
        (3159, Outcome::Unreachable),
        (9999, Outcome::Unexpected),
    ] {
        let script = Script::of(vec![
            (Vec::new(), greeting("caching_sha2_password")),
            (b"app".to_vec(), error(2, code)),
        ]);
        let (report, _) = played("mysql", script, json!({})).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert_eq!(report.message, format!("it says why (error {code})"));
    }
    for (code, outcome) in [(1129, Outcome::Unreachable), (1040, Outcome::Unreachable)] {
        let (report, _) = played("mysql", Script::of(vec![(Vec::new(), error(0, code))]), json!({})).await;
        assert_eq!(report.outcome, outcome, "before its greeting: {report:?}");
    }
}

#[tokio::test]
async fn mysql_8_without_tls_seals_the_password() {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let der = key.public_key().as_der().unwrap();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der.as_ref());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{encoded}\n-----END PUBLIC KEY-----\n");
    let script = Script::of(vec![
        (Vec::new(), greeting("caching_sha2_password")),
        (b"app".to_vec(), packet(2, &[1, 4])),
        (vec![1, 0, 0, 3, 2], packet(4, &[b"\x01", pem.as_bytes()].concat())),
        (vec![0, 1, 0, 5], error(6, 1045)),
    ]);
    let base = json!({"engine": "mysql", "host": "127.0.0.1", "port": script.port(), "username": "app", "password": PASSWORD});
    let report = tested(document(&base, json!({}))).await;
    assert_eq!(report.outcome, Outcome::Rejected, "{report:?}");
    let seen = script.seen();
    assert!(!seen.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes()));
    let key = OaepPrivateDecryptingKey::new(key).unwrap();
    let mut plain = vec![0; key.min_output_size()];
    let plain = key.decrypt(&OAEP_SHA1_MGF1SHA1, &seen[seen.len() - 256..], &mut plain, None).unwrap();
    let salt = b"saltsaltsaltsaltsalt";
    let password: Vec<u8> = plain.iter().zip(salt.iter().cycle()).map(|(a, b)| a ^ b).collect();
    assert_eq!(password, [PASSWORD.as_bytes(), b"\0"].concat());
}

#[tokio::test]
async fn mysql_is_never_told_the_password_in_clear() {
    let switch = packet(2, b"\xfemysql_clear_password\0");
    let script = Script::of(vec![(Vec::new(), greeting("mysql_native_password")), (b"app".to_vec(), switch)]);
    let (report, seen) = played("mysql", script, json!({})).await;
    assert_eq!(report.message, "the account wants the password in clear text");
    assert!(!seen.contains(PASSWORD));
}

#[tokio::test]
async fn active_directory_says_why_in_its_text() {
    for (data, outcome) in [
        ("532", Outcome::Expired),
        ("773", Outcome::Expired),
        ("701", Outcome::Expired),
        ("775", Outcome::Rejected),
        ("533", Outcome::Rejected),
        ("530", Outcome::Limited),
        ("52e", Outcome::Rejected),
    ] {
        let said = format!(
            "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {data}, v4563\0"
        );
        let length = |more: usize| u8::try_from(said.len() + more).unwrap();
        let mut answer = vec![0x30, length(12), 2, 1, 1, 0x61, length(7), 0x0a, 1, 49, 4, 0, 4, length(0)];
        answer.extend_from_slice(said.as_bytes());
        let (report, _) = played("ldap", Script::of(vec![(b"app".to_vec(), answer)]), json!({})).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert!(report.message.contains("AcceptSecurityContext"), "{report:?}");
    }
}

#[tokio::test]
async fn postgres_that_only_pretends_to_compare() {
    // Asks for SCRAM, then lets in without its own proof; and one that never asks.
    let ask = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0".to_vec();
    let inside = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I".to_vec();
    let script = Script::of(vec![(b"app".to_vec(), ask), (b"n,,".to_vec(), inside.clone())]);
    let (report, _) = played("postgres", script, json!({})).await;
    assert_eq!(
        (report.outcome, report.message.as_str()),
        (Outcome::Unexpected, "the server ended SCRAM halfway")
    );
    let (report, _) = played("postgres", Script::of(vec![(b"app".to_vec(), inside)]), json!({})).await;
    assert!(report.message.contains("without checking the password"), "{report:?}");
    for (code, outcome) in [
        ("57P03", Outcome::Unreachable),
        ("53300", Outcome::Unreachable),
        ("28P01", Outcome::Rejected),
        ("28000", Outcome::Rejected),
        ("XX000", Outcome::Unexpected),
    ] {
        let body = format!("SFATAL\0C{code}\0Mwhy\u{1b}[31m {PASSWORD}\0\0");
        let mut message = b"E".to_vec();
        message.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        message.extend_from_slice(body.as_bytes());
        let (report, _) = played("postgres", Script::of(vec![(b"app".to_vec(), message)]), json!({})).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert!(!report.message.contains('\u{1b}') && !report.message.contains(PASSWORD), "{report:?}");
    }
}

/// A BSON document of texts, numbers and bytes.
fn bson(members: &[(&str, Bson<'_>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in members {
        let (kind, bytes) = match value {
            Bson::Number(number) => (0x10, number.to_le_bytes().to_vec()),
            Bson::Text(text) => {
                let length = i32::try_from(text.len() + 1).unwrap().to_le_bytes();
                (0x02, [&length[..], text.as_bytes(), b"\0"].concat())
            }
            Bson::Bytes(bytes) => {
                let length = i32::try_from(bytes.len()).unwrap().to_le_bytes();
                (0x05, [&length[..], b"\0", bytes].concat())
            }
        };
        body.extend_from_slice(&[&[kind][..], name.as_bytes(), b"\0", &bytes].concat());
    }
    let length = i32::try_from(body.len() + 5).unwrap().to_le_bytes();
    [&length[..], &body, b"\0"].concat()
}

enum Bson<'a> {
    Number(i32),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// Reads one message of a client and answers with what `answer` makes of it.
fn mongo_turn(stream: &mut TcpStream, answer: impl FnOnce(&[u8]) -> Vec<u8>) {
    let mut head = [0; 16];
    stream.read_exact(&mut head).unwrap();
    let length = usize::try_from(u32::from_le_bytes(head[..4].try_into().unwrap())).unwrap();
    let mut body = vec![0; length - 16];
    stream.read_exact(&mut body).unwrap();
    let document = answer(&body);
    let length = u32::try_from(document.len() + 21).unwrap();
    let mut message: Vec<u8> = [length, 7, 1, 2013, 0].into_iter().flat_map(u32::to_le_bytes).collect();
    message.push(0);
    message.extend_from_slice(&document);
    stream.write_all(&message).unwrap();
}

/// What stands between two texts of a message.
fn between<'a>(message: &'a [u8], start: &str, end: &[u8]) -> &'a str {
    let find = |text: &[u8], part: &[u8]| text.windows(part.len()).position(|window| window == part).unwrap();
    let rest = &message[find(message, start.as_bytes()) + start.len()..];
    std::str::from_utf8(&rest[..find(rest, end)]).unwrap()
}

/// A MongoDB server that compares SCRAM proofs with a password, and answers for itself with another's.
fn mongo(password: &'static str, own: &'static str) -> (u16, JoinHandle<()>) {
    use aws_lc_rs::{digest, hmac, pbkdf2};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        mongo_turn(&mut stream, |_| bson(&[("ok", Bson::Number(1))]));
        let (mut client, mut challenge) = (String::new(), String::new());
        mongo_turn(&mut stream, |message| {
            client = format!("n=app,r={}", between(message, "n=app,r=", b"\x02"));
            challenge = format!("{}server,s=c2FsdHNhbHQ=,i=4096", client.trim_start_matches("n=app,"));
            let payload = Bson::Bytes(challenge.as_bytes());
            bson(&[("conversationId", Bson::Number(5)), ("payload", payload), ("ok", Bson::Number(1))])
        });
        let salted = |password: &str| {
            let mut salted = [0; 32];
            let rounds = 4096.try_into().unwrap();
            pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, b"saltsalt", password.as_bytes(), &mut salted);
            salted
        };
        let mac = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
        let mut good = false;
        mongo_turn(&mut stream, |message| {
            let last = format!("c=biws,{}", challenge.split(",s=").next().unwrap());
            let all = format!("{client},{challenge},{last}");
            let key = mac(&salted(password), b"Client Key");
            let stored = digest::digest(&digest::SHA256, key.as_ref());
            let signature = mac(stored.as_ref(), all.as_bytes());
            let proof: Vec<u8> = key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
            good = between(message, ",p=", b"\x02") == STANDARD.encode(proof);
            if !good {
                let said = Bson::Text("Authentication failed.");
                return bson(&[("ok", Bson::Number(0)), ("errmsg", said), ("code", Bson::Number(18))]);
            }
            let server = mac(mac(&salted(own), b"Server Key").as_ref(), all.as_bytes());
            let payload = format!("v={}", STANDARD.encode(server));
            bson(&[
                ("done", Bson::Number(1)),
                ("payload", Bson::Bytes(payload.as_bytes())),
                ("ok", Bson::Number(1)),
            ])
        });
        if good && password == own {
            mongo_turn(&mut stream, |message| {
                assert!(message.windows(4).any(|part| part == b"ping"));
                bson(&[("ok", Bson::Number(1))])
            });
        }
    });
    (port, thread)
}

#[tokio::test]
async fn mongodb() {
    let base = |port: u16| json!({"engine": "mongodb", "host": "127.0.0.1", "port": port, "username": "app", "password": PASSWORD});
    for (password, own, outcome, words) in [
        (PASSWORD, PASSWORD, Outcome::Ok, "logged in to MongoDB as app in admin"),
        ("another", "another", Outcome::Rejected, "Authentication failed. (code 18)"),
        (PASSWORD, "another", Outcome::Unexpected, "could not prove that it knows the password"),
    ] {
        let (port, thread) = mongo(password, own);
        let report = tested(document(&base(port), json!({}))).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert!(report.message.contains(words), "{report:?}");
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn elasticsearch_and_opensearch_are_asked_who_we_are() {
    use crate::support::server::{Server, json as answer};
    for (engine, path, member) in [
        ("elasticsearch", "/_security/_authenticate", "username"),
        ("opensearch", "/_plugins/_security/authinfo", "user_name"),
    ] {
        let token =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("app:{PASSWORD}"));
        let server = Server::start(move |seen| match seen.target.as_str() {
            asked if asked != path => answer(404, "{}"),
            _ if seen.header("authorization") == format!("Basic {token}") => {
                answer(200, json!({ member: "app" }).to_string())
            }
            _ => answer(401, "{}"),
        });
        let base = json!({"engine": engine, "host": "127.0.0.1", "port": server.address().port(), "username": "app",
                          "password": PASSWORD});
        table(
            &base,
            &[
                (json!({}), Outcome::Ok, "200"),
                (json!({"password": "wrong-password"}), Outcome::Rejected, "401"),
                (json!({"password": null}), Outcome::Incomplete, "Password is missing"),
            ],
        )
        .await;
        // Security is off: everyone is somebody else.
        let open = Server::start(move |_| answer(200, json!({ member: "anonymous" }).to_string()));
        table(&base, &[(json!({"port": open.address().port()}), Outcome::Unexpected, "")]).await;
    }
}

#[test]
fn the_command_line_shows_the_steps_of_a_login() {
    use crate::support::home::Account;
    let account = Account::with_vault();
    let script =
        Script::text(&[("", "220 mail\r\n"), EHLO, ("AUTH PLAIN", "235 in\r\n"), ("NOOP", "250 ok\r\n")]);
    let config = json!({"engine": "smtp", "host": "127.0.0.1", "port": script.port(), "username": "app",
                        "password": PASSWORD});
    account.put(&json!([{"key": "mail.out", "kind": "database", "config": config}]).to_string());
    let row = account.run(&["list", "--json"]).succeeds();
    assert!(row.out.contains("\"untested\""), "{}", row.out);
    let done = account.run(&["test", "mail.out", "--steps"]).succeeds();
    for words in ["logged in as app", "connect", "login", "NOOP"] {
        assert!(done.out.contains(words), "{}", done.out);
    }
    script.seen();
    let row = account.run(&["list", "--json"]).succeeds();
    assert!(row.out.contains("\"active\""), "{}", row.out);
    // Saving tests first, and refuses what does not pass.
    let change = json!([{"key": "mail.out", "kind": "database", "config": config}, {"key": "mail.in", "kind": "database",
                         "config": {"engine": "imap", "host": "127.0.0.1", "port": config["port"], "username": "app",
                                    "password": PASSWORD}}]);
    let refused = account.command().arg("put").input(change.to_string()).run();
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("nothing listens") && !refused.err.contains(PASSWORD), "{}", refused.err);
}
