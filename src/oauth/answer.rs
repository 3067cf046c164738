//! Reading what an authorization server answers.

use serde_json::Value;
use url::Url;

use super::Refusal;
use super::ask::secure;
use crate::http::{self, Answer};
use crate::secret::Secret;

/// A token as the server gave it.
#[derive(Debug)]
pub struct Token {
    /// Goes with each request.
    pub access: Secret,
    /// Gets the next one.
    pub refresh: Option<Secret>,
    /// What it allows, where the server says so.
    pub scopes: Option<Vec<String>>,
    /// For how many seconds it is good, where the server says so.
    pub expires_in: Option<i64>,
    /// The status code that it came with.
    pub status: u16,
}

impl Token {
    /// What must not be seen.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.access).chain(&self.refresh)
    }
}

/// Reads the answer to a request for a token.
pub(super) fn token(answer: &Answer) -> Result<Token, Refusal> {
    let status = answer.status;
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let text = |name: &str| json.as_ref()?.get(name)?.as_str().filter(|text| !text.is_empty());
    // Some say no with status 200.
    if let Some(code) = text("error") {
        let description = text("error_description").unwrap_or_default().to_owned();
        return Err(Refusal::Error { status, code: code.to_owned(), description });
    }
    if !(200..300).contains(&status) || json.is_none() {
        return Err(Refusal::Answer(answer.clone()));
    }
    let unusable = |reason: &str| Refusal::Unusable { status, reason: reason.to_owned() };
    let Some(access) = text("access_token") else {
        return Err(unusable("the answer holds no access token"));
    };
    if !access.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return Err(unusable("the access token holds characters that cannot be sent in a header"));
    }
    if let Some(kind) = text("token_type").filter(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(unusable(&format!("the token is of the type {kind}, not Bearer")));
    }
    let expires_in = json.as_ref().and_then(|json| {
        let value = json.get("expires_in")?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    });
    Ok(Token {
        access: Secret::from(access),
        refresh: text("refresh_token").map(Secret::from),
        scopes: text("scope").map(|scopes| {
            scopes.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
        }),
        expires_in,
        status,
    })
}

/// Reads the token address from an issuer's metadata.
pub(super) fn token_url(issuer: &Url, answer: &Answer) -> Result<Url, Refusal> {
    let status = answer.status;
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let Some(json) = json.filter(|json| status == 200 && json.is_object()) else {
        return Err(Refusal::Answer(answer.clone()));
    };
    let unusable = |reason: String| Refusal::Unusable { status, reason };
    let url = |name: &str| json.get(name).and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
    // RFC 8414 wants them equal to the letter; some servers name a directory where its domain was asked for. What
    // counts is that nobody else's metadata is believed.
    if !url("issuer").is_some_and(|named| http::same_origin(&named, issuer)) {
        return Err(unusable("the issuer's metadata is another issuer's".to_owned()));
    }
    let Some(found) = url("token_endpoint") else {
        return Err(unusable("the issuer's metadata names no token address".to_owned()));
    };
    let downgrade = issuer.scheme() == "https" && found.scheme() != "https";
    if downgrade || !secure(&found) {
        return Err(unusable("the issuer's metadata names a token address without TLS".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec(), cut: false }
    }

    #[test]
    fn a_token_and_what_is_none() {
        let good = r#"{"access_token":"t","token_type":"bEARER","expires_in":"60","scope":"a b","refresh_token":"r"}"#;
        let found = token(&answer(200, good)).unwrap();
        assert_eq!((found.access.expose(), found.expires_in), ("t", Some(60)));
        assert_eq!(found.scopes, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert!(!format!("{found:?}").contains("\"t\""));
        let refused = |status, body| token(&answer(status, body)).unwrap_err();
        let no = r#"{"error":"invalid_client","error_description":"Unknown"}"#;
        assert!(matches!(refused(200, no), Refusal::Error { code, .. } if code == "invalid_client"));
        assert!(matches!(refused(502, "<html>"), Refusal::Answer(_)));
        assert!(matches!(refused(200, "<html>"), Refusal::Answer(_)));
        for odd in [
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a","token_type":"mac"}"#,
        ] {
            assert!(matches!(refused(200, odd), Refusal::Unusable { .. }), "{odd}");
        }
    }

    #[test]
    fn metadata_is_believed_only_of_its_issuer_and_with_tls() {
        let issuer: Url = "https://a.example/t".parse().unwrap();
        let of = |body: &str| token_url(&issuer, &answer(200, body));
        let good = r#"{"issuer":"https://a.example/t","token_endpoint":"https://tokens.example/x"}"#;
        assert_eq!(of(good).unwrap().as_str(), "https://tokens.example/x");
        for bad in [
            r#"{"issuer":"https://b.example/t","token_endpoint":"https://tokens.example/x"}"#,
            r#"{"issuer":"https://a.example/t"}"#,
            r#"{"token_endpoint":"https://tokens.example/x"}"#,
            r#"{"issuer":"https://a.example/t","token_endpoint":"http://a.example/x"}"#,
            r#"{"issuer":"https://a.example/t","token_endpoint":"http://127.0.0.1/x"}"#,
        ] {
            assert!(matches!(of(bad), Err(Refusal::Unusable { .. })), "{bad}");
        }
        assert!(matches!(token_url(&issuer, &answer(404, "{}")), Err(Refusal::Answer(_))));
    }
}
