//! Every service of the catalogue, for real: its requests reach a recorder that is every host, the secret stands
//! where the file says and nowhere else, and its own good, refusing and limiting answers mean what they should.

mod answers;
mod example;
mod expected;
mod keys;
mod own;
mod recorder;
mod rotation;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use credbench::model::Outcome;
use credbench::probe::{Report, Unplannable, plan, run};
use credbench::schema::catalogue::{Catalogue, Chosen};
use example::Example;
use recorder::{Recorder, Reply};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::vault::now;

/// Long enough that only what is about to fail waits for it.
const LONG: Duration = Duration::from_secs(60);

/// Tests that run at once.
const AT_ONCE: usize = 32;

/// Every variant of every service.
fn variants() -> Vec<Chosen> {
    let catalogue = Catalogue::builtin();
    let all = catalogue.all();
    let named = all.iter().flat_map(|service| {
        service.variants.iter().map(move |variant| (format!("{}/{}", service.id, variant.id), &variant.kind))
    });
    named.map(|(name, kind)| catalogue.variant(&name, kind).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_sends_what_its_file_says_and_understands_its_answers() {
    let recorder = Arc::new(Recorder::start().await);
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (number, chosen) in variants().into_iter().enumerate() {
        let (recorder, slots) = (recorder.clone(), slots.clone());
        tasks.spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            let name = chosen.name();
            let found = one(&recorder, number, &chosen).await;
            found.into_iter().map(|what| format!("{name}: {what}")).collect::<Vec<_>>()
        });
    }
    let mut wrong: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    wrong.sort();
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Everything wrong with one variant.
async fn one(recorder: &Recorder, number: usize, chosen: &Chosen) -> Vec<String> {
    let variant = chosen.variant();
    let example = example::of(chosen);
    let mut wrong: Vec<String> = example
        .kind
        .check(&example.content)
        .iter()
        .filter(|violation| !example.kind.is_secret(&violation.pointer))
        .map(|violation| format!("the example does not fit: {violation}"))
        .collect();
    let Some(test) = &variant.test else {
        match plan(&example.kind, &example.content) {
            Err(Unplannable::NotTestable(_)) | Ok(_) => {}
            Err(error) => wrong.push(format!("{error}")),
        }
        return wrong;
    };
    let steps: Vec<Reply> = variant.steps.iter().map(answers::good).collect();
    let good = answers::good(test);
    let after = vec![Reply { status: 204, ..Reply::default() }; variant.after.len()];
    let play = |label: &str, replies: Vec<Reply>| {
        let case = format!("c{number}-{label}");
        let trust = recorder.expect(&case, replies);
        let example = &example;
        async move { (tested(example, &trust).await, recorder.seen(&case)) }
    };
    let whole = |test: Reply| steps.iter().cloned().chain([test]).chain(after.clone()).collect::<Vec<_>>();

    let (report, seen) = match play("ok", whole(good)).await {
        (Ok(report), seen) => (report, seen),
        (Err(error), _) => return wrong.into_iter().chain([format!("no plan: {error}")]).collect(),
    };
    let wanted = if test.weak.is_some() { Outcome::NotTestable } else { Outcome::Ok };
    wrong.extend(outcome("its good answer", wanted, &report));
    let calls: Vec<_> = variant.calls().collect();
    if seen.len() != calls.len() {
        wrong.push(format!("{} calls, {} requests", calls.len(), seen.len()));
    }
    let mut values = example.values.clone();
    for (at, (call, seen)) in calls.iter().zip(&seen).enumerate() {
        let carries_auth = call.auth.unwrap_or(at == variant.steps.len());
        let uses_clock = variant.signer.is_some();
        if !uses_clock {
            let found = expected::differences(variant, call, carries_auth, &values, &example.secrets, seen);
            wrong.extend(found.into_iter().map(|what| format!("call {at}: {what}")));
        }
        for take in &call.take {
            values.insert(take.name.clone(), answers::TAKEN.to_owned());
        }
    }

    let kinds = [
        ("rejected", &test.rejected, Outcome::Rejected),
        ("expired", &test.expired, Outcome::Expired),
        ("limited", &test.limited, Outcome::Limited),
    ];
    for (word, rules, wanted) in kinds {
        for (index, rule) in rules.iter().enumerate() {
            let (report, _) = play(&format!("{word}{index}"), whole(answers::of(rule, 200))).await;
            wrong.extend(
                report.map(|report| outcome(&format!("{word} {index}"), wanted, &report)).unwrap_or_default(),
            );
        }
    }
    for (index, sample) in test.samples.iter().enumerate() {
        let (report, _) = play(&format!("sample{index}"), whole(answers::sample(sample))).await;
        let wanted = match (sample.outcome, &test.weak) {
            (Outcome::Ok, Some(_)) => Outcome::NotTestable,
            (outcome, _) => outcome,
        };
        wrong.extend(
            report.map(|report| outcome(&format!("sample {index}"), wanted, &report)).unwrap_or_default(),
        );
    }
    for (index, step) in variant.steps.iter().enumerate() {
        let before = steps[..index].iter().cloned();
        for (rule, wanted) in step.rejected.iter().map(|rule| (rule, Outcome::Rejected)) {
            let replies = before.clone().chain([answers::of(rule, 200)]).collect();
            let (report, seen) = play(&format!("step{index}"), replies).await;
            wrong.extend(
                report.map(|report| outcome(&format!("step {index}"), wanted, &report)).unwrap_or_default(),
            );
            if seen.len() != index + 1 {
                wrong.push(format!("step {index} was refused, and {} requests were made", seen.len()));
            }
        }
    }
    wrong
}

async fn tested(example: &Example, trust: &credbench::http::Trust) -> Result<Report, Unplannable> {
    let plan = plan(&example.kind, &example.content)?;
    let report = run(&plan, trust, LONG, &CancellationToken::new(), now).await;
    let shown = format!("{report:?}");
    for secret in &example.secrets {
        assert!(!shown.contains(secret.as_str()), "a secret is in a report: {shown}");
    }
    Ok(report)
}

fn outcome(what: &str, wanted: Outcome, report: &Report) -> Option<String> {
    (report.outcome != wanted).then(|| {
        let words = (wanted.word(), report.outcome.word());
        format!("{what} should be {}, is {}: {}", words.0, words.1, report.message)
    })
}

/// What is there, and how much of it says what a refusal looks like.
#[test]
fn there_is_enough_of_it() {
    let mut bases: BTreeMap<String, usize> = BTreeMap::new();
    let mut with_test = 0;
    let all = Catalogue::builtin().all();
    for service in &all {
        let Some(main) = service.main() else { continue };
        if main.proof().is_none() {
            continue;
        }
        with_test += 1;
        let basis = service.variants.iter().find_map(|variant| variant.basis());
        *bases.entry(basis.unwrap_or("default").to_owned()).or_default() += 1;
    }
    let declared: usize = bases.iter().filter(|(basis, _)| *basis != "default").map(|(_, count)| count).sum();
    assert!(all.len() >= 1000, "{} services", all.len());
    assert!(
        declared >= 900,
        "{declared} of {with_test} with a test say what a refusal looks like: {bases:?}"
    );
}

/// `docs/SERVICES.md` is made from the files; CREDBENCH_BLESS=1 writes it.
#[test]
fn the_page_about_services_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SERVICES.md");
    let page = Catalogue::builtin().reference();
    if std::env::var_os("CREDBENCH_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/SERVICES.md is out of date: run the tests with CREDBENCH_BLESS=1");
}
