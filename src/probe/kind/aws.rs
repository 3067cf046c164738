//! AWS: whose key is it? `sts:GetCallerIdentity`, which needs no permission and changes nothing; with a role,
//! `sts:AssumeRole` before it, whose keys are dropped.

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use crate::http::{self, Answer, Exchange, Request, TlsOptions};
use crate::model::{Content, Learnt, Outcome};
use crate::probe::classify::{Verdict, classify};
use crate::probe::plan::Work;
use crate::probe::run::{self, Means};
use crate::probe::{Plan, Report, Rules, Step, Unplannable};
use crate::redact::Redactor;
use crate::schema::Kind;
use crate::secret::Secret;
use crate::sign::Signer;

/// Clocks further apart than this break signatures: AWS allows five minutes.
const SKEW: i64 = 300;

/// What is asked, and of whom.
#[derive(Debug)]
pub(in crate::probe) struct Aws {
    url: url::Url,
    region: String,
    key: Key,
    role: Option<String>,
    allow_http: bool,
}

/// An access key, temporary or not.
struct Key {
    id: String,
    secret: Secret,
    token: Option<Secret>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// Makes the plan of an AWS key.
pub(in crate::probe) fn plan(kind: &Kind, content: &Content) -> Result<Plan, Unplannable> {
    let text = |place: &str| content.get_str(place).unwrap_or_default();
    let id = text("/config/access_key_id");
    if id.is_empty() {
        return Err(Unplannable::Incomplete(vec![kind.title_of("/config/access_key_id")]));
    }
    let Some(secret) = content.secret("/config/secret_access_key") else {
        return Err(Unplannable::Incomplete(vec![kind.title_of("/config/secret_access_key")]));
    };
    let token = content.secret("/config/session_token").filter(|token| !token.is_empty());
    if id.starts_with("ASIA") && token.is_none() {
        return Err(Unplannable::Lacking {
            message: format!("{} is missing", kind.title_of("/config/session_token")),
            advice:
                "A key that begins with ASIA is a temporary one: enter the session token that came with it."
                    .to_owned(),
        });
    }
    let role = Some(text("/config/role_arn")).filter(|role| !role.is_empty());
    let region = match (text("/config/region"), role) {
        ("", Some(role)) if role.starts_with("arn:aws-cn:") => "cn-north-1",
        ("", Some(role)) if role.starts_with("arn:aws-us-gov:") => "us-gov-west-1",
        ("", _) => "us-east-1",
        (region, _) => region,
    };
    let url = match text("/config/endpoint_url") {
        "" => http::base(&format!("https://sts.{region}.{}", domain(region)))?,
        own => http::base(own)?,
    };
    let key = Key { id: id.to_owned(), secret: secret.clone(), token: token.cloned() };
    let work = Aws {
        url,
        region: region.to_owned(),
        key,
        role: role.map(str::to_owned),
        allow_http: content.get("/allow_http").and_then(Value::as_bool).unwrap_or(false),
    };
    Ok(Plan::of(Work::Aws(Box::new(work)), content.secrets.values()))
}

/// The service and the region that a host names, as AWS names its own; `None`: it is none of AWS's.
pub(in crate::probe) fn place_of(host: &str, region: &str) -> Option<(String, String)> {
    let name = host.strip_suffix(domain(region))?.strip_suffix('.')?;
    let mut labels = name.rsplit('.');
    let last = labels.next().filter(|label| !label.is_empty())?;
    // `s3.eu-west-1`, `bucket.s3.eu-west-1`, `iam`.
    let is_region = last.contains('-') && last.ends_with(|c: char| c.is_ascii_digit());
    match (is_region, labels.next()) {
        (true, Some(service)) => Some((service.to_owned(), last.to_owned())),
        (true, None) => None,
        // These are everywhere, and signed for one place.
        (false, _) if GLOBAL.contains(&last) && !region.starts_with("cn-") => {
            Some((last.to_owned(), "us-east-1".to_owned()))
        }
        (false, _) => Some((last.to_owned(), region.to_owned())),
    }
}

/// Services that have one address for all regions.
const GLOBAL: [&str; 4] = ["iam", "cloudfront", "route53", "organizations"];

/// The domain of a region's partition.
fn domain(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        _ if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ => "amazonaws.com",
    }
}

impl Aws {
    /// The host that is asked.
    pub(in crate::probe) fn url(&self) -> &Url {
        &self.url
    }

