//! One draft on the screen, as a form or as JSON: keys, paste, undo, the switch between the two, and marks where
//! something is wrong. What is edited and what becomes of it is its screen's matter.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::app::{Shared, Tone};
use super::form::{Form, Handled};
use super::keymap::{Context, Key};
use super::paint;
use super::raw::RawEditor;
use super::theme::Theme;
use crate::model::{Content, KeptContent};
use crate::schema::{Draft, Kind, Kinds, Names, Notice, TextError, Violation};
use crate::secret::Secret;

/// How the draft is shown.
enum View {
    Form(Box<Form>),
    Raw(Box<RawEditor>),
}

/// What a draft's kind does not know of it.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Everything wrong with it.
    pub check: fn(&Draft, &Kinds) -> Vec<Violation>,
    /// What fields mean while they are empty, by their places.
    pub meant: fn(&Content) -> Vec<(String, String)>,
}

impl Rules {
    /// Those of a credential: its kind says it all.
    pub const CREDENTIAL: Self = Self { check: Draft::check, meant: |_| Vec::new() };
}

/// A draft, and one of its two views.
pub struct DraftView {
    /// What is edited. In the JSON, what is typed is not in it before [`DraftView::settle`].
    pub draft: Draft,
    kinds: Arc<Kinds>,
    names: Names,
    rules: Rules,
    view: View,
    /// The kind as it was when the view was made.
    kind: Arc<Kind>,
    revision: u64,
    /// Errors are shown from the first try to save or test on: an empty form is no error yet.
    checked: bool,
}

/// The words of `x-choices`.
fn choices(names: &Names) -> impl Fn(&str) -> Vec<String> {
    move |word| names.get(word).unwrap_or_default().to_vec()
}

impl DraftView {
    /// A draft as a form. `None` where there is no form for it: its kind is not known.
    pub fn open(mut draft: Draft, kinds: Arc<Kinds>, names: Names, rules: Rules) -> Option<Self> {
        draft.know(names.clone());
        let kind = draft.kind(&kinds)?;
        let form = Form::new(&kind, &draft, &choices(&names));
        let view = View::Form(Box::new(form));
        let mut view = Self { draft, kinds, names, rules, view, kind, revision: 0, checked: false };
        view.follow_draft();
        Some(view)
    }

    /// Takes over what the kinds and the names of the vault are now: a schema may have been changed meanwhile.
    pub fn follow(&mut self, kinds: &Arc<Kinds>, names: Names, shared: &mut Shared) {
        self.draft.know(names.clone());
        self.names = names;
        self.kinds = kinds.clone();
        let Some(kind) = self.draft.kind(&self.kinds).filter(|kind| !Arc::ptr_eq(kind, &self.kind)) else {
            return;
        };
        if let View::Form(form) = &mut self.view {
            tell(&form.settle(&mut self.draft, &self.kinds), shared);
        }
        self.draft.seal(&kind);
        match &mut self.view {
            View::Form(form) => **form = Form::new(&kind, &self.draft, &choices(&self.names)),
            View::Raw(raw) => raw.recheck(),
        }
        self.kind = kind;
        self.checked = true;
        self.changed();
    }

    /// Shows what was decided between the draft and what another program stored.
    pub fn resolve(&mut self, version: u32, stored: Content, content: Content) {
        self.draft.resolve(version, stored, content);
        if let Some(kind) = self.draft.kind(&self.kinds) {
            self.view = View::Form(Box::new(Form::new(&kind, &self.draft, &choices(&self.names))));
            self.kind = kind;
        }
        self.checked = true;
        self.changed();
    }

    /// What is kept of it while nobody can edit it: with what is half typed, and with the JSON where it was not taken
    /// over yet.
    pub fn keep(&mut self) -> (KeptContent, Option<Secret>) {
        let text = match &mut self.view {
            View::Form(form) => {
                form.settle(&mut self.draft, &self.kinds);
                None
            }
            View::Raw(raw) => raw.is_changed().then(|| Secret::from(raw.text().as_str())),
        };
        (self.draft.keep(), text)
    }

    /// Goes on with JSON that was not taken over. Told where there is no room for it.
    pub fn resume_text(&mut self, text: &Secret, shared: &mut Shared) {
        if !self.is_raw() {
            self.switch(shared);
        }
        if let View::Raw(raw) = &mut self.view {
            raw.resume(text.expose());
        }
    }

    /// Whether it is shown as JSON.
    pub fn is_raw(&self) -> bool {
        matches!(self.view, View::Raw(_))
    }

    /// Whether leaving would lose something.
    pub fn is_dirty(&self) -> bool {
        self.draft.is_changed() || matches!(&self.view, View::Raw(raw) if raw.is_changed())
    }

