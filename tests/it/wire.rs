//! Logins over protocols that are not HTTP, against real servers and hostile ones.

mod brokers;
mod daemon;
mod directory;
mod hostile;
mod mail;
mod mysql;
mod postgres;
mod redis;
mod scripted;

use std::time::Duration;

use credbench::http::Trust;
use credbench::model::Outcome;
use credbench::probe::{Report, plan, run};
use credbench::schema::{Absent, Kinds};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::tls::{authority_pem, unknown_authority_pem};
use crate::support::vault::now;

/// Long enough that only a test that is about to fail waits for it.
const LONG: Duration = Duration::from_secs(30);

/// What every credential here has for a password, unless a row says otherwise.
const PASSWORD: &str = "k9/X+v%7=Zq~Secret&m";

/// A credential whose `config` is the base with some members replaced; `null` removes one.
fn document(base: &Value, changes: Value) -> Value {
    let mut config = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            config.as_object_mut().unwrap().remove(name);
        } else {
            config[name] = value.clone();
        }
    }
    json!({ "key": "a.login", "kind": "database", "config": config })
}

async fn tested(document: Value) -> Report {
    tested_within(document, LONG, &CancellationToken::new()).await
}

async fn tested_within(document: Value, timeout: Duration, cancel: &CancellationToken) -> Report {
    let kind = Kinds::builtin().get("database").unwrap();
    let secret = document["config"]["password"].as_str().unwrap_or_default().to_owned();
    let content = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
    let report = match plan(kind, &content) {
        Ok(plan) => {
            assert!(!format!("{plan:?} {}", plan.summary()).contains(PASSWORD), "{}", plan.summary());
            run(&plan, &Trust::default(), timeout, cancel, now).await
        }
        Err(unplannable) => unplannable.report(now()),
    };
    assert!(secret.len() < 8 || !format!("{report:?}").contains(&secret), "{report:?}");
    report
}

/// The steps of a report, each as its name and whether it went well.
fn steps(report: &Report) -> String {
    let steps = report.steps.iter().map(|step| format!("{}{}", step.name, if step.ok { "" } else { "!" }));
    steps.collect::<Vec<_>>().join(" ")
}

/// One row of a table: what is changed, the outcome, and what the message has to say.
type Row<'a> = (Value, Outcome, &'a str);

/// Runs a table against one server. Every row is tried, so a failure shows them all.
async fn table(base: &Value, rows: &[Row<'_>]) {
    let mut wrong = Vec::new();
    for (changes, outcome, words) in rows {
        let report = tested(document(base, changes.clone())).await;
        let mut shown = changes.to_string();
        shown.truncate(shown.floor_char_boundary(120));
        if report.outcome != *outcome || !report.message.contains(words) {
            wrong.push(format!("{shown}\n  wanted {outcome:?} {words:?}\n  got    {report:?}"));
        }
        let needs_advice = !matches!(outcome, Outcome::Ok | Outcome::NotTestable | Outcome::Cancelled);
        if needs_advice == report.advice.is_empty() {
            wrong.push(format!("{shown}: advice {:?}", report.advice));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows that every server with a certificate for `localhost` alone has to pass; the base names it by that
/// name, under TLS. What it says when all is well comes first.
async fn tls_table(base: &Value, good: &str) {
    let ours = authority_pem();
    table(
        base,
        &[
            (json!({"tls": "verify-full", "ca_certificate": ours}), Outcome::Ok, good),
            (json!({"tls": null, "ca_certificate": ours}), Outcome::Ok, good),
            (json!({"tls": "require"}), Outcome::Ok, good),
            (json!({"tls": "require", "ca_certificate": ours, "host": "127.0.0.1"}), Outcome::Ok, good),
            (
                json!({"tls": "verify-full", "ca_certificate": ours, "host": "127.0.0.1"}),
                Outcome::Unreachable,
                "for another name: localhost",
            ),
            (
                json!({"tls": "verify-full", "ca_certificate": unknown_authority_pem()}),
                Outcome::Unreachable,
                "an authority that this machine does not trust",
            ),
            (
                json!({"tls": "require", "ca_certificate": unknown_authority_pem()}),
                Outcome::Unreachable,
                "an authority that this machine does not trust",
            ),
            (
                json!({"tls": "verify-full"}),
                Outcome::Unreachable,
                "an authority that this machine does not trust",
            ),
            (json!({"tls": "require", "password": "wrong-but-under-tls"}), Outcome::Rejected, ""),
        ],
    )
    .await;
    let report = tested(document(base, json!({"tls": "verify-full", "ca_certificate": ours}))).await;
    assert!(steps(&report).contains("TLS "), "{report:?}");
    assert!(
        report.steps.iter().any(|step| step.name == "TLS" && step.detail.starts_with("TLS 1.")),
        "{report:?}"
    );
}
