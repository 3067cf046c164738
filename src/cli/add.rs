//! `add`: one credential from options, with its secrets from files or from the terminal.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Add;
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::{Terminal, cancelled};
use super::{Context, input, kind_of, prove, show};
use crate::model::{Content, Id, pointer};
use crate::problem::{Exit, Problem};
use crate::schema::{Choices, Control, Field, Kind, Kinds, Names, Notice, catalogue};
use crate::secret::Secret;
use crate::session::{self, Change};
use crate::suggest::nearest;

/// Members that have an option of their own.
const OWN_OPTION: [(&str, &str); 3] =
    [("/key", "the first argument"), ("/kind", "--kind"), ("/solution", "--solution")];

/// Groups whose name may be left out before a field.
const GROUPS: [&str; 4] = ["/values", "/secrets", "/fields", "/tokens"];

pub(super) const PAGES: &[Page] = &[Page {
    command: "add",
    examples: &[
        ("credbench add billing.stripe --service stripe", "asks for what Stripe needs, tests it, stores it"),
        (
            "credbench add crm.key --kind api_key --set base_url=https://api.example.com --secret-file api_key=/run/key",
            "takes the key from a file, for scripts",
        ),
        (
            "credbench add tls --kind secret --secret-file values.key=server.key --no-test",
            "keeps a file that no request proves",
        ),
    ],
    json: r#"{"solution","key","done":"created","version":1}"#,
    faults: &[
        (Exit::Usage, "no_kind", "there is no such kind"),
        (Exit::Usage, "no_service", "the catalogue has no such service, and no kind was named"),
        (Exit::Usage, "which_variant", "the service has several ways in, or not the one that was named"),
        (Exit::Usage, "secret_in_argument", "--set names a secret field"),
        (Exit::Usage, "not_secret", "--secret-file names a field that is no secret"),
        (Exit::Usage, "no_field", "the kind has no such field"),
        (Exit::Usage, "which_field", "the field has several members"),
        (Exit::Usage, "invalid_value", "the value is of another type"),
        (Exit::Usage, "missing_secret", "a required secret is not given, and there is no terminal to ask on"),
    ],
    shared: &[
        &manual::READS,
        &manual::OPENS,
        &manual::FINDS,
        &manual::SAVES,
        &manual::WRITES_DOCUMENTS,
        &manual::TESTS,
    ],
}];

pub(crate) fn run(context: &Context, arguments: &Add) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let kind = &match (&arguments.kind, &arguments.service) {
        (Some(kind), _) => kind_of(&opened.kinds, kind)?,
        (None, service) => kind_of_service(&opened.kinds, service.as_deref().unwrap_or_default())?,
    };
    let mut content = Content::default();
    for (place, value) in [
        ("/solution", Some(setup.solution.as_str())),
        ("/key", Some(arguments.key.as_str())),
        ("/kind", Some(kind.id.as_str())),
        ("/name", arguments.name.as_deref()),
        ("/service", arguments.service.as_deref()),
    ] {
        if let Some(value) = value {
            content.set(place, Value::from(value));
        }
    }
    content.set("/config", Value::Object(serde_json::Map::new()));
    // What the service asks for besides, where the catalogue knows it.
    let kind = &opened.kinds.of_content(&content).unwrap_or_else(|| kind.clone());
    if let Some(Err(reason)) = kind.service() {
        context.output.warning(&reason.to_string());
    }
    set_fields(kind, &mut content, &arguments.set)?;
    // After what was said: it only fills what was not.
    let mut notices = kind.bind(&mut content);
    for text in &arguments.secret_file {
        let (place, secret) = secret_of_option(kind, text)?;
        notices.extend(give(kind, &mut content, &place, secret));
    }
    if !opened.document.has_solution(&setup.solution) {
        return Err(session::not_found(&opened.document, &setup.solution, &arguments.key));
    }
    if opened.document.find(&setup.solution, &arguments.key).is_some() {
        let message = format!("there is a credential {} in {} already", arguments.key, setup.solution);
        return Err(Problem::new(Exit::Refused, "exists", message)
            .hint(format!("`credbench show {}` shows it; `credbench put` changes it", arguments.key)));
    }
    // What is wrong with the rest is told before anybody types a secret.
    let names = session::names(&opened.document);
    ask_fields(kind, &mut content)?;
    check(kind, &content, &names)?;
    notices.extend(ask(kind, &mut content)?);
    check(kind, &content, &names)?;
    for notice in &notices {
        context.output.warning(&notice.message);
    }
    let change = Change { id: Id::new(), base: None, before: None, content, differs: true, notices };
    let tested =
        prove::before_saving(context, &setup, &opened, std::slice::from_ref(&change), arguments.no_test)?;
    let saved = opened.session.commit(change.edits(tested.into_iter().flatten().next()), Timestamp::now())?;
    show::said(
        context,
        &saved,
        &json!({ "solution": setup.solution, "key": arguments.key, "done": "created", "version": 1 }),
        &format!("{}  created, version 1", arguments.key),
    );
    Ok(ExitCode::SUCCESS)
}

