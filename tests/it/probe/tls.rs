//! Each way in which TLS fails has a name, and nothing was sent; a good certificate passes.

use credbench::model::Outcome;

use super::*;
use crate::support::server::{Act, Server, json as answer};
use crate::support::tls::{self, Leaf, authority_pem, server as tls_server, server_for_known_clients};
use crate::support::vault::as_process;

async fn tested_tls(server: &Server) -> Report {
    tested_with(credential("header", &server.url(), SECRET), &trust(), LONG).await
}

fn with_key(server: &Server) -> bool {
    server.requests().iter().any(|seen| seen.header("x-api-key") == SECRET)
}

#[tokio::test]
async fn a_good_certificate_passes() {
    for protocols in [&[][..], &["http/1.1"], &["h2"], &["h2", "http/1.1"]] {
        let server = Server::tls(tls_server(Leaf::Good, protocols), |_| answer(200, r#"{"a": 1}"#));
        let report = tested_tls(&server).await;
        assert_eq!(report.outcome, Outcome::Ok, "{protocols:?}: {report:?}");
        assert_eq!(steps(&report), "connect TLS request match");
        assert!(with_key(&server), "{:?}", server.requests());
    }
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_name() {
    let mut page = Vec::new();
    for leaf in [Leaf::Expired, Leaf::NotYetValid, Leaf::WrongName, Leaf::SelfSigned, Leaf::UnknownIssuer] {
        let server = Server::tls(tls_server(leaf, &["h2", "http/1.1"]), |_| answer(200, "{}"));
        let report = tested_tls(&server).await;
        assert_eq!(report.outcome, Outcome::Unreachable, "{leaf:?}: {report:?}");
        assert_eq!(steps(&report), "connect TLS!", "{report:?}");
        assert!(server.requests().is_empty() && server.connections() > 0);
        page.push(format!("{leaf:?}: {} {}", report.message, report.advice));
    }
    insta::assert_snapshot!(page.join("\n"));
}

/// Revocation is not checked: nobody but the service hears of a test. Whoever wants to be sure pins the authority.
#[tokio::test]
async fn a_certificate_that_names_a_revocation_list_has_nobody_asked() {
    let list = Server::start(|_| answer(200, "{}"));
    let pair = tls::with_revocation_list(&format!("{}/list.crl", list.url()));
    assert!(pair.certificate_holds(&list.url()), "the certificate says where the list is");
    let server = Server::tls(pair.server(), |_| answer(200, r#"{"a": 1}"#));
    let report = tested_tls(&server).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    assert_eq!((server.connections(), list.connections()), (1, 0));
}

#[tokio::test]
async fn without_trust_our_own_authority_is_unknown() {
    let server = Server::tls(tls_server(Leaf::Good, &[]), |_| answer(200, "{}"));
    let report = tested(credential("header", &server.url(), SECRET)).await;
    assert!(report.message.contains("an authority that this machine does not trust"), "{report:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn each_broken_handshake_has_its_name() {
    /// A fatal alert: protocol_version, or handshake_failure.
    fn alert(description: u8) -> Act {
        Act::Raw(vec![0x15, 3, 1, 0, 2, 2, description])
    }
    let mut page = Vec::new();
    for (name, act) in [
        ("plain http", (|| Act::Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())) as fn() -> Act),
        ("reset", || Act::Reset),
        ("closed", || Act::Raw(Vec::new())),
        ("only old versions", || alert(70)),
        ("refused", || alert(40)),
        // A ServerHello of TLS 1.1: no client may go on with it.
        ("TLS 1.1", || {
            let mut hello = vec![0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2];
            hello.extend([7; 32]);
            hello.extend([0, 0, 0x2f, 0]);
            Act::Raw(hello)
        }),
    ] {
        let server = Server::on_connect(act);
        let url = server.url().replace("http:", "https:");
        let report = tested_with(credential("header", &url, SECRET), &trust(), LONG).await;
        assert_eq!(report.outcome, Outcome::Unreachable, "{name}: {report:?}");
        assert_eq!(steps(&report), "connect TLS!", "{name}: {report:?}");
        page.push(format!("{name}: {} {}", report.message, report.advice));
    }
    insta::assert_snapshot!(page.join("\n"));
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate() {
    let server = Server::tls(server_for_known_clients(), |_| answer(200, "{}"));
    let report = tested_tls(&server).await;
    assert_eq!(report.message, "the server wants a client certificate", "{report:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_steps_of_a_test_by_name() {
    let server = Server::tls(tls_server(Leaf::Good, &["h2"]), |_| answer(200, r#"{"a": 1}"#));
    let document = credential("query", &server.url_as("localhost"), SECRET);
    let report = tested_with(document, &trust(), LONG).await;
    let lines: Vec<String> =
        report.steps.iter().map(|step| format!("{:<8} {} {}", step.name, step.ok, step.detail)).collect();
    let port = server.address().port().to_string();
    let text = lines.join("\n").replace(&port, "PORT").replace(" ::1", "");
    insta::assert_snapshot!(text);
    let sum: u64 = report.steps.iter().map(|step| step.ms).sum();
    assert!(sum <= report.latency_ms, "{report:?}");
}

/// What [`the_environment_decides_only_whom_to_trust`] does as a process of its own.
#[tokio::test]
#[ignore = "run by the_environment_decides_only_whom_to_trust"]
async fn in_an_environment() {
    let url = std::env::var("TESTED_URL").unwrap();
    let report = tested(credential("header", &url, SECRET)).await;
    std::fs::write(std::env::var_os("REPORT_TO").unwrap(), report.message).unwrap();
}

#[test]
fn the_environment_decides_only_whom_to_trust() {
    let server = Server::tls(tls_server(Leaf::Good, &[]), |_| answer(200, "{}"));
    let proxy = Server::start(|_| answer(200, "{}"));
    let folder = tempfile::tempdir().unwrap();
    let (authorities, keys) = (folder.path().join("authorities.pem"), folder.path().join("keys"));
    std::fs::write(&authorities, authority_pem()).unwrap();
    let run = |more: &[(&str, &str)]| {
        let (url, proxy) = (server.url(), proxy.url());
        let mut variables = vec![("TESTED_URL", url.as_str()), ("SSLKEYLOGFILE", keys.to_str().unwrap())];
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            variables.push((name, &proxy));
        }
        variables.extend(more);
        let told = folder.path().join("report");
        variables.push(("REPORT_TO", told.to_str().unwrap()));
        let output = as_process("probe::tls::in_an_environment", &variables).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        std::fs::read_to_string(&told).unwrap()
    };
    let trusted = run(&[("SSL_CERT_FILE", authorities.to_str().unwrap())]);
    assert_eq!(trusted, "200 accepted");
    assert!(with_key(&server));
    let unknown = run(&[]);
    assert!(unknown.contains("an authority that this machine does not trust"), "{unknown}");
    assert_eq!(proxy.connections(), 0, "no proxy is used");
    assert!(!keys.exists(), "no session key is written");
}

/// A real server of an old version: what it sends is not of our own making.
#[tokio::test]
async fn a_server_of_tls_1_1() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let pair = crate::support::tls::named(&["127.0.0.1"], Leaf::Good, false);
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = (path("certificate", &pair.certificate), path("key", &pair.key));
    // The version of the control is one that we speak.
    for (version, words) in
        [("-tls1_1", "the server offers only old or unknown versions of TLS"), ("-tls1_2", "200 accepted")]
    {
        let server = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", version, "-cipher", "DEFAULT@SECLEVEL=0", "-www"])
            .args([
                std::ffi::OsStr::new("-cert"),
                certificate.as_os_str(),
                std::ffi::OsStr::new("-key"),
                key.as_os_str(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut server) = server else {
            return crate::support::vault::report("skipped: there is no openssl");
        };
        let lines = std::io::BufReader::new(server.stdout.take().unwrap()).lines();
        let listens =
            lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ACCEPT ").map(str::to_owned));
        let address = listens.expect("it says where it listens");
        let mut document = credential("header", &format!("https://{address}"), SECRET);
        document["test"] = json!({"path": "/", "headers": {"accept": "text/html"}});
        let report = tested_with(document, &trust(), LONG).await;
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(report.message, words, "{version}: {report:?}");
    }
}
