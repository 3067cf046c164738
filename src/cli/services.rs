//! `services`: the catalogue.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::Context;
use super::args::Services;
use super::manual::Page;
use super::output::{Tone, visible};
use crate::problem::{Exit, Problem};
use crate::schema::catalogue::{self, Catalogue, Mistake, Rotation, Service, Variant};
use crate::session;
use crate::suggest::nearest;

pub(super) const PAGES: &[Page] = &[Page {
    command: "services",
    examples: &[
        ("credbench services mail", "what there is for mail"),
        ("credbench services --show github", "its fields, its test and where the key is made"),
        ("credbench services --check my-service.toml", "everything that is wrong with a file of your own"),
    ],
    json: r#"[{"id","name","category","kinds":[kind],"test":{"method","url"}|null,"key_url","status_page","origin","confidence","docs","variants":[…]}]; --show: one of these; --check: {"checked","mistakes":[]}"#,
    faults: &[
        (Exit::NotFound, "no_service", "there is no such service"),
        (Exit::Invalid, "invalid_service", "a file of your own has mistakes; each is named"),
    ],
    shared: &[],
}];

pub(crate) fn run(context: &Context, arguments: &Services) -> Result<ExitCode, Problem> {
    if let Some(path) = &arguments.check {
        return check(context, path);
    }
    let catalogue = context.catalogue()?;
    match &arguments.show {
        Some(id) => show(context, &catalogue, id)?,
        None => list(context, &catalogue, &arguments.query.join(" ")),
    }
    match catalogue.mistakes() {
        [] => Ok(ExitCode::SUCCESS),
        mistakes => Err(wrong(mistakes)),
    }
}

/// The mistakes of files as one problem.
fn wrong(mistakes: &[Mistake]) -> Problem {
    let mut causes: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    let message = match causes.len() {
        1 => causes.remove(0),
        count => format!("{count} mistakes in files of services"),
    };
    Problem::new(Exit::Invalid, "invalid_service", message).causes(causes)
}

