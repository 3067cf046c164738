//! Logins at a provider that nobody here wrote: the certified npm package `oidc-provider`. Skipped where it is not
//! there. To run it:
//!
//! ```text
//! npm install --prefix FOLDER oidc-provider@9
//! CREDBENCH_OIDC_PROVIDER=FOLDER cargo test --test it oauth::interop
//! ```

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use credbench::http::{Answer, Request, TlsOptions, Trust, send};
use credbench::oauth::{Ask, Hint, Prompt};
use credbench::secret::Secret;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Login, ask, at_once, told};
use crate::support::authority::{CLIENT, rsa_key};

/// The provider; ends with the test.
struct Provider {
    child: Child,
    /// Who writes to a pipe that nobody holds dies.
    _said: BufReader<ChildStdout>,
    url: String,
    key: String,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts it; `None`, said aloud, where it is not there.
fn provider() -> Option<Provider> {
    let Ok(folder) = std::env::var("CREDBENCH_OIDC_PROVIDER") else {
        eprintln!("skipped: CREDBENCH_OIDC_PROVIDER names no folder with oidc-provider");
        return None;
    };
    let (key, public) = rsa_key();
    let jwk = public_jwk(&public);
    let clients = json!([
        {"client_id": CLIENT.0, "client_secret": CLIENT.1, "token_endpoint_auth_method": "client_secret_basic"},
        {"client_id": "post", "client_secret": CLIENT.1, "token_endpoint_auth_method": "client_secret_post"},
        {"client_id": "key", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [jwk]}},
        {"client_id": "public", "token_endpoint_auth_method": "none"},
        {"client_id": "machine", "client_secret": CLIENT.1, "grant_types": ["client_credentials"], "scope": "read"},
    ]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oauth/interop/provider.mjs");
    let mut child = Command::new("node")
        .args([script.as_os_str(), folder.as_ref()])
        .env("CLIENTS", clients.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("node");
    let mut port = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut port).unwrap();
    let url = format!("http://127.0.0.1:{}", port.trim().parse::<u16>().expect("the provider's port"));
    Some(Provider { child, _said: said, url, key })
}

/// A public key in DER (PKCS #1) as a JSON Web Key.
fn public_jwk(der: &[u8]) -> Value {
    /// The content of the next element, and what follows it.
    fn element(der: &[u8]) -> (&[u8], &[u8]) {
        let (length, start) = match der[1] {
            short @ 0..0x80 => (usize::from(short), 2),
            long => {
                let bytes = usize::from(long & 0x7f);
                (der[2..2 + bytes].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), 2 + bytes)
            }
        };
        (&der[start..start + length], &der[start + length..])
    }
    let (modulus, rest) = element(element(der).0);
    let (exponent, _) = element(rest);
    let encode = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        URL_SAFE_NO_PAD.encode(&number[zeros..])
    };
    json!({"kty": "RSA", "use": "sig", "alg": "RS256", "n": encode(modulus), "e": encode(exponent)})
}

/// A browser that keeps cookies and follows redirects.
#[derive(Default)]
struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn ask(&mut self, url: Url, form: Option<&[(&str, &str)]>) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = vec![("Cookie".to_owned(), Secret::new(cookies.join("; ")))];
        let body = form.map(|form| {
            headers.push(("Content-Type".to_owned(), Secret::from("application/x-www-form-urlencoded")));
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            Secret::new(body.extend_pairs(form).finish())
        });
        let method = if body.is_some() { "POST" } else { "GET" }.to_owned();
        let request = Request { method, url, headers, body, allow_http: false, tls: TlsOptions::default() };
        let deadline = Instant::now() + Duration::from_secs(60);
        let exchange = send(&request, &Trust::default(), deadline, &CancellationToken::new()).await;
        let answer = exchange.result.unwrap();
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    /// Follows redirects until a page is shown.
    async fn go(&mut self, url: Url, form: Option<&[(&str, &str)]>) -> String {
        let mut answer = self.ask(url, form).await;
        for _ in 0..20 {
            let Some(next) = answer.header("location").filter(|_| (300..400).contains(&answer.status)) else {
                break;
            };
            answer = self.ask(next.parse().unwrap(), None).await;
        }
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 200, "{text}");
        text
    }
}

