//! The token address, and the two beside it: each proves the client first.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::authority::{CLIENT, form, verified};
use super::super::server::{Act, Seen, answer, json as json_answer};
use super::state::{Device, fresh};
use super::{ESCAPES, Inner, Manners, PUBLIC, Told};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An error of RFC 6749, 5.2. Its description tries to drive the terminal.
fn no(status: u16, code: &str, description: &str) -> Act {
    let description = format!("{description}{ESCAPES}");
    json_answer(status, json!({"error": code, "error_description": description}).to_string())
}

/// The name of the client that proved itself.
fn proved(seen: &Seen, own: &str, manners: &Manners) -> Option<String> {
    let field = |name: &str| form(seen).into_iter().find(|(known, _)| known == name).map(|(_, value)| value);
    if let Some(assertion) = field("client_assertion") {
        let claims = verified(&assertion, manners.key.as_deref()?)?;
        let good = claims["iss"] == CLIENT.0
            && claims["sub"] == CLIENT.0
            && claims["aud"] == format!("{own}/token")
            && in_time(&claims, manners)
            && claims["jti"].is_string();
        return good.then(|| CLIENT.0.to_owned());
    }
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = STANDARD.encode(format!("{}:{}", encode(CLIENT.0), encode(CLIENT.1)));
    if seen.header("authorization") == format!("Basic {basic}") {
        return Some(CLIENT.0.to_owned());
    }
    let id = field("client_id")?;
    let good = (id == CLIENT.0 && field("client_secret")? == CLIENT.1) || id == PUBLIC;
    (good && seen.header("authorization").is_empty()).then_some(id)
}

/// Whether an assertion is of now, by this server's clock.
fn in_time(claims: &Value, manners: &Manners) -> bool {
    let now = Timestamp::now().as_second() + manners.skew;
    let time = |name: &str| claims[name].as_i64().unwrap_or(i64::MIN);
    time("iat") <= now && now < time("exp") && time("exp") - time("iat") <= 300
}

