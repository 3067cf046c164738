//! The real program against a certified OpenID provider that nobody here wrote: the npm package `oidc-provider`, which
//! `tests/interop/provider.mjs` starts. Where Node or the package is missing it says so and passes:
//! `npm ci --prefix tests/interop` installs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::vault::report;

/// The provider, and the browser of its one person, who agrees to everything.
struct Provider {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    issuer: String,
}

impl Provider {
    /// Starts it; nothing where it is not installed.
    fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop");
        if !on_the_path("node") {
            report("skipped: node not installed");
            return None;
        }
        if !folder.join("node_modules/oidc-provider").exists() {
            // Where there is Node, what the tests need can be installed.
            assert!(
                std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(),
                "oidc-provider is not installed"
            );
            report("skipped: oidc-provider not installed (npm ci --prefix tests/interop)");
            return None;
        }
        let mut child = Command::new("node")
            .arg("provider.mjs")
            .current_dir(folder)
            .envs(settings.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipes = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut provider = Self { child, pipes: Mutex::new(pipes), issuer: String::new() };
        let first = provider.line();
        provider.issuer = first["issuer"].as_str().unwrap().to_owned();
        Some(provider)
    }

    fn line(&self) -> Value {
        // The package prints notices of its own.
        loop {
            let mut line = String::new();
            let read = self.pipes.lock().unwrap().1.read_line(&mut line).unwrap();
            assert!(read > 0, "the provider has ended");
            if line.starts_with('{') {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }

    /// Tells the person to do something.
    fn person(&self, command: &str, url: &str) -> Value {
        writeln!(self.pipes.lock().unwrap().0, "{command} {url}").unwrap();
        self.line()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_the_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A login that runs without a terminal, with its events as they come.
struct Login {
    child: Child,
    events: BufReader<ChildStdout>,
}

impl Login {
    fn start(account: &Account, key: &str) -> Self {
        let mut child = Command::new("setsid")
            .args(["--wait", PROGRAM, "login", key, "--json"])
            .env_clear()
            .envs(environment(&account.home))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        Self { child, events }
    }

    fn event(&mut self) -> Value {
        let mut line = String::new();
        self.events.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// Waits for its end: the events that were left, and whether it went well.
    fn end(mut self) -> Vec<Value> {
        let mut rest = String::new();
        self.events.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {rest}");
        rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Goes where a browser is sent at the end of a login.
fn arrive(address: &str) -> String {
    let url: url::Url = address.parse().unwrap();
    let mut stream = TcpStream::connect(url.socket_addrs(|| None).unwrap()[0]).unwrap();
    let (path, query) = (url.path(), url.query().unwrap_or_default());
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    write!(stream, "GET {path}?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A vault with one client of the provider.
fn account(provider: &Provider, config: Value) -> Account {
    let account = Account::with_vault();
    let mut whole = json!({"issuer": provider.issuer, "base_url": provider.issuer});
    for (name, value) in config.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let document = json!({"key": "id.provider", "kind": "oauth2", "config": whole,
        "test": {"path": "/me", "expect": {"status": [200], "json": [{"pointer": "/sub", "equals": "ann"}]}}});
    account.put(&document.to_string());
    account
}

fn token(account: &Account) -> String {
    account.run(&["get", "id.provider"]).succeeds().out
}

/// What is stored of its tokens, without the program's own idea of it.
fn stored(account: &Account, name: &str) -> Option<String> {
    let opened = account.open();
    let content = &opened.document.find("default", "id.provider").unwrap().content;
    content.secret(&format!("/config/tokens/{name}")).map(|secret| secret.expose().to_owned())
}

fn status(account: &Account) -> Value {
    account.run(&["list", "--json"]).succeeds().json()[0]["status"].clone()
}

/// Whether the provider takes a token.
fn is_taken(provider: &Provider, token: &str) -> bool {
    let url: url::Url = provider.issuer.parse().unwrap();
    let mut stream = TcpStream::connect(url.socket_addrs(|| None).unwrap()[0]).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    write!(
        stream,
        "GET /me HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.starts_with("HTTP/1.1 200")
}

const SCOPES: [&str; 3] = ["openid", "offline_access", "read"];

#[test]
fn a_browser_login_renews_rotates_and_gives_back() {
    let Some(provider) = Provider::start(&[]) else { return };
    for (client, auth, secret) in [
        ("web", "basic", Some("web-secret")),
        ("post", "post", Some("post-secret")),
        ("public", "none", None),
    ] {
        let mut config = json!({"grant": "authorization_code", "client_id": client, "client_auth": auth, "scopes": SCOPES});
        if let Some(secret) = secret {
            config["client_secret"] = json!(secret);
        }
        let account = account(&provider, config);
        let mut login = Login::start(&account, "id.provider");
        let event = login.event();
        assert_eq!(event["event"], "browser", "{event}");
        let back = provider.person("visit", event["url"].as_str().unwrap());
        let back = back["location"].as_str().unwrap_or_else(|| panic!("{client}: {back}"));
        assert!(back.contains("code="), "{client}: {back}");
        assert!(arrive(back).starts_with("HTTP/1.1 200"), "{client}");
        let rest = login.end();
        assert_eq!(rest[0]["event"], "logged_in", "{client}");
        assert_eq!(rest.last().unwrap()["outcome"], "ok", "{client}");
        assert_eq!(status(&account), "active", "{client}");

        // A code is good once, and so is the listener.
        assert!(
            TcpStream::connect(back.parse::<url::Url>().unwrap().socket_addrs(|| None).unwrap()[0]).is_err()
        );

        let (first, refresh) = (token(&account), stored(&account, "refresh_token").unwrap());
        assert!(is_taken(&provider, &first));
        account.run(&["refresh", "id.provider"]).succeeds();
        let second = token(&account);
        assert_ne!(first, second, "{client}: another token came");
        assert_ne!(
            stored(&account, "refresh_token").unwrap(),
            refresh,
            "{client}: the refresh token was rotated"
        );
        assert!(is_taken(&provider, &second));

        account.run(&["revoke", "id.provider"]).succeeds();
        assert!(!is_taken(&provider, &second), "{client}: the provider knows that it was given back");
        assert_eq!(account.run(&["get", "id.provider"]).code, 4, "{client}: and so does the vault");
    }
}

#[test]
fn a_device_login_ends_active_and_expired_tokens_are_renewed_by_use() {
    let Some(provider) = Provider::start(&[("ACCESS_TOKEN_SECONDS", "10")]) else { return };
    let config = json!({"grant": "device_code", "client_id": "tv", "client_auth": "none", "scopes": SCOPES});
    let account = account(&provider, config);
    let mut login = Login::start(&account, "id.provider");
    let event = login.event();
    assert_eq!(event["event"], "device", "{event}");
    assert!(
        event["verification_url_complete"].as_str().unwrap().contains(event["user_code"].as_str().unwrap())
    );
    let agreed = provider.person("agree", event["verification_url_complete"].as_str().unwrap());
    assert_eq!(agreed, json!({"agreed": true}));
    let rest = login.end();
    assert_eq!(rest.last().unwrap()["outcome"], "ok");
    assert_eq!(status(&account), "active");
    let first = stored(&account, "access_token").unwrap();
    while is_taken(&provider, &first) {}
    let second = token(&account);
    assert_ne!(first, second);
    assert!(is_taken(&provider, &second));
}

#[test]
fn machines_get_tokens_by_secret_and_by_signed_assertion() {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    // PKCS #1: a sequence of the modulus, of 256 bytes, and the exponent, of three.
    let public = key.public_key().as_ref().to_vec();
    let (modulus, exponent) = (&public[9..265], &public[267..270]);
    let jwk = json!({"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256",
        "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent)});
    let jwks = json!({"keys": [jwk]}).to_string();
    let Some(provider) = Provider::start(&[("CLIENT_JWKS", &jwks)]) else { return };
    let secret = json!({"grant": "client_credentials", "client_id": "machine", "client_secret": "a secret: 100%/+",
        "scopes": ["read"]});
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let signed = json!({"grant": "client_credentials", "client_id": "signed", "client_auth": "private_key_jwt",
        "private_key": pem, "key_id": "k1"});
    for config in [secret, signed] {
        let account = account(&provider, config);
        let got = token(&account);
        assert!(!got.is_empty());
        // It is stored: the next use has the same.
        assert_eq!(token(&account), got);
        account.run(&["refresh", "id.provider"]).succeeds();
        assert_ne!(token(&account), got);
    }
    let wrong = json!({"grant": "client_credentials", "client_id": "machine", "client_secret": "another"});
    let refused = account(&provider, wrong).run(&["get", "id.provider"]);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("invalid_client"), "{}", refused.err);
}

#[test]
fn where_the_package_is_looked_for() {
    // The lock file names versions and digests, and nobody's registry.
    let lock: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/package-lock.json");
    let text = std::fs::read_to_string(lock).unwrap();
    assert!(text.contains("node_modules/oidc-provider") && !text.contains("\"resolved\""));
}