    /// The host of it.
    pub(in crate::probe) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// What is asked.
    pub(in crate::probe) fn summary(&self) -> &'static str {
        match self.role {
            Some(_) => "STS AssumeRole, GetCallerIdentity",
            None => "STS GetCallerIdentity",
        }
    }

    /// Asks.
    pub(in crate::probe) async fn run(
        &self,
        redactor: &Redactor,
        means: &Means<'_>,
        clock: &impl Fn() -> Timestamp,
    ) -> Report {
        let mut redactor = redactor.clone();
        let mut steps = Vec::new();
        let mut temporary = None;
        if let Some(role) = &self.role {
            let parameters = [
                ("Action", "AssumeRole"),
                ("RoleArn", role.as_str()),
                ("RoleSessionName", "credbench-test"),
                ("DurationSeconds", "900"),
            ];
            let exchange = match self.ask(&self.key, &parameters, &mut redactor, means, clock()).await {
                Ok(exchange) => exchange,
                Err(report) => return *report,
            };
            steps = told(&redactor, &exchange, "token", "AssumeRole");
            let answer = match &exchange.result {
                Ok(answer) => answer,
                Err(failure) => return run::unanswered(&redactor, failure, steps, means.timeout),
            };
            match keys(answer) {
                Some(key) => {
                    redactor.learn(&key.secret);
                    key.token.iter().for_each(|token| redactor.learn(token));
                    temporary = Some(key);
                }
                None => return self.report(&redactor, answer, steps, clock()),
            }
        }
        let key = temporary.as_ref().unwrap_or(&self.key);
        let exchange =
            match self.ask(key, &[("Action", "GetCallerIdentity")], &mut redactor, means, clock()).await {
                Ok(exchange) => exchange,
                Err(report) => return *report,
            };
        steps.extend(told(&redactor, &exchange, "request", "GetCallerIdentity"));
        match &exchange.result {
            Ok(answer) => self.report(&redactor, answer, steps, clock()),
            Err(failure) => run::unanswered(&redactor, failure, steps, means.timeout),
        }
    }

    async fn ask(
        &self,
        key: &Key,
        parameters: &[(&str, &str)],
        redactor: &mut Redactor,
        means: &Means<'_>,
        now: Timestamp,
    ) -> Result<Exchange, Box<Report>> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .append_pair("Version", "2011-06-15")
            .finish();
        let mut request = Request {
            method: "POST".to_owned(),
            url: self.url.clone(),
            headers: vec![(
                "Content-Type".to_owned(),
                Secret::from("application/x-www-form-urlencoded; charset=utf-8"),
            )],
            body: Some(Secret::new(body)),
            allow_http: self.allow_http,
            tls: TlsOptions::default(),
        };
        let signer = Signer::aws(&key.id, &key.secret, key.token.as_ref(), &self.region, "sts");
        match signer.sign(&mut request, now, &[0; 16]) {
            Ok(made) => made.iter().for_each(|secret| redactor.learn(secret)),
            Err(error) => return Err(Box::new(Unplannable::Sign(error).report(now))),
        }
        Ok(means.send(&request).await)
    }

    /// The report of the last answer.
    fn report(&self, redactor: &Redactor, answer: &Answer, steps: Vec<Step>, now: Timestamp) -> Report {
        let (verdict, advice) = judge(answer, self.role.is_some() && answer_to_role(&steps), now);
        let arn = value(&String::from_utf8_lossy(&answer.body), "Arn");
        let who = arn.filter(|_| verdict.outcome == Outcome::Ok).map(|arn| redactor.show(&arn, run::MESSAGE));
        let facts = Learnt { who, ..Learnt::default() };
        Report { facts, ..run::answered(redactor, &verdict, answer.status, &advice, steps) }
    }
}

/// Whether the last request that was told of asked for the role.
fn answer_to_role(steps: &[Step]) -> bool {
    steps.last().is_some_and(|step| step.name == "token")
}

fn told(redactor: &Redactor, exchange: &Exchange, name: &'static str, action: &str) -> Vec<Step> {
    let mut steps = run::steps(redactor, exchange, name);
    if let (Ok(answer), Some(last)) = (&exchange.result, steps.last_mut()) {
        last.detail = format!("STS {action} {}", answer.status);
    }
    steps
}

/// The keys that a role gave.
fn keys(answer: &Answer) -> Option<Key> {
    let body = String::from_utf8_lossy(&answer.body);
    let value = |name: &str| value(&body, name);
    if answer.status != 200 {
        return None;
    }
    Some(Key {
        id: value("AccessKeyId")?,
        secret: Secret::new(value("SecretAccessKey")?),
        token: Some(Secret::new(value("SessionToken")?)),
    })
}

