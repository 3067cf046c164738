//! One credential while it is edited: the form and the raw editor are two views of it.

mod keep;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::text::{self, Place, Positions, SyntaxError, place_of};
use super::{Absent, Kind, Kinds, Names, Notice, Read, Violation};
use crate::model::{Content, Credential, Edit, Id, pointer};
use crate::secret::Secret;

/// How the only member of a placeholder starts.
const PLACEHOLDER_KEY: &str = "\"$secret\": ";

/// The stored version that a draft started from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Of which credential.
    pub id: Id,
    /// Which version of it.
    pub version: u32,
}

/// An error in the text of the raw editor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// Where it starts.
    pub place: Place,
    /// The bytes of the text that it is about.
    pub range: std::ops::Range<usize>,
    /// The JSON pointer; empty for an error of the syntax.
    pub pointer: String,
    /// A sentence.
    pub message: String,
}

impl std::fmt::Display for TextError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        text::tell(f, self.place, &self.pointer, &self.message)
    }
}

/// What is found in the text of the raw editor before it is taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Everything wrong with it.
    pub errors: Vec<TextError>,
    /// The bytes of the secrets that stand in it as plain texts.
    pub secrets: Vec<std::ops::Range<usize>>,
}

/// A credential that is being edited; nothing of it is stored yet.
#[derive(Clone, Debug)]
pub struct Draft {
    base: Option<Base>,
    names: Names,
    original: Content,
    state: State,
    undo: Vec<State>,
    redo: Vec<State>,
    /// The place that was edited last: further edits there join its undo step.
    touched: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
struct State {
    content: Content,
    /// Places of secrets that were given since the draft began.
    entered: BTreeSet<String>,
}

impl Draft {
    /// An empty one for a new credential.
    pub fn new(kind: &Kind, solution: &str) -> Self {
        let mut content = Content::default();
        content.set("/key", Value::String(String::new()));
        content.set("/solution", Value::String(solution.to_owned()));
        content.set("/kind", Value::String(kind.id.clone()));
        if let Some(Ok(chosen)) = kind.service() {
            content.set("/service", Value::String(chosen.word()));
        }
        content.set("/config", Value::Object(serde_json::Map::new()));
        // What it starts with stands in the form: nothing need be told.
        kind.bind(&mut content);
        Self::starting(None, content)
    }

    /// One that changes a stored credential.
    pub fn of(credential: &Credential) -> Self {
        let base = Base { id: credential.id.clone(), version: credential.version };
        Self::starting(Some(base), credential.content.clone())
    }

    fn starting(base: Option<Base>, content: Content) -> Self {
        let state = State { content: content.clone(), entered: BTreeSet::new() };
        let names = Names::default();
        Self { base, names, original: content, state, undo: Vec::new(), redo: Vec::new(), touched: None }
    }

    /// Tells it what the vault has by name: [`Draft::check`] then finds names that are not there.
    pub fn know(&mut self, names: Names) {
        self.names = names;
    }

    /// What the vault has by name.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The stored version it started from; `None` for a new credential.
    pub fn base(&self) -> Option<&Base> {
        self.base.as_ref()
    }

    /// What it started from.
    pub fn original(&self) -> &Content {
        &self.original
    }

    /// Continues on another stored version, and says something else: what was decided between the two. A secret that
    /// is not the draft's own was not given in it.
    pub fn resolve(&mut self, version: u32, stored: Content, content: Content) {
        self.touched = None;
        self.step("");
        self.touched = None;
        let State { content: before, entered } = &mut self.state;
        entered.retain(|place| content.secret(place) == before.secret(place));
        *before = content;
        self.original = stored;
        if let Some(base) = &mut self.base {
            base.version = version;
        }
    }

    /// Takes over what another schema calls secret: that is one from then on, in what can be undone too.
    pub fn seal(&mut self, kind: &Kind) {
        kind.seal(&mut self.original);
        let states = self.undo.iter_mut().chain(&mut self.redo).chain([&mut self.state]);
        states.for_each(|state| kind.seal(&mut state.content));
    }

