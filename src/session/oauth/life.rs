//! How long tokens last. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::model::{Content, Credential, Document, Issued, Renewal, TokenLife, Tokens, parse_expiry};
use crate::oauth;
use crate::sign;

/// Whether it is of a kind that holds tokens.
pub fn has_tokens(content: &Content) -> bool {
    matches!(content.kind(), "oauth2" | "oauth_alias")
}

/// Whether a person has to agree before it gets tokens; `app` is the OAuth app that it refers to.
pub(super) fn needs_person(content: &Content, app: Option<&Content>) -> bool {
    match app.filter(|_| content.kind() == "oauth_alias") {
        Some(app) => oauth::needs_person(app, ""),
        None => oauth::needs_person(content, "/config"),
    }
}

/// How long the tokens of a document's credential last; `None`: it is of a kind that has none.
pub fn life_in(document: &Document, credential: &Credential, now: Timestamp) -> Option<TokenLife> {
    let content = &credential.content;
    if !has_tokens(content) {
        return None;
    }
    let app = content.get_str("/config/app").and_then(|name| document.oauth_app(name));
    Some(life(credential, needs_person(content, app.map(|app| &app.content)), now))
}

/// How long the tokens of a credential last; `needs_person` says whether its grant needs one.
pub(super) fn life(credential: &Credential, needs_person: bool, now: Timestamp) -> TokenLife {
    let tokens = credential.content.tokens();
    let issued = credential.issued();
    let access_ends = access_ends(&tokens, issued);
    let refresh_ends = issued.and_then(|issued| issued.refresh_expires_at);
    let refused = issued.is_some_and(|issued| issued.refused_at.is_some());
    let good = tokens.refresh().is_some() && !refused && refresh_ends.is_none_or(|ends| ends > now);
    let (renewal, ends) = match (needs_person, good) {
        (false, _) => (Renewal::Client, None),
        // The last access token may outlive what got it.
        (true, true) => {
            (Renewal::RefreshToken, refresh_ends.map(|ends| access_ends.map_or(ends, |one| one.max(ends))))
        }
        (true, false) => (Renewal::Login, access_ends),
    };
    TokenLife { access_ends, renewal, ends }
}

/// When the access token ends: as the server said when it gave it, else as the token says of itself.
fn access_ends(tokens: &Tokens, issued: Option<&Issued>) -> Option<Timestamp> {
    let access = tokens.access()?.expose();
    let said = tokens.plain.get("expires_at").and_then(serde_json::Value::as_str).and_then(parse_expiry);
    said.or_else(|| {
        let ends = sign::jwt_expiry(access)?;
        // The token's times are of the server's clock, what counts here is this machine's: of a token that was seen
        // to come, its length is known by both.
        let counted = issued.zip(sign::jwt_issued(access)).and_then(|(issued, made)| {
            let long = ends.duration_since(made);
            (long > SignedDuration::ZERO).then(|| issued.received_at.checked_add(long).ok()).flatten()
        });
        Some(counted.unwrap_or(ends))
    })
}

/// How long the tokens of a credential last and what comes then, in words.
pub fn told(credential: &Credential, life: TokenLife, now: Timestamp) -> String {
    let there = credential.content.tokens().access().is_some();
    let token = match life.access_ends {
        _ if !there => "no token yet".to_owned(),
        None => "token without a known end".to_owned(),
        Some(ends) if ends <= now => "token ended".to_owned(),
        Some(ends) => format!("token ends in {}", left(ends, now)),
    };
    let ended = !there || life.access_ends.is_some_and(|ends| ends <= now);
    let refused = credential.issued().is_some_and(|issued| issued.refused_at.is_some());
    let then = match life.renewal {
        Renewal::Client if !there => "the first use gets one".to_owned(),
        Renewal::RefreshToken | Renewal::Client if ended => "the next use refreshes it".to_owned(),
        Renewal::RefreshToken | Renewal::Client => "refreshes by itself".to_owned(),
        Renewal::Login if refused => "the server refused its refresh token: log in again".to_owned(),
        Renewal::Login if !there => "log in".to_owned(),
        Renewal::Login if ended => "log in again".to_owned(),
        Renewal::Login if life.access_ends.is_none() => "does not refresh by itself".to_owned(),
        Renewal::Login => "then log in again".to_owned(),
    };
    let until = match (life.renewal, life.ends) {
        (Renewal::RefreshToken, Some(ends)) => format!(" · for {}, then log in again", left(ends, now)),
        _ => String::new(),
    };
    format!("{token} · {then}{until}")
}