/// The kind of the only way into a service, or of the one that is named.
fn kind_of_service(kinds: &Kinds, service: &str) -> Result<Arc<Kind>, Problem> {
    let (id, variant) = catalogue::split(service);
    let found = kinds.catalogue().get(id).map_err(|error| {
        let problem = usage("no_service", error.to_string());
        match nearest(id, kinds.catalogue().ids()) {
            Some(meant) => problem.hint(format!("did you mean {meant}? Or name its --kind")),
            None => problem.hint("`credbench services QUERY` finds one; or name its --kind"),
        }
    })?;
    let chosen = match (variant, found.variants.as_slice()) {
        (Some(variant), all) => all.iter().find(|known| known.id == variant),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some(chosen) = chosen else {
        let known: Vec<String> =
            found.variants.iter().map(|known| format!("{id}/{} ({})", known.id, known.kind)).collect();
        let message = match variant {
            Some(variant) => format!("the service {id} has no variant {variant:?}"),
            None => format!("there are several ways into {id}"),
        };
        return Err(usage("which_variant", message).hint(format!("--service takes {}", known.join(", "))));
    };
    kind_of(kinds, &chosen.kind)
}

/// The place and the secret that `--secret-file FIELD=PATH` names.
///
/// # Errors
/// Exit 2 for what is no such field, or no secret; files.
pub(super) fn secret_of_option(kind: &Kind, text: &str) -> Result<(String, Secret), Problem> {
    let (field, path) = split(text, "--secret-file", "PATH")?;
    let place = place_of(kind, field)?;
    if !kind.is_secret(&place) {
        return Err(usage("not_secret", format!("{field} is no secret")).hint(format!("use --set {field}=…")));
    }
    Ok((place, input::read_secret(Path::new(path))?))
}

fn usage(code: &'static str, message: String) -> Problem {
    Problem::new(Exit::Usage, code, message)
}

fn split<'a>(text: &'a str, option: &str, value: &str) -> Result<(&'a str, &'a str), Problem> {
    let parts = text.split_once('=').filter(|(field, rest)| !field.is_empty() && !rest.is_empty());
    // The text is not quoted: what stands there by mistake may be a secret.
    parts.ok_or_else(|| usage("usage", format!("{option} takes FIELD={value}")))
}

/// Takes the values of `--set` over, typed as the schema says.
pub(super) fn set_fields(kind: &Kind, content: &mut Content, set: &[String]) -> Result<(), Problem> {
    let mut given: Vec<String> = Vec::new();
    for text in set {
        let (field, text) = text
            .split_once('=')
            .filter(|(field, _)| !field.is_empty())
            .ok_or_else(|| usage("usage", "--set takes FIELD=VALUE".to_owned()))?;
        let place = place_of(kind, field)?;
        if kind.is_secret(&place) {
            return Err(usage(
                "secret_in_argument",
                format!("{field} is a secret: arguments can be seen by others"),
            )
            .hint(format!("leave it out to be asked, or use --secret-file {field}=PATH")));
        }
        if let Some((_, option)) = OWN_OPTION.iter().find(|(own, _)| *own == place) {
            return Err(usage("usage", format!("{field} is given as {option}")));
        }
        if text.is_empty() {
            continue;
        }
        let schema = kind.schema_at(&place).unwrap_or(&Value::Null);
        let mut value = typed(kind, &place, schema, field, text)?;
        if given.contains(&place) {
            match (content.get(&place), &mut value) {
                (Some(Value::Array(before)), Value::Array(more)) => {
                    value = Value::Array(before.iter().chain(more.iter()).cloned().collect());
                }
                _ => return Err(usage("usage", format!("--set {field} is given twice"))),
            }
        }
        given.push(place.clone());
        content.set(&place, value);
    }
    Ok(())
}

