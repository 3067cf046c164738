//! `oauth-app`: the OAuth apps of the organization.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::OauthApp;
use super::manual::{self, Page};
use super::output::{Tone, visible};
use super::{Context, input, show};
use crate::model::{Document, Edit, OauthApp as App};
use crate::problem::{Exit, Problem};
use crate::session;
use crate::words::counted;

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "oauth-app list",
        examples: &[("credbench oauth-app list", "with how many credentials refer to each")],
        json: r#"[{…its document, secrets masked…,"credentials":[place]}]"#,
        faults: &[],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "oauth-app put",
        examples: &[("credbench oauth-app put --json-file app.json", "makes one, or changes it")],
        json: r#"{"name","done":"created"|"updated"|"unchanged"}"#,
        faults: &[],
        shared: &[&manual::READS, &manual::OPENS, &manual::SAVES, &manual::WRITES_DOCUMENTS],
    },
    Page {
        command: "oauth-app remove",
        examples: &[("credbench oauth-app remove google", "where no credential refers to it")],
        json: r#"{"name","done":"removed"}"#,
        faults: &[
            (Exit::NotFound, "no_oauth_app", "there is no OAuth app of that name"),
            (Exit::Refused, "in_use", "credentials refer to it"),
        ],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
];

pub(crate) fn run(context: &Context, action: &OauthApp) -> Result<ExitCode, Problem> {
    match action {
        OauthApp::List => list(context),
        OauthApp::Put { json_file } => put(context, json_file.as_deref().unwrap_or(Path::new("-"))),
        OauthApp::Remove { name } => remove(context, name),
    }
}

fn list(context: &Context) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let (out, document) = (&context.output, &opened.document);
    if out.is_json() {
        let apps: Vec<Value> = document.oauth_apps().iter().map(|app| row(document, app)).collect();
        out.json(&apps);
        return Ok(ExitCode::SUCCESS);
    }
    if document.oauth_apps().is_empty() {
        out.note("There are no OAuth apps yet.");
    }
    for app in document.oauth_apps() {
        let users = counted(document.oauth_app_users(app.name()).count(), "credential");
        out.line(&format!("{}  {users}", out.paint(Tone::Strong, &visible(app.name()))));
        let mut fields = session::fields(&app.content);
        fields.retain(|(name, _)| name != "name");
        for (name, address) in session::oauth_addresses(&app.content) {
            if !app.content.document.contains_key(name) {
                fields.push((name.to_owned(), format!("{address} (of the provider)")));
            }
        }
        show::print_fields(out, &fields);
    }
    Ok(ExitCode::SUCCESS)
}

/// The document as it was put, secrets masked, with who refers to it and where its addresses are.
fn row(document: &Document, app: &App) -> Value {
    let used_by: Vec<Value> = document
        .oauth_app_users(app.name())
        .map(|user| json!({ "solution": user.content.solution(), "key": user.content.key() }))
        .collect();
    json!({
        "name": app.name(), "document": app.content.document,
        "addresses": session::oauth_addresses(&app.content), "used_by": used_by,
    })
}

fn put(context: &Context, source: &Path) -> Result<ExitCode, Problem> {
    if source == Path::new("-") && std::io::stdin().is_terminal() {
        context.output.note("Reading a JSON document from the terminal; Ctrl-D ends it.");
    }
    let text = input::read_text(source)?;
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let change = session::oauth_app_change(&opened.document, &text, &input::name(source))?;
    drop(text);
    for notice in &change.notices {
        context.output.warning(&format!("{}: {}", change.name, notice.message));
    }
    let name = change.name.clone();
    let (edits, word) = match (&change.before, change.differs()) {
        (_, false) => (Vec::new(), "unchanged"),
        (None, true) => (vec![change.edit()], "created"),
        (Some(_), true) => (vec![change.edit()], "updated"),
    };
    let saved = opened.session.commit(edits, Timestamp::now())?;
    show::said(context, &saved, &json!({ "name": name, "done": word }), &format!("{name}  {word}"));
    Ok(ExitCode::SUCCESS)
}

fn remove(context: &Context, name: &str) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let app = session::oauth_app(&opened.document, name)?;
    let edit = Edit::SetOauthApp { name: name.to_owned(), before: Some(app.clone()), after: None };
    let saved = opened.session.commit(vec![edit], Timestamp::now())?;
    show::said(context, &saved, &json!({ "name": name, "done": "removed" }), &format!("{name}  removed"));
    Ok(ExitCode::SUCCESS)
}
