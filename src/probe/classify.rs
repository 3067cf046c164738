//! Answer → verdict. Pure: the rules in their order (rejected, expired, limited, expect), then the defaults.

use serde_json::Value;

use super::rules::{Check, Rule, Rules};
use crate::http::Answer;
use crate::model::Outcome;
use crate::schema::rules::{HeaderCheck, JsonCheck};

/// A verdict, and the sentence that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub outcome: Outcome,
    /// What was seen, in words; may quote the answer and must be redacted.
    pub message: String,
}

/// Judges an answer. `html`: an HTML body is what was asked for.
pub fn classify(answer: &Answer, rules: &Rules, html: bool) -> Verdict {
    let body = Body::of(answer);
    let verdict =
        |outcome, message: &str| Verdict { outcome, message: format!("{} {message}", answer.status) };
    let holds = |rules: &[Rule]| rules.iter().any(|rule| failed(rule, answer, &body).is_none());
    if (300..400).contains(&answer.status) && answer.status != 304 {
        let to = answer.header("location").unwrap_or("nowhere");
        return verdict(
            Outcome::WrongEndpoint,
            &format!("redirects to {to}; the credential was not sent there"),
        );
    }
    // Before the rules: a login page may well say "invalid key" somewhere, and says nothing about this one.
    let page = !html && body.is_html && !matches!(answer.status, 401 | 429 | 500..);
    if page {
        return verdict(Outcome::WrongEndpoint, "with an HTML page instead of an answer");
    }
    let refusals = [
        (&rules.rejected, Outcome::Rejected, "the service refused the credential"),
        (&rules.expired, Outcome::Expired, "the credential has expired"),
        (&rules.limited, Outcome::Limited, "genuine, but without the permission this request needs"),
    ];
    if rules.closest_first {
        let closest = |rules: &[Rule]| {
            rules.iter().filter(|rule| failed(rule, answer, &body).is_none()).map(Rule::closeness).max()
        };
        // Of equals `max_by_key` takes the last: an expired credential is a refused one of which more is known.
        let [rejected, expired, limited] = &refusals;
        let close = [limited, rejected, expired].into_iter();
        let close = close.filter_map(|refusal| Some((closest(refusal.0)?, refusal)));
        if let Some((_, (_, outcome, words))) = close.max_by_key(|(checks, _)| *checks) {
            return verdict(*outcome, words);
        }
    }
    if let Some((_, outcome, words)) = refusals.iter().find(|(rules, ..)| holds(rules)) {
        return verdict(*outcome, words);
    }
    if holds(&rules.expect) {
        return verdict(Outcome::Ok, "as expected");
    }
    if (200..300).contains(&answer.status)
        && let Some(check) = rules.expect.iter().find_map(|rule| failed(rule, answer, &body))
    {
        return verdict(Outcome::Unexpected, &format!("but {}", check.0));
    }
    let said = body.said().map(|text| format!(": {text}")).unwrap_or_default();
    match answer.status {
        200..=299 if rules.expect.is_empty() => verdict(Outcome::Ok, "accepted"),
        401 => verdict(Outcome::Rejected, &format!("the service refused the credential{said}")),
        403 => verdict(
            Outcome::Limited,
            &format!("forbidden: the permission is missing; may also be a rejected key{said}"),
        ),
        404 | 405 | 410 => {
            verdict(Outcome::WrongEndpoint, &format!("nothing there answers this request{said}"))
        }
        408 | 500..=599 => verdict(Outcome::Unreachable, &format!("server error{said}")),
        429 => {
            let wait = answer
                .header("retry-after")
                .map(|wait| format!("; it asks to wait {wait}"))
                .unwrap_or_default();
            verdict(Outcome::RateLimited, &format!("too many requests{wait}"))
        }
        _ => verdict(Outcome::Unexpected, &format!("an answer that no rule explains{said}")),
    }
}

struct Body {
    text: String,
    json: Option<Value>,
    is_html: bool,
}

