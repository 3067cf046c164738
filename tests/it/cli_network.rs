//! The network's options on the real program: authorities, proxies, what hostile services can make of it.

use serde_json::{Value, json};

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::proxy::{Does, Proxy};
use crate::support::server::{Act, Server, json as json_answer};
use crate::support::service::RIGHT;
use crate::support::tls::{Leaf, authority_pem, named, server as tls_server};

fn stored(url: &str, more: Value) -> String {
    let mut one = json!({"key": "k", "kind": "bearer_token", "test": {"path": "/me"},
                         "config": {"base_url": url, "token": RIGHT}});
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one.to_string()
}

fn configure(account: &Account, text: &str) {
    account.write("config/credbench/config.toml", text);
}

#[test]
fn a_file_of_authorities() {
    let server = Server::tls(tls_server(Leaf::Good, &["h2", "http/1.1"]), |_| json_answer(200, "{}"));
    let account = Account::with_vault();
    account.put(&stored(&server.url(), json!({})));
    let unknown = account.run(&["test", "k", "--json"]).exits(1).json();
    assert_eq!(unknown["outcome"], "unreachable");
    // A relative path starts at the configuration's folder.
    account.write("config/credbench/ca.pem", &format!("ours\n{}", authority_pem()));
    configure(&account, "[network]\nca_file = \"ca.pem\"\n");
    account.run(&["test", "k"]).succeeds();
    let doctor = account.run(&["doctor"]).out;
    assert!(doctor.contains("ca.pem: 1 more certificate authorities"), "{doctor}");
    assert!(doctor.contains("network: no proxy"), "{doctor}");
    for (text, words) in [
        ("nothing", "there is no PEM in it"),
        ("a\n-----BEGIN CERTIFICATE-----\nAAAA", "line 2: the END line of this block is missing"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "no certificate in it, but PRIVATE KEY",
        ),
    ] {
        account.write("config/credbench/ca.pem", text);
        let done = account.run(&["test", "k"]).exits(7);
        assert!(done.err.contains("ca.pem: ") && done.err.contains(words), "{}", done.err);
        assert!(account.run(&["doctor"]).exits(1).out.contains(words));
        // What needs no network is not stopped by it.
        account.run(&["list"]).succeeds();
    }
    configure(&account, "[network]\nca_file = \"gone.pem\"\n");
    let done = account.run(&["test", "k", "--json"]).exits(7);
    assert_eq!(done.error()["code"], "ca_file");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_proxy_of_the_environment_is_told_and_one_of_the_configuration_is_agreed_on() {
    let service =
        Server::tls(named(&["api.invalid"], Leaf::Good, false).server(), |_| json_answer(200, "{}"));
    let proxy = Proxy::http(Does::LeadsFor(service.address(), "ann:marker-proxy-word"));
    let account = Account::with_vault();
    account.put(&stored("https://api.invalid", json!({"ca_certificate": authority_pem()})));
    let address = format!("http://ann:marker-proxy-word@{}", proxy.place());
    let test = |account: &Account, variables: &[(&str, &str)], more: &[&str]| {
        let mut command = account.command().args(["test", "k"]).args(more);
        for (name, value) in variables {
            command = command.env(name, value);
        }
        command.run()
    };
    // Without one there is no such host.
    test(&account, &[], &[]).exits(1);
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let done = test(&account, &[(name, &address)], &["--steps"]).succeeds();
        assert!(
            done.err
                .contains(&format!("Tests go through the proxy http://••••••••@{} ({name})", proxy.place())),
            "{}",
            done.err
        );
        assert!(done.out.contains("through the proxy"), "{}", done.out);
        assert!(!done.err.contains("marker-proxy") && !done.out.contains("marker-proxy"), "{done:?}");
    }
    // Not for it, excepted, or turned off.
    let asked = proxy.asked().len();
    test(&account, &[("HTTP_PROXY", &address)], &[]).exits(1);
    test(&account, &[("HTTPS_PROXY", &address), ("NO_PROXY", "x.example,.invalid")], &[]).exits(1);
    configure(&account, "[network]\nproxy = \"none\"\n");
    test(&account, &[("HTTPS_PROXY", &address)], &[]).exits(1);
    assert_eq!(proxy.asked().len(), asked);
    // Configured: nothing has to be told.
    configure(&account, &format!("[network]\nproxy = \"{address}\"\n"));
    let done = test(&account, &[], &[]).succeeds();
    assert_eq!(done.err, "");
    let doctor = account.run(&["doctor"]).out;
    assert!(doctor.contains("tests go through the proxy http://••••••••@"), "{doctor}");
    assert!(!doctor.contains("marker-proxy"), "{doctor}");
    // A variable that is none stops tests, says its name and not its value, and nothing else is stopped.
    configure(&account, "");
    let wrong = [("HTTPS_PROXY", "ftp://ann:marker-proxy-word@x")];
    let done = test(&account, &wrong, &["--json"]).exits(7);
    assert_eq!(done.error()["code"], "proxy");
    assert!(done.err.contains("HTTPS_PROXY") && !done.err.contains("marker-proxy"), "{}", done.err);
    account.command().arg("list").env(wrong[0].0, wrong[0].1).run().succeeds();
}