    /// What it says now.
    pub fn content(&self) -> &Content {
        &self.state.content
    }

    /// Its kind, where there is one of that name.
    pub fn kind(&self, kinds: &Kinds) -> Option<Arc<Kind>> {
        kinds.of_content(self.content())
    }

    /// Whether saving would change anything.
    pub fn is_changed(&self) -> bool {
        self.state.content != self.original
    }

    /// Whether the secret at a place was given since the draft began.
    pub fn is_entered(&self, place: &str) -> bool {
        self.state.entered.contains(place)
    }

    /// Puts a plain value at a place; an empty text, list or object, or `null`, clears it.
    pub fn set(&mut self, place: &str, value: Value) {
        let empty = match &value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        if empty {
            return self.clear(place);
        }
        if self.content().get(place) != Some(&value) {
            self.step(place);
            self.state.content.set(place, value);
        }
    }

    /// Puts a plain value at a place as it is: a table's entry may be an empty text.
    pub fn put(&mut self, place: &str, value: Value) {
        if self.content().get(place) != Some(&value) {
            self.step(place);
            self.state.content.set(place, value);
        }
    }

    /// Whether the stored version has a secret at a place, whatever the draft says now.
    pub fn is_stored(&self, place: &str) -> bool {
        self.original.secret(place).is_some()
    }

    /// Gives a secret anew. Says what was done to it.
    pub fn set_secret(&mut self, kind: &Kind, place: &str, secret: Secret) -> Option<Notice> {
        self.step(place);
        let (secret, notice) = kind.tidy(place, secret);
        let hint = kind.hint(place, &secret, self.content().solution());
        self.state.content.set_secret(place, secret);
        self.state.entered.insert(place.to_owned());
        match (notice, hint) {
            (Some(notice), Some(hint)) => {
                Some(Notice { message: format!("{}; {}", notice.message, hint.message), ..notice })
            }
            (notice, hint) => notice.or(hint),
        }
    }

    /// Takes a secret back to what is stored, or clears it where nothing is.
    pub fn reset_secret(&mut self, place: &str) {
        self.step(place);
        match self.original.secret(place) {
            Some(stored) => {
                self.state.content.set_secret(place, stored.clone());
            }
            None => self.state.content.clear_secret(place),
        }
        self.state.entered.remove(place);
    }

    /// Clears a place, and the objects around it that are empty then.
    pub fn clear(&mut self, place: &str) {
        if self.content().get(place).is_none() {
            return;
        }
        self.step(place);
        self.state.content.remove(place);
        self.state.entered.remove(place);
        let mut around = place;
        while let Some(at) = around.rfind('/') {
            around = &around[..at];
            let emptied = self.content().get(around).and_then(Value::as_object).is_some_and(|o| o.is_empty());
            if !emptied || matches!(around, "" | "/config") {
                break;
            }
            self.state.content.remove(around);
        }
    }

    /// Gives a member of a table another name; its value, secret or not, stays. Does nothing where the new
    /// name is taken.
    pub fn rename(&mut self, table: &str, from: &str, to: &str) {
        let (old, new) = (pointer::join(table, from), pointer::join(table, to));
        let Some(Value::Object(members)) = self.content().get(table).cloned() else { return };
        if from == to || members.contains_key(to) || !members.contains_key(from) {
            return;
        }
        self.step(&old);
        let secret = self.content().secret(&old).cloned();
        let renamed: serde_json::Map<_, _> = members
            .into_iter()
            .map(|(name, value)| if name == from { (to.to_owned(), value) } else { (name, value) })
            .collect();
        let kept: Vec<_> = renamed
            .keys()
            .filter_map(|name| {
                let place = pointer::join(table, name);
                self.content().secret(&place).map(|secret| (place, secret.clone()))
            })
            .collect();
        self.state.content.set(table, Value::Object(renamed));
        for (place, secret) in kept {
            self.state.content.set_secret(&place, secret);
        }
        if let Some(secret) = secret {
            self.state.content.set_secret(&new, secret);
        }
        if self.state.entered.remove(&old) {
            self.state.entered.insert(new);
        }
    }