impl Body {
    fn of(answer: &Answer) -> Self {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let declared = answer.header("content-type").is_some_and(|kind| {
            let kind = kind.to_ascii_lowercase();
            kind.contains("text/html") || kind.contains("application/xhtml")
        });
        let start: String =
            text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).chars().take(16).collect();
        let start = start.to_ascii_lowercase();
        let looks = start.starts_with("<!doctype html") || start.starts_with("<html");
        Self { json: serde_json::from_str(&text).ok(), is_html: declared || looks, text }
    }

    /// What the service says about a failure: the usual members of a JSON error. OAuth's code (RFC 6749, 5.2)
    /// comes first where there is one: it is what documentation and scripts go by.
    fn said(&self) -> Option<String> {
        let json = self.json.as_ref()?;
        let text = |place: &str| json.pointer(place)?.as_str().filter(|text| !text.is_empty());
        if let (Some(code), Some(description)) = (text("/error"), text("/error_description")) {
            return Some(format!("{code}: {description}"));
        }
        [
            "/error_description",
            "/error/message",
            "/message",
            "/error",
            "/errors/0/message",
            "/detail",
            "/title",
        ]
        .iter()
        .find_map(|place| text(place))
        .map(str::to_owned)
    }
}

/// The first check of a rule that does not hold.
fn failed(rule: &Rule, answer: &Answer, body: &Body) -> Option<Check> {
    if let Some(expected) = &rule.status
        && !expected.contains(&answer.status)
    {
        return Some(Check("the status is another one".to_owned()));
    }
    let json = rule.json.iter().find(|check| !json_holds(check, body.json.as_ref()));
    if let Some(check) = json {
        return Some(Check(match body.json {
            None => "the body is not JSON".to_owned(),
            Some(_) => format!("{} in the body is not what the test waits for", show_pointer(&check.pointer)),
        }));
    }
    if let Some(check) = rule.text.iter().find(|check| !body.text.contains(&check.contains)) {
        return Some(Check(format!("the body does not hold {:?}", check.contains)));
    }
    let header = rule.header.iter().find(|check| !header_holds(check, answer));
    header.map(|check| Check(format!("the header {} is not what the test waits for", check.name)))
}

fn show_pointer(pointer: &str) -> &str {
    if pointer.is_empty() { "the whole" } else { pointer }
}

fn json_holds(check: &JsonCheck, json: Option<&Value>) -> bool {
    let Some(json) = json else { return false };
    let found = json.pointer(&check.pointer);
    check.equals.as_ref().is_none_or(|wanted| found.is_some_and(|found| same(found, wanted)))
        && check.exists.is_none_or(|wanted| found.is_some() == wanted)
        && check.is.is_none_or(|wanted| found.is_some_and(|found| wanted.is_of(found)))
}

/// Equal as JSON, where 1 and 1.0 are one number.
fn same(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(found), Value::Number(wanted)) => found == wanted || found.as_f64() == wanted.as_f64(),
        _ => found == wanted,
    }
}