/// The most memory that a run of the program had at once, in KiB, beside its exit code.
fn peak(account: &Account, url: &str) -> (u64, i32) {
    account.put(&stored(url, json!({})));
    peak_as_it_is(account)
}

fn peak_as_it_is(account: &Account) -> (u64, i32) {
    let mut command = std::process::Command::new(PROGRAM);
    command.env_clear().envs(crate::support::command::environment(&account.home));
    command.args(["test", "k", "--timeout", "5"]).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    loop {
        let ended = child.try_wait().unwrap();
        if let Some(ended) = ended {
            return (most, ended.code().unwrap_or(-1));
        }
        // VmHWM only grows; what is read last is the peak, but for the last moments.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
        let number = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
        most = most.max(number);
        std::thread::yield_now();
    }
}

#[test]
fn hostile_answers_cost_little_memory() {
    fn endless(first: &str, again: &str) -> Act {
        Act::Endless(first.as_bytes().to_vec(), again.as_bytes().to_vec())
    }
    let account = Account::with_vault();
    let good = Server::start(|_| json_answer(200, "{}"));
    let (least, code) = peak(&account, &good.url());
    assert_eq!(code, 0);
    assert!(least > 1000, "memory was measured: {least} KiB");
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunk = format!("100000\r\n{}\r\n", "a".repeat(0x10_0000));
    let cases: [(&str, String, String); 7] = [
        ("10 GB of a body", format!("{ok}content-length: 10000000000\r\n\r\n"), "a".repeat(1 << 20)),
        ("large chunks", format!("{ok}transfer-encoding: chunked\r\n\r\n"), chunk),
        ("an endless number", format!("{ok}transfer-encoding: chunked\r\n\r\n"), "0".repeat(1 << 20)),
        ("a million headers", ok.to_owned(), "x: y\r\n".repeat(200_000)),
        ("a header of 1 GB", format!("{ok}x: "), "y".repeat(1 << 20)),
        ("interim answers", String::new(), "HTTP/1.1 103 Hints\r\nlink: a\r\n\r\n".repeat(50_000)),
        ("a bomb", format!("{ok}content-encoding: gzip\r\n\r\n"), "\u{1f}\0".repeat(1 << 19)),
    ];
    for (name, first, again) in cases {
        let server = Server::start(move |_| endless(&first, &again));
        let (most, code) = peak(&account, &server.url());
        assert!(most > 1000 && most.saturating_sub(least) < 32 << 10, "{name}: {least} then {most} KiB");
        assert!(code == 0 || code == 1, "{name}: {code}");
        crate::support::vault::report(&format!("{name}: {} KiB more", most.saturating_sub(least)));
    }
    // The control: the measure sees 64 MiB where they are. A document that large is read into memory.
    let large = stored(&good.url(), json!({"notes": "n".repeat(16 << 20)}));
    account.put(&large);
    let (most, _) = peak_as_it_is(&account);
    assert!(most.saturating_sub(least) > 32 << 10, "{least} then {most} KiB");
}
