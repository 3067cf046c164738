//! `kinds` and `schema KIND`.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::args::{Kinds as Action, PutKind, Schema};
use super::manual::{self, Page};
use super::output::{Tone, visible};
use super::{Context, input, kind_of, show};
use crate::problem::{Exit, Problem};
use crate::schema::{Kind, Kinds};
use crate::session;

/// The name under which the schema of OAuth apps is asked for.
const OAUTH_APP: &str = "oauth_app";

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "kinds list",
        examples: &[("credbench kinds list", "all kinds, this vault's own with the others")],
        json: r#"[{"id","title","description","origin":"built-in"|"vault","unusable"?}]"#,
        faults: &[],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "kinds show",
        examples: &[("credbench kinds show api_key > mine.json", "a schema to start from")],
        json: "the JSON Schema of `config`",
        faults: &[(Exit::Usage, "no_kind", "there is no such kind")],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "kinds put",
        examples: &[
            ("credbench kinds put acme --from api_key", "starts a kind of your own"),
            (
                "credbench kinds put acme --json-file mine.json --dry-run",
                "says which credentials would no longer fit",
            ),
        ],
        json: r#"{"kind","done":"created"|"updated"|"unchanged","version","needs_attention":[{"solution","key"}],"dry_run"}"#,
        faults: &[
            (Exit::Usage, "kind_name", "that is no name for a kind"),
            (Exit::Usage, "no_kind", "there is no kind to copy"),
            (Exit::Refused, "exists", "a kind of that name comes with the program"),
        ],
        shared: &[&manual::READS, &manual::OPENS, &manual::SAVES, &manual::WRITES_DOCUMENTS],
    },
    Page {
        command: "kinds remove",
        examples: &[("credbench kinds remove acme", "where no credential is of it")],
        json: r#"{"kind","done":"removed"}"#,
        faults: &[
            (Exit::Refused, "in_use", "credentials are of it, in the trash too"),
            (Exit::Refused, "built_in", "it comes with the program"),
            (Exit::NotFound, "no_kind", "there is no such kind"),
        ],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
    Page {
        command: "schema",
        examples: &[
            ("credbench schema api_key", "what `put` takes, for an editor or a generator"),
            ("credbench schema oauth_app", "what `oauth-app put` takes"),
        ],
        json: "the JSON Schema, with or without it",
        faults: &[(Exit::Usage, "no_kind", "there is no such kind")],
        shared: &[&manual::OPENS],
    },
];

pub(crate) fn run(context: &Context, action: Option<&Action>) -> Result<ExitCode, Problem> {
    match action {
        None | Some(Action::List) => list(context),
        Some(Action::Show { kind }) => {
            context.output.json(&find(context, kind)?.source());
            Ok(ExitCode::SUCCESS)
        }
        Some(Action::Put(arguments)) => put(context, arguments),
        Some(Action::Remove { kind }) => remove(context, kind),
    }
}