fn typed(kind: &Kind, place: &str, schema: &Value, field: &str, text: &str) -> Result<Value, Problem> {
    let wrong = |wanted: &str| usage("invalid_value", format!("{field} must be {wanted}"));
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Ok(Value::from(text)),
        Some("integer") => text.parse::<i64>().map(Value::from).map_err(|_| wrong("a whole number")),
        Some("number") => text.parse::<f64>().map(Value::from).map_err(|_| wrong("a number")),
        Some("boolean") => match text {
            "true" | "yes" => Ok(Value::from(true)),
            "false" | "no" => Ok(Value::from(false)),
            _ => Err(wrong("true or false")),
        },
        Some("array") => {
            let items = kind.schema_at(&format!("{place}/0")).unwrap_or(&Value::Null);
            if items.get("type").and_then(Value::as_str) == Some("object") {
                return serde_json::from_str(text).map_err(|_| wrong("a JSON array"));
            }
            let items = text.split(',').map(|item| typed(kind, place, items, field, item.trim()));
            items.collect::<Result<Vec<_>, _>>().map(Value::from)
        }
        Some("object") => {
            let steps = schema.get("properties").and_then(Value::as_object);
            let sample = steps.and_then(|members| members.keys().next()).map_or("NAME", String::as_str);
            Err(usage("which_field", format!("{field} has several members"))
                .hint(format!("set them one by one, such as --set {field}.{sample}=…")))
        }
        _ => Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))),
    }
}

/// The place that a field names: a path in `config`, else a member of the document.
fn place_of(kind: &Kind, field: &str) -> Result<String, Problem> {
    let path: String = field.split('.').map(|step| pointer::join("", step)).collect();
    let whole = pointer::join("", field);
    // A name in a table may itself have dots: what stands behind any of them may be one name.
    let dots = field.match_indices('.').map(|(at, _)| {
        let table: String = field[..at].split('.').map(|step| pointer::join("", step)).collect();
        format!("/config{table}{}", pointer::join("", &field[at + 1..]))
    });
    let direct = [format!("/config{path}")].into_iter().chain(dots);
    let grouped = GROUPS.iter().map(|group| format!("/config{group}{whole}"));
    direct
        .chain(grouped)
        .chain([path.clone()])
        .find(|place| place != "/config" && kind.schema_at(place).is_some())
        .ok_or_else(|| {
            let names: Vec<String> =
                kind.fields.iter().map(|field| session::field_name(&field.pointer)).collect();
            let hint = match nearest(field, names.iter().map(String::as_str)) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("{} has: {}", kind.id, names.join(", ")),
            };
            usage("no_field", format!("{} has no field {field:?}", kind.id)).hint(hint)
        })
}

pub(super) fn give(kind: &Kind, content: &mut Content, place: &str, secret: Secret) -> Vec<Notice> {
    let (secret, notice) = kind.tidy(place, secret);
    let hint = kind.hint(place, &secret, content.solution());
    content.set_secret(place, secret);
    notice.into_iter().chain(hint).collect()
}

pub(super) fn check(kind: &Kind, content: &Content, names: &Names) -> Result<(), Problem> {
    let mut found = kind.check(content);
    found.extend(kind.check_names(content, names));
    let Some(first) = found.first() else { return Ok(()) };
    let message = match found.len() {
        1 => first.to_string(),
        count => format!("the credential is not valid in {count} places"),
    };
    let causes = found.iter().skip_while(|_| found.len() == 1).map(ToString::to_string);
    Err(Problem::new(Exit::Invalid, "invalid_document", message)
        .causes(causes)
        .hint(format!("`credbench schema {}` prints what it may say; --set FIELD=VALUE sets it", kind.id)))
}