    /// Takes the last step back. False where there is none.
    pub fn undo(&mut self) -> bool {
        self.touched = None;
        let Some(before) = self.undo.pop() else { return false };
        self.redo.push(std::mem::replace(&mut self.state, before));
        true
    }

    /// Takes the last undone step again. False where there is none.
    pub fn redo(&mut self) -> bool {
        self.touched = None;
        let Some(after) = self.redo.pop() else { return false };
        self.undo.push(std::mem::replace(&mut self.state, after));
        true
    }

    /// Ends the undo step that edits of one place join: the focus moved on.
    pub fn settle(&mut self) {
        self.touched = None;
    }

    fn step(&mut self, place: &str) {
        self.redo.clear();
        if self.touched.as_deref() != Some(place) {
            self.undo.push(self.state.clone());
            self.touched = Some(place.to_owned());
        }
    }

    /// The document as the raw editor shows it: secrets as placeholders, each on one line.
    pub fn text(&self) -> String {
        let pretty = serde_json::to_string_pretty(&self.content().document).unwrap_or_default();
        let mut text = String::with_capacity(pretty.len());
        let mut lines = pretty.split('\n').peekable();
        // Line breaks stand only between tokens, never inside a text: joining lines changes nothing it says.
        while let Some(line) = lines.next() {
            text.push_str(line);
            if let Some(placeholder) =
                lines.next_if(|next| line.ends_with('{') && next.trim_start().starts_with(PLACEHOLDER_KEY))
            {
                text.push_str(placeholder.trim_start());
                text.push_str(lines.next().map_or("", str::trim_start));
            }
            if lines.peek().is_some() {
                text.push('\n');
            }
        }
        text
    }

    /// Takes the raw editor's text over: strings at the places of secrets become secrets, a placeholder keeps
    /// what the draft has, a deleted one clears it. Says what was done.
    ///
    /// # Errors
    /// Why the text cannot be taken over; the draft is then as it was. A document that can be read but breaks
    /// its schema is taken over: see [`Draft::check`].
    pub fn set_text(&mut self, kinds: &Kinds, text: &str) -> Result<Vec<Notice>, Vec<TextError>> {
        let (kind, _, read) = self.read_text(kinds, text)?;
        if read.content != *self.content() || !read.entered.is_empty() {
            self.touched = None;
            self.step("");
            self.touched = None;
            self.state.entered.retain(|place| read.content.secret(place).is_some());
            self.state.entered.extend(read.entered);
            self.state.content = read.content;
        }
        let mut notices = read.notices;
        notices.extend(read.cleared.into_iter().map(|place| {
            let message = format!("{}: saving will clear this secret", kind.title_of(&place));
            Notice { pointer: place, message }
        }));
        Ok(notices)
    }

    /// What [`Draft::set_text`] and then [`Draft::check_text`] would say of a text; the draft stays as it is.
    pub fn inspect(&self, kinds: &Kinds, text: &str) -> Inspection {
        let (_, positions, read) = match self.read_text(kinds, text) {
            Ok(read) => read,
            Err(errors) => return Inspection { errors, secrets: Vec::new() },
        };
        let secrets = read.entered.iter().map(|place| positions.range(place)).collect();
        let mut entered = self.state.entered.clone();
        entered.retain(|place| read.content.secret(place).is_some());
        entered.extend(read.entered);
        let taken = Self {
            base: self.base.clone(),
            names: self.names.clone(),
            original: self.original.clone(),
            state: State { content: read.content, entered },
            undo: Vec::new(),
            redo: Vec::new(),
            touched: None,
        };
        let errors = taken.check(kinds);
        Inspection {
            errors: errors.iter().map(|violation| locate(text, &positions, violation)).collect(),
            secrets,
        }
    }