fn check(context: &Context, path: &Path) -> Result<ExitCode, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(Exit::Failed, "io", format!("cannot read {}: {error}", path.display()))
    };
    let files: Vec<PathBuf> = if fs::metadata(path).map_err(failed)?.is_dir() {
        session::service_files(path).map_err(failed)?
    } else {
        vec![path.to_owned()]
    };
    let mut mistakes = Vec::new();
    for file in &files {
        let read = session::read_service(file);
        match read.text {
            Ok(text) => mistakes.extend(catalogue::check(&read.path, &read.id, &text)),
            Err(reason) => mistakes.push(Mistake::of_file(&read.path, &reason)),
        }
    }
    if !mistakes.is_empty() {
        return Err(wrong(&mistakes));
    }
    match (context.output.is_json(), files.len()) {
        (true, count) => context.output.json(&json!({ "checked": count, "mistakes": [] })),
        (false, 1) => context.output.line("1 file, no mistake"),
        (false, count) => context.output.line(&format!("{count} files, no mistake")),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(context: &Context, catalogue: &Catalogue, query: &str) {
    let out = &context.output;
    let found = catalogue.search(query);
    if out.is_json() {
        return out.json(&found.iter().map(|service| as_json(service)).collect::<Vec<_>>());
    }
    let width = |of: fn(&Service) -> usize| found.iter().map(|service| of(service)).max().unwrap_or(0);
    let (ids, names) = (width(|service| service.id.len()), width(|service| service.name.chars().count()));
    for service in &found {
        let kinds = service.kinds().join(", ");
        let test = service.main().map(in_short).unwrap_or_default();
        out.line(&format!(
            "{:ids$}  {:names$}  {:14}  {kinds:24}  {}",
            service.id,
            visible(&service.name),
            service.category,
            out.paint(Tone::Faint, &visible(&test))
        ));
    }
    if found.is_empty() {
        out.note("No service fits; any other text may stand in a credential's service, too.");
    }
}

/// The test of a variant in a few words.
fn in_short(variant: &Variant) -> String {
    match (variant.proof(), &variant.not_testable) {
        (Some((method, address)), _) => format!("{method} {address}"),
        (None, Some(reason)) => format!("not testable: {reason}"),
        (None, None) => String::new(),
    }
}

/// How the service makes keys, in a few words.
fn rotates(rotation: &Rotation) -> String {
    let makes = match (rotation.replaces, rotation.drop.is_some()) {
        (true, _) => "makes the next key, which ends the one in use at once",
        (false, true) => "makes the next key, and drops the one before",
        (false, false) => "makes the next key",
    };
    match &rotation.needs {
        Some(needs) => format!("{makes}; the key in use needs {needs}"),
        None => makes.to_owned(),
    }
}

fn rotation_json(variant: &Variant) -> Value {
    match &variant.rotation {
        Some(rotation) => json!({
            "replaces": rotation.replaces, "drops": rotation.drop.is_some(), "needs": rotation.needs,
        }),
        None => Value::Null,
    }
}

fn test_json(variant: &Variant) -> Value {
    match variant.proof() {
        Some((method, url)) => json!({ "method": method, "url": url }),
        None => Value::Null,
    }
}

fn as_json(service: &Service) -> Value {
    let main = service.main();
    let variants: Vec<Value> = service
        .variants
        .iter()
        .map(|variant| {
            let basis = variant.test.as_ref().and_then(|test| test.basis.as_deref());
            json!({
                "id": variant.id, "title": variant.title, "kind": variant.kind, "base_url": variant.base_url,
                "test": test_json(variant), "basis": basis, "not_testable": variant.not_testable,
                "key_url": variant.key_url, "rotation": rotation_json(variant), "metered": variant.metered, "lockout": variant.lockout,
                "origin": variant.origin, "confidence": variant.confidence.map(|confidence| confidence.word()),
            })
        })
        .collect();
    json!({
        "id": service.id,
        "name": service.name,
        "category": service.category,
        "kinds": service.kinds(),
        "test": main.map_or(Value::Null, test_json),
        "key_url": main.and_then(|variant| variant.key_url.as_deref()),
        "status_page": service.status_page,
        "origin": main.and_then(|variant| variant.origin.as_deref()),
        "confidence": main.and_then(|variant| variant.confidence).map(|confidence| confidence.word()),
        "docs": service.docs,
        "variants": variants,
    })
}

fn show(context: &Context, catalogue: &Catalogue, id: &str) -> Result<(), Problem> {
    let (id, variant) = catalogue::split(id);
    let service = catalogue.get(id).map_err(|error| {
        let problem = Problem::new(Exit::NotFound, "no_service", error.to_string());
        match nearest(id, catalogue.ids()) {
            Some(meant) => problem.hint(format!("did you mean {meant}?")),
            None => problem.hint("`credbench services WORD` searches"),
        }
    })?;
    let out = &context.output;
    if out.is_json() {
        out.json(&as_json(&service));
        return Ok(());
    }
    out.line(&out.paint(Tone::Strong, &format!("{} ({})", visible(&service.name), service.id)));
    let page = |word: &str, address: Option<&String>| {
        if let Some(address) = address {
            out.line(&format!("  {word:14} {}", visible(address)));
        }
    };
    page("reference", service.docs.as_ref());
    page("status page", service.status_page.as_ref());
    for one in service.variants.iter().filter(|one| variant.is_none_or(|wanted| one.id == wanted)) {
        out.line("");
        out.line(&format!("{}/{}: {}, kind {}", service.id, one.id, visible(&one.title), one.kind));
        page("base URL", one.base_url.as_ref());
        page("make the key at", one.key_url.as_ref());
        for field in &one.fields {
            let title = field.title.as_deref().unwrap_or_default();
            let marks = [(field.secret, "secret"), (!field.required, "optional")];
            let marks: Vec<&str> = marks.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
            let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
            out.line(&format!("  field          {}: {}{marks}", field.name, visible(title)));
        }
        out.line(&format!("  test           {}", visible(&in_short(one))));
        if let Some(rotation) = &one.rotation {
            out.line(&format!("  rotates        {}", visible(&rotates(rotation))));
        }
        if one.metered {
            out.line("  costs          each test costs quota or money");
        }
        if one.lockout {
            out.line("  lock-out       wrong tries lock the account");
        }
        page("note", one.note.as_ref());
    }
    Ok(())
}