/// How long it is until a time, in one unit: `42 m`.
pub fn left(ends: Timestamp, now: Timestamp) -> String {
    match ends.duration_since(now).as_secs() {
        seconds @ ..60 => format!("{} s", seconds.max(0)),
        seconds @ 60..3_600 => format!("{} m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// What a use of the access token asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it is good.
    Nothing,
    /// Another one.
    Renewal,
    /// A person.
    Login,
}

/// How far ahead of this machine's clock a token may come: another machine gave it.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);

/// What using a credential's access token asks for at a time; one that ends within `margin` is renewed.
pub(super) fn need(credential: &Credential, life: TokenLife, now: Timestamp, margin: SignedDuration) -> Need {
    let ended = life.access_ends.is_some_and(|ends| ends <= now);
    let there = credential.content.tokens().access().is_some();
    if life.renewal == Renewal::Login {
        return if there && !ended { Need::Nothing } else { Need::Login };
    }
    let received = credential.issued().map(|issued| issued.received_at);
    // A token that lives a minute is not renewed at every use.
    let lives = received.zip(life.access_ends).map(|(received, ends)| ends.duration_since(received) / 2);
    let margin = lives.map_or(margin, |half| margin.min(half));
    let near = life.access_ends.is_some_and(|ends| ends.duration_since(now) <= margin);
    // The clock was set back since: when it ends by this clock is not known.
    let unborn = received.is_some_and(|received| received.duration_since(now) > AHEAD);
    if there && !near && !unborn { Need::Nothing } else { Need::Renewal }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use serde_json::json;

    use super::*;
    use crate::model::Id;
    use crate::secret::Secret;

    const MARGIN: SignedDuration = SignedDuration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    /// A credential whose tokens came at 0.
    fn credential(
        access: &str,
        refresh: bool,
        ends: Option<i64>,
        change: impl Fn(&mut Issued),
    ) -> Credential {
        let mut tokens = Tokens::default();
        tokens.secrets.insert("access_token".to_owned(), Secret::from(access));
        if refresh {
            tokens.secrets.insert("refresh_token".to_owned(), Secret::from("r"));
        }
        if let Some(ends) = ends {
            tokens.plain.insert("expires_at".to_owned(), json!(at(ends).to_string()));
        }
        let mut content = Content::default();
        content.set("/kind", json!("oauth2"));
        content.set_tokens(&tokens);
        let mut issued = Issued {
            tokens: tokens.digest().unwrap(),
            received_at: at(0),
            logged_in_at: None,
            refresh_expires_at: None,
            refused_at: None,
        };
        change(&mut issued);
        Credential { issued: Some(issued), ..Credential::new(Id::new(), content, at(0)) }
    }

    fn needs(credential: &Credential, person: bool, seconds: i64) -> Need {
        need(credential, life(credential, person, at(seconds)), at(seconds), MARGIN)
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_its_end() {
        let hour = credential("t", true, Some(3600), |_| {});
        assert_eq!(needs(&hour, true, 3539), Need::Nothing);
        assert_eq!(needs(&hour, true, 3540), Need::Renewal);
        // One that lives shorter than that, half its life before.
        let short = credential("t", true, Some(30), |_| {});
        assert_eq!(needs(&short, true, 0), Need::Nothing);
        assert_eq!(needs(&short, true, 15), Need::Renewal);
        let endless = credential("t", true, None, |_| {});
        assert_eq!(needs(&endless, true, 1_000_000_000), Need::Nothing);
        // Where only a person can, it is good to the last second.
        let last = credential("t", false, Some(3600), |_| {});
        assert_eq!(needs(&last, true, 3599), Need::Nothing);
        assert_eq!(needs(&last, true, 3600), Need::Login);
        assert_eq!(needs(&last, false, 3540), Need::Renewal, "the client itself gets the next one");
        let none = Credential::new(Id::new(), Content::default(), at(0));
        assert_eq!(needs(&none, true, 0), Need::Login);
        assert_eq!(needs(&none, false, 0), Need::Renewal);
    }

    #[test]
    fn a_refresh_token_that_is_over_or_refused_renews_nothing() {
        let over = credential("t", true, Some(3600), |issued| issued.refresh_expires_at = Some(at(7200)));
        let found = |seconds| life(&over, true, at(seconds));
        assert_eq!((found(0).renewal, found(0).ends), (Renewal::RefreshToken, Some(at(7200))));
        assert_eq!((found(7200).renewal, found(7200).ends), (Renewal::Login, Some(at(3600))));
        let refused = credential("t", true, Some(3600), |issued| issued.refused_at = Some(at(1)));
        assert_eq!(life(&refused, true, at(2)).renewal, Renewal::Login);
        // Of others that a person entered since, nothing of this is known.
        let mut entered = refused.clone();
        entered.content.set_secret("/config/tokens/refresh_token", Secret::from("other"));
        assert_eq!(life(&entered, true, at(2)).renewal, Renewal::RefreshToken);
        assert_eq!(life(&entered, true, at(2)).ends, None);
    }

    #[test]
    fn a_jwt_tells_its_end_by_the_servers_clock() {
        let encode = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let jwt = |claims: serde_json::Value| {
            format!("{}.{}.c2ln", encode(r#"{"alg":"RS256"}"#.to_owned()), encode(claims.to_string()))
        };
        // The server's clock is a day behind: an hour is an hour all the same.
        let skewed = |seconds: i64| at(seconds - 86_400).as_second();
        let token = jwt(json!({"iat": skewed(0), "exp": skewed(3600)}));
        let credential_of = |token: &str| credential(token, true, None, |_| {});
        assert_eq!(life(&credential_of(&token), true, at(0)).access_ends, Some(at(3600)));
        let token = jwt(json!({"exp": skewed(3600)}));
        assert_eq!(life(&credential_of(&token), true, at(0)).access_ends, Some(at(3600 - 86_400)));
        let mut entered = credential_of(&jwt(json!({"iat": skewed(0), "exp": skewed(3600)})));
        entered.issued = None;
        assert_eq!(life(&entered, true, at(0)).access_ends, Some(at(3600 - 86_400)));
        // What the answer said comes first.
        let both = credential(&jwt(json!({"exp": skewed(0)})), true, Some(60), |_| {});
        assert_eq!(life(&both, true, at(0)).access_ends, Some(at(60)));
    }

    #[test]
    fn a_clock_that_was_set_back_renews_once() {
        let mut token = credential("t", true, Some(3600), |_| {});
        assert_eq!(needs(&token, true, -60), Need::Nothing, "another machine's clock may be a little ahead");
        assert_eq!(needs(&token, true, -61), Need::Renewal);
        assert_eq!(needs(&token, true, -86_400), Need::Renewal);
        token.issued.as_mut().unwrap().received_at = at(-86_400);
        assert_eq!(needs(&token, true, -86_400), Need::Nothing);
        let person = credential("t", false, Some(3600), |_| {});
        assert_eq!(needs(&person, true, -86_400), Need::Nothing);
    }
}
