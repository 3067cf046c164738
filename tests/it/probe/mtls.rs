//! Authorities that a person names, and client certificates: whom we trust, what we show, and who says no.

use credbench::model::Outcome;
use jiff::{Timestamp, ToSpan as _};

use super::*;
use crate::support::server::{Act, Server, answer, json as json_answer};
use crate::support::tls::{
    Leaf, Pair, authority_pem, client, named, pem, server as tls_server, server_for_clients,
    server_for_known_clients, unknown_authority_pem, until,
};
use tokio_rustls::rustls::version::{TLS12, TLS13};

/// What is done to a good credential, and what is said then.
type Case<'a> = (&'static str, &'a dyn Fn(&mut Value), &'static str);

/// A client certificate's credential that trusts our authority.
fn shows(url: &str, pair: &Pair) -> Value {
    json!({"key": "a.key", "kind": "client_certificate", "test": {"path": "/me"},
           "config": {"base_url": url, "certificate": pair.certificate, "private_key": pair.key,
                      "ca_certificate": authority_pem()}})
}

/// A test whose clock goes as ours: of certificates that end soon.
async fn tested_now(document: Value) -> Report {
    let plan = planned(document).unwrap();
    run(&plan, &Trust::default(), LONG, &CancellationToken::new(), Timestamp::now).await
}

