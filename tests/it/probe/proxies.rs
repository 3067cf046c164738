//! Through a proxy: it carries and sees nothing, it is named, and what goes wrong with it is never blamed on the
//! credential.

use credbench::http::Trust;
use credbench::model::Outcome;
use credbench::proxy::{Except, Proxies, Proxy as Named};

use super::*;
use crate::support::proxy::{Does, Proxy};
use crate::support::server::{Dead, Server, json as json_answer};
use crate::support::tls::{Leaf, authority_der, named, server as tls_server};

/// A name that exists nowhere but behind our proxies.
const HOST: &str = "api.service.invalid";

fn service() -> Server {
    Server::tls(named(&[HOST], Leaf::Good, false).server(), |_| json_answer(200, r#"{"a": 1}"#))
}

fn through(proxy: &str) -> Trust {
    let proxy = Named::parse(proxy).unwrap();
    Trust::new(vec![authority_der()], Proxies::all(proxy, Vec::new(), "configured"))
}

async fn tested_through(proxy: &str) -> Report {
    tested_with(credential("header", &format!("https://{HOST}"), SECRET), &through(proxy), LONG).await
}

fn details(report: &Report) -> String {
    report.steps.iter().map(|step| format!("{}: {}\n", step.name, step.detail)).collect()
}

#[tokio::test]
async fn each_kind_of_proxy_carries_and_sees_nothing() {
    let service = service();
    let goal = Does::Leads(service.address());
    let shown = tls_server(Leaf::Good, &[]);
    for (scheme, proxy, asked) in [
        ("http", Proxy::http(goal.clone()), format!("CONNECT {HOST}:443 HTTP/1.1\r\n")),
        ("https", Proxy::https(goal.clone(), shown), format!("CONNECT {HOST}:443 HTTP/1.1\r\n")),
        ("socks5h", Proxy::socks(goal.clone()), format!("{HOST}:443")),
    ] {
        let report = tested_through(&format!("{scheme}://{}", proxy.place())).await;
        assert_eq!(report.outcome, Outcome::Ok, "{scheme}: {report:?}");
        assert_eq!(steps(&report), "proxy connect TLS request match");
        let place = format!("{scheme}://{}", proxy.place());
        let said = details(&report);
        assert!(said.starts_with(&format!("proxy: {place} (configured)")), "{said}");
        assert!(
            said.contains(&format!("connect: {HOST}:443 through the proxy, which the proxy looks up")),
            "{said}"
        );
        assert_eq!(proxy.asked().len(), 1);
        assert!(proxy.asked()[0].starts_with(&asked), "{:?}", proxy.asked());
        // The proxy saw a name and bytes, and nothing of the request.
        let carried = String::from_utf8_lossy(&proxy.carried()).into_owned();
        assert!(!carried.is_empty() || scheme == "https");
        for hidden in [SECRET, "x-api-key", "authorization", "/me"] {
            assert!(!carried.to_ascii_lowercase().contains(&hidden.to_ascii_lowercase()), "{hidden}");
        }
        assert_eq!(service.requests().pop().unwrap().header("x-api-key"), SECRET);
    }
}

#[tokio::test]
async fn plain_http_goes_through_a_tunnel_too_and_only_where_it_is_allowed() {
    let service = Server::start(|_| json_answer(200, "{}"));
    let proxy = Proxy::http(Does::Leads(service.address()));
    let trust = through(&format!("http://{}", proxy.place()));
    let mut document = credential("header", &format!("http://{HOST}"), SECRET);
    let report = tested_with(document.clone(), &trust, LONG).await;
    assert_eq!(report.message, "plain http would send the credential unencrypted", "{report:?}");
    assert!(proxy.asked().is_empty() && service.requests().is_empty());
    document["allow_http"] = json!(true);
    let report = tested_with(document, &trust, LONG).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    assert!(proxy.asked()[0].starts_with(&format!("CONNECT {HOST}:80 ")), "{:?}", proxy.asked());
    assert!(!proxy.asked()[0].contains(SECRET), "the proxy is asked without it");
}

#[tokio::test]
async fn a_login_is_the_proxy_s_alone_and_never_shown() {
    let service = service();
    let goal = Does::LeadsFor(service.address(), "ann:pa%ss word");
    for (scheme, proxy) in [("http", Proxy::http(goal.clone())), ("socks5h", Proxy::socks(goal.clone()))] {
        let place = proxy.place();
        let right = tested_through(&format!("{scheme}://ann:pa%25ss%20word@{place}")).await;
        assert_eq!(right.outcome, Outcome::Ok, "{right:?}");
        let sent = service.requests().pop().unwrap();
        assert_eq!(sent.header("proxy-authorization"), "");
        for proxy in [format!("{scheme}://ann:wrong-word@{place}"), format!("{scheme}://{place}")] {
            let wrong = tested_through(&proxy).await;
            assert_eq!(wrong.outcome, Outcome::Unreachable, "{wrong:?}");
            assert!(wrong.message.ends_with("wants a login, or does not accept the one it got"), "{wrong:?}");
            assert!(wrong.advice.contains("The service was not asked"), "{wrong:?}");
            assert_eq!(steps(&wrong), "proxy connect!");
            for report in [&wrong, &right] {
                let text = format!("{report:?}");
                assert!(
                    !text.contains("wrong-word") && !text.contains("pa%") && !text.contains("ann"),
                    "{text}"
                );
            }
        }
    }
    assert_eq!(service.requests().len(), 2);
}

#[tokio::test]
async fn what_goes_wrong_with_a_proxy_is_its_own() {
    let service = service();
    for (says, words) in [
        (&b"HTTP/1.1 403 No\r\n\r\n"[..], "refused to connect there: it answered 403"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\nx", "refused to connect there: it answered 502"),
        (
            b"HTTP/1.1 302 F\r\nlocation: https://evil.invalid\r\n\r\n",
            "refused to connect there: it answered 302",
        ),
        (
            b"HTTP/1.1 401 Origin\r\nwww-authenticate: Basic\r\n\r\n",
            "refused to connect there: it answered 401",
        ),
        (b"HTTP/1.1 407 Login\r\nproxy-authenticate: Basic\r\n\r\n", "wants a login"),
        (b"HTTP/1.1 2", "closed the connection"),
        (b"", "closed the connection"),
        (b"SSH-2.0-x\r\n\r\n", "does not answer as a proxy of its kind"),
        (b"HTTP/1.1 \x1b[2J\r\n\r\n", "does not answer as a proxy of its kind"),
    ] {
        let proxy = Proxy::http(Does::Says(says));
        let report = tested_through(&format!("http://{}", proxy.place())).await;
        assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
        let start = format!("the proxy http://{} ", proxy.place());
        assert!(report.message.starts_with(&start) && report.message.contains(words), "{words}: {report:?}");
        assert!(report.advice.ends_with("The service was not asked."), "{report:?}");
        assert_eq!((steps(&report).as_str(), report.status_code), ("proxy connect!", None));
        let carried = String::from_utf8_lossy(&proxy.carried()).into_owned();
        assert!(carried.starts_with("CONNECT ") && !carried.contains(SECRET), "{carried}");
    }
    for (says, words) in [
        (&[5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0][..], "could not connect there: its rules do not allow it"),
        (&[5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0], "could not connect there: the host cannot be reached"),
        (&[5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0], "could not connect there: the connection was refused"),
        (&[5, 0xff], "wants a login"),
        (&[4, 0], "does not answer as a proxy of its kind"),
        (&[5, 0, 4, 0, 0, 1], "does not answer as a proxy of its kind"),
    ] {
        let proxy = Proxy::socks(Does::Says(says));
        let report = tested_through(&format!("socks5h://{}", proxy.place())).await;
        assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
        assert!(report.message.contains(words), "{words}: {report:?}");
    }
    // What stands behind a good answer is the service's: no TLS.
    let proxy = Proxy::http(Does::Says(b"HTTP/1.1 200 OK\r\n\r\ngarbage that is no TLS"));
    let report = tested_through(&format!("http://{}", proxy.place())).await;
    assert_eq!(steps(&report), "proxy connect TLS!", "{report:?}");
    // Interim answers are none.
    let words = b"HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 407 Login\r\n\r\n";
    let proxy = Proxy::http(Does::Says(words));
    let report = tested_through(&format!("http://{}", proxy.place())).await;
    assert!(report.message.contains("wants a login"), "{report:?}");
    assert!(service.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_that_is_not_there_or_not_who_it_says() {
    let dead = Dead::port();
    let report = tested_through(&dead.url()).await;
    assert_eq!((report.outcome, steps(&report).as_str()), (Outcome::Unreachable, "proxy!"), "{report:?}");
    assert!(report.message.contains("cannot be reached: the connection was refused"), "{report:?}");
    let report = tested_through("http://proxy.nowhere.invalid:3128").await;
    assert!(report.message.contains("cannot be reached: the host's name"), "{report:?}");
    // An https proxy is checked as any server is; neither the credential's authority nor its certificate counts.
    let service = service();
    let proxy = Proxy::https(Does::Leads(service.address()), tls_server(Leaf::UnknownIssuer, &[]));
    let report = tested_through(&format!("https://{}", proxy.place())).await;
    assert!(
        report.message.contains("cannot be spoken to over TLS: the server's certificate comes from"),
        "{report:?}"
    );
    assert!(proxy.asked().is_empty());
    // A proxy that hangs ends with the time, and is named as the step.
    let silent = Server::on_connect(|| crate::support::server::Act::Hang);
    let trust = through(&silent.url());
    let document = credential("header", &format!("https://{HOST}"), SECRET);
    let report = tested_with(document, &trust, Duration::from_millis(500)).await;
    assert_eq!(report.message, "no answer in time, while in step connect", "{report:?}");
    assert_eq!(steps(&report), "proxy connect!");
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_the_proxy() {
    use crate::support::tls::{authority_pem, client, server_for_clients};
    use tokio_rustls::rustls::version::{TLS12, TLS13};
    let pair = client(Leaf::Good);
    // Both would take one; the service behind asks for none.
    let service = service();
    let proxy = Proxy::https(Does::Leads(service.address()), server_for_clients(&[&TLS12, &TLS13], false));
    let document = json!({"key": "a.key", "kind": "client_certificate", "test": {"path": "/me"},
        "config": {"base_url": format!("https://{HOST}"), "certificate": pair.certificate,
                   "private_key": pair.key, "ca_certificate": authority_pem()}});
    let trust = through(&format!("https://{}", proxy.place()));
    let report = tested_with(document, &trust, LONG).await;
    // The proxy demands one and is shown none.
    assert_eq!(report.outcome, Outcome::Unreachable, "{report:?}");
    assert!(report.message.starts_with("the proxy ") && proxy.asked().is_empty(), "{report:?}");
}

#[tokio::test]
async fn host_rules_hold_behind_a_proxy() {
    let proxy = Proxy::http(Does::Says(b"HTTP/1.1 200 OK\r\n\r\n"));
    let trust = through(&format!("http://{}", proxy.place()));
    for host in [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "0xa9fea9fe",
        "metadata.google.internal",
        "[fd00:ec2::254]",
    ] {
        let report =
            tested_with(credential("header", &format!("https://{host}"), SECRET), &trust, LONG).await;
        assert!(report.message.starts_with("no credential is sent there"), "{host}: {report:?}");
    }
    assert!(proxy.asked().is_empty());
    // A SOCKS proxy that leaves look-ups to us is asked for the address that was checked.
    let service =
        Server::tls(named(&["socks.localhost"], Leaf::Good, false).server(), |_| json_answer(200, "{}"));
    let socks = Proxy::socks(Does::Leads(service.address()));
    let report = tested_with(
        credential("header", &format!("https://{HOST}"), SECRET),
        &through(&format!("socks5://{}", socks.place())),
        LONG,
    )
    .await;
    assert_eq!(steps(&report), "proxy resolve!", "{report:?}");
    assert!(socks.asked().is_empty(), "{report:?}");
}

#[tokio::test]
async fn this_machine_and_exceptions_are_reached_directly() {
    let proxy = Proxy::http(Does::Says(b"HTTP/1.1 403 No\r\n\r\n"));
    let trust = through(&format!("http://{}", proxy.place()));
    let server = Server::tls(tls_server(Leaf::Good, &[]), |_| json_answer(200, "{}"));
    for url in [server.url(), server.url_as("localhost")] {
        let report = tested_with(credential("header", &url, SECRET), &trust, LONG).await;
        assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    }
    let named = Named::parse(&format!("http://{}", proxy.place())).unwrap();
    let except = Trust::new(Vec::new(), Proxies::all(named, Except::list("service.invalid"), ""));
    let document = credential("header", &format!("https://{HOST}"), SECRET);
    let report = tested_with(document.clone(), &except, LONG).await;
    assert_eq!(steps(&report), "resolve!", "{report:?}");
    assert!(proxy.asked().is_empty());
    // The control.
    tested_with(document, &trust, LONG).await;
    assert_eq!(proxy.asked().len(), 1);
}
