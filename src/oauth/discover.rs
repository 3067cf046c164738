//! What an issuer publishes about itself (RFC 8414, OpenID Connect Discovery 1.0).

use serde_json::Value;
use url::Url;

use super::Refusal;
use super::ask::permitted;
use super::talk::{Place, Talk};
use crate::http::{self, Answer};

/// What an issuer says.
pub(super) struct Metadata {
    json: Value,
    status: u16,
    /// It was fetched over TLS.
    secure: bool,
    allow_http: bool,
}

/// Asks the issuer.
pub(super) async fn discover(talk: &mut Talk<'_>, issuer: &Url) -> Result<Metadata, Refusal> {
    let allow_http = talk.ask.allow_http;
    let mut refusal = Refusal::NoAddress(Place::Token.word());
    for url in places(issuer) {
        match talk.get("discover", url).await {
            Ok(answer) => match Metadata::read(issuer, &answer, allow_http) {
                Ok(metadata) => return Ok(metadata),
                Err(other) => {
                    refusal = other;
                    // Only where nothing is there is there a reason to look at the other place.
                    if !matches!(answer.status, 400 | 404 | 405 | 410) {
                        break;
                    }
                }
            },
            Err(failure) => return Err(failure),
        }
    }
    Err(refusal)
}

impl Metadata {
    fn read(issuer: &Url, answer: &Answer, allow_http: bool) -> Result<Self, Refusal> {
        let status = answer.status;
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let Some(json) = json.filter(|json| status == 200 && json.is_object()) else {
            return Err(Refusal::Answer(answer.clone()));
        };
        let metadata = Self { json, status, secure: issuer.scheme() == "https", allow_http };
        // RFC 8414 wants them equal to the letter; some servers name a directory where its domain was asked for.
        // What counts is that nobody else's metadata is believed.
        if !metadata.url("issuer").is_some_and(|named| http::same_origin(&named, issuer)) {
            return Err(metadata.unusable("the issuer's metadata is another issuer's"));
        }
        Ok(metadata)
    }

    fn unusable(&self, reason: &str) -> Refusal {
        Refusal::Unusable { status: self.status, reason: reason.to_owned() }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.json.get(name).and_then(Value::as_str)
    }

    fn url(&self, name: &str) -> Option<Url> {
        Url::parse(self.text(name)?).ok()
    }

    /// Where something is asked for. It may be another host: the issuer says so.
    pub(super) fn address(&self, place: Place) -> Result<Url, Refusal> {
        let name = match place {
            Place::Authorization => "authorization_endpoint",
            Place::Token => "token_endpoint",
            Place::Device => "device_authorization_endpoint",
            Place::Revocation => "revocation_endpoint",
        };
        let Some(found) = self.url(name) else { return Err(Refusal::NoAddress(place.word())) };
        let downgrade = self.secure && found.scheme() != "https";
        if downgrade || !permitted(&found, self.allow_http) {
            let word = place.word();
            return Err(self.unusable(&format!("the issuer's metadata names a {word} address without TLS")));
        }
        Ok(found)
    }

    /// What it calls itself, to the letter.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.text("issuer")
    }

    /// Whether it promises to name itself when the browser comes back (RFC 9207, 3).
    pub(super) fn promises_issuer(&self) -> bool {
        let name = "authorization_response_iss_parameter_supported";
        self.json.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Refuses a server that says which ways of PKCE it knows, without the one that proves anything. One that says
    /// nothing is sent S256 all the same: who does not know it ignores it (RFC 6749, 3.1).
    pub(super) fn check_pkce(&self) -> Result<(), Refusal> {
        let Some(known) = self.json.get("code_challenge_methods_supported").and_then(Value::as_array) else {
            return Ok(());
        };
        match known.is_empty() || known.iter().any(|method| method == "S256") {
            true => Ok(()),
            false => {
                Err(self.unusable("the server offers PKCE, but not S256: whoever sees a code could use it"))
            }
        }
    }
}

/// Where an issuer may publish what it says: as OpenID Connect says, and as RFC 8414 says.
fn places(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url.set_query(None);
        url
    };
    vec![
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec(), cut: false }
    }

    #[test]
    fn both_places() {
        let places = |issuer: &str| {
            places(&issuer.parse().unwrap()).iter().map(Url::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            places("https://a.example/t/1/"),
            "https://a.example/t/1/.well-known/openid-configuration \
             https://a.example/.well-known/oauth-authorization-server/t/1"
        );
        assert_eq!(
            places("https://a.example"),
            "https://a.example/.well-known/openid-configuration \
             https://a.example/.well-known/oauth-authorization-server"
        );
    }

    #[test]
    fn metadata_is_believed_only_of_its_issuer_and_with_tls() {
        let issuer: Url = "https://a.example/t".parse().unwrap();
        let of = |body: &str| {
            Metadata::read(&issuer, &answer(200, body), false).and_then(|found| found.address(Place::Token))
        };
        let good = r#"{"issuer":"https://a.example/t","token_endpoint":"https://tokens.example/x"}"#;
        assert_eq!(of(good).unwrap().as_str(), "https://tokens.example/x");
        for bad in [
            r#"{"issuer":"https://b.example/t","token_endpoint":"https://tokens.example/x"}"#,
            r#"{"token_endpoint":"https://tokens.example/x"}"#,
            r#"{"issuer":"https://a.example/t","token_endpoint":"http://a.example/x"}"#,
            r#"{"issuer":"https://a.example/t","token_endpoint":"http://127.0.0.1/x"}"#,
        ] {
            assert!(matches!(of(bad), Err(Refusal::Unusable { .. })), "{bad}");
        }
        // Plain http by agreement is not plain http by metadata.
        let plain = r#"{"issuer":"https://a.example/t","token_endpoint":"http://a.example/x"}"#;
        let agreed = Metadata::read(&issuer, &answer(200, plain), true).unwrap();
        assert!(agreed.address(Place::Token).is_err());
        let none = of(r#"{"issuer":"https://a.example/t"}"#);
        assert!(matches!(none, Err(Refusal::NoAddress("token"))));
        assert!(matches!(Metadata::read(&issuer, &answer(404, "{}"), false), Err(Refusal::Answer(_))));
    }

    #[test]
    fn plain_pkce_is_no_pkce() {
        let issuer: Url = "https://a.example".parse().unwrap();
        let of = |methods: &str| {
            let body = format!(r#"{{"issuer":"https://a.example"{methods}}}"#);
            Metadata::read(&issuer, &answer(200, &body), false).unwrap().check_pkce().is_ok()
        };
        assert!(of(""));
        assert!(of(r#","code_challenge_methods_supported":["plain","S256"]"#));
        assert!(!of(r#","code_challenge_methods_supported":["plain"]"#));
    }
}