/// Asks for what the service needs to know besides, where somebody is there.
fn ask_fields(kind: &Kind, content: &mut Content) -> Result<(), Problem> {
    if !matches!(kind.service(), Some(Ok(_))) {
        return Ok(());
    }
    for field in &kind.fields_of(content) {
        let one = matches!(
            field.control,
            Control::Text { multiline: false } | Control::Number { .. } | Control::Choice(Choices::Fixed(_))
        );
        if !one || !field.required || field.fixed || content.get(&field.pointer).is_some() {
            continue;
        }
        let Some(mut terminal) = Terminal::attended() else { return Ok(()) };
        let sample = match (&field.control, &field.example) {
            (Control::Choice(Choices::Fixed(known)), _) => format!(" ({})", known.join(", ")),
            (_, Some(example)) => format!(" (such as {example})"),
            (_, None) => String::new(),
        };
        loop {
            let text = terminal.text(&format!("{}{sample}", field.label)).ok_or_else(cancelled)?;
            if text.is_empty() {
                return Err(empty(field));
            }
            let schema = kind.schema_at(&field.pointer).unwrap_or(&Value::Null);
            let wrong = match typed(kind, &field.pointer, schema, &field.label, &text) {
                Ok(value) => {
                    content.set(&field.pointer, value);
                    let found = kind.check(content).into_iter().find(|found| found.pointer == field.pointer);
                    found.map(|found| format!("{} {}", field.label, found.message))
                }
                Err(problem) => Some(problem.message),
            };
            match wrong {
                Some(wrong) => terminal.say(&visible(&wrong)),
                None => break,
            }
        }
    }
    Ok(())
}

/// Says where the key of the service is made.
pub(super) fn guide(kind: &Kind, content: &Content, terminal: &mut Terminal) {
    if let Some(page) = kind.page(content) {
        terminal.say(&format!("The key is made at {}", visible(&page.address)));
    }
    if let Some(note) = kind.note() {
        terminal.say(&visible(note));
    }
}

/// Asks for the secrets that were not given.
fn ask(kind: &Kind, content: &mut Content) -> Result<Vec<Notice>, Problem> {
    let mut notices = Vec::new();
    let missing = kind.missing(content);
    let mut terminal = Terminal::open();
    let mut guided = false;
    for field in &kind.fields_of(content) {
        let required = missing.contains(&field.pointer);
        let Some(terminal) = &mut terminal else {
            if required {
                return Err(without_terminal(field));
            }
            continue;
        };
        match field.control {
            // What a login gives is not typed.
            Control::Secret { .. } if kind.is_in_sealed(&field.pointer) => {}
            Control::Secret { multiline } if content.secret(&field.pointer).is_none() => {
                if !std::mem::replace(&mut guided, true) {
                    guide(kind, content, terminal);
                }
                let optional = if required { "" } else { ", empty for none" };
                let secret = ask_one(terminal, &format!("{}{optional}", field.label), multiline)?;
                match (secret.is_empty(), required) {
                    (true, true) => return Err(empty(field)),
                    (true, false) => {}
                    (false, _) => notices.extend(give(kind, content, &field.pointer, secret)),
                }
            }
            Control::Table { secret: true } if required => {
                let name = terminal.text(&format!("{}: name", field.label)).ok_or_else(cancelled)?;
                if name.is_empty() {
                    return Err(empty(field));
                }
                let secret = ask_one(terminal, &name, true)?;
                if secret.is_empty() {
                    return Err(empty(field));
                }
                notices.extend(give(kind, content, &pointer::join(&field.pointer, &name), secret));
            }
            _ => {}
        }
    }
    Ok(notices)
}

pub(super) fn ask_one(terminal: &mut Terminal, question: &str, lines: bool) -> Result<Secret, Problem> {
    if lines { terminal.secret_lines(question) } else { terminal.secret(question) }.ok_or_else(cancelled)
}

fn without_terminal(field: &Field) -> Problem {
    let name = session::field_name(&field.pointer);
    let sample = match field.control {
        Control::Table { .. } => format!("{name}.NAME"),
        _ => name.clone(),
    };
    usage("missing_secret", format!("{name} is not given, and there is no terminal to ask on"))
        .hint(format!("give it with --secret-file {sample}=PATH"))
}

fn empty(field: &Field) -> Problem {
    Problem::new(Exit::Failed, "cancelled", format!("{} is needed; nothing was changed", field.label))
}
