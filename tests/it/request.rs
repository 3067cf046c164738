//! `request`: authorized, to the credential's own hosts and no other (N10, N11).

use serde_json::json;

use crate::support::home::Account;
use crate::support::server::{Server, answer, json as answer_json};

fn account(server: &Server) -> Account {
    let account = Account::with_vault();
    let base = server.url();
    let documents = json!([
        {"key": "key", "kind": "api_key", "config": {"base_url": format!("{base}/v1"), "api_key": "marker-key-1",
            "placement": {"in": "header", "name": "X-Key"}}},
        {"key": "query", "kind": "api_key", "config": {"base_url": base, "api_key": "marker-key-2",
            "placement": {"in": "query", "name": "k"}}},
        {"key": "basic", "kind": "basic_auth", "config": {"base_url": base, "username": "ann", "password": "marker-3"}},
        {"key": "oauth", "kind": "oauth2", "config": {"grant": "authorization_code", "client_id": "c", "base_url": base,
            "authorization_url": format!("{base}/a"), "token_url": format!("{base}/t")}},
        {"key": "files", "kind": "secret", "config": {"values": {"a": "marker-4"}}},
        {"key": "aws", "kind": "aws", "config": {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "marker-5",
            "region": "eu-west-1", "endpoint_url": base}},
    ]);
    account.put(&documents.to_string());
    account
}

