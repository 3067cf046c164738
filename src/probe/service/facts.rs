//! What answers tell: values for the calls that follow, and facts about the credential.

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use crate::http::Answer;
use crate::model::{Learnt, parse_expiry};
use crate::redact::Redactor;
use crate::schema::catalogue::{Fact, Take, What};
use crate::secret::Secret;

/// The longest name or scope that is kept, in characters.
const LONGEST: usize = 100;

/// The most scopes that are kept.
const MOST: usize = 100;

/// The value that a call takes from its answer.
pub(super) fn taken(take: &Take, answer: &Answer, json: Option<&Value>) -> Option<Secret> {
    let text = if let (Some(place), true) = (&take.json, take.list) {
        let items = json?.pointer(place)?.as_array()?;
        let texts = items.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?;
        let left = texts.into_iter().filter(|text| !take.without.iter().any(|out| out == text));
        serde_json::to_string(&left.collect::<Vec<_>>()).ok()?
    } else if let Some(place) = &take.json {
        one(json?.pointer(place)?)?
    } else if let Some(name) = &take.header {
        answer.header(&name.to_ascii_lowercase())?.to_owned()
    } else if let Some(name) = &take.cookie {
        cookie(answer, name)?
    } else {
        String::from_utf8_lossy(&answer.body).trim().to_owned()
    };
    (!text.is_empty()).then(|| Secret::new(text))
}

/// The value of a cookie that an answer sets.
fn cookie(answer: &Answer, name: &str) -> Option<String> {
    let set = answer.headers.iter().filter(|(header, _)| header == "set-cookie");
    set.filter_map(|(_, value)| value.split(';').next()?.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned())
}

