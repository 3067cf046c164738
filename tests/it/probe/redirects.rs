//! A redirect is told and not followed: nothing of the credential reaches the place it points to.

use credbench::model::Outcome;

use super::*;
use crate::support::server::{Act, Server, answer, json as json_answer};
use crate::support::tls::{Leaf, server as tls_server};

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

#[tokio::test]
async fn no_redirect_carries_the_credential() {
    let port = Server::start(|_| json_answer(200, "{}"));
    let host = Server::start_at("127.0.0.2", |_| json_answer(200, "{}"));
    let places = [
        ("another port", format!("{}/stolen", port.url())),
        ("another host", format!("{}/stolen", host.url())),
        ("user info", format!("http://user:password@{}/stolen", port.address())),
        ("no scheme", format!("//{}/stolen", host.address())),
        ("empty", String::new()),
        ("upwards", "/../stolen".to_owned()),
        ("the same host", "/login".to_owned()),
    ];
    for (name, to) in places {
        for status in STATUSES {
            for placement in PLACEMENTS {
                let target = to.clone();
                let server = Server::start(move |_| answer(status, &[("location", &target)], ""));
                let report = tested(credential(placement, &server.url(), SECRET)).await;
                let at = format!("{name}, {status}, {placement}: {report:?}");
                assert_eq!(
                    (report.outcome, report.status_code),
                    (Outcome::WrongEndpoint, Some(status)),
                    "{at}"
                );
                // Where it leads, in full; a key in our own query is none of it.
                let whole = url::Url::parse(&format!("{}/me", server.url())).unwrap().join(&to).unwrap();
                assert!(report.message.contains(&format!("redirects to {whole}")), "{at}");
                assert!(!report.message.contains(SECRET), "{at}");
                assert_eq!(server.requests().len(), 1, "{at}");
            }
        }
    }
    assert_eq!((port.connections(), host.connections()), (0, 0));
    // The control: what they would have seen.
    for placement in PLACEMENTS {
        for server in [&port, &host] {
            let report = tested(credential(placement, &server.url(), "SECRET-SENT")).await;
            assert_eq!(report.outcome, Outcome::Ok);
            let last = server.requests().pop().unwrap();
            let encoded = last.header("authorization").starts_with("Basic ");
            assert!(encoded || last.text().contains("SECRET-SENT"), "{}", last.text());
        }
    }
}

#[tokio::test]
async fn no_redirect_leads_from_https_to_http() {
    let plain = Server::start(|_| json_answer(200, "{}"));
    for status in STATUSES {
        let target = format!("{}/stolen", plain.url());
        let server =
            Server::tls(tls_server(Leaf::Good, &[]), move |_| answer(status, &[("location", &target)], ""));
        let report = tested_with(credential("header", &server.url(), SECRET), &trust(), LONG).await;
        assert_eq!(report.outcome, Outcome::WrongEndpoint, "{report:?}");
        assert_eq!(server.requests()[0].header("x-api-key"), SECRET);
    }
    assert_eq!(plain.connections(), 0);
}

#[tokio::test]
async fn the_body_of_a_post_is_not_sent_again() {
    let other = Server::start(|_| json_answer(200, "{}"));
    for status in STATUSES {
        let target = other.url();
        let server = Server::start(move |_| answer(status, &[("location", &target)], ""));
        let mut document = credential("bearer", &server.url(), SECRET);
        document["test"] = json!({"method": "POST", "path": "/token", "body": "grant=x"});
        assert_eq!(tested(document).await.outcome, Outcome::WrongEndpoint);
        assert_eq!(server.requests()[0].body, b"grant=x");
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_redirect_loop_is_one_request() {
    let server = Server::start(|seen| answer(302, &[("location", &seen.target)], ""));
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert_eq!((report.outcome, server.requests().len()), (Outcome::WrongEndpoint, 1));
    // And without a place to go to.
    let server = Server::start(|_| Act::Answer { status: 302, headers: Vec::new(), body: Vec::new() });
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert_eq!(report.message, "302 redirects to nowhere; the credential was not sent there");
}
