//! The services that make keys: what their files say is sent, understood and refused.

use std::time::Duration;

use credbench::model::Content;
use credbench::probe::{Maker, Prepared};
use credbench::schema::catalogue::{Call, Chosen, Rotation, place_of};
use credbench::secret::Secret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::example::{self, Example};
use super::recorder::{Recorder, Reply, Seen};
use super::{answers, expected, variants};
use crate::support::vault::now;

/// The services that were looked up; one that is gone would not be missed otherwise.
const KNOWN: [&str; 8] = [
    "cloudflare/api-token",
    "databricks/personal-access-token",
    "gitlab/personal-access-token",
    "grafana/service-account-token",
    "mattermost/token",
    "neon/token",
    "pulumi/api-key",
    "sendgrid/token",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_that_makes_keys_is_asked_as_its_file_says() {
    let recorder = Recorder::start().await;
    let mut names = Vec::new();
    let mut wrong = Vec::new();
    for chosen in variants() {
        let Some(rotation) = chosen.variant().rotation.clone() else { continue };
        let name = chosen.name();
        let found = one(&recorder, &name, &chosen, &rotation).await;
        wrong.extend(found.into_iter().map(|what| format!("{name}: {what}")));
        names.push(name);
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    names.sort();
    assert_eq!(names, KNOWN);
}

async fn one(recorder: &Recorder, name: &str, chosen: &Chosen, rotation: &Rotation) -> Vec<String> {
    let example = example::of(chosen);
    let maker = Maker::of(&example.kind, &example.content).expect("its file says how");
    let case = |what: &str| format!("{}-{what}", name.replace('/', "-"));
    let mut wrong = Vec::new();
    let logins: Vec<&Call> = chosen.variant().steps.iter().chain(&rotation.steps).collect();
    let steps: Vec<Reply> = logins.iter().map(|step| answers::good(step)).collect();
    let play = async |what: &str, prepared: Prepared, steps: &[Reply], last: Reply| {
        let trust = recorder.expect(&case(what), steps.iter().cloned().chain([last]));
        let asked = prepared.send(&trust, Duration::from_secs(60), &CancellationToken::new(), now()).await;
        (asked.result, recorder.seen(&case(what)))
    };

    let (good, next) = made(&example, chosen, rotation);
    let prepared = maker.to_make(&example.content, now()).unwrap();
    let (answer, seen) = play("make", prepared, &steps, good).await;
    let mut values = example.values.clone();
    let label = format!("credbench-a.key-{}", now().strftime("%Y%m%dT%H%M%S"));
    values.insert("label".to_owned(), label);
    let ends = now() + jiff::SignedDuration::from_hours(90 * 24);
    values.insert("ends_on".to_owned(), ends.strftime("%F").to_string());
    let calls: Vec<&Call> = logins.iter().copied().chain([&rotation.make]).collect();
    if seen.len() != calls.len() {
        wrong.push(format!("{} calls to make a key, {} requests", calls.len(), seen.len()));
    }
    for (number, (call, seen)) in calls.iter().zip(&seen).enumerate() {
        let auth = call.auth.unwrap_or(number + 1 == calls.len());
        wrong.extend(differences(&example, chosen, call, auth, &values, seen));
        for take in &call.take {
            values.insert(take.name.clone(), answers::TAKEN.to_owned());
        }
    }
    // The control: what is sent is looked at.
    let other = [("label".to_owned(), "another".to_owned()), ("ends_on".to_owned(), "2000-01-01".to_owned())];
    let other: std::collections::BTreeMap<_, _> = values.clone().into_iter().chain(other).collect();
    let named = format!("{:?}", rotation.make).contains("{label}")
        || format!("{:?}", rotation.make).contains("{ends_on}");
    let last = seen.last().cloned().expect("a request was made");
    if named && differences(&example, chosen, &rotation.make, true, &other, &last).is_empty() {
        wrong.push("another label is no difference".to_owned());
    }
    match maker.made(&example.content, &answer.unwrap()) {
        Ok(found) if found == next => {}
        other => wrong.push(format!("what was made is not understood: {other:?}")),
    }
    let id = maker.key_id(&next);
    if rotation.id.is_some() != id.is_some() {
        wrong.push("the id of the key is not known".to_owned());
    }

    let refusals = [
        (403, "{}", false),
        (401, "{}", false),
        (302, "", false),
        (404, "{}", false),
        (500, "{}", true),
        (200, "{}", true),
        (200, "garbled", true),
    ];
    for (number, (status, body, unclear)) in refusals.into_iter().enumerate() {
        let reply = Reply { status, body: body.to_owned(), ..Reply::default() };
        let prepared = maker.to_make(&example.content, now()).unwrap();
        let (answer, _) = play(&format!("refused{number}"), prepared, &steps, reply).await;
        match maker.made(&example.content, &answer.unwrap()) {
            Err(unmade) if unmade.unclear == unclear => {}
            other => wrong.push(format!("{status} {body}: {other:?}")),
        }
    }

    if let Some(drop) = &rotation.drop {
        let prepared = maker.to_drop(&next, &example.content).unwrap();
        let steps: Vec<Reply> = chosen.variant().steps.iter().map(answers::good).collect();
        let (answer, seen) = play("drop", prepared, &steps, answers::good(drop)).await;
        let mut values = with(&example, chosen, &next);
        values.extend(example.values.iter().map(|(name, value)| (format!("before.{name}"), value.clone())));
        wrong.extend(differences(
            &example,
            chosen,
            drop,
            true,
            &values,
            seen.last().expect("a request was made"),
        ));
        if let Err(unmade) = maker.dropped(&answer.unwrap()) {
            wrong.push(format!("its good answer is not understood: {unmade:?}"));
        }
        let prepared = maker.to_drop(&next, &example.content).unwrap();
        let denied = Reply { status: 403, body: "{}".to_owned(), ..Reply::default() };
        let (answer, _) = play("kept", prepared, &steps, denied).await;
        if maker.dropped(&answer.unwrap()).is_ok() {
            wrong.push("a 403 is no drop".to_owned());
        }
    }
    wrong
}

/// A good answer of the call that makes a key, and the credential with that key.
fn made(example: &Example, chosen: &Chosen, rotation: &Rotation) -> (Reply, Content) {
    let mut reply = answers::good(&rotation.make);
    let mut body: Value = serde_json::from_str(&reply.body).unwrap();
    let mut next = example.content.clone();
    let variant = chosen.variant();
    for (number, (name, pointer)) in rotation.fields.iter().enumerate() {
        let text = format!("zqmade{number}marker");
        answers::put(&mut body, pointer, json!(text));
        let field = variant.field(name).unwrap();
        let place = place_of(&variant.kind, &example.kind, field);
        match field.secret {
            true => next.set_secret(&place, Secret::from(text.as_str())),
            false => next.set(&place, json!(text)),
        }
    }
    reply.body = body.to_string();
    (reply, next)
}

/// The values of an example with those of the next key.
fn with(example: &Example, chosen: &Chosen, next: &Content) -> std::collections::BTreeMap<String, String> {
    let variant = chosen.variant();
    let mut values = example.values.clone();
    for field in &variant.fields {
        let place = place_of(&variant.kind, &example.kind, field);
        let text = next.secret(&place).map(|secret| secret.expose().to_owned());
        if let Some(text) = text.or_else(|| next.get_str(&place).map(str::to_owned)) {
            values.insert(field.name.clone(), text);
        }
    }
    values
}

/// What differs; lists that were taken stand as they are.
fn differences(
    example: &Example,
    chosen: &Chosen,
    call: &Call,
    auth: bool,
    values: &std::collections::BTreeMap<String, String>,
    seen: &Seen,
) -> Vec<String> {
    let rotation = chosen.variant().rotation.as_ref().unwrap();
    let lists: Vec<String> = rotation
        .steps
        .iter()
        .flat_map(|step| &step.take)
        .filter(|take| take.list)
        .map(|take| format!("{{{}}}", take.name))
        .collect();
    let mut call = call.clone();
    if let Some(Value::Object(members)) = &mut call.json {
        for member in members.values_mut() {
            if member.as_str().is_some_and(|text| lists.iter().any(|list| list == text)) {
                *member = json!([answers::TAKEN]);
            }
        }
    }
    expected::differences(chosen.variant(), &call, auth, values, &example.secrets, seen)
}
