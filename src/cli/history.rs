//! `history KEY`: the versions of a credential, oldest first.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Context;
use super::args::Key;
use crate::model::{Content, pointer};
use crate::problem::Problem;
use crate::session;

pub(crate) fn run(context: &Context, arguments: &Key) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let mut versions: Vec<_> =
        credential.history.iter().map(|version| (version.number, version.at, &version.content)).collect();
    versions.push((credential.version, credential.updated_at, &credential.content));
    let out = &context.output;
    let mut rows = Vec::new();
    let mut before: Option<&Content> = None;
    for (number, at, content) in versions {
        let changed = before.map(|before| changed(before, content)).unwrap_or_default();
        if out.is_json() {
            let newest = number == credential.version;
            rows.push(json!({ "version": number, "at": at, "newest": newest, "changed": changed }));
        } else {
            let what = match before {
                None => "made".to_owned(),
                Some(_) if changed.is_empty() => "the same as before".to_owned(),
                Some(_) => format!("changed: {}", changed.join(", ")),
            };
            let at = at.strftime("%Y-%m-%d %H:%M:%S UTC");
            out.line(&format!("{number:>3}  {at}  {}", super::output::visible(&what)));
        }
        before = Some(content);
    }
    if out.is_json() {
        out.json(&rows);
    }
    Ok(ExitCode::SUCCESS)
}

/// The fields that differ between two versions, as `get` names them.
fn changed(before: &Content, after: &Content) -> Vec<String> {
    let mut places = Vec::new();
    for content in [before, after] {
        for (name, value) in &content.document {
            pointer::walk(&pointer::join("", name), value, &mut |place, value| {
                // A placeholder stands for one place; so does a list.
                let leaf = !value.is_object() || crate::model::Placeholder::of(value).is_some();
                let inside = places.iter().any(|known: &String| place.starts_with(&format!("{known}/")));
                if leaf && !inside && !places.iter().any(|known| known == place) {
                    places.push(place.to_owned());
                }
            });
        }
    }
    let value = |content: &Content, place: &str| -> Option<Value> { content.get(place).cloned() };
    places.retain(|place| {
        value(before, place) != value(after, place) || before.secret(place) != after.secret(place)
    });
    places.iter().map(|place| super::show::field_name(place)).collect()
}