    /// Counts the changes, so that a result is known to be of an older state.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Which keys hold.
    pub fn context(&self) -> Context {
        if self.is_raw() { Context::Raw } else { Context::Form }
    }

    /// Whether printable keys are text now.
    fn is_text(&self) -> bool {
        match &self.view {
            View::Form(form) => form.is_editing_text(),
            View::Raw(raw) => raw.is_editing_text(),
        }
    }

    /// Gives a key to the view. False where it means nothing there.
    pub fn key(&mut self, key: KeyEvent, shared: &mut Shared) -> bool {
        let handled = match &mut self.view {
            View::Form(form) => form.handle_key(key, &mut self.draft, &self.kinds),
            View::Raw(raw) => raw.handle_key(key),
        };
        if let View::Form(form) = &mut self.view {
            tell(&form.take_notices(), shared);
        }
        match handled {
            Handled::Ignored => return false,
            Handled::Consumed => {}
            Handled::Changed => self.changed(),
            Handled::EditAsJson(place) => {
                self.switch(shared);
                if let View::Raw(raw) = &mut self.view {
                    raw.goto(&place);
                }
            }
        }
        true
    }

    /// What a key means that the view has no use for: on a field where nothing is typed, the keys of the list
    /// that are about the draft hold.
    pub fn meant(&self, key: KeyEvent, shared: &Shared) -> Option<Action> {
        let action = shared.keymap.action(Context::List, Key::of(key)).filter(|_| !self.is_text())?;
        matches!(action, Action::Schema | Action::Help | Action::Palette).then_some(action)
    }

    /// Gives the view a key by its name.
    pub fn press(&mut self, code: KeyCode, shared: &mut Shared) -> bool {
        self.key(KeyEvent::new(code, KeyModifiers::NONE), shared)
    }

    /// Gives the view a pasted text.
    pub fn paste(&mut self, text: &str, shared: &mut Shared) {
        let notices = match &mut self.view {
            View::Form(form) => form.paste(text, &mut self.draft, &self.kinds),
            View::Raw(raw) => raw.paste(text),
        };
        tell(&notices, shared);
        self.changed();
    }

    fn changed(&mut self) {
        self.revision += 1;
        self.follow_draft();
        self.check();
    }

    /// What the draft says may have made its kind another: one for the service that it names now.
    fn follow_draft(&mut self) {
        if let Some(kind) = self.draft.kind(&self.kinds).filter(|kind| !Arc::ptr_eq(kind, &self.kind)) {
            self.draft.seal(&kind);
            self.kind = kind;
        }
        if let View::Form(form) = &mut self.view {
            form.set_meant((self.rules.meant)(self.draft.content()));
        }
    }

    /// Shows errors from now on, and those there are.
    pub fn show_errors(&mut self) {
        self.checked = true;
        self.check();
    }

    fn check(&mut self) {
        if let View::Form(form) = &mut self.view
            && self.checked
        {
            form.set_violations(&(self.rules.check)(&self.draft, &self.kinds));
        }
    }

    /// Takes the last step back, or takes it again. Told where there is none.
    pub fn undo(&mut self, redo: bool, shared: &mut Shared) {
        let done = match (&mut self.view, redo) {
            (View::Form(form), false) => form.undo(&mut self.draft, &self.kinds),
            (View::Form(form), true) => form.redo(&mut self.draft, &self.kinds),
            (View::Raw(raw), false) => raw.undo(),
            (View::Raw(raw), true) => raw.redo(),
        };
        if done {
            self.changed();
        } else {
            let what = if redo { "redo" } else { "undo" };
            shared.tell(Tone::Plain, format!("there is nothing to {what} in the draft"));
        }
    }

    /// Takes over what is half typed. False where the JSON cannot be taken over; that is told.
    pub fn settle(&mut self, shared: &mut Shared) -> bool {
        let before = self.draft.content().clone();
        let settled = match &mut self.view {
            View::Form(form) => Ok(form.settle(&mut self.draft, &self.kinds)),
            View::Raw(raw) => raw.take(&mut self.draft, &self.kinds),
        };
        if *self.draft.content() != before {
            self.changed();
        }
        match settled {
            Ok(notices) => {
                tell(&notices, shared);
                true
            }
            Err(errors) => {
                shared.tell(Tone::Bad, errors.first().map(TextError::to_string).unwrap_or_default());
                false
            }
        }
    }

