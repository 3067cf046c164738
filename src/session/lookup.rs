//! Which credential, and which of its secrets, a person or a program means.

use crate::model::{Content, Credential, Document, pointer};
use crate::problem::{Exit, Problem};
use crate::schema::{Kinds, hosts_of};
use crate::secret::Secret;
use crate::suggest::nearest;

/// The credential of a key.
///
/// # Errors
/// Exit 4; says when a removed one can be restored.
pub fn credential<'a>(document: &'a Document, solution: &str, key: &str) -> Result<&'a Credential, Problem> {
    document.find(solution, key).ok_or_else(|| not_found(document, solution, key))
}

/// What tells a credential apart whatever it is called, a line each: the hosts that its secrets go to, and its id.
pub fn identified(credential: &Credential) -> Vec<String> {
    let hosts = hosts_of(&credential.content);
    let hosts = (!hosts.is_empty()).then(|| format!("for {}", hosts.join(", ")));
    hosts.into_iter().chain([format!("id {}", credential.id)]).collect()
}

/// The problem of a solution that does not exist.
pub(super) fn no_solution(document: &Document, name: &str) -> Problem {
    let known: Vec<&str> = document.solutions.iter().map(|solution| solution.name.as_str()).collect();
    Problem::new(Exit::NotFound, "no_solution", format!("there is no solution {name:?}"))
        .hint(format!("there is: {}", known.join(", ")))
}

/// The problem of a key that nothing has.
pub fn not_found(document: &Document, solution: &str, key: &str) -> Problem {
    let problem = |message: String| Problem::new(Exit::NotFound, "no_credential", message);
    if !document.has_solution(solution) {
        return no_solution(document, solution);
    }
    if document.find_removed(solution, key).is_some() {
        return problem(format!("{key:?} was removed from {solution}"))
            .hint(format!("`credbench restore {key}` takes it back from the trash"));
    }
    let elsewhere = document.credentials.iter().find(|credential| credential.content.key() == key);
    let problem = problem(format!("there is no credential {key:?} in {solution}"));
    if let Some(other) = elsewhere {
        return problem.hint(format!("{} has one: add --solution {0}", other.content.solution()));
    }
    match nearest(key, super::residents(document, solution).map(|known| known.content.key())) {
        Some(meant) => {
            problem.hint(format!("did you mean {meant}? `credbench list` shows the keys there are"))
        }
        None => problem.hint("`credbench list` shows the keys there are"),
    }
}

/// The pointer of the secret or field that is meant: a path in `config`, of which a leading `values`,
/// `secrets`, `fields` or `tokens` may be left out; without one, the kind's main secret.
///
/// # Errors
/// Exit 4 for a field that is not there, 2 where one must be named.
pub fn secret_place(kinds: &Kinds, content: &Content, field: Option<&str>) -> Result<String, Problem> {
    let key = content.key();
    let Some(field) = field else {
        let main = kinds.of_content(content).and_then(|kind| kind.main_secret(content));
        return main.ok_or_else(|| match fields(content) {
            names if names.is_empty() => {
                Problem::new(Exit::NotFound, "no_secret", format!("{key} has no secret stored"))
                    .hint(format!("`credbench show {key}` shows what it has"))
            }
            names => Problem::new(Exit::Usage, "which_field", format!("{key} has several values: name one"))
                .hint(format!("it has: {}", names.join(", "))),
        });
    };
    let path: String = field.split('.').map(|step| pointer::join("", step)).collect();
    // A name in a table may itself have dots, so the whole field is tried as one step too.
    let whole = pointer::join("", field);
    let groups = ["", "/values", "/secrets", "/fields", "/tokens"];
    let split = field.split_once('.').map(|(group, rest)| format!("/{group}{}", pointer::join("", rest)));
    groups
        .iter()
        .flat_map(|group| [format!("/config{group}{path}"), format!("/config{group}{whole}")])
        .chain(split.map(|rest| format!("/config{rest}")))
        .find(|place| content.get(place).is_some())
        .ok_or_else(|| {
            Problem::new(Exit::NotFound, "no_field", format!("{key} has no field {field:?}"))
                .hint(format!("it has: {}", fields(content).join(", ")))
        })
}

/// The value at a field, secret or not, with its pointer.
///
/// # Errors
/// As [`secret_place`]; exit 4 where the secret is missing.
pub fn value(kinds: &Kinds, content: &Content, field: Option<&str>) -> Result<(String, Secret), Problem> {
    let place = secret_place(kinds, content, field)?;
    secret_at(kinds, content, &place).map(|secret| (place, secret))
}

fn secret_at(kinds: &Kinds, content: &Content, place: &str) -> Result<Secret, Problem> {
    if let Some(secret) = content.secret(place) {
        return Ok(secret.clone());
    }
    let kind = kinds.of_content(content);
    let obtained = kind.as_ref().and_then(|kind| kind.how_to_obtain(place));
    let missing = || {
        let name = place.strip_prefix("/config/").unwrap_or(place).replace('/', ".");
        Problem::new(
            Exit::NotFound,
            "missing_secret",
            match obtained {
                Some(_) => format!("{} has no {name} yet", content.key()),
                None => format!("{} has no {name} yet: it is incomplete", content.key()),
            },
        )
        .hint(obtained.unwrap_or("enter it in the workbench, or with `credbench put`"))
    };
    match content.get(place) {
        None => Err(missing()),
        Some(value) if crate::model::Placeholder::of(value).is_some() => Err(missing()),
        Some(serde_json::Value::String(text)) => {
            // A service's address with places for values is of use only with them.
            let whole = kind.as_ref().filter(|_| place == "/config/base_url");
            let whole = whole.and_then(|kind| crate::probe::base_url(kind, content));
            Ok(whole.map_or_else(|| Secret::from(text.as_str()), Secret::new))
        }
        // A group of fields is no value: its members are named instead.
        Some(serde_json::Value::Object(_)) => Err(Problem::new(
            Exit::Usage,
            "which_field",
            format!("{} has several values there: name one", content.key()),
        )
        .hint(format!("it has: {}", fields(content).join(", ")))),
        Some(value) => Ok(Secret::new(value.to_string())),
    }
}

/// What can be asked for by name, secrets first.
fn fields(content: &Content) -> Vec<String> {
    let name = |place: &str| {
        let steps: Vec<_> = pointer::steps(place).skip(1).map(std::borrow::Cow::into_owned).collect();
        let short = match steps.first().map(String::as_str) {
            Some("values" | "secrets" | "fields" | "tokens") if steps.len() > 1 => &steps[1..],
            _ => &steps[..],
        };
        short.join(".")
    };
    let mut names: Vec<String> = content.secrets.keys().map(|place| name(place)).collect();
    if let Some(config) = content.document.get("config") {
        pointer::walk("/config", config, &mut |place, value| {
            if !value.is_object() && !value.is_array() && place != "/config" {
                names.push(name(place));
            }
        });
    }
    names.dedup();
    names.retain(|name| name != crate::model::PLACEHOLDER && !name.ends_with(".$secret"));
    names
}
