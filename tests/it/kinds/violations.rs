//! What `put` refuses, each with exit 7 at the right pointer, line and column.

use credbench::model::Document;
use credbench::problem::Exit;
use credbench::schema::Kinds;
use credbench::session;

use crate::support::home::Account;

const GRANT: &str = r#""grant": "client_credentials", "client_id": "c", "client_secret": "marker""#;

/// The kind, the text of `config` (and what stands behind it), and the pointer. `§` stands before the place
/// that is named, and is not part of the text; `{@` for what an OAuth client needs.
const WRONG: &[(&str, &str, &str)] = &[
    // What every credential has.
    ("secret", r#"{"values": {"a": "marker"}}, "name": §7"#, "/name"),
    ("secret", r#"{"values": {"a": "marker"}}, "tags": ["a", §7]"#, "/tags/1"),
    ("secret", r#"{"values": {"a": "marker"}}, "tags": §["a", "a"]"#, "/tags"),
    ("secret", r#"{"values": {"a": "marker"}}, "tags": [§""]"#, "/tags/0"),
    ("secret", r#"{"values": {"a": "marker"}}, "expires_at": §"2027-13-01""#, "/expires_at"),
    ("secret", r#"{"values": {"a": "marker"}}, "rotate_every_days": §0"#, "/rotate_every_days"),
    ("secret", r#"{"values": {"a": "marker"}}, "rotate_every_days": §3651"#, "/rotate_every_days"),
    ("secret", r#"{"values": {"a": "marker"}}, "rotate_every_days": §1.5"#, "/rotate_every_days"),
    ("secret", r#"{"values": {"a": "marker"}}, "owner": §["a"]"#, "/owner"),
    ("secret", r#"{"values": {"a": "marker"}}, "notes": §{}"#, "/notes"),
    ("secret", r#"§"values""#, "/config"),
    ("secret", r#"{"values": {"a": "marker"}}, "config": {}"#, "/config"),
    // Secrets.
    ("secret", r#"{"values": §"marker"}"#, "/config/values"),
    ("secret", r#"{"values": {"a": §7}}"#, "/config/values/a"),
    ("secret", r#"{"values": {"a": §["marker"]}}"#, "/config/values/a"),
    ("secret", r#"{"values": {"a": §{"$secret": "stored"}}}"#, "/config/values/a"),
    ("secret", r#"{"values": {"a": §{"$secret": "other"}}}"#, "/config/values/a"),
    ("secret", r#"{"values": {"a b": §"marker"}}"#, "/config/values/a b"),
    ("secret", r#"{"values": {"a": §""}}"#, "/config/values/a"),
    ("secret", r#"{"values": {"a": §"marker\u0000"}}"#, "/config/values/a"),
    // API key.
    ("api_key", r#"§{"api_key": "marker"}"#, "/config/base_url"),
    ("api_key", r#"{"base_url": §"ftp://x", "api_key": "marker"}"#, "/config/base_url"),
    ("api_key", r#"{"base_url": §null, "api_key": "marker"}"#, "/config/base_url"),
    ("api_key", r#"{"base_url": "https://x.example", "api_key": §"marker\nX: y"}"#, "/config/api_key"),
    (
        "api_key",
        r#"{"base_url": "https://x.example", "api_key": "marker", "placement": {"in": §"body", "name": "X"}}"#,
        "/config/placement/in",
    ),
    (
        "api_key",
        r#"{"base_url": "https://x.example", "api_key": "marker", "placement": §{"in": "query"}}"#,
        "/config/placement/name",
    ),
    (
        "api_key",
        r#"{"base_url": "https://x.example", "api_key": "marker", "placement": {"in": "header", "name": §"X Y"}}"#,
        "/config/placement/name",
    ),
    (
        "api_key",
        r#"{"base_url": "https://x.example", "api_key": "marker", "placement": §"header"}"#,
        "/config/placement",
    ),
    // Basic auth and bearer token.
    ("basic_auth", r#"§{"base_url": "https://x.example", "password": "marker"}"#, "/config/username"),
    (
        "basic_auth",
        r#"{"base_url": "https://x.example", "username": §"a:b", "password": "marker"}"#,
        "/config/username",
    ),
    (
        "bearer_token",
        r#"{"base_url": "https://x.example", "token": "marker", "scheme": §"two words"}"#,
        "/config/scheme",
    ),
    (
        "bearer_token",
        r#"{"base_url": "https://x.example", "token": "marker"}, "test": {"path": §7}"#,
        "/test/path",
    ),
    (
        "bearer_token",
        r#"{"base_url": "https://x.example", "token": "marker"}, "test": {"method": §"PUT"}"#,
        "/test/method",
    ),
    (
        "bearer_token",
        r#"{"base_url": "https://x.example", "token": "marker"}, "test": {"expect": {"status": [§99]}}"#,
        "/test/expect/status/0",
    ),
    (
        "bearer_token",
        r#"{"base_url": "https://x.example", "token": "marker"}, "test": {"expekt": §{}}"#,
        "/test/expekt",
    ),
    (
        "bearer_token",
        r#"{"base_url": "https://x.example", "token": "marker"}, "allowed_hosts": §"x""#,
        "/allowed_hosts",
    ),
    (
        "bearer_token",
        r#"{"base_url": "https://x.example", "token": "marker"}, "allow_http": §"yes""#,
        "/allow_http",
    ),
    // OAuth 2.0.
    ("oauth2", r#"§{"client_id": "c", "issuer": "https://i.example"}"#, "/config/grant"),
    ("oauth2", r#"{"grant": §"password", "client_id": "c", "issuer": "https://i.example"}"#, "/config/grant"),
    ("oauth2", r#"§{"grant": "client_credentials", "issuer": "https://i.example"}"#, "/config/client_id"),
    (
        "oauth2",
        r#"{"grant": "client_credentials", "client_id": §"", "issuer": "https://i.example"}"#,
        "/config/client_id",
    ),
    ("oauth2", r#"§{@}"#, "/config/token_url"),
    (
        "oauth2",
        r#"§{"grant": "authorization_code", "client_id": "c", "token_url": "https://i.example/t"}"#,
        "/config/authorization_url",
    ),
    (
        "oauth2",
        r#"§{"grant": "authorization_code", "client_id": "c", "authorization_url": "https://i.example/a"}"#,
        "/config/token_url",
    ),
    (
        "oauth2",
        r#"§{"grant": "device_code", "client_id": "c", "token_url": "https://i.example/t"}"#,
        "/config/device_url",
    ),
    ("oauth2", r#"§{"grant": "jwt_bearer", "client_id": "c", "private_key": "marker"}"#, "/config/token_url"),
    ("oauth2", r#"{@, "issuer": §"https://user:pass@i.example"}"#, "/config/issuer"),
    ("oauth2", r#"{@, "token_url": §"login.example.com/token"}"#, "/config/token_url"),
    ("oauth2", r#"{@, "issuer": "https://i.example", "revocation_url": §7}"#, "/config/revocation_url"),
    ("oauth2", r#"{@, "issuer": "https://i.example", "scopes": §"read"}"#, "/config/scopes"),
    ("oauth2", r#"{@, "issuer": "https://i.example", "scopes": ["a", §"b c"]}"#, "/config/scopes/1"),
    ("oauth2", r#"{@, "issuer": "https://i.example", "scopes": §["a", "a"]}"#, "/config/scopes"),
    ("oauth2", r#"{@, "issuer": "https://i.example", "client_auth": §"magic"}"#, "/config/client_auth"),
    (
        "oauth2",
        r#"{@, "issuer": "https://i.example", "extra_parameters": {"a": §1}}"#,
        "/config/extra_parameters/a",
    ),
    ("oauth2", r#"{@, "issuer": "https://i.example", "tokens": §"marker"}"#, "/config/tokens"),
    (
        "oauth2",
        r#"{@, "issuer": "https://i.example", "tokens": {"access_token": §7}}"#,
        "/config/tokens/access_token",
    ),
    (
        "oauth2",
        r#"{@, "issuer": "https://i.example", "tokens": {"expires_at": §"tomorrow"}}"#,
        "/config/tokens/expires_at",
    ),
    (
        "oauth2",
        r#"{@, "issuer": "https://i.example", "tokens": {"id_token": §{"a": "marker"}}}"#,
        "/config/tokens/id_token",
    ),
    (
        "oauth2",
        r#"{"grant": "authorization_code", "client_id": "c", "issuer": "https://i.example", "redirect_url": §"callback"}"#,
        "/config/redirect_url",
    ),
    ("oauth2", r#"{@, "issuer": "https://i.example", "base_url": §"//x"}"#, "/config/base_url"),
    // OAuth app.
    ("oauth_alias", r#"§{"scopes": ["a"]}"#, "/config/app"),
    ("oauth_alias", r#"{"app": §"graph"}"#, "/config/app"),
    // Database.
    ("database", r#"§{"engine": "postgres"}"#, "/config/host"),
    ("database", r#"§{"host": "db.example"}"#, "/config/engine"),
    ("database", r#"{"engine": §"oracle", "host": "db.example"}"#, "/config/engine"),
    ("database", r#"{"engine": "postgres", "host": §"db.example:5432"}"#, "/config/host"),
    ("database", r#"{"engine": "postgres", "host": §"https://db.example"}"#, "/config/host"),
    ("database", r#"{"engine": "postgres", "host": "db.example", "port": §0}"#, "/config/port"),
    ("database", r#"{"engine": "postgres", "host": "db.example", "port": §65536}"#, "/config/port"),
    ("database", r#"{"engine": "postgres", "host": "db.example", "port": §"5432"}"#, "/config/port"),
    ("database", r#"{"engine": "postgres", "host": "db.example", "tls": §"prefer"}"#, "/config/tls"),
    (
        "database",
        r#"{"engine": "postgres", "host": "db.example", "ca_certificate": §""}"#,
        "/config/ca_certificate",
    ),
    (
        "database",
        r#"{"engine": "postgres", "host": "db.example", "options": {"a": §true}}"#,
        "/config/options/a",
    ),
    ("database", r#"{"engine": "postgres", "host": "db.example", "username": §"a\nb"}"#, "/config/username"),
    // AWS.
    ("aws", r#"§{"secret_access_key": "marker"}"#, "/config/access_key_id"),
    ("aws", r#"{"access_key_id": §"AKIA 1", "secret_access_key": "marker"}"#, "/config/access_key_id"),
    ("aws", r#"{"access_key_id": "AKIA1", "secret_access_key": §true}"#, "/config/secret_access_key"),
    ("aws", r#"{"access_key_id": "AKIA1", "region": §"EU West"}"#, "/config/region"),
    ("aws", r#"{"access_key_id": "AKIA1", "role_arn": §"role/deploy"}"#, "/config/role_arn"),
    ("aws", r#"{"access_key_id": "AKIA1", "endpoint_url": §"s3.example.com"}"#, "/config/endpoint_url"),
    // Client certificate.
    (
        "client_certificate",
        r#"§{"base_url": "https://x.example", "private_key": "marker"}"#,
        "/config/certificate",
    ),
    (
        "client_certificate",
        r#"{"base_url": "https://x.example", "certificate": §"", "private_key": "marker"}"#,
        "/config/certificate",
    ),
    (
        "client_certificate",
        r#"{"base_url": "https://x.example", "certificate": "c", "private_key": §["marker"]}"#,
        "/config/private_key",
    ),
    (
        "client_certificate",
        r#"{"base_url": "https://x.example", "certificate": "c", "passphrase": §"marker\n2"}"#,
        "/config/passphrase",
    ),
    // Custom.
    ("custom", r#"{"fields": {"a": §1}}"#, "/config/fields/a"),
    ("custom", r#"{"fields": {"a b": §"c"}}"#, "/config/fields/a b"),
    ("custom", r#"{"secrets": §["marker"]}"#, "/config/secrets"),
    ("custom", r#"{"secrets": {"a": §1}}"#, "/config/secrets/a"),
    ("custom", r#"{"request": {"headers": {"X Y": §"z"}}}"#, "/config/request/headers/X Y"),
    ("custom", r#"{"request": {"headers": {"X-Y": §"a\r\nb"}}}"#, "/config/request/headers/X-Y"),
    ("custom", r#"{"request": {"header": §{}}}"#, "/config/request/header"),
    ("custom", r#"{"request": {"body": §{}}}"#, "/config/request/body"),
    ("custom", r#"{"base_url": §"x"}"#, "/config/base_url"),
];

/// The text of a document, and where the mark stood: line and column from 1.
fn document(kind: &str, config: &str) -> (String, Option<(usize, usize)>) {
    let config = config.replace("{@", &format!("{{{GRANT}"));
    let marked = format!("{{\n  \"key\": \"a.b\",\n  \"kind\": \"{kind}\", \"config\": {config}\n}}");
    let at = marked.find('§').map(|at| {
        let before = &marked[..at];
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
    });
    (marked.replace('§', ""), at)
}

fn expected(at: Option<(usize, usize)>, pointer: &str) -> String {
    match at {
        Some((line, column)) => format!(": line {line}, column {column}: {pointer}: "),
        None => format!(": {pointer}: "),
    }
}

#[test]
fn everything_wrong_is_told_with_its_place() {
    assert!(WRONG.len() >= 60);
    let vault = Document::new();
    for (kind, config, pointer) in WRONG {
        let (text, at) = document(kind, config);
        let problem = session::changes(&vault, Kinds::builtin(), &text, "default", "in.json").unwrap_err();
        assert_eq!(problem.exit, Exit::Invalid, "{kind} {config}");
        let mut said = problem.causes.clone();
        said.push(problem.message.clone());
        let wanted = expected(at, pointer);
        assert!(
            said.iter().any(|line| line.contains(&wanted)),
            "{kind} {config}\nwanted {wanted}\n{said:#?}"
        );
        assert!(!said.concat().contains("marker"), "{said:?}");
    }
}

#[test]
fn the_program_says_the_same() {
    let account = Account::with_vault();
    let before = std::fs::read(account.vault()).unwrap();
    for (kind, config, pointer) in WRONG.iter().step_by(7) {
        let (text, at) = document(kind, config);
        let done = account.command().args(["put", "--no-test"]).input(text).run().exits(7);
        let wanted = expected(at, pointer);
        assert!(done.err.contains(&wanted), "{kind} {config}\nwanted {wanted}\n{}", done.err);
        assert!(!done.err.contains("marker") && done.out.is_empty());
    }
    // All at once: each has its place in the array, and nothing is stored.
    let documents: Vec<_> =
        WRONG.iter().skip(1).step_by(9).map(|(kind, config, _)| document(kind, config).0).collect();
    account.command().args(["put", "--no-test"]).input(format!("[{}]", documents.join(","))).run().exits(7);
    assert_eq!(std::fs::read(account.vault()).unwrap(), before);
    // The control: the same bases without their mistake.
    account.put(super::secrecy::ALL);
}

/// A required secret that is missing, in whichever branch, is no mistake: the credential is incomplete.
#[test]
fn a_missing_secret_is_incomplete_and_not_invalid() {
    let account = Account::with_vault();
    for (number, (kind, config, complete)) in [
        ("api_key", r#"{"base_url": "https://x.example"}"#, false),
        ("bearer_token", r#"{"base_url": "https://x.example"}"#, false),
        ("basic_auth", r#"{"base_url": "https://x.example", "username": "u"}"#, true),
        ("secret", "{}", false),
        ("aws", r#"{"access_key_id": "AKIA1"}"#, false),
        ("client_certificate", r#"{"base_url": "https://x.example", "certificate": "c"}"#, false),
        ("database", r#"{"engine": "redis", "host": "::1"}"#, true),
        ("custom", "{}", true),
        ("custom", r#"{"secrets": {"a": {"$secret": "missing"}}}"#, false),
        ("oauth2", r#"{"grant": "client_credentials", "client_id": "c", "issuer": "https://i.example"}"#, false),
        ("oauth2", r#"{"grant": "client_credentials", "client_id": "c", "issuer": "https://i.example", "client_auth": "basic"}"#, false),
        ("oauth2", r#"{"grant": "client_credentials", "client_id": "c", "issuer": "https://i.example", "client_auth": "none"}"#, true),
        ("oauth2", r#"{"grant": "client_credentials", "client_id": "c", "issuer": "https://i.example", "client_auth": "private_key_jwt"}"#, false),
        ("oauth2", r#"{"grant": "client_credentials", "client_id": "c", "issuer": "https://i.example", "client_auth": "private_key_jwt", "private_key": "k"}"#, true),
        ("oauth2", r#"{"grant": "authorization_code", "client_id": "c", "issuer": "https://i.example"}"#, true),
        ("oauth2", r#"{"grant": "device_code", "client_id": "c", "device_url": "https://i.example/d", "token_url": "https://i.example/t"}"#, true),
        ("oauth2", r#"{"grant": "jwt_bearer", "client_id": "c", "token_url": "https://i.example/t"}"#, false),
        ("oauth2", r#"{"grant": "jwt_bearer", "client_id": "c", "token_url": "https://i.example/t", "private_key": "k"}"#, true),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!(r#"{{"key": "k{number}", "kind": "{kind}", "config": {config}}}"#);
        account.put(&text);
        let rows = account.run(&["list", &format!("k{number}"), "--json"]).succeeds().json();
        let row = rows.as_array().unwrap().iter().find(|row| row["key"] == format!("k{number}")).unwrap();
        assert_eq!(row["status"] == "incomplete", !complete, "{kind} {config}: {row}");
    }
}
