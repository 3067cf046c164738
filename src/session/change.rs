//! What a JSON document would change: `put`, `add` and the sample data go through here.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::lookup::no_solution;
use crate::model::{Content, Credential, Document, Edit, Id, Object, TestRecord};
use crate::problem::{Exit, Problem};
use crate::schema::text::Positions;
use crate::schema::{Absent, Kind, Kinds, Known, Names, Notice, Violation};

/// One credential that a document creates or changes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The credential's stable name, new or stored.
    pub id: Id,
    /// The stored version that is changed; `None`: it is created.
    pub base: Option<u32>,
    /// What that version says.
    pub before: Option<Box<Content>>,
    /// What it will say.
    pub content: Content,
    /// Whether it differs from what is stored.
    pub differs: bool,
    /// What was done to the document, to be told.
    pub notices: Vec<Notice>,
}

impl Change {
    /// The version that it will make.
    pub fn version(&self) -> u32 {
        self.base.map_or(1, |base| base + 1)
    }

    /// The edits that store it, with the test that was run before where there was one. A document that
    /// changes nothing makes no version.
    pub fn edits(self, tested: Option<TestRecord>) -> Vec<Edit> {
        let record = |id: &Id, version: u32| {
            tested.map(|record| Edit::RecordTest { id: id.clone(), record: TestRecord { version, ..record } })
        };
        let version = self.version();
        let (first, test) = match self.base {
            None => (Some(Edit::Create { id: self.id.clone(), content: self.content }), record(&self.id, 1)),
            Some(base) if !self.differs => (None, record(&self.id, base)),
            Some(_) => {
                let update = Edit::Update { id: self.id.clone(), base: self.before, content: self.content };
                (Some(update), record(&self.id, version))
            }
        };
        first.into_iter().chain(test).collect()
    }
}

/// What a vault has by name, for the fields of `x-choices`.
pub fn names(document: &Document) -> Names {
    let solutions = document.solutions.iter().map(|solution| solution.name.clone());
    let apps = document.oauth_apps().iter().map(|app| app.name().to_owned());
    Names::default().with("solutions", solutions).with("apps", apps).knowing(Known::of(document))
}

/// Reads a JSON text of one credential document, or of an array of them, against the vault.
///
/// `solution` is meant where a document names none. `from` names the text in messages.
///
/// # Errors
/// Exit 7 with every violation (line, column, pointer), 4 for an unknown solution, 5 for an address that
/// changed without its secret given anew.
pub fn changes(
    document: &Document,
    kinds: &Kinds,
    text: &str,
    solution: &str,
    from: &str,
) -> Result<Vec<Change>, Problem> {
    let positions = Positions::read(text).map_err(|errors| unread(from, &errors))?;
    let names = names(document);
    let stored = document.by_place();
    let reader = Reader { document, stored, kinds, text, solution, from, positions, names };
    let value: Value = serde_json::from_str(text).map_err(|error| {
        invalid(vec![format!("{from}: line {}: this is not a JSON document", error.line())])
    })?;
    let read: Vec<Change> = match value {
        Value::Array(items) => {
            let mut read = Vec::new();
            let mut violations = Vec::new();
            for (index, item) in items.into_iter().enumerate() {
                match reader.one(item, &format!("/{index}")) {
                    Ok(change) => read.push(change),
                    Err(Refused::Invalid(more)) => violations.extend(more),
                    Err(Refused::Problem(problem)) => return Err(problem),
                }
            }
            if !violations.is_empty() {
                return Err(invalid(violations));
            }
            read
        }
        item => vec![reader.one(item, "").map_err(|refused| match refused {
            Refused::Invalid(violations) => invalid(violations),
            Refused::Problem(problem) => problem,
        })?],
    };
    let mut places = BTreeSet::new();
    for change in &read {
        let place = (change.content.solution().to_owned(), change.content.key().to_owned());
        if let Some((solution, key)) = places.replace(place) {
            return Err(invalid(vec![format!("{from}: {solution}/{key} stands in it twice")]));
        }
    }
    Ok(read)
}

enum Refused {
    Invalid(Vec<String>),
    Problem(Problem),
}

struct Reader<'a> {
    document: &'a Document,
    stored: HashMap<(&'a str, &'a str), &'a Credential>,
    kinds: &'a Kinds,
    text: &'a str,
    solution: &'a str,
    from: &'a str,
    positions: Positions,
    names: Names,
}

