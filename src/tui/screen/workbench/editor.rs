//! The side panel while a credential is edited: one draft, shown as a form or as JSON.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::model::{Content, Credential, Document, Edit, Id, TestRecord};
use crate::schema::{Draft, Kind, Kinds, Notice, TextError, Violation};
use crate::session;
use crate::tui::app::{Shared, Tone};
use crate::tui::form::{Form, Handled};
use crate::tui::message::Ticket;
use crate::tui::raw::RawEditor;

/// How the draft is shown.
enum View {
    Form(Box<Form>),
    Raw(Box<RawEditor>),
}

/// How far a save is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Saving {
    /// There is none.
    No,
    /// The draft is tested first.
    Testing(Ticket),
    /// It is being stored.
    Storing,
}

/// A draft on the screen.
pub(super) struct Editor {
    pub(super) id: Id,
    pub(super) draft: Draft,
    view: View,
    /// The kind as it was when the view was made.
    kind: Option<Arc<Kind>>,
    pub(super) saving: Saving,
    /// Counts the changes, so that a result is known to be of an older state.
    pub(super) revision: u64,
    /// What the test before saving found; stored with the draft.
    pub(super) tested: Option<TestRecord>,
    /// Errors are shown from the first try to save or test on: an empty form is no error yet.
    checked: bool,
}

/// The words of `x-choices`.
fn choices(document: &Document) -> impl Fn(&str) -> Vec<String> {
    let names = session::names(document);
    move |word| names.get(word).unwrap_or_default().to_vec()
}

impl Editor {
    /// A draft of a new credential.
    pub(super) fn begin(kind: &Arc<Kind>, solution: &str, document: &Document) -> Self {
        let mut draft = Draft::new(kind, solution);
        draft.know(session::names(document));
        let form = Form::new(kind, &draft, &choices(document));
        Self { kind: Some(kind.clone()), ..Self::with(Id::new(), draft, View::Form(Box::new(form)), false) }
    }

    /// A draft of a stored credential. `None` where there is no form for it: its kind is not known.
    pub(super) fn of(credential: &Credential, kinds: &Kinds, document: &Document) -> Option<Self> {
        let mut draft = Draft::of(credential);
        draft.know(session::names(document));
        let kind = draft.kind(kinds)?;
        let form = Form::new(&kind, &draft, &choices(document));
        let mut editor = Self::with(credential.id.clone(), draft, View::Form(Box::new(form)), true);
        editor.kind = Some(kind);
        editor.check(kinds);
        Some(editor)
    }

    fn with(id: Id, draft: Draft, view: View, checked: bool) -> Self {
        Self { id, draft, view, saving: Saving::No, revision: 0, tested: None, checked, kind: None }
    }

