//! What a service answers (Z4): any answer has a verdict, and its words can be shown.

use credbench::http::Answer;
use credbench::probe::classify::classify;
use credbench::probe::{Rules, Test};
use credbench::redact::{self, Redactor};
use credbench::secret::Secret;
use serde_json::json;

use super::bytes::Bytes;

/// What the service was sent.
const SENT: &str = "zq-secret/of=this+run";

pub fn answer(data: &[u8]) {
    let mut bytes = Bytes(data);
    let rules = match bytes.byte() % 3 {
        0 => Rules::default(),
        1 => rules(&json!({"expect": {"status": [200], "json": [{"pointer": "/ok", "equals": true}]},
            "rejected": {"status": [200, 401], "text": [{"contains": "invalid"}]}})),
        _ => rules(&json!({"expect": {"header": [{"name": "x-a", "exists": true}]},
            "expired": {"json": [{"pointer": "/error/code", "exists": true}]}, "limited": {"status": [403]}})),
    };
    let html = bytes.byte().is_multiple_of(2);
    let status = 100 + bytes.number() % 500;
    let names = ["content-type", "location", "retry-after", "content-encoding", "x-a", "www-authenticate"];
    let mut headers = Vec::new();
    for _ in 0..bytes.below(5) {
        let name = names[bytes.below(names.len())];
        headers.push((
            name.to_owned(),
            bytes.take(usize::from(bytes.0.first().copied().unwrap_or(0)) % 80).to_vec(),
        ));
    }
    let cut = bytes.byte().is_multiple_of(2);
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let answer = Answer { status, headers, body: bytes.take(usize::MAX).to_vec(), cut };
    let verdict = classify(&answer, &rules, html);
    let shown = Redactor::new([&Secret::from(SENT)]).show(&verdict.message, 300);
    assert!(!shown.contains(SENT), "the answer told the secret");
    assert!(!shown.chars().any(|c| c.is_control() || redact::is_hidden(c)), "a hidden character is shown");
}

fn rules(test: &serde_json::Value) -> Rules {
    let mut whole = json!({"method": "GET", "path": "/"});
    for (name, rule) in test.as_object().into_iter().flatten() {
        whole[name] = rule.clone();
    }
    Test::read(&whole).expect("these rules can be read").rules
}