fn one(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// What a good answer tells about the credential, without secrets.
pub(super) fn learnt(
    facts: &[Fact],
    answer: &Answer,
    json: Option<&Value>,
    redactor: &Redactor,
    now: Timestamp,
) -> Learnt {
    let mut learnt = Learnt::default();
    let show = |text: &str| redactor.show(text.trim(), LONGEST);
    for fact in facts {
        let found = match (&fact.json, &fact.header) {
            (Some(place), _) => json.and_then(|json| json.pointer(place)).cloned(),
            (None, Some(name)) => answer.header(&name.to_ascii_lowercase()).map(Value::from),
            (None, None) => None,
        };
        let Some(found) = found else { continue };
        match fact.what {
            What::Who => {
                let who = one(&found).filter(|text| !text.is_empty()).map(|text| show(&text));
                learnt.who = learnt.who.or(who);
            }
            What::Scopes => {
                let mut scopes: Vec<String> = match &found {
                    Value::Array(items) => items.iter().filter_map(one).collect(),
                    // A set of rights, each true or false.
                    Value::Object(members) => members
                        .iter()
                        .filter(|(_, value)| !matches!(value, Value::Bool(false) | Value::Null))
                        .map(|(name, _)| name.clone())
                        .collect(),
                    other => {
                        let text = one(other).unwrap_or_default();
                        let between = fact.split.as_deref().unwrap_or(" ");
                        text.split(between).map(str::to_owned).collect()
                    }
                };
                scopes.iter_mut().for_each(|scope| *scope = show(scope));
                scopes.retain(|scope| !scope.is_empty());
                scopes.sort();
                scopes.dedup();
                scopes.truncate(MOST);
                learnt.scopes = Some(scopes);
            }
            What::Expires => learnt.expires_at = learnt.expires_at.or_else(|| time(&found)),
            What::ExpiresIn => {
                let seconds = one(&found).and_then(|text| text.parse::<i64>().ok());
                let seconds = seconds.filter(|seconds| (0..=i64::from(u32::MAX)).contains(seconds));
                learnt.expires_at = seconds.and_then(|seconds| now.checked_add(seconds.seconds()).ok());
            }
        }
    }
    learnt
}

/// A time as services write it: RFC 3339, a date, `2027-01-31 12:00:00 UTC`, an HTTP date, seconds or
/// milliseconds since 1970.
fn time(value: &Value) -> Option<Timestamp> {
    let text = one(value)?;
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        let seconds = if number > 100_000_000_000 { number / 1000 } else { number };
        return (seconds > 0).then(|| Timestamp::from_second(seconds).ok())?;
    }
    let plain = text.trim_end_matches(" UTC").trim_end_matches(" +0000");
    parse_expiry(text)
        .or_else(|| parse_expiry(&format!("{}Z", plain.replacen(' ', "T", 1))))
        .or_else(|| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp()))
        .or_else(|| Timestamp::strptime("%Y-%m-%d %H:%M:%S %z", text).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_as_services_write_them() {
        let wanted: Timestamp = "2027-01-31T12:00:00Z".parse().unwrap();
        for value in [
            json!("2027-01-31T12:00:00Z"),
            json!("2027-01-31 12:00:00 UTC"),
            json!("2027-01-31 13:00:00 +0100"),
            json!("Sun, 31 Jan 2027 12:00:00 GMT"),
            json!(1_801_396_800),
            json!("1801396800"),
            json!(1_801_396_800_000_i64),
        ] {
            assert_eq!(time(&value), Some(wanted), "{value}");
        }
        assert_eq!(time(&json!("2027-01-31")), "2027-02-01T00:00:00Z".parse().ok());
        for value in [json!("soon"), json!(0), json!(null), json!({})] {
            assert_eq!(time(&value), None, "{value}");
        }
    }

    #[test]
    fn what_is_taken_and_learnt() {
        let headers = vec![
            ("set-cookie".to_owned(), "a=1; Path=/".to_owned()),
            ("set-cookie".to_owned(), "B1SESSION=s-3; HttpOnly".to_owned()),
            ("x-scopes".to_owned(), "repo, read:org".to_owned()),
        ];
        let body = json!({"a": {"token": "t-1"}, "me": "ann s3cr3t", "rights": {"read": true, "write": false}, "list": ["a", "b", "c"]});
        let answer = Answer { status: 200, headers, body: b" raw \n".to_vec(), cut: false };
        let take = |text: &str| {
            let take: Take = toml::from_str(&format!("name = \"x\"\n{text}")).unwrap();
            taken(&take, &answer, Some(&body)).map(|secret| secret.expose().to_owned())
        };
        assert_eq!(take("json = '/a/token'").as_deref(), Some("t-1"));
        assert_eq!(take("json = '/a'"), None);
        assert_eq!(take("cookie = 'B1SESSION'").as_deref(), Some("s-3"));
        assert_eq!(take("header = 'X-Scopes'").as_deref(), Some("repo, read:org"));
        assert_eq!(take("body = true").as_deref(), Some("raw"));
        assert_eq!(take("json = '/list'\nlist = true\nwithout = ['b']").as_deref(), Some(r#"["a","c"]"#));
        assert_eq!(take("json = '/list'"), None);
        assert_eq!(take("json = '/rights'\nlist = true"), None);
        let fact = |what, json: Option<&str>, header: Option<&str>| Fact {
            what,
            json: json.map(str::to_owned),
            header: header.map(str::to_owned),
            split: Some(",".to_owned()),
        };
        let redactor = Redactor::new(&[Secret::from("s3cr3t")]);
        let facts = [fact(What::Who, Some("/me"), None), fact(What::Scopes, None, Some("X-Scopes"))];
        let learnt_now = learnt(&facts, &answer, Some(&body), &redactor, Timestamp::UNIX_EPOCH);
        assert!(!learnt_now.who.unwrap().contains("s3cr3t"));
        assert_eq!(learnt_now.scopes.unwrap(), ["read:org", "repo"]);
        let facts = [fact(What::Scopes, Some("/rights"), None)];
        let learnt_now = learnt(&facts, &answer, Some(&body), &redactor, Timestamp::UNIX_EPOCH);
        assert_eq!(learnt_now.scopes.unwrap(), ["read"]);
    }
}