impl Reader<'_> {
    fn one(&self, value: Value, at: &str) -> Result<Change, Refused> {
        let Value::Object(mut object) = value else {
            return Err(self.violations(at, &[Violation::new("", "a credential is an object")]));
        };
        if !object.contains_key("solution") {
            object.insert("solution".to_owned(), Value::String(self.solution.to_owned()));
        }
        let text = |member: &str| object.get(member).and_then(Value::as_str).unwrap_or_default();
        // Of a kind that cannot be used, what is there can be changed; what is new would hold secrets in clear.
        let stored = |kind: &Kind| {
            let known = self.stored.get(&(text("solution"), text("key")));
            known.is_some_and(|known| known.content.kind() == kind.id)
        };
        let kind = self.kinds.of_document(&object);
        let Some(kind) = kind.filter(|kind| kind.unusable().is_none() || stored(kind)) else {
            let message = match object.get("kind") {
                None => "is required".to_owned(),
                Some(_) => format!("must be one of {}", self.kinds.names()),
            };
            let value = object.get("kind").filter(|value| value.is_string()).map(Value::to_string);
            return Err(self.violations(at, &[Violation { value, ..Violation::new("/kind", message) }]));
        };
        let (solution, key) = (text("solution").to_owned(), text("key").to_owned());
        if !self.document.has_solution(&solution) && object.get("solution").is_some_and(Value::is_string) {
            return Err(Refused::Problem(no_solution(self.document, &solution)));
        }
        let stored = self.stored.get(&(solution.as_str(), key.as_str())).copied();
        self.read(&kind, object, stored, at)
    }

    fn read(
        &self,
        kind: &Kind,
        object: Object,
        stored: Option<&Credential>,
        at: &str,
    ) -> Result<Change, Refused> {
        let base = stored.map(|credential| &credential.content);
        let read = kind.read(object, base, Absent::Keeps).map_err(|found| self.violations(at, &found))?;
        let mut found = kind.check(&read.content);
        found.extend(kind.check_names(&read.content, &self.names));
        if !found.is_empty() {
            return Err(self.violations(at, &found));
        }
        if let Some(base) = base
            && let Some(place) = self.kinds.changed_origin(base, &read.content)
            && let Some(kept) = read.content.secrets.keys().find(|place| !read.entered.contains(*place))
        {
            return Err(Refused::Problem(origin_changed(kind, read.content.key(), &place, kept)));
        }
        let mut notices = read.notices;
        let fresh = |place: &str| base.is_none_or(|base| base.get(place) != read.content.get(place));
        let like = self.names.known().notices(&read.content).into_iter();
        notices.extend(like.filter(|notice| fresh(&notice.pointer)));
        Ok(Change {
            id: stored.map_or_else(Id::new, |credential| credential.id.clone()),
            base: stored.map(|credential| credential.version),
            differs: base != Some(&read.content),
            before: base.map(|base| Box::new(base.clone())),
            content: read.content,
            notices,
        })
    }

    fn violations(&self, at: &str, found: &[Violation]) -> Refused {
        let lines = found.iter().map(|violation| {
            let whole = Violation { pointer: format!("{at}{}", violation.pointer), ..violation.clone() };
            located(self.from, self.text, &self.positions, &whole)
        });
        Refused::Invalid(lines.collect())
    }
}

/// A violation with its place in a text.
pub(super) fn located(from: &str, text: &str, positions: &Positions, violation: &Violation) -> String {
    let start = positions.range(&violation.pointer).start;
    format!("{from}: {}: {violation}", crate::schema::text::place_of(text, start))
}

/// The problem of a text that cannot be read: each mistake with its place.
pub(super) fn unread(from: &str, mistakes: &[impl std::fmt::Display]) -> Problem {
    invalid(mistakes.iter().map(|mistake| format!("{from}: {mistake}")).collect())
}

/// The problem of a document that is not valid.
pub(super) fn invalid(mut causes: Vec<String>) -> Problem {
    let message = match causes.len() {
        1 => causes.remove(0),
        count => format!("the document is not valid in {count} places"),
    };
    Problem::new(Exit::Invalid, "invalid_document", message)
        .causes(causes)
        .hint("`credbench schema KIND` prints what a document of that kind may say")
}

fn origin_changed(kind: &Kind, key: &str, place: &str, secret: &str) -> Problem {
    let (address, secret) = (kind.title_of(place), kind.title_of(secret));
    Problem::new(
        Exit::Refused,
        "origin_changed",
        format!("{key}: {address} names another host, scheme or port, and {secret} was not given anew"),
    )
    .hint("a secret belongs to its address: give both together")
}