impl Inner {
    pub(super) fn token(&self, seen: &Seen, own: &str, manners: &Manners) -> Act {
        if let Some(place) = &manners.moved {
            return answer(307, &[("location", place)], "");
        }
        if manners.hangs {
            return Act::Hang;
        }
        if manners.huge {
            return json_answer(200, format!("{{\"padding\":\"{}\"}}", "x".repeat(10 << 20)));
        }
        if let Some((status, body)) = &manners.token {
            return json_answer(*status, body.to_string());
        }
        let field = |name: &str| {
            form(seen)
                .into_iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value)
                .unwrap_or_default()
        };
        let grant = field("grant_type");
        if grant == JWT_BEARER {
            return self.by_assertion(&field("assertion"), own, manners);
        }
        let Some(client) = proved(seen, own, manners) else {
            return no(401, "invalid_client", "who are you?");
        };
        match grant.as_str() {
            "client_credentials" if client == CLIENT.0 => {
                let mut state = self.state();
                let (access, _) = state.give(&client, &field("scope"));
                state.exchanged(&grant);
                given(&access, None, &field("scope"), None, manners)
            }
            "authorization_code" => self.by_code(&field, &client, own, manners),
            "refresh_token" => self.by_refresh(&field("refresh_token"), &client, manners),
            DEVICE => self.by_device(&field("device_code"), &client, manners),
            "client_credentials" => no(400, "unauthorized_client", "not a public client"),
            _ => no(400, "unsupported_grant_type", "what?"),
        }
    }

    fn by_assertion(&self, assertion: &str, own: &str, manners: &Manners) -> Act {
        let claims = manners.key.as_deref().and_then(|key| verified(assertion, key));
        let Some(claims) = claims.filter(|claims| claims["aud"] == format!("{own}/token")) else {
            return no(400, "invalid_grant", "bad assertion");
        };
        if !in_time(&claims, manners) {
            return no(400, "invalid_grant", "the assertion is not of now");
        }
        let mut state = self.state();
        let scope = claims["scope"].as_str().unwrap_or_default();
        let (access, _) = state.give(CLIENT.0, scope);
        state.exchanged(JWT_BEARER);
        given(&access, None, scope, None, manners)
    }

    fn by_code(&self, field: &dyn Fn(&str) -> String, client: &str, own: &str, manners: &Manners) -> Act {
        let name = field("code");
        let mut state = self.state();
        let Some(code) = state.codes.get(&name).cloned() else {
            return no(400, "invalid_grant", "no such code");
        };
        if let Some(family) = code.family {
            state.counts.replays += 1;
            state.kill(family);
            return no(400, "invalid_grant", "this code was used");
        }
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        if code.challenge != challenge || code.redirect != field("redirect_uri") || code.client != client {
            return no(400, "invalid_grant", "not yours");
        }
        let (access, refresh) = state.give(client, &code.scope);
        let family = state.last_family();
        state.codes.get_mut(&name).unwrap().family = Some(family);
        state.exchanged("authorization_code");
        let nonce = match &manners.nonce {
            Told::Right => Some(code.nonce.clone()),
            Told::Nothing => None,
            Told::Wrong(other) => Some(other.clone()),
        };
        let openid = code.scope.split(' ').any(|scope| scope == "openid");
        let id = openid.then(|| {
            let mut claims = json!({"iss": own, "aud": client, "sub": "ann"});
            if let Some(nonce) = nonce {
                claims["nonce"] = json!(nonce);
            }
            let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            format!("{}.{}.c2lnbmVk", encode(json!({"alg": "RS256"})), encode(claims))
        });
        given(&access, Some(&refresh), &code.scope, id, manners)
    }

    fn by_refresh(&self, token: &str, client: &str, manners: &Manners) -> Act {
        let mut state = self.state();
        let known = state.refresh.get(token).cloned().filter(|known| known.client == client);
        let Some(known) = known.filter(|known| !state.is_dead(known.family)) else {
            return no(400, "invalid_grant", "no such refresh token");
        };
        if known.spent {
            // Whoever has it besides: none of its family is good any more.
            state.counts.replays += 1;
            state.kill(known.family);
            return no(400, "invalid_grant", "this refresh token was used");
        }
        let access = state.access(known.family);
        let next = manners.rotates.then(|| state.refresh_token(client, &known.scope, known.family));
        if next.is_some() {
            state.refresh.get_mut(token).unwrap().spent = true;
        }
        state.exchanged("refresh_token");
        given(&access, next.as_deref(), &known.scope, None, manners)
    }

    fn by_device(&self, code: &str, client: &str, manners: &Manners) -> Act {
        let mut state = self.state();
        state.counts.polls += 1;
        let polls = state.counts.polls;
        if polls <= manners.silent {
            return Act::Raw(Vec::new());
        }
        if polls <= manners.silent + manners.failing {
            return answer(503, &[("content-type", "text/html")], "<p>later");
        }
        let known = state.devices.get(code).cloned().filter(|known| known.client == client);
        let Some(device) = known else { return no(400, "expired_token", "no such device") };
        if polls <= manners.silent + manners.failing + manners.slow_down {
            return no(400, "slow_down", "not so fast");
        }
        match device.decided {
            None => no(400, "authorization_pending", "not yet"),
            Some(false) => no(400, "access_denied", "the person said no"),
            Some(true) => {
                state.devices.remove(code);
                let (access, refresh) = state.give(client, &device.scope);
                state.exchanged(DEVICE);
                given(&access, Some(&refresh), &device.scope, None, manners)
            }
        }
    }

    pub(super) fn device(&self, seen: &Seen, own: &str, manners: &Manners) -> Act {
        let Some(client) = proved(seen, own, manners) else {
            return no(401, "invalid_client", "who are you?");
        };
        let field = |name: &str| {
            form(seen)
                .into_iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value)
                .unwrap_or_default()
        };
        if field("client_id") != client {
            return no(400, "invalid_request", "no client_id");
        }
        let code = fresh("device");
        let letters: String =
            (0..8).map(|_| char::from(b"BCDFGHJKLMNPQRSTVWXZ"[rand::random::<u8>() as usize % 20])).collect();
        let user_code = format!("{}-{}", &letters[..4], &letters[4..]);
        let device = Device { client, user_code: user_code.clone(), scope: field("scope"), decided: None };
        self.state().devices.insert(code.clone(), device);
        let mut body = json!({
            "device_code": code, "user_code": user_code, "verification_uri": format!("{own}/device"),
            "verification_uri_complete": format!("{own}/device?user_code={user_code}"),
            "expires_in": manners.device_life,
        });
        if let Some(interval) = manners.interval {
            body["interval"] = json!(interval);
        }
        json_answer(200, body.to_string())
    }

    pub(super) fn revoke(&self, seen: &Seen, own: &str, manners: &Manners) -> Act {
        if proved(seen, own, manners).is_none() {
            return no(401, "invalid_client", "who are you?");
        }
        let token = form(seen).into_iter().find(|(known, _)| known == "token").map(|(_, value)| value);
        let token = token.unwrap_or_default();
        let mut state = self.state();
        if let Some(refresh) = state.refresh.get(&token).cloned() {
            state.kill(refresh.family);
            state.counts.revoked += 1;
        } else if state.is_good(&token) {
            state.end(&token);
            state.counts.revoked += 1;
        }
        answer(200, &[], "")
    }
}

/// The answer with a token.
fn given(access: &str, refresh: Option<&str>, scope: &str, id: Option<String>, manners: &Manners) -> Act {
    let scope = manners.scope.as_deref().unwrap_or(scope);
    let mut body = json!({"access_token": access, "token_type": "Bearer", "expires_in": manners.expires_in});
    if !scope.is_empty() {
        body["scope"] = json!(scope);
    }
    if let Some(refresh) = refresh {
        body["refresh_token"] = json!(refresh);
    }
    if let Some(id) = id {
        body["id_token"] = json!(id);
    }
    for (name, value) in manners.reply.as_object().unwrap() {
        body[name] = value.clone();
    }
    json_answer(200, body.to_string())
}