impl Provider {
    /// A client that finds everything by discovery.
    fn ask(&self, grant: &str, client: &str) -> Ask {
        let proof = match client {
            "post" => json!({"client_auth": "post"}),
            "key" => {
                json!({"client_auth": "private_key_jwt", "client_secret": null, "private_key": self.key})
            }
            "public" => json!({"client_auth": "none", "client_secret": null}),
            _ => json!({}),
        };
        let scopes =
            if grant == "client_credentials" { vec!["read"] } else { vec!["openid", "offline_access"] };
        let config = json!({"grant": grant, "client_id": client, "client_secret": CLIENT.1, "issuer": self.url, "scopes": scopes,
                            "authorization_parameters": {"prompt": "consent"}});
        ask(config, proof)
    }
}

#[tokio::test]
async fn code_refresh_and_revocation() {
    let Some(provider) = provider() else { return };
    for client in [CLIENT.0, "post", "key", "public"] {
        let ask = || provider.ask("authorization_code", client);
        let mut login = Login::begin(ask());
        let (url, _) = login.browser().await;
        let page = Browser::default().go(url, None).await;
        assert!(page.contains("go back to the terminal"), "{client}: {page}");
        let outcome = login.end().await;
        let token = outcome.result.as_ref().unwrap_or_else(|_| panic!("{client}: {}", told(&outcome)));
        let first = token.refresh.clone().expect("a refresh token");

        let refreshed = at_once(async |means| ask().refresh(&first, means).await).await;
        let second = refreshed.result.as_ref().unwrap_or_else(|_| panic!("{client}: {}", told(&refreshed)));
        let second = second.refresh.clone().expect("the next one");
        assert_ne!(first, second);

        let revoked = at_once(async |means| ask().revoke(&second, Hint::RefreshToken, means).await).await;
        assert!(revoked.result.is_ok(), "{client}: {:?}", revoked.result);
        let over = at_once(async |means| ask().refresh(&second, means).await).await;
        assert!(
            told(&over).starts_with("expired 400 the refresh token is over"),
            "{client}: {}",
            told(&over)
        );
        let unknown = at_once(async |means| ask().revoke(&second, Hint::RefreshToken, means).await).await;
        assert!(unknown.result.is_ok(), "{client}");
    }
}

/// Its family ends with a refresh token that comes twice.
#[tokio::test]
async fn a_replay_ends_the_family() {
    let Some(provider) = provider() else { return };
    let ask = || provider.ask("authorization_code", CLIENT.0);
    let mut login = Login::begin(ask());
    let (url, _) = login.browser().await;
    Browser::default().go(url, None).await;
    let first = login.end().await.result.unwrap().refresh.unwrap();
    let refresh = async |token: &Secret| at_once(async |means| ask().refresh(token, means).await).await;
    let second = refresh(&first).await.result.unwrap().refresh.unwrap();
    assert!(refresh(&first).await.result.is_err());
    assert!(refresh(&second).await.result.is_err());
}

#[tokio::test]
async fn a_machine_and_a_stranger() {
    let Some(provider) = provider() else { return };
    let machine = provider.ask("client_credentials", "machine");
    let outcome = at_once(async |means| machine.token(means).await).await;
    assert!(told(&outcome).starts_with("ok 200 a token was granted"), "{}", told(&outcome));
    // What is said of a client before its first login.
    let known = provider.ask("authorization_code", CLIENT.0);
    let recognized = at_once(async |means| known.recognized(means).await).await;
    assert!(recognized.result.is_ok(), "{:?}", recognized.result);
    let config = json!({"grant": "authorization_code", "client_id": CLIENT.0, "client_secret": "wrong", "issuer": provider.url});
    let stranger = ask(config, json!({}));
    let refused = at_once(async |means| stranger.recognized(means).await).await;
    let words = format!("{:?}", refused.result);
    assert!(words.contains("invalid_client"), "{words}");
}

#[tokio::test]
async fn a_device() {
    let Some(provider) = provider() else { return };
    for client in [CLIENT.0, "public"] {
        let mut login = Login::begin(provider.ask("device_code", client));
        let Prompt::Device { url, user_code, complete_url, .. } = login.prompt().await else { panic!() };
        assert!(complete_url.is_some());
        let mut browser = Browser::default();
        let page = browser.go(url.clone(), None).await;
        let hidden = |page: &str| {
            page.split("name=\"xsrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
        };
        let xsrf = hidden(&page);
        let page = browser.go(url.clone(), Some(&[("xsrf", &xsrf), ("user_code", &user_code)])).await;
        let xsrf = hidden(&page);
        browser.go(url, Some(&[("xsrf", &xsrf), ("user_code", &user_code), ("confirm", "yes")])).await;
        let outcome = login.end().await;
        assert!(outcome.result.is_ok(), "{client}: {}", told(&outcome));
    }
}