fn list(context: &Context) -> Result<ExitCode, Problem> {
    let (out, kinds) = (&context.output, known(context)?);
    let unusable = || kinds.own().iter().filter(|kind| kind.unusable().is_some());
    let origin = |kind: &Kind| if kind.is_own() { "vault" } else { "built-in" };
    if out.is_json() {
        let row = |kind: &Arc<Kind>| {
            let mut row = json!({
                "id": kind.id, "title": kind.title, "description": kind.description, "origin": origin(kind),
            });
            if let Some(why) = kind.unusable() {
                row["unusable"] = why.into();
            }
            row
        };
        out.json(&kinds.iter().chain(unusable()).map(row).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    let width = kinds.iter().map(|kind| kind.id.len()).max().unwrap_or(0);
    for kind in kinds.iter() {
        let words = if kind.description.is_empty() { &kind.title } else { &kind.description };
        let mark = if kind.is_own() { out.paint(Tone::Faint, "  (this vault's own)") } else { String::new() };
        out.line(&format!("{:width$}  {}{mark}", kind.id, visible(words)));
    }
    for kind in unusable() {
        let why = format!("! cannot be used: {}", kind.unusable().unwrap_or_default());
        out.line(&format!("{:width$}  {}", visible(&kind.id), out.paint(Tone::Caution, &visible(&why))));
    }
    Ok(ExitCode::SUCCESS)
}

/// The kinds of the vault, where there is one that can be opened; else those that come with the program.
fn known(context: &Context) -> Result<Arc<Kinds>, Problem> {
    let setup = context.setup()?;
    if !setup.has_vault() {
        return Ok(Kinds::builtin().clone());
    }
    match context.open(&setup) {
        Ok(opened) => Ok(opened.kinds),
        Err(problem) if problem.exit == Exit::Locked => {
            let why = problem.message;
            context.output.warning(&format!("the vault's own kinds are not among them: {why}"));
            Ok(Kinds::builtin().clone())
        }
        Err(problem) => Err(problem),
    }
}

/// A kind by its name; for one that comes with the program no vault is opened.
fn find(context: &Context, id: &str) -> Result<Arc<Kind>, Problem> {
    match Kinds::builtin().get(id) {
        Some(kind) => Ok(kind.clone()),
        None => kind_of(&*known(context)?, id),
    }
}

pub(crate) fn schema(context: &Context, arguments: &Schema) -> Result<ExitCode, Problem> {
    // Not a kind of credential, but described and checked the same way.
    let kind = match arguments.kind.as_str() {
        OAUTH_APP => kind_of(Kinds::of_oauth_apps(), "")?,
        id => find(context, id)?,
    };
    context.output.json(kind.schema());
    Ok(ExitCode::SUCCESS)
}

fn put(context: &Context, arguments: &PutKind) -> Result<ExitCode, Problem> {
    let PutKind { kind: id, json_file, from, dry_run } = arguments;
    session::check_kind_id(id)?;
    let source = json_file.as_deref().unwrap_or(Path::new("-"));
    let given = match from {
        Some(_) => None,
        None => {
            if source == Path::new("-") && std::io::stdin().is_terminal() {
                context.output.note("Reading a JSON Schema from the terminal; Ctrl-D ends it.");
            }
            Some(input::read_text(source)?)
        }
    };
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let (text, name) = match (given, from) {
        (Some(text), _) => (text.as_str().to_owned(), input::name(source)),
        (None, from) => {
            let from = kind_of(&opened.kinds, from.as_deref().unwrap_or_default())?;
            (from.source().to_string(), from.id.clone())
        }
    };
    let change = session::kind_change(&opened.document, &opened.kinds, id, &text, &name)?;
    for misfit in &change.misfits {
        context.output.warning(&visible(&format!("will need attention: {misfit}")));
    }
    let word = match (change.base, change.differs) {
        (_, false) => "unchanged",
        (None, true) => "created",
        (Some(_), true) => "updated",
    };
    let misfits = change.misfits.iter();
    let misfits: Vec<_> =
        misfits.map(|misfit| json!({ "solution": misfit.solution, "key": misfit.key })).collect();
    let version = change.version();
    let (json, line) = (
        json!({ "kind": id, "done": word, "version": version, "needs_attention": misfits, "dry_run": dry_run }),
        format!("{id}  {word}, version {version}{}", if *dry_run { " (not saved)" } else { "" }),
    );
    let edits = if *dry_run { Vec::new() } else { change.edits() };
    let saved = opened.session.commit(edits, Timestamp::now())?;
    show::said(context, &saved, &json, &line);
    Ok(ExitCode::SUCCESS)
}

fn remove(context: &Context, id: &str) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let edit = session::kind_removal(&opened.document, id)?;
    let saved = opened.session.commit(vec![edit], Timestamp::now())?;
    show::said(context, &saved, &json!({ "kind": id, "done": "removed" }), &format!("{id}  removed"));
    Ok(ExitCode::SUCCESS)
}
