//! The authorization server of the demonstration: a few seconds after a device asked, it is agreed to by itself, as if
//! somebody had entered the code. Nothing is kept: what has to be known stands in the codes and tokens given out.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answers::{error, guarded, json_reply};
use super::http::{Reply, Request};

/// Who may ask.
const CLIENT: &str = "demo-rooms";

/// How long a device waits, and how long an access token is good, in seconds.
const AGREED_AFTER: i64 = 5;
const LIFE: i64 = 3600;

/// What the codes and tokens begin with; the time that they tell follows.
const DEVICE: &str = "demo-device-";
const ACCESS: &str = "demo-access-";
const REFRESH: &str = "demo-refresh-";

/// Answers a request to the authorization server, or to the service that takes its tokens.
pub(super) fn answer(request: &Request, now: Timestamp) -> Reply {
    let now = now.as_second();
    match (request.method.as_str(), request.path.as_str()) {
        ("POST", "/login/code") => code(request, now),
        ("POST", "/login/token") => token(request, now),
        ("POST", "/login/revoke") => json_reply(200, Value::Null),
        ("GET" | "HEAD", "/login/device") => Reply {
            kind: "text/html; charset=utf-8",
            body: "<!doctype html><title>Demo</title><p>In this demonstration nobody has to enter the code: \
                   it is agreed to by itself after a few seconds."
                .to_owned(),
            ..json_reply(200, Value::Null)
        },
        ("GET", "/rooms/v1/me") => {
            let bearer = request.header("authorization").strip_prefix("Bearer ");
            let ends = bearer.and_then(|token| time(token, ACCESS));
            guarded(ends.is_some_and(|ends| ends > now), json!({"user": "depots@example.com", "rooms": 7}))
        }
        _ => error(404, "no such path"),
    }
}

fn code(request: &Request, now: i64) -> Reply {
    if field(request, "client_id").as_deref() != Some(CLIENT) {
        return no("invalid_client");
    }
    let page = format!("http://{}/login/device", request.header("host"));
    let signs: Vec<char> = "BCDFGHJKLMNPQRSTVWXZ".chars().collect();
    let sign = |nth: u32| signs[usize::try_from(now / 20_i64.pow(nth) % 20).unwrap_or(0)];
    let user_code: String = "DEMO-".chars().chain((0..4).map(sign)).collect();
    json_reply(
        200,
        json!({
            "device_code": format!("{DEVICE}{now}"), "user_code": user_code, "verification_uri": page,
            "verification_uri_complete": format!("{page}?user_code={user_code}"), "expires_in": 300, "interval": 2,
        }),
    )
}

fn token(request: &Request, now: i64) -> Reply {
    let refresh = field(request, "refresh_token").and_then(|token| time(&token, REFRESH));
    match field(request, "grant_type").as_deref() {
        Some("urn:ietf:params:oauth:grant-type:device_code") => {
            match field(request, "device_code").and_then(|code| time(&code, DEVICE)) {
                Some(asked) if now < asked + AGREED_AFTER => return no("authorization_pending"),
                Some(asked) if now < asked + 300 => {}
                Some(_) => return no("expired_token"),
                None => return no("invalid_grant"),
            }
        }
        Some("refresh_token") if refresh.is_some() => {}
        Some("refresh_token") => return no("invalid_grant"),
        _ => return no("unsupported_grant_type"),
    }
    json_reply(
        200,
        json!({
            "access_token": format!("{ACCESS}{}", now + LIFE), "token_type": "Bearer", "expires_in": LIFE,
            "refresh_token": format!("{REFRESH}{now}"), "scope": "rooms.read",
        }),
    )
}

fn no(code: &str) -> Reply {
    json_reply(400, json!({"error": code}))
}

/// The time that a code or token tells.
fn time(text: &str, start: &str) -> Option<i64> {
    text.strip_prefix(start)?.parse().ok()
}

fn field(request: &Request, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(request.body.as_bytes());
    pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
