//! What the local service answers: each path plays one service and checks what that one would check.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::http::{Reply, Request};
use super::login;

/// Answers one request.
pub(super) fn answer(request: &Request) -> Reply {
    if !matches!(request.method.as_str(), "GET" | "HEAD" | "POST") {
        return error(405, "method not allowed");
    }
    match request.path.as_str() {
        path if path.starts_with("/login/") || path.starts_with("/rooms/") => {
            login::answer(request, Timestamp::now())
        }
        "/weather/v1/me" => guarded(
            request.header("x-api-key") == "demo-weather-7QmZ4tXc",
            json!({"account": "depots", "plan": "free"}),
        ),
        "/finnhub/api/v1/quote" => guarded(
            parameter(request, "token").as_deref() == Some("demo-finnhub-c0ffee42"),
            json!({"c": 261.74, "h": 263.31, "l": 260.68}),
        ),
        "/mail/v3/scopes" => {
            guarded(is_bearer(request, "demo-mail-SG-9fB2kLw0"), json!({"scopes": ["mail.send"]}))
        }
        "/crm/whoami" => guarded(
            is_basic(request, "sync@example.com:demo correct horse battery"),
            json!({"user": "sync@example.com", "seats": 12}),
        ),
        "/chat/api/auth.test" => json_reply(
            200,
            if is_bearer(request, "demo-chat-valid") {
                json!({"ok": true, "team": "example"})
            } else {
                json!({"ok": false, "error": "token_revoked"})
            },
        ),
        "/search/1/keys/current" => guarded(
            request.header("authorization") == "Token demo-search-typed",
            json!({"acl": ["search", "browse"]}),
        ),
        "/code/api/repos" if request.header("authorization") == "token demo-code-read-only-88" => {
            error(403, "resource not accessible")
        }
        "/inference/v1/models" if request.header("x-api-key") == "demo-inference-quota" => {
            let mut reply = error(429, "quota exceeded");
            reply.headers.push(("retry-after", "30".to_owned()));
            reply
        }
        "/wiki/rest/user" => Reply {
            kind: "text/html; charset=utf-8",
            body: "<!doctype html><title>Log in</title><form method=post><input name=user></form>".to_owned(),
            ..json_reply(200, Value::Null)
        },
        "/docs/api/v1/me" => {
            let mut reply = error(302, "moved");
            reply.headers.push(("location", "https://documents.example.com/api/v2/me".to_owned()));
            reply
        }
        "/billing/v1/balance" => guarded(
            is_basic(request, "acct_demo:demo-billing-4eC39HqL"),
            json!({"livemode": true, "available": [{"amount": 1_204_500, "currency": "eur"}]}),
        ),
        "/tax/v2/ping" => Reply {
            after: Duration::from_millis(1500),
            ..guarded(
                request.header("x-api-key") == "demo-tax-slow-but-right",
                json!({"authenticated": true}),
            )
        },
        "/invoices/v1/mode" => {
            guarded(request.header("x-api-key") == "demo-invoices-sandbox", json!({"mode": "sandbox"}))
        }
        "/rates/latest" => {
            guarded(request.header("x-api-key").starts_with("demo-"), json!({"base": "EUR", "USD": 1.08}))
        }
        "/reports/v1/me" => error(500, "the report server is out of order"),
        "/code/api/repos" | "/inference/v1/models" => guarded(false, Value::Null),
        _ => error(404, "no such path"),
    }
}

pub(super) fn json_reply(status: u16, body: Value) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        kind: "application/json",
        body: body.to_string(),
        after: Duration::ZERO,
    }
}

pub(super) fn error(status: u16, message: &str) -> Reply {
    json_reply(status, json!({"error": {"message": message}}))
}

/// The body for whoever may see it.
pub(super) fn guarded(allowed: bool, body: Value) -> Reply {
    if allowed {
        return json_reply(200, body);
    }
    let mut reply = error(401, "the credential is not valid");
    reply.headers.push(("www-authenticate", "Bearer realm=\"demo\"".to_owned()));
    reply
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(request.query.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn is_bearer(request: &Request, token: &str) -> bool {
    request.header("authorization").strip_prefix("Bearer ") == Some(token)
}

fn is_basic(request: &Request, pair: &str) -> bool {
    request.header("authorization").strip_prefix("Basic ") == Some(STANDARD.encode(pair).as_str())
}