fn header_holds(check: &HeaderCheck, answer: &Answer) -> bool {
    let values: Vec<&str> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(&check.name))
        .map(|(_, value)| value.as_str())
        .collect();
    check.equals.as_ref().is_none_or(|wanted| values.contains(&wanted.as_str()))
        && check
            .contains
            .as_ref()
            .is_none_or(|wanted| values.iter().any(|value| value.contains(wanted.as_str())))
        && check.exists.is_none_or(|wanted| values.is_empty() != wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Answer {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Answer { status, headers, body: body.as_bytes().to_vec(), cut: false }
    }

    fn rules(value: Value) -> Rules {
        serde_json::from_value(value).unwrap()
    }

    fn outcome(answer: &Answer, rules: &Rules) -> Outcome {
        classify(answer, rules, false).outcome
    }

    #[test]
    fn the_defaults() {
        let page: Vec<String> = [200, 204, 301, 302, 400, 401, 403, 404, 405, 408, 418, 429, 500, 503]
            .iter()
            .map(|status| {
                let answer = answer(*status, "application/json", r#"{"error":{"message":"says why"}}"#);
                let verdict = classify(&answer, &Rules::default(), false);
                format!("{:<14} {}", verdict.outcome.word(), verdict.message)
            })
            .collect();
        insta::assert_snapshot!(page.join("\n"));
    }

    #[test]
    fn an_html_page_is_no_proof() {
        for body in ["<!DOCTYPE html><html>", "\u{feff}  <html lang=en>", "welcome"] {
            let kind = if body == "welcome" { "text/html; charset=utf-8" } else { "application/json" };
            let answer = answer(200, kind, body);
            assert_eq!(outcome(&answer, &Rules::default()), Outcome::WrongEndpoint);
            let declared = rules(json!({"expect": {"status": [200]}}));
            assert_eq!(outcome(&answer, &declared), Outcome::WrongEndpoint, "even at an expected status");
            assert_eq!(classify(&answer, &declared, true).outcome, Outcome::Ok, "unless HTML is declared");
        }
        assert_eq!(outcome(&answer(401, "text/html", "<html>"), &Rules::default()), Outcome::Rejected);
        assert_eq!(outcome(&answer(503, "text/html", "<html>"), &Rules::default()), Outcome::Unreachable);
    }

    #[test]
    fn the_rules_have_an_order() {
        let all = rules(json!({
            "rejected": {"json": [{"pointer": "/code", "equals": 1}]},
            "expired": {"json": [{"pointer": "/code", "exists": true}], "text": [{"contains": "expired"}]},
            "limited": {"status": [200, 403], "header": [{"name": "X-Scope", "exists": false}], "text": [{"contains": "scope"}]},
            "expect": {"status": [200], "json": [{"pointer": "/ok", "equals": true}]},
        }));
        let json = |status, body| answer(status, "application/json", body);
        assert_eq!(
            outcome(&json(200, r#"{"code": 1, "note": "expired scope", "ok": true}"#), &all),
            Outcome::Rejected
        );
        assert_eq!(
            outcome(&json(200, r#"{"code": 2, "note": "expired scope", "ok": true}"#), &all),
            Outcome::Expired
        );
        assert_eq!(outcome(&json(200, r#"{"note": "scope", "ok": true}"#), &all), Outcome::Limited);
        assert_eq!(outcome(&json(200, r#"{"ok": true}"#), &all), Outcome::Ok);
        assert_eq!(outcome(&json(200, r#"{"ok": false}"#), &all), Outcome::Unexpected, "2xx alone is not ok");
        assert_eq!(outcome(&json(200, "no json"), &all), Outcome::Unexpected);
        assert_eq!(outcome(&json(201, r#"{"ok": true}"#), &all), Outcome::Unexpected);
        assert_eq!(
            outcome(&json(401, r#"{"ok": true}"#), &all),
            Outcome::Rejected,
            "the defaults come after"
        );
    }

    #[test]
    fn null_can_be_asked_for() {
        let wants_null = rules(json!({"expect": {"json": [{"pointer": "/error", "equals": null}]}}));
        assert_eq!(outcome(&answer(200, "application/json", r#"{"error": null}"#), &wants_null), Outcome::Ok);
        assert_eq!(
            outcome(&answer(200, "application/json", r#"{"error": 1}"#), &wants_null),
            Outcome::Unexpected
        );
        assert_eq!(outcome(&answer(200, "application/json", "{}"), &wants_null), Outcome::Unexpected);
    }

    #[test]
    fn the_code_of_an_oauth_error_is_in_the_message() {
        let body = r#"{"error": "invalid_token", "error_description": "The token is over"}"#;
        let verdict = classify(&answer(401, "application/json", body), &Rules::default(), false);
        assert_eq!(
            verdict.message,
            "401 the service refused the credential: invalid_token: The token is over"
        );
        let body = r#"{"error": "", "message": "says why"}"#;
        let verdict = classify(&answer(401, "application/json", body), &Rules::default(), false);
        assert_eq!(verdict.message, "401 the service refused the credential: says why");
    }

    #[test]
    fn one_number_can_be_written_in_two_ways() {
        let one = rules(json!({"expect": {"json": [{"pointer": "/n", "equals": 1}]}}));
        assert_eq!(outcome(&answer(200, "application/json", r#"{"n": 1.0}"#), &one), Outcome::Ok);
        assert_eq!(outcome(&answer(200, "application/json", r#"{"n": 1.5}"#), &one), Outcome::Unexpected);
    }
}