/// Judges an answer of STS, and says what to do.
fn judge(answer: &Answer, role: bool, now: Timestamp) -> (Verdict, String) {
    let plain = classify(answer, &Rules::default(), false);
    let defaults = |verdict: Verdict| {
        let advice = run::advice(verdict.outcome, answer.status).to_owned();
        (verdict, advice)
    };
    let redirect = (300..400).contains(&answer.status);
    let body = String::from_utf8_lossy(&answer.body);
    let status = answer.status;
    if plain.outcome == Outcome::Ok {
        let (Some(account), Some(arn)) = (value(&body, "Account"), value(&body, "Arn")) else {
            let what = if role { "keys" } else { "account" };
            let message = format!("{status} but the answer names no {what}: it is not STS");
            let advice = "Check the endpoint: it has to answer as AWS STS does.".to_owned();
            return (Verdict { outcome: Outcome::Unexpected, message }, advice);
        };
        let user = value(&body, "UserId").map(|id| format!(", user ID {id}")).unwrap_or_default();
        let message = format!("{status} account {account}, {arn}{user}");
        return (Verdict { outcome: Outcome::Ok, message }, String::new());
    }
    let code = code(answer, &body).filter(|_| !redirect);
    let Some(code) = code else { return defaults(plain) };
    let said = value(&body, "Message").or_else(|| value(&body, "message")).unwrap_or_default();
    let late = skew(answer, now);
    let early = said.contains("Signature expired") || said.contains("Signature not yet current");
    let (outcome, words, advice) = match code.as_str() {
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "RequestExpired" | "RequestTimeTooSkewed"
            if early || late.is_some() || code.starts_with("Request") =>
        {
            let gap = late.map(|seconds| format!("this machine's clock is {} the service's", apart(seconds)));
            let words = gap.unwrap_or_else(|| "this machine's clock is not the service's".to_owned());
            (
                Outcome::Unexpected,
                words,
                "Set the clock of this machine, then test again: nothing was learnt about the key.",
            )
        }
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => (
            Outcome::Expired,
            "the session has ended".to_owned(),
            "Get new temporary keys, enter all three parts and test again.",
        ),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" if role => (
            Outcome::Limited,
            "the key is genuine, but may not take on the role".to_owned(),
            "Allow sts:AssumeRole in the key's policy, and the key's owner in the role's trust policy.",
        ),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => (
            Outcome::Limited,
            "genuine, but a policy denies the request".to_owned(),
            run::advice(Outcome::Limited, status),
        ),
        "OptInRequired" | "RegionDisabledException" | "InvalidEndpointException" => (
            Outcome::WrongEndpoint,
            "the region is not enabled for this account".to_owned(),
            "Choose another region, or enable this one in the account.",
        ),
        "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" | "AuthFailure" => (
            Outcome::Rejected,
            "the service does not know this key".to_owned(),
            "Make a new access key, enter it and test again; keys of China and GovCloud need their own region.",
        ),
        "SignatureDoesNotMatch" | "InvalidSignatureException" => (
            Outcome::Rejected,
            "the secret access key does not belong to this key".to_owned(),
            "Enter the secret access key again, or make a new key.",
        ),
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => {
            (Outcome::RateLimited, "too many requests".to_owned(), run::advice(Outcome::RateLimited, status))
        }
        "ServiceUnavailable" | "InternalFailure" | "InternalServerError" => {
            (Outcome::Unreachable, "server error".to_owned(), run::advice(Outcome::Unreachable, status))
        }
        _ if status == 401 || status >= 500 => {
            (plain.outcome, "the service refused".to_owned(), run::advice(plain.outcome, status))
        }
        _ => (
            Outcome::Unexpected,
            "an error that no rule explains".to_owned(),
            "Compare region, role and endpoint with what the account has.",
        ),
    };
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    (Verdict { outcome, message: format!("{status} {words}: {code}{said}") }, advice.to_owned())
}

/// The code of an error: of the XML or JSON body, or of the header that JSON protocols send.
fn code(answer: &Answer, body: &str) -> Option<String> {
    let named = value(body, "Code")
        .or_else(|| value(body, "__type"))
        .or_else(|| answer.header("x-amzn-errortype").map(str::to_owned))?;
    // `com.amazonaws.sts#ExpiredToken:http://…`
    let name = named.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default();
    Some(name.to_owned()).filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// By how many seconds this clock is ahead of the answer's, where that breaks signatures.
fn skew(answer: &Answer, now: Timestamp) -> Option<i64> {
    let theirs = jiff::fmt::rfc2822::parse(answer.header("date")?).ok()?.timestamp();
    let ahead = now.duration_since(theirs).as_secs();
    (ahead.abs() > SKEW).then_some(ahead)
}

fn apart(ahead: i64) -> String {
    let (by, word) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
    match by {
        0..=7199 => format!("{} min {word}", by / 60),
        _ => format!("{} h {word}", by / 3600),
    }
}

/// The first value of a name in an XML or a JSON text.
fn value(body: &str, name: &str) -> Option<String> {
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        return in_json(&json, name, 0);
    }
    let inner = body.split_once(&format!("<{name}>"))?.1.split_once(&format!("</{name}>"))?.0;
    let text = inner
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn in_json(value: &Value, name: &str, depth: usize) -> Option<String> {
    let object = value.as_object().filter(|_| depth < 8)?;
    if let Some(text) = object.get(name).and_then(Value::as_str) {
        return Some(text.to_owned());
    }
    object.values().find_map(|inner| in_json(inner, name, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_domain() {
        for (region, expected) in [
            ("eu-central-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
        ] {
            assert_eq!(domain(region), expected);
        }
    }

    #[test]
    fn a_value_is_found_in_xml_and_in_json() {
        let xml = "<R xmlns=\"x\"><A><Arn>arn:aws:iam::1:user/a&amp;b</Arn><Account/></A></R>";
        assert_eq!(value(xml, "Arn").as_deref(), Some("arn:aws:iam::1:user/a&b"));
        assert_eq!(value(xml, "Account"), None);
        let json = r#"{"R": {"A": {"Arn": "arn:1"}}, "list": [1]}"#;
        assert_eq!(value(json, "Arn").as_deref(), Some("arn:1"));
        assert_eq!(value("no such thing", "Arn"), None);
    }
}