    fn read_text(&self, kinds: &Kinds, text: &str) -> Result<(Arc<Kind>, Positions, Read), Vec<TextError>> {
        let positions = Positions::read(text).map_err(|errors| syntax_errors(text, errors))?;
        let locate = |violation: &Violation| locate(text, &positions, violation);
        let whole = |message: &str| vec![locate(&Violation::new("", message))];
        let value: Value = serde_json::from_str(text).map_err(|_| whole("this is not a JSON document"))?;
        let Value::Object(document) = value else {
            return Err(whole("a credential is an object: { … }"));
        };
        let Some(kind) = kinds.of_document(&document) else {
            let message = format!("must be one of {}", kinds.names());
            return Err(vec![locate(&Violation::new("/kind", message))]);
        };
        let read = kind
            .read(document, Some(self.content()), Absent::Clears)
            .map_err(|violations| violations.iter().map(locate).collect::<Vec<_>>())?;
        Ok((kind, positions, read))
    }

    /// What is wrong with it, by pointer: the kind's checks, names that the vault does not
    /// have, and secrets that are bound to an address that
    /// was changed.
    pub fn check(&self, kinds: &Kinds) -> Vec<Violation> {
        let Some(kind) = self.kind(kinds) else {
            return vec![Violation::new("/kind", format!("must be one of {}", kinds.names()))];
        };
        let mut found = kind.check(self.content());
        found.extend(kind.check_names(self.content(), &self.names));
        if self.base.is_some()
            && let Some(change) = kinds.changed_origin(&self.original, self.content())
        {
            let title = kind.title_of(&change);
            for place in self.content().secrets.keys().filter(|place| !self.is_entered(place)) {
                found.push(Violation::new(place, format!("{title} changed: enter this secret again")));
            }
        }
        found
    }

    /// What is wrong with it, with the places in a text that [`Draft::set_text`] took over.
    pub fn check_text(&self, kinds: &Kinds, text: &str) -> Vec<TextError> {
        let positions = Positions::read(text).unwrap_or_default();
        self.check(kinds).iter().map(|violation| locate(text, &positions, violation)).collect()
    }

    /// The edit that stores it; `id` is the new credential's where it is one.
    pub fn edit(&self, id: Id) -> Edit {
        let content = self.content().clone();
        match &self.base {
            Some(base) => {
                Edit::Update { id: base.id.clone(), base: Some(Box::new(self.original.clone())), content }
            }
            None => Edit::Create { id, content },
        }
    }
}

/// What is wrong with the syntax of a text.
pub(super) fn syntax_errors(text: &str, errors: Vec<SyntaxError>) -> Vec<TextError> {
    let located = errors.into_iter().map(|error| {
        let offset = offset_of(text, error.place);
        let end = text[offset..].chars().next().map_or(offset, |c| offset + c.len_utf8());
        TextError { place: error.place, range: offset..end, pointer: error.pointer, message: error.message }
    });
    located.collect()
}

/// The place of a violation in a text.
pub(super) fn locate(text: &str, positions: &Positions, violation: &Violation) -> TextError {
    let range = positions.range(&violation.pointer);
    TextError {
        place: place_of(text, range.start),
        range,
        pointer: violation.pointer.clone(),
        message: match &violation.value {
            Some(value) => format!("{value} {}", violation.message),
            None => violation.message.clone(),
        },
    }
}

fn offset_of(text: &str, place: Place) -> usize {
    let line: usize = text.split_inclusive('\n').take(place.line - 1).map(str::len).sum();
    text[line..].char_indices().nth(place.column - 1).map_or(text.len(), |(at, _)| line + at)
}

#[cfg(test)]
mod tests;