    /// Takes over what the kinds say now: the schema of the draft's kind may have been changed meanwhile.
    pub(super) fn follow_kinds(&mut self, shared: &mut Shared, document: &Document) {
        let kind = self.draft.kind(&shared.kinds);
        let same = match (&kind, &self.kind) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (now, before) => now.is_none() && before.is_none(),
        };
        if same {
            return;
        }
        if let View::Form(form) = &mut self.view {
            tell(&form.settle(&mut self.draft, &shared.kinds), shared);
        }
        self.kind.clone_from(&kind);
        let Some(kind) = kind else { return };
        self.draft.seal(&kind);
        match &mut self.view {
            View::Form(form) => **form = Form::new(&kind, &self.draft, &choices(document)),
            View::Raw(raw) => raw.recheck(),
        }
        self.checked = true;
        self.changed(&shared.kinds);
    }

    pub(super) fn is_raw(&self) -> bool {
        matches!(self.view, View::Raw(_))
    }

    /// Whether leaving would lose something.
    pub(super) fn is_dirty(&self) -> bool {
        self.draft.is_changed()
            || match &self.view {
                View::Raw(raw) => raw.is_changed(),
                View::Form(_) => false,
            }
    }

    /// Whether printable keys are text now.
    pub(super) fn is_text(&self) -> bool {
        match &self.view {
            View::Form(form) => form.is_editing_text(),
            View::Raw(raw) => raw.is_editing_text(),
        }
    }

    /// Gives a key to the view. False where it means nothing there.
    pub(super) fn key(&mut self, key: KeyEvent, shared: &mut Shared, document: &Document) -> bool {
        let handled = match &mut self.view {
            View::Form(form) => form.handle_key(key, &mut self.draft, &shared.kinds),
            View::Raw(raw) => raw.handle_key(key),
        };
        if let View::Form(form) = &mut self.view {
            tell(&form.take_notices(), shared);
        }
        match handled {
            Handled::Ignored => return false,
            Handled::Consumed => {}
            Handled::Changed => self.changed(&shared.kinds),
            Handled::EditAsJson(place) => {
                self.switch(shared, document);
                if let View::Raw(raw) = &mut self.view {
                    raw.goto(&place);
                }
            }
        }
        true
    }

    /// Gives the view a key by its name.
    pub(super) fn press(&mut self, code: KeyCode, shared: &mut Shared, document: &Document) -> bool {
        self.key(KeyEvent::new(code, KeyModifiers::NONE), shared, document)
    }

    pub(super) fn paste(&mut self, text: &str, shared: &mut Shared) {
        let notices = match &mut self.view {
            View::Form(form) => form.paste(text, &mut self.draft, &shared.kinds),
            View::Raw(raw) => raw.paste(text),
        };
        tell(&notices, shared);
        self.changed(&shared.kinds);
    }

    fn changed(&mut self, kinds: &Kinds) {
        self.revision += 1;
        self.tested = None;
        self.check(kinds);
    }

    /// Shows what is wrong beside the fields.
    fn check(&mut self, kinds: &Kinds) {
        if let View::Form(form) = &mut self.view
            && self.checked
        {
            form.set_violations(&self.draft.check(kinds));
        }
    }

    pub(super) fn undo(&mut self, kinds: &Kinds, redo: bool) -> bool {
        let done = match (&mut self.view, redo) {
            (View::Form(form), false) => form.undo(&mut self.draft, kinds),
            (View::Form(form), true) => form.redo(&mut self.draft, kinds),
            (View::Raw(raw), false) => raw.undo(),
            (View::Raw(raw), true) => raw.redo(),
        };
        if done {
            self.changed(kinds);
        }
        done
    }

    /// Takes over what is half typed. False where the JSON cannot be taken over; that is told.
    pub(super) fn settle(&mut self, shared: &mut Shared) -> bool {
        let before = self.draft.content().clone();
        let settled = match &mut self.view {
            View::Form(form) => Ok(form.settle(&mut self.draft, &shared.kinds)),
            View::Raw(raw) => raw.take(&mut self.draft, &shared.kinds),
        };
        if *self.draft.content() != before {
            self.changed(&shared.kinds);
        }
        match settled {
            Ok(notices) => {
                tell(&notices, shared);
                true
            }
            Err(errors) => {
                shared.tell(Tone::Bad, errors.first().map(told).unwrap_or_default());
                false
            }
        }
    }

    /// Shows the form as JSON, or the JSON as a form.
    pub(super) fn switch(&mut self, shared: &mut Shared, document: &Document) {
        if !self.settle(shared) {
            return;
        }
        let view = match &self.view {
            View::Form(_) => RawEditor::open(&self.draft, &shared.kinds).map(|raw| View::Raw(Box::new(raw))),
            View::Raw(_) => match self.draft.kind(&shared.kinds) {
                Some(kind) => Ok(View::Form(Box::new(Form::new(&kind, &self.draft, &choices(document))))),
                None => Err("there is no form for this kind".to_owned()),
            },
        };
        match view {
            Ok(view) => {
                self.view = view;
                self.kind = self.draft.kind(&shared.kinds);
                self.check(&shared.kinds);
            }
            Err(why) => shared.tell(Tone::Bad, why),
        }
    }

    /// Whether the draft may be stored or tested; what is wrong with it is shown and told.
    pub(super) fn is_valid(&mut self, shared: &mut Shared, document: &Document) -> bool {
        if !self.settle(shared) {
            return false;
        }
        self.checked = true;
        // Another screen or another program may have added or renamed what it refers to.
        self.draft.know(session::names(document));
        let mut violations = self.draft.check(&shared.kinds);
        let content = self.draft.content();
        if document.find(content.solution(), content.key()).is_some_and(|other| other.id != self.id) {
            violations.push(Violation::new(Content::KEY, format!("is taken in {}", content.solution())));
        }
        self.show(&violations, shared);
        violations.is_empty()
    }

    /// Shows what is wrong, and moves to the first of it.
    pub(super) fn show(&mut self, violations: &[Violation], shared: &mut Shared) {
        let Some(first) = violations.first() else {
            return self.check(&shared.kinds);
        };
        let more = match violations.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        match &mut self.view {
            View::Form(form) => {
                form.set_violations(violations);
                form.focus_first_error(&mut self.draft, &shared.kinds);
                let title = self.draft.kind(&shared.kinds).map(|kind| kind.title_of(&first.pointer));
                let title = title.unwrap_or_else(|| first.pointer.clone());
                shared.tell(Tone::Bad, format!("{title} {}{more}", first.message));
            }
            View::Raw(raw) => {
                raw.goto(&first.pointer);
                let text = self.draft.text();
                let errors = self.draft.check_text(&shared.kinds, &text);
                let place = errors.iter().find(|error| error.pointer == first.pointer).map(told);
                shared.tell(Tone::Bad, place.unwrap_or_else(|| format!("{first}{more}")));
            }
        }
    }

    /// Moves to what the failed test is most likely about.
    pub(super) fn focus_secret(&mut self, kinds: &Kinds) {
        let place = self.draft.kind(kinds).and_then(|kind| kind.main_secret(self.draft.content()));
        if let (Some(place), View::Form(form)) = (place, &mut self.view) {
            form.focus(&place, &mut self.draft, kinds);
        }
    }

    /// The place of the secret that has the focus, and whether it was typed since the draft began.
    pub(super) fn focused_secret(&self) -> Option<(String, bool)> {
        let View::Form(form) = &self.view else { return None };
        let place = form.focused_secret()?;
        let entered = self.draft.is_entered(&place);
        Some((place, entered))
    }

    pub(super) fn reveal(&mut self, place: Option<String>) {
        if let View::Form(form) = &mut self.view {
            form.reveal(place);
        }
    }

    /// The edits that store the draft, with the test that was run before.
    pub(super) fn edits(&self) -> Vec<Edit> {
        let version = self.draft.base().map_or(1, |base| base.version + 1);
        let record = self
            .tested
            .clone()
            .map(|record| Edit::RecordTest { id: self.id.clone(), record: TestRecord { version, ..record } });
        std::iter::once(self.draft.edit(self.id.clone())).chain(record).collect()
    }

    pub(super) fn draw(
        &mut self,
        area: Rect,
        buf: &mut Buffer,
        shared: &Shared,
        focused: bool,
    ) -> Option<Position> {
        match &mut self.view {
            View::Form(form) => form.render(&self.draft, &shared.kinds, area, buf, &shared.theme, focused),
            View::Raw(raw) => raw.render(&self.draft, &shared.kinds, area, buf, &shared.theme, focused),
        }
    }
}

fn told(error: &TextError) -> String {
    let pointer = if error.pointer.is_empty() { String::new() } else { format!("{}: ", error.pointer) };
    format!("{}: {pointer}{}", error.place, error.message)
}

fn tell(notices: &[Notice], shared: &mut Shared) {
    if !notices.is_empty() {
        let texts: Vec<&str> = notices.iter().map(|notice| notice.message.as_str()).collect();
        shared.tell(Tone::Plain, texts.join(" · "));
    }
}
