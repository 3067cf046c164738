//! Tests of credentials against real servers, good and hostile ones.

mod aws;
mod checks;
mod demo;
mod hostile;
mod mtls;
mod oauth;
mod pool;
mod proxies;
mod rebinding;

mod redirects;
mod reflection;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use credbench::http::Trust;
use credbench::model::Content;
use credbench::probe::pool::{Conditions, Limits, Pool};
use credbench::probe::{Plan, Report, Unplannable, plan, run};
use credbench::schema::{Absent, Kinds};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::vault::now;

/// Long enough that only a test that is about to fail waits for it.
const LONG: Duration = Duration::from_secs(60);

/// A secret with characters that every encoding changes.
const SECRET: &str = "k9/X+v%7=Zq~Secret&m";

fn content(document: Value) -> Content {
    let kind = Kinds::builtin().get(document["kind"].as_str().unwrap()).unwrap();
    kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content
}

fn planned(document: Value) -> Result<Plan, Unplannable> {
    let content = content(document);
    plan(&Kinds::builtin().of_content(&content).unwrap(), &content)
}

/// The five ways to send a secret.
const PLACEMENTS: [&str; 5] = ["header", "query", "cookie", "basic", "bearer"];

/// A credential that sends a secret in one of the [`PLACEMENTS`].
fn credential(placement: &str, base_url: &str, secret: &str) -> Value {
    let (kind, config) = match placement {
        "basic" => ("basic_auth", json!({"base_url": base_url, "username": "user", "password": secret})),
        "bearer" => ("bearer_token", json!({"base_url": base_url, "token": secret})),
        part => {
            let placement = json!({"in": part, "name": if part == "header" { "X-Api-Key" } else { "key" }});
            ("api_key", json!({"base_url": base_url, "api_key": secret, "placement": placement}))
        }
    };
    json!({"key": "a.key", "kind": kind, "config": config, "test": {"path": "/me"}})
}

/// What a test of a document finds.
async fn tested(document: Value) -> Report {
    tested_with(document, &Trust::default(), LONG).await
}

async fn tested_with(document: Value, trust: &Trust, timeout: Duration) -> Report {
    match planned(document) {
        Ok(plan) => run(&plan, trust, timeout, &CancellationToken::new(), now).await,
        Err(unplannable) => unplannable.report(now()),
    }
}

/// The authority of our own servers.
fn trust() -> Trust {
    Trust::new(vec![crate::support::tls::authority_der()], Default::default())
}

/// The steps of a report, each as its name and whether it went well.
fn steps(report: &Report) -> String {
    let steps = report.steps.iter().map(|step| format!("{}{}", step.name, if step.ok { "" } else { "!" }));
    steps.collect::<Vec<_>>().join(" ")
}

/// Runs many tests; answers when all are over.
async fn all(documents: Vec<Value>, limits: Limits, cancel: &CancellationToken) -> Vec<(usize, Report)> {
    let plans = documents.into_iter().map(planned).enumerate().collect();
    all_with(plans, limits, conditions(cancel)).await
}

async fn all_with(
    plans: Vec<(usize, Result<Plan, Unplannable>)>,
    limits: Limits,
    conditions: Conditions,
) -> Vec<(usize, Report)> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    Pool::new(limits).run_all(plans, conditions, sender).await;
    let mut reports = Vec::new();
    while let Some(report) = receiver.recv().await {
        reports.push(report);
    }
    reports.sort_by_key(|(tag, _)| *tag);
    reports
}

fn conditions(cancel: &CancellationToken) -> Conditions {
    Conditions {
        trust: Arc::new(Trust::default()),
        timeout: LONG,
        cancel: cancel.clone(),
        clock: Arc::new(now),
    }
}