#[tokio::test]
async fn an_authority_of_the_credential_s_own() {
    let server = Server::tls(tls_server(Leaf::Good, &["h2", "http/1.1"]), |_| json_answer(200, "{}"));
    let with = |authority: &str| {
        let mut document = credential("header", &server.url(), SECRET);
        document["ca_certificate"] = json!(authority);
        document
    };
    assert_eq!(tested(with(&authority_pem())).await.outcome, Outcome::Ok);
    // Several, with words around them, and line ends of another system.
    let many =
        format!("ours:\n{}\ntheirs:\n{}", unknown_authority_pem(), authority_pem()).replace('\n', "\r\n");
    assert_eq!(tested(with(&many)).await.outcome, Outcome::Ok);
    assert_eq!(server.requests().len(), 2);
    // Another one: not even what this machine trusts counts then.
    let report = tested_with(with(&unknown_authority_pem()), &trust(), LONG).await;
    assert!(report.message.contains("an authority that this machine does not trust"), "{report:?}");
    // And none at all.
    for (text, words) in [
        ("x", "there is no PEM in it"),
        ("-----BEGIN CERTIFICATE-----\nAAAA", "line 1: the END line of this block is missing"),
        ("\n-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", "line 2: this block is damaged"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "line 1: this block is damaged"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "no certificate in it, but PUBLIC KEY",
        ),
    ] {
        let report = tested(with(text)).await;
        assert_eq!(report.outcome, Outcome::Unexpected);
        assert!(report.message.starts_with("Authority: ") && report.message.contains(words), "{report:?}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_server_s_own_certificate_can_be_named() {
    // As `openssl req -x509` makes them: an authority in a server's place, or not.
    for authority in [true, false] {
        let pair = named(&["127.0.0.1"], Leaf::SelfSigned, authority);
        let server = Server::tls(pair.server(), |_| json_answer(200, "{}"));
        let with = |url: &str, certificate: &str| {
            let mut document = credential("header", url, SECRET);
            document["ca_certificate"] = json!(certificate);
            document
        };
        let report = tested(with(&server.url(), &pair.certificate)).await;
        assert_eq!(report.outcome, Outcome::Ok, "{authority}: {report:?}");
        // Its names still count, and a certificate of the same name with another key is another.
        let report = tested(with(&server.url_as("localhost"), &pair.certificate)).await;
        assert!(report.message.contains("for another name"), "{report:?}");
        let other = named(&["127.0.0.1"], Leaf::SelfSigned, authority);
        let report = tested(with(&server.url(), &other.certificate)).await;
        assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
        assert_eq!(server.requests().len(), 1);
    }
    // Its time counts too.
    let pair = named(&["127.0.0.1"], Leaf::Expired, false);
    let server = Server::tls(pair.server(), |_| json_answer(200, "{}"));
    let mut document = credential("header", &server.url(), SECRET);
    document["ca_certificate"] = json!(pair.certificate);
    let report = tested(document).await;
    assert_eq!(report.message, "the server's certificate has expired", "{report:?}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let pair = client(Leaf::Good);
    for version in [&TLS12, &TLS13] {
        for optional in [false, true] {
            let server = Server::tls(server_for_clients(&[version], optional), |_| json_answer(200, "{}"));
            let report = tested(shows(&server.url(), &pair)).await;
            assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
            let tls = report.steps.iter().find(|step| step.name == "TLS").unwrap();
            assert_eq!(tls.detail, "with the client certificate");
            let refused = Server::tls(server_for_clients(&[version], optional), |_| json_answer(401, "{}"));
            assert_eq!(tested(shows(&refused.url(), &pair)).await.outcome, Outcome::Rejected);
            let limited = Server::tls(server_for_clients(&[version], optional), |_| json_answer(403, "{}"));
            assert_eq!(tested(shows(&limited.url(), &pair)).await.outcome, Outcome::Limited);
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_ask_proves_nothing() {
    let pair = client(Leaf::Good);
    for (status, outcome) in [
        (200, Outcome::Unexpected),
        (401, Outcome::Unexpected),
        (403, Outcome::Unexpected),
        (404, Outcome::WrongEndpoint),
        (503, Outcome::Unreachable),
    ] {
        let server = Server::tls(tls_server(Leaf::Good, &[]), move |_| json_answer(status, "{}"));
        let report = tested(shows(&server.url(), &pair)).await;
        assert_eq!(report.outcome, outcome, "{report:?}");
        let words = "the server did not ask for the certificate: its answer proves nothing";
        assert_eq!(report.message == words, outcome == Outcome::Unexpected, "{report:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_the_certificate() {
    for version in [&TLS12, &TLS13] {
        let server = Server::tls(server_for_clients(&[version], false), |_| json_answer(200, "{}"));
        let report = tested(shows(&server.url(), &client(Leaf::UnknownIssuer))).await;
        assert_eq!(report.outcome, Outcome::Rejected, "{report:?}");
        assert_eq!(report.message, "the server refused the client certificate: unknown_ca");
        // Nobody is shown one that is over: nothing is sent.
        let connections = server.connections();
        let report = tested(shows(&server.url(), &client(Leaf::Expired))).await;
        assert_eq!((report.outcome, report.steps.len()), (Outcome::Expired, 0), "{report:?}");
        assert_eq!(report.message, "the client certificate ended on 2020-01-01");
        let report = tested(shows(&server.url(), &client(Leaf::NotYetValid))).await;
        assert_eq!(report.message, "the client certificate is valid only from 4000-01-01", "{report:?}");
        assert_eq!(server.connections(), connections);
        // Without one: what it wants is named, in both versions.
        let mut document = credential("header", &server.url(), SECRET);
        document["ca_certificate"] = json!(authority_pem());
        let report = tested(document).await;
        assert_eq!(report.message, "the server wants a client certificate", "{report:?}");
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn a_server_that_refuses_and_closes_at_once() {
    // An alert that is followed by a reset must not be lost.
    let pair = client(Leaf::UnknownIssuer);
    for _ in 0..20 {
        let server = Server::tls_abrupt(server_for_known_clients());
        let report = tested(shows(&server.url(), &pair)).await;
        assert_eq!(report.outcome, Outcome::Rejected, "{report:?}");
    }
}

#[tokio::test]
async fn alerts_of_other_servers_are_named() {
    // What a server says in place of a handshake, before it asked for anything.
    for (alert, word) in
        [(42, "bad_certificate"), (45, "certificate_expired"), (48, "unknown_ca"), (112, "unrecognized_name")]
    {
        let server = Server::on_connect(move || Act::Raw(vec![0x15, 3, 3, 0, 2, 2, alert]));
        let url = server.url().replace("http:", "https:");
        let report = tested(shows(&url, &client(Leaf::Good))).await;
        assert_eq!(report.outcome, Outcome::Unreachable, "not the credential's fault: {report:?}");
        assert_eq!(report.message, format!("the server refused the TLS handshake: {word}"));
    }
}

#[tokio::test]
async fn what_is_wrong_with_certificate_and_key_is_said_before_anything_is_sent() {
    let server = Server::tls(server_for_known_clients(), |_| json_answer(200, "{}"));
    let (pair, other) = (client(Leaf::Good), client(Leaf::Good));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = shows(&server.url(), &pair);
        change(&mut document["config"]);
        document
    };
    let encrypted = pair.encrypted_key("open sesame", false);
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----";
    let cases: [Case; 13] = [
        ("no PEM", &|c| c["certificate"] = json!("x"), "Certificate: there is no PEM in it"),
        (
            "a key as certificate",
            &|c| c["certificate"] = c["private_key"].clone(),
            "Certificate: there is no certificate in it, but PRIVATE KEY",
        ),
        (
            "half",
            &|c| c["certificate"] = json!("-----BEGIN CERTIFICATE-----\nMIIB"),
            "Certificate: line 1: the END line",
        ),
        (
            "a certificate as key",
            &|c| c["private_key"] = c["certificate"].clone(),
            "Private key: there is no private key in it, but CERTIFICATE",
        ),
        (
            "another's key",
            &|c| c["private_key"] = json!(other.key),
            "Private key: it does not belong to the certificate",
        ),
        (
            "two keys",
            &|c| c["private_key"] = json!(format!("{}{}", pair.key, other.key)),
            "Private key: there are 2 private keys",
        ),
        (
            "garbage",
            &|c| c["private_key"] = json!(pem("PRIVATE KEY", b"garbage")),
            "Private key: it is damaged",
        ),
        (
            "an SSH key",
            &|c| c["private_key"] = json!(pem("OPENSSH PRIVATE KEY", b"openssh-key-v1")),
            "Private key: it is damaged, or of a kind",
        ),
        (
            "encrypted in an old way",
            &|c| c["private_key"] = json!(old),
            "Private key: it is encrypted in an old way (Proc-Type: 4,ENCRYPTED): convert it with `openssl pkcs8 -topk8",
        ),
        (
            "encrypted",
            &|c| c["private_key"] = json!(encrypted),
            "Private key: it is encrypted and there is no passphrase",
        ),
        (
            "wrong passphrase",
            &|c| {
                c["private_key"] = json!(encrypted);
                c["passphrase"] = json!("open sesame ");
            },
            "Passphrase: it does not open the private key",
        ),
        (
            "an unknown cipher",
            &|c| {
                c["private_key"] = json!(pem("ENCRYPTED PRIVATE KEY", b"garbage"));
                c["passphrase"] = json!("x");
            },
            "Private key: it is encrypted with an algorithm that is not supported",
        ),
        (
            "plain http",
            &|c| c["base_url"] = json!("http://127.0.0.1:1"),
            "Base URL: a certificate is shown only over https",
        ),
    ];
    for (name, change, words) in cases {
        let report = tested(with(change)).await;
        assert_eq!(report.outcome, Outcome::Unexpected, "{name}: {report:?}");
        assert!(report.message.starts_with(words), "{name}: {report:?}");
    }
    assert_eq!(server.connections(), 0);
    // The controls: both ways of encryption, and a passphrase that is not needed.
    for key in [&encrypted, &pair.encrypted_key("open sesame", true), &pair.key] {
        let right = with(&|c| {
            c["private_key"] = json!(key);
            c["passphrase"] = json!("open sesame");
        });
        let report = tested(right).await;
        assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    }
}

#[tokio::test]
async fn the_key_is_a_secret() {
    let pair = client(Leaf::Good);
    let line = pair.key.lines().nth(1).unwrap().to_owned();
    let says = line.clone();
    let server = Server::tls(server_for_known_clients(), move |_| {
        answer(403, &[("content-type", "application/json")], json!({"error": says}).to_string())
    });
    let document = shows(&server.url(), &pair);
    let plan = planned(document.clone()).unwrap();
    assert!(!format!("{plan:?}").contains(&line));
    let report = tested(document).await;
    assert!(
        report.message.contains(credbench::secret::MASK) && !format!("{report:?}").contains(&line),
        "{report:?}"
    );
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning() {
    let today = Timestamp::now();
    for (days, words) in [(2, Some("in 1 day")), (6, Some("in 5 days")), (20, Some("in 19 days")), (30, None)]
    {
        let day = (today + (days * 24).hours()).to_zoned(jiff::tz::TimeZone::UTC).date();
        let pair = until((day.year().into(), day.month() as u8, day.day() as u8));
        let server = Server::tls(pair.server(), |_| json_answer(200, "{}"));
        let mut document = credential("header", &server.url(), SECRET);
        document["ca_certificate"] = json!(authority_pem());
        let report = tested_now(document).await;
        assert_eq!((report.outcome, report.message.as_str()), (Outcome::Ok, "200 accepted"), "{report:?}");
        let tls = report.steps.iter().find(|step| step.name == "TLS").unwrap();
        match words {
            Some(words) => {
                assert_eq!(tls.detail, format!("the certificate ends {words}"));
                assert_eq!(
                    report.advice,
                    format!("The service's certificate ends {words}, on {day}: tell who runs it.")
                );
                assert!(tls.ok);
            }
            None => assert_eq!((tls.detail.as_str(), report.advice.as_str()), ("", "")),
        }
    }
}