    /// Shows the form as JSON, or the JSON as a form.
    pub fn switch(&mut self, shared: &mut Shared) {
        if !self.settle(shared) {
            return;
        }
        let view = match (&self.view, self.draft.kind(&self.kinds)) {
            (View::Form(_), _) => {
                RawEditor::open(&self.draft, &self.kinds).map(|raw| View::Raw(Box::new(raw)))
            }
            (View::Raw(_), Some(kind)) => {
                Ok(View::Form(Box::new(Form::new(&kind, &self.draft, &choices(&self.names)))))
            }
            (View::Raw(_), None) => Err("there is no form for this kind".to_owned()),
        };
        match view {
            Ok(view) => {
                self.view = view;
                self.follow_draft();
                self.check();
            }
            Err(why) => shared.tell(Tone::Bad, why),
        }
    }

    /// Shows the schema beside the JSON, or the JSON again.
    pub fn toggle_schema(&mut self, shared: &mut Shared) {
        if !self.is_raw() {
            self.switch(shared);
        }
        if let View::Raw(raw) = &mut self.view {
            raw.toggle_schema_tab(&self.draft, &self.kinds);
        }
    }

    /// Whether the draft may be stored or tested; what is wrong with it is shown and told. `more` is what only
    /// its screen can know of.
    pub fn is_valid(
        &mut self,
        more: impl FnOnce(&Content) -> Option<Violation>,
        shared: &mut Shared,
    ) -> bool {
        if !self.settle(shared) {
            return false;
        }
        self.checked = true;
        let mut violations = (self.rules.check)(&self.draft, &self.kinds);
        violations.extend(more(self.draft.content()));
        self.show(&violations, shared);
        violations.is_empty()
    }

    /// Shows what is wrong, and moves to the first of it.
    pub fn show(&mut self, violations: &[Violation], shared: &mut Shared) {
        let Some(first) = violations.first() else {
            return self.check();
        };
        let more = match violations.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        match &mut self.view {
            View::Form(form) => {
                form.set_violations(violations);
                form.focus_first_error(&mut self.draft, &self.kinds);
                let title = self.draft.kind(&self.kinds).map(|kind| kind.title_of(&first.pointer));
                let title = title.unwrap_or_else(|| first.pointer.clone());
                shared.tell(Tone::Bad, format!("{title} {}{more}", first.message));
            }
            View::Raw(raw) => {
                raw.goto(&first.pointer);
                let text = self.draft.text();
                let errors = self.draft.check_text(&self.kinds, &text);
                let place =
                    errors.iter().find(|error| error.pointer == first.pointer).map(TextError::to_string);
                shared.tell(Tone::Bad, place.unwrap_or_else(|| format!("{first}{more}")));
            }
        }
    }

    /// Moves to what a failed test is most likely about.
    pub fn focus_secret(&mut self) {
        let place = self.draft.kind(&self.kinds).and_then(|kind| kind.main_secret(self.draft.content()));
        if let (Some(place), View::Form(form)) = (place, &mut self.view) {
            form.focus(&place, &mut self.draft, &self.kinds);
        }
    }

    /// The place of the secret that has the focus, and whether it was typed since the draft began.
    pub fn focused_secret(&self) -> Option<(String, bool)> {
        let View::Form(form) = &self.view else { return None };
        let place = form.focused_secret()?;
        let entered = self.draft.is_entered(&place);
        Some((place, entered))
    }

    /// Shows the secret at a place in clear, and masks every other; `None` masks all.
    pub fn reveal(&mut self, place: Option<String>) {
        if let View::Form(form) = &mut self.view {
            form.reveal(place);
        }
    }

    /// Draws the view. The cursor's place, where it has one.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme, focused: bool) -> Option<Position> {
        match &mut self.view {
            View::Form(form) => form.render(&self.draft, &self.kinds, area, buf, theme, focused),
            View::Raw(raw) => raw.render(&self.draft, &self.kinds, area, buf, theme, focused),
        }
    }

    /// Says at the end of a frame's first line which of the two views it is.
    pub fn draw_tabs(&self, frame: Rect, buf: &mut Buffer, theme: &Theme) {
        let (form, json) = if self.is_raw() { (theme.dim, theme.title) } else { (theme.title, theme.dim) };
        let parts = [(" form", form), (" │ ", theme.dim), ("json ", json)];
        let x = frame.right().saturating_sub(14);
        if x > frame.x + 20 {
            paint::parts(buf, x, frame.y, 13, &parts);
        }
    }
}

fn tell(notices: &[Notice], shared: &mut Shared) {
    if !notices.is_empty() {
        let texts: Vec<&str> = notices.iter().map(|notice| notice.message.as_str()).collect();
        shared.tell(Tone::Plain, texts.join(" · "));
    }
}
