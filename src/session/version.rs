//! What a credential says field by field, what differs between two versions, and how an old one becomes the newest.

use serde_json::Value;

use crate::model::{Content, Credential, Edit, Placeholder, pointer};
use crate::problem::{Exit, Problem};
use crate::secret::MASK;

/// One field that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field, as `get` names it.
    pub field: String,
    /// What the first says; `None`: nothing. A secret is masked.
    pub before: Option<String>,
    /// What the second says.
    pub after: Option<String>,
    /// Either is a secret.
    pub secret: bool,
}

/// The fields that differ between two versions. Of secrets it says that they differ, never how.
pub fn differences(before: &Content, after: &Content) -> Vec<Difference> {
    let mut places: Vec<String> = Vec::new();
    for content in [before, after] {
        for (name, value) in &content.document {
            pointer::walk(&pointer::join("", name), value, &mut |place, value| {
                // A placeholder stands for one place; so does a list.
                let leaf = !value.is_object() || Placeholder::of(value).is_some();
                let inside = places.iter().any(|known| place.starts_with(&format!("{known}/")));
                if leaf && !inside && !places.iter().any(|known| known == place) {
                    places.push(place.to_owned());
                }
            });
        }
    }
    places
        .retain(|place| before.get(place) != after.get(place) || before.secret(place) != after.secret(place));
    let difference = |place: &String| Difference {
        field: field_name(place),
        before: shown(before, place),
        after: shown(after, place),
        secret: before.secret(place).is_some() || after.secret(place).is_some(),
    };
    places.iter().map(difference).collect()
}

fn shown(content: &Content, place: &str) -> Option<String> {
    let value = content.get(place)?;
    Some(match (Placeholder::of(value), value) {
        (Some(Placeholder::Stored), _) => MASK.to_owned(),
        (Some(Placeholder::Missing), _) => "missing".to_owned(),
        (None, Value::String(text)) => text.clone(),
        (None, other) => listed(other).unwrap_or_else(|| other.to_string()),
    })
}

/// Every field with what it says, as `get` and `--set` name it; secrets are masked.
pub fn fields(content: &Content) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in &content.document {
        if !matches!(name.as_str(), "key" | "solution" | "kind") {
            collect(&pointer::join("", name), value, &mut found);
        }
    }
    found
}

fn collect(place: &str, value: &Value, found: &mut Vec<(String, String)>) {
    let text = match value {
        Value::Object(_) if Placeholder::of(value) == Some(Placeholder::Stored) => MASK.to_owned(),
        Value::Object(_) if Placeholder::of(value) == Some(Placeholder::Missing) => {
            "(missing: enter it again)".to_owned()
        }
        Value::Object(members) => {
            for (name, value) in members {
                collect(&pointer::join(place, name), value, found);
            }
            return;
        }
        Value::String(text) => text.clone(),
        other => listed(other).unwrap_or_else(|| other.to_string()),
    };
    found.push((field_name(place), text));
}

/// A list of texts as one line.
fn listed(value: &Value) -> Option<String> {
    let texts: Option<Vec<&str>> = value.as_array()?.iter().map(Value::as_str).collect();
    texts.map(|texts| texts.join(", "))
}

/// A place in a document as people and options name it: `/config/placement/in` is `placement.in`.
pub fn field_name(place: &str) -> String {
    let steps: Vec<_> = pointer::steps(place).collect();
    let steps = if steps.len() > 1 && steps[0] == "config" { &steps[1..] } else { &steps[..] };
    steps.join(".")
}

/// The edit that makes an old version the newest: a new one with the old content, under today's key.
///
/// # Errors
/// Exit 4 where there is no such version, 5 where it is the newest already.
pub fn renewed(credential: &Credential, number: u32) -> Result<Edit, Problem> {
    let key = credential.content.key();
    if number == credential.version {
        return Err(Problem::new(
            Exit::Refused,
            "newest_version",
            format!("version {number} of {key} is the newest already"),
        ));
    }
    let content = credential.version_content(number).ok_or_else(|| {
        Problem::new(Exit::NotFound, "no_version", format!("{key} has no version {number}"))
            .hint(format!("`credbench history {key}` lists those it has"))
    })?;
    let mut content = content.clone();
    // The version is about what the credential says, not about where it is kept.
    for member in ["key", "solution"] {
        if let Some(value) = credential.content.document.get(member) {
            content.document.insert(member.to_owned(), value.clone());
        }
    }
    // Nor is it about the tokens that the server gave since: those of then may be spent.
    if content.holds_tokens_as(&credential.content) {
        content.set_tokens(&credential.content.tokens());
    }
    let base = Some(Box::new(credential.content.clone()));
    Ok(Edit::Update { id: credential.id.clone(), base, content })
}