#[test]
fn the_credential_goes_where_its_kind_says() {
    let server = Server::start(|_| answer_json(200, r#"{"ok": true}"#));
    let account = account(&server);
    let done = account.run(&["request", "key", "/things?x=1"]).succeeds();
    assert_eq!(done.out, r#"{"ok": true}"#);
    let whole = format!("{}/v1/other", server.url());
    account.run(&["request", "query", "DELETE", &whole]).succeeds();
    account
        .run(&["request", "basic", "PATCH", "/b", "--data", "{\"a\":1}", "--header", "X-Own: yes"])
        .succeeds();
    account.command().args(["request", "cred://key", "/c", "--data", "@-"]).input("a=b").run().succeeds();
    account.run(&["request", "aws", "/bucket"]).succeeds();
    let seen = server.requests();
    let told: Vec<String> = seen.iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect();
    assert_eq!(
        told,
        ["GET /v1/things?x=1", "DELETE /v1/other?k=marker-key-2", "PATCH /b", "POST /v1/c", "GET /bucket"]
    );
    assert_eq!(seen[0].header("x-key"), "marker-key-1");
    assert_eq!(seen[2].header("authorization"), "Basic YW5uOm1hcmtlci0z");
    assert_eq!((seen[2].header("content-type"), seen[2].header("x-own")), ("application/json", "yes"));
    assert_eq!(seen[3].body, b"a=b");
    assert!(seen[4].header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"));
}

#[test]
fn no_other_host_ever_gets_it() {
    let server = Server::start(|_| answer_json(200, "{}"));
    let account = account(&server);
    let base = server.url();
    let other = Server::start(|_| answer_json(200, "{}"));
    let port = server.address().port();
    for target in [
        other.url(),
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.1.evil.example:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{}/", port.wrapping_add(1).max(1024)),
    ] {
        let done = account.run(&["request", "key", &target]).exits(5);
        assert!(done.err.contains("none of this credential's hosts"), "{target}: {}", done.err);
    }
    let refused = account.run(&["audit", "--json", "--what", "use_refused"]).succeeds().json();
    let refused = refused.as_array().unwrap();
    assert!(
        refused.len() == 5 && refused.iter().all(|record| record["result"] == "elsewhere"),
        "{refused:?}"
    );
    for target in [
        format!("http://user@127.0.0.1:{port}/"),
        "//evil.example/x".to_owned(),
        "\\\\evil.example".to_owned(),
        "@evil.example".to_owned(),
        format!("{base}\r\nHost: evil.example"),
        "ftp://127.0.0.1/".to_owned(),
        "/a#b".to_owned(),
        format!("{base}/a b"),
    ] {
        let done = account.run(&["request", "key", &target]);
        assert!(matches!(done.code, 1 | 2 | 5), "{target}: {done:?}");
    }
    for header in ["Host: evil.example", "Content-Length: 0", "X: a\r\nY: b", "no colon", "a b: c"] {
        let done = account.run(&["request", "key", "/x", "--header", header]);
        assert!(done.code == 1 || done.code == 2, "{header}: {done:?}");
    }
    assert!(server.requests().is_empty() && other.requests().is_empty());
    account.run(&["request", "key", "/x"]).succeeds();
    assert_eq!(server.requests().len(), 1, "the control");
}

#[test]
fn a_redirect_is_shown_and_not_followed() {
    let other = Server::start(|_| answer_json(200, "{}"));
    let place = format!("{}/there", other.url());
    let server = Server::start(move |_| answer(302, &[("location", &place)], "moved"));
    let account = account(&server);
    let done = account.run(&["request", "key", "/x", "--include"]).exits(1);
    assert!(done.out.starts_with("HTTP 302\n") && done.out.ends_with("moved"), "{}", done.out);
    assert!(done.err.contains("it leads to") && done.err.contains("/there"), "{}", done.err);
    assert!(other.requests().is_empty());
}

#[test]
fn the_status_is_the_exit_code_and_the_body_is_printed_all_the_same() {
    let server =
        Server::start(|_| answer(404, &[], [0u8, 159, 146, 150].map(char::from).iter().collect::<String>()));
    let account = account(&server);
    let done = account.run(&["request", "key", "/x"]).exits(1);
    assert!(!done.out.is_empty() && done.err.contains("the service answered 404"));
    let json = account.run(&["--json", "request", "key", "/x"]).exits(1);
    assert_eq!(json.json()["status"], 404);
    assert_eq!(json.error()["code"], "status");
}

#[test]
fn a_terminal_sees_no_secret_that_the_service_echoes() {
    let server = Server::start(|seen| {
        answer_json(200, format!(r#"{{"echo": "{}", "esc": "\u001b[31m"}}"#, seen.header("x-key")))
    });
    let account = account(&server);
    let piped = account.run(&["request", "key", "/x"]).succeeds();
    assert!(piped.out.contains("marker-key-1"), "the control: a pipe gets the bytes");
    let mut pty = crate::support::terminal::OnTerminal::start(&account, &["request", "key", "/x"]);
    pty.sees("\"echo\": \"••••••••\"");
    let (code, rest) = pty.ends();
    assert_eq!(code, 0, "{rest}");
}

#[test]
fn what_cannot_be_sent_says_why() {
    let server = Server::start(|_| answer_json(200, "{}"));
    let account = account(&server);
    let done = account.run(&["request", "oauth", "/x"]).exits(4);
    assert!(done.err.contains("nobody logged in"), "{}", done.err);
    account.run(&["request", "files", "/x"]).exits(1);
    account.run(&["request", "nothing", "/x"]).exits(4);
    account.run(&["request", "key", "G=T", "/x"]).exits(2);
    assert!(server.requests().is_empty());
}

/// The credential `oauth` of a server, logged in, whose refresh token gives `access-2`.
fn logged_in(base: &str) -> Account {
    let account = Account::with_vault();
    let document = json!({"key": "oauth", "kind": "oauth2", "config": {"grant": "authorization_code", "client_id": "c",
        "base_url": base, "authorization_url": format!("{base}/a"), "token_url": format!("{base}/token"),
        "tokens": {"access_token": "access-1", "refresh_token": "refresh-1"}}});
    account.put(&document.to_string());
    account
}

/// A service that takes only one access token, and gives `access-2` for a refresh token.
fn service(taken: &'static str) -> Server {
    Server::start(move |seen| match seen.target.as_str() {
        "/token" => answer_json(
            200,
            r#"{"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 3600}"#,
        ),
        _ if seen.header("authorization") == format!("Bearer {taken}") => answer_json(200, r#"{"ok": true}"#),
        _ => answer_json(401, r#"{"error": "invalid_token"}"#),
    })
}

fn targets(server: &Server) -> Vec<String> {
    server.requests().iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
}

#[test]
fn a_token_that_is_refused_is_replaced_once_and_the_request_repeated_once() {
    let server = service("access-2");
    let account = logged_in(&server.url());
    let done = account.run(&["request", "oauth", "POST", "/x", "--data", "a=b"]).succeeds();
    assert_eq!(done.out, r#"{"ok": true}"#);
    assert_eq!(targets(&server), ["POST /x", "POST /token", "POST /x"]);
    assert_eq!(server.requests()[2].body, b"a=b");
    assert_eq!(
        account.run(&["get", "oauth", "refresh_token"]).succeeds().out,
        "refresh-2",
        "what came is stored"
    );
    let audit = account.run(&["audit", "oauth", "--what", "requested", "--json"]).succeeds().json();
    assert_eq!(audit.as_array().unwrap().len(), 2, "each sending is a use");
    // The control: a token that is taken is not replaced.
    account.run(&["request", "oauth", "/y"]).succeeds();
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_service_that_goes_on_refusing_is_asked_twice_and_no_more() {
    let server = service("none");
    let account = logged_in(&server.url());
    let done = account.run(&["request", "oauth", "/x"]).exits(1);
    assert!(done.out.contains("invalid_token") && done.err.contains("answered 401"), "{done:?}");
    assert_eq!(targets(&server), ["GET /x", "POST /token", "GET /x"]);
    // What is no OAuth token cannot be replaced.
    let other = self::account(&server);
    other.run(&["request", "key", "/x"]).exits(1);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn where_no_other_token_comes_the_refusal_is_told_with_what_to_do() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/token" => answer_json(400, r#"{"error": "invalid_grant"}"#),
        _ => answer_json(401, "refused"),
    });
    let account = logged_in(&server.url());
    let done = account.run(&["request", "oauth", "/x"]).exits(1);
    assert_eq!(done.out, "refused");
    assert!(
        done.err.contains("there is no other token") && done.err.contains("credbench login oauth"),
        "{}",
        done.err
    );
    // The refresh token was refused: it is not sent again.
    account.run(&["request", "oauth", "/x"]).exits(1);
    assert_eq!(targets(&server).iter().filter(|target| target.contains("/token")).count(), 1);
}
