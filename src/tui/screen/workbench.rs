//! The open vault: list, side panel, test log, and the draft on its way to the vault.

mod columns;
mod conflict;
mod details;
mod editor;
mod list;
mod listing;
mod log;
mod offers;
mod order;
mod organization;
mod panes;
mod rotation;
mod running;
mod save;
mod secrets;
mod testing;
mod tokens;
mod workflows;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use self::details::{Details, Viewed};
use self::editor::{Editor, Saving};
use self::list::List;
use self::log::Log;
use self::running::Running;
pub(in crate::tui) use self::tokens::After;
use self::tokens::Exchanges;
use super::add::Add;
use super::confirm::Confirm;
use super::entry::Entry;
use super::kinds::Kinds;
use super::review::Review;
use super::{Reply, Screen};
use crate::model::{Content, Credential, Document, Edit, Id, KeptDraft, Recipient};
use crate::session::{self, Rewrite};
use crate::tui::action::Action;
use crate::tui::app::{Change, Command, Shared, Tone};
use crate::tui::keymap::Context;
use crate::tui::message::{Effect, Order, Purpose, Subject};
use crate::tui::widget::visible::visible;
use crate::words::counted;

/// Why something has to wait.
const FINISH: &str = "finish the draft first: save it or leave it";

/// How many changes can be undone.
const UNDO: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    List,
    Panel,
    Log,
}

/// The open vault.
pub struct Workbench {
    document: Arc<Document>,
    list: List,
    details: Details,
    log: Log,
    running: Running,
    exchanges: Exchanges,
    editor: Option<Editor>,
    focus: Pane,
    /// The search line, while it is typed in.
    search: Option<Entry>,
    read_only: bool,
    /// What to call each change, the edits that take it back, and the files that were changed with it.
    undo: Vec<(String, Vec<Edit>, Vec<Rewrite>)>,
    /// What is to be stored next.
    wanted: Vec<(Vec<Edit>, Change)>,
    /// The page of the pane that has the focus.
    page: isize,
}

impl Workbench {
    /// Shows what the vault says.
    pub(in crate::tui) fn new(document: Arc<Document>, read_only: bool, shared: &Shared) -> Self {
        Self {
            list: List::new(document.clone(), shared),
            document,
            details: Details::default(),
            log: Log::default(),
            running: Running::default(),
            exchanges: Exchanges::default(),
            editor: None,
            focus: Pane::List,
            search: None,
            read_only,
            undo: Vec::new(),
            wanted: Vec::new(),
            page: 1,
        }
    }

    /// Takes over what the vault says now.
    pub(in crate::tui) fn set_document(&mut self, document: Arc<Document>, shared: &mut Shared) {
        // A solution that was removed, or has another name, is neither shown nor current any more.
        if self.list.only().is_some_and(|only| !document.has_solution(only)) {
            self.list.set_only(None);
        }
        if self.document.has_solution(&shared.solution) && !document.has_solution(&shared.solution) {
            crate::model::DEFAULT_SOLUTION.clone_into(&mut shared.solution);
        }
        self.document = document.clone();
        if let Some(editor) = &mut self.editor {
            editor.view.follow(&shared.kinds.clone(), session::names(&document), shared);
        }
        self.list.set_document(document, shared);
    }

    /// What the vault says.
    pub(in crate::tui) fn document(&self) -> &Arc<Document> {
        &self.document
    }

    /// Who can open the vault.
    pub(in crate::tui) fn recipients(&self) -> &[Recipient] {
        &self.document.recipients
    }

    /// Goes on with a kept draft.
    ///
    /// # Errors
    /// A sentence, where it cannot be edited here or now.
    pub(in crate::tui) fn resume(
        &mut self,
        kept: &KeptDraft,
        id: &Id,
        version: Option<u32>,
        rotates: bool,
        shared: &mut Shared,
    ) -> Result<(), String> {
        if self.editor.is_some() {
            return Err(FINISH.to_owned());
        }
        let editor = Editor::resume(kept, id, version, &self.document, shared);
        let editor = editor.ok_or("its kind is not known here any more")?;
        self.editor = Some(Editor { rotates, ..editor });
        self.list.select(Some(id));
        self.details.reset();
        self.focus = Pane::Panel;
        Ok(())
    }

    /// What is to be stored.
    pub(in crate::tui) fn take_commits(&mut self) -> Vec<(Vec<Edit>, Change)> {
        std::mem::take(&mut self.wanted)
    }

    /// Turns what spins.
    pub(in crate::tui) fn spin(&mut self, shared: &mut Shared) {
        self.running.spin(shared);
    }

    /// Does what a dialog decided.
    pub(in crate::tui) fn command(&mut self, command: Command, shared: &mut Shared) {
        match command {
            Command::Begin { kind, service, key } => self.begin(&kind, service.as_deref(), key, shared),
            Command::Scan(path) => self.scan(path, shared),
            Command::AskToRewrite(what) => self.ask_to_rewrite(what, shared),
            Command::Rewrite(preview) => self.rewrite(*preview),
            Command::Rotate(id, turn) => self.turn(&id, turn, shared),
            Command::SaveRenamed => self.save_renamed(shared),
            Command::Remove(ids) => self.remove(&ids, shared),
            Command::TestShown { costly } => self.test_shown(costly, shared),
            Command::Store(wish) => self.wish(wish),
            Command::Show(id) => self.show(&id, shared),
            Command::UseFilter(query) => self.use_filter(&query),
            Command::UseSolution(name) => self.use_solution(name, shared),
            Command::Fix => {
                if let Some(editor) = &mut self.editor {
                    editor.view.focus_secret();
                }
            }
            Command::SaveAnyway => self.store(shared),
            Command::Resolve(decision) => self.resolve(*decision, shared),
            Command::Revive => self.revive(shared),
            Command::Discard => self.close_editor(),
            Command::Perform(_)
            | Command::Unlock
            | Command::OpenReadOnly
            | Command::Create(_)
            | Command::LogIn(_)
            | Command::Exchange(..)
            | Command::AskToRevoke(_)
            | Command::SignOff(_)
            | Command::Copy(..)
            | Command::Answer(..)
            | Command::LeaveLayer
            | Command::ResumeDraft(_)
            | Command::DropDraft(_)
            | Command::KeepAndQuit
            | Command::Quit => {}
        }
    }

    fn begin(&mut self, kind: &str, service: Option<&str>, key: Option<String>, shared: &mut Shared) {
        let kind = match service {
            Some(service) => shared.kinds.of_service(kind, service),
            None => shared.kinds.get(kind).cloned(),
        };
        let Some(kind) = kind else { return };
        let solution = match self.document.has_solution(&shared.solution) {
            true => shared.solution.clone(),
            false => crate::model::DEFAULT_SOLUTION.to_owned(),
        };
        self.editor = Editor::begin(&kind, &solution, key.as_deref(), &shared.kinds, &self.document);
        self.focus = Pane::Panel;
    }

    fn close_editor(&mut self) {
        self.editor = None;
        self.details.reset();
        self.focus = Pane::List;
    }

    /// Opens the selected credential's draft, or the one that is open already.
    fn edit(&mut self, raw: bool, shared: &mut Shared) -> Reply {
        if self.editor.is_none() {
            let Some(credential) = self.list.selected() else { return Reply::Done };
            self.editor = Editor::of(credential, &shared.kinds, &self.document);
            self.details.reset();
            shared.effect(Effect::Vault(Order::Refresh));
        }
        match &mut self.editor {
            Some(editor) => {
                if raw && !editor.view.is_raw() {
                    editor.view.switch(shared);
                }
                self.focus = Pane::Panel;
            }
            None => shared.tell(Tone::Bad, "its kind is not known here: `credbench show --json` shows it"),
        }
        Reply::Done
    }

    fn confirm_removal(&self) -> Reply {
        let chosen = self.list.chosen();
        if let Some(reply) = self.refuse_removal(&chosen) {
            return reply;
        }
        let text = match chosen.as_slice() {
            [] => return Reply::Done,
            [one] => format!("Remove {}?\n{}", named(one), session::identified(one).join("\n")),
            many => {
                let names: Vec<String> = many.iter().map(|one| named(one)).collect();
                format!("Remove these {} credentials?\n{}", many.len(), first_of(&names))
            }
        };
        let ids = chosen.iter().map(|credential| credential.id.clone()).collect();
        let text = format!("{text}\n\nIt goes to the trash; undo takes it back.");
        Reply::Open(Box::new(Confirm::yes_no("Remove", text, Command::Remove(ids))))
    }

    fn remove(&mut self, ids: &[Id], shared: &mut Shared) {
        let label = match ids {
            [one] => self.document.by_id(one).map(|one| one.content.key().to_owned()).unwrap_or_default(),
            many => format!("{} credentials", many.len()),
        };
        ids.iter().for_each(|id| self.running.stop(id, shared));
        self.list.unmark();
        let edits = ids.iter().filter_map(|id| self.document.by_id(id)).map(session::removal).collect();
        self.wanted.push((edits, Change::Removal(label)));
    }

    fn undo_last(&mut self, shared: &mut Shared) {
        match self.undo.pop() {
            Some((label, edits, files)) => self.wanted.push((edits, Change::Undo(label, files))),
            None => shared.tell(Tone::Plain, "there is nothing to undo"),
        }
    }

    fn step(&mut self, by: isize, shared: &Shared) {
        match self.focus {
            Pane::List => {
                let before = self.list.selected_id();
                self.list.step(by);
                if self.list.selected_id() != before && self.editor.is_none() {
                    self.details.reset();
                }
            }
            Pane::Panel => {
                if let Some(credential) = self.list.selected() {
                    self.details.step(by, &viewed(&self.document, credential, shared));
                }
            }
            Pane::Log => self.log.scroll(by),
        }
    }

    fn next_pane(&mut self, back: bool) {
        self.focus = match (self.focus, back) {
            (Pane::List, false) | (Pane::Log, true) => Pane::Panel,
            (Pane::Panel, false) | (Pane::List, true) => Pane::Log,
            (Pane::Log, false) | (Pane::Panel, true) => Pane::List,
        };
    }

    fn back(&mut self, shared: &mut Shared) -> Reply {
        if self.focus != Pane::List {
            self.focus = Pane::List;
        } else if !self.list.query().is_empty() {
            self.search = None;
            self.list.set_query("");
        } else if self.list.has_marks() {
            self.list.unmark();
        } else if !self.running.is_empty() {
            shared.tell(Tone::Plain, "tests are still running");
        } else if let Some(key) = shared.keymap.key(Context::List, Action::Quit) {
            shared.tell(Tone::Plain, format!("{key} quits"));
        }
        Reply::Done
    }

    /// The actions of list, details and log.
    fn browse(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Up => self.step(-1, shared),
            Action::Down => self.step(1, shared),
            Action::PageUp => self.step(-self.page(), shared),
            Action::PageDown => self.step(self.page(), shared),
            Action::Top => self.step(isize::MIN / 2, shared),
            Action::Bottom => self.step(isize::MAX / 2, shared),
            Action::Next => self.next_pane(false),
            Action::Previous => self.next_pane(true),
            Action::Open => self.focus = Pane::Panel,
            Action::Back => return self.back(shared),
            Action::Add => return Reply::Open(Box::new(Add::new(&self.document, shared))),
            Action::Review => {
                let review = Review::new(self.document.clone(), self.read_only, shared);
                return Reply::Open(Box::new(review));
            }
            Action::Kinds => {
                return Reply::Open(Box::new(Kinds::new(
                    self.document.clone(),
                    None,
                    self.read_only,
                    shared,
                )));
            }
            Action::Edit => return self.edit(false, shared),
            Action::Schema => return self.edit(true, shared),
            Action::Mark => self.list.mark(),
            Action::Group | Action::Sort | Action::SortBack => self.order(action, shared),
            Action::Filters => return self.saved_filters(shared),
            Action::Tag => return self.tag(),
            Action::Search => {
                let mut entry = Entry::shown();
                entry.paste(self.list.query());
                self.search = Some(entry);
                self.focus = Pane::List;
            }
            Action::Login => return self.ask_about_tokens(shared),
            Action::Test => self.test_chosen(shared),
            Action::TestAll => return self.ask_to_test_shown(shared),
            Action::Remove => return self.confirm_removal(),
            Action::Rename => return self.ask_for_key(),
            Action::Rotate => return self.rotation(shared),
            Action::Workflows => return self.workflows(shared),
            Action::Undo => self.undo_last(shared),
            Action::Solutions
            | Action::Move
            | Action::History
            | Action::Audit
            | Action::Trash
            | Action::OauthApps => return self.manage(action, shared),
            Action::Reveal => return self.take_secret(Purpose::Reveal, shared),
            Action::CopyPage => return self.copy_page(shared),
            Action::Copy => return self.copy(shared),
            Action::Cancel => {
                let count = self.cancel_tests(shared);
                self.save_cancelled();
                shared.tell(Tone::Plain, format!("{} cancelled", counted(count, "test")));
            }
            _ => return Reply::Ignored,
        }
        Reply::Done
    }

    fn page(&self) -> isize {
        match self.focus {
            Pane::List => self.list.page(),
            Pane::Panel | Pane::Log => self.page,
        }
    }

    /// The actions of the search line.
    fn searching(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Accept => self.search = None,
            Action::Back => {
                self.search = None;
                self.list.set_query("");
            }
            Action::Up | Action::Down | Action::PageUp | Action::PageDown => {
                return self.browse(action, shared);
            }
            _ => return Reply::Ignored,
        }
        Reply::Done
    }

    /// The actions of form and JSON.
    fn editing(&mut self, action: Action, shared: &mut Shared) -> Reply {
        let Some(editor) = &mut self.editor else { return Reply::Ignored };
        match action {
            Action::Save => return self.save(shared),
            Action::TestDraft => self.test_draft(shared),
            Action::Schema => editor.view.switch(shared),
            Action::Kind => return self.kind_of_draft(shared),
            Action::Reveal => return self.take_secret(Purpose::Reveal, shared),
            Action::CopyPage => return self.copy_page(shared),
            Action::Next => drop(editor.view.press(KeyCode::Tab, shared)),
            Action::Previous => drop(editor.view.press(KeyCode::BackTab, shared)),
            Action::Undo | Action::Redo => editor.view.undo(action == Action::Redo, shared),
            Action::Back => {
                if editor.saving != Saving::No {
                    self.cancel_save(shared);
                } else if editor.view.press(KeyCode::Esc, shared) {
                    // A list of choices or the like was closed.
                } else if editor.view.is_dirty() {
                    return Reply::Open(Box::new(Confirm::unsaved(Command::Discard)));
                } else {
                    self.close_editor();
                }
            }
            _ => return Reply::Ignored,
        }
        Reply::Done
    }

    fn is_editing(&self) -> bool {
        self.focus == Pane::Panel && self.editor.is_some()
    }
}

/// What the details show of a credential.
fn viewed<'a>(document: &'a Document, credential: &'a Credential, shared: &'a Shared) -> Viewed<'a> {
    let standing = session::oauth::standing(document, credential, shared.now());
    let tokens = standing.map(|standing| standing.lines()).unwrap_or_default();
    let used_by = workflows::lines(document, credential);
    let rotating = session::rotating(document, &shared.kinds, credential);
    Viewed { document, credential, kinds: &shared.kinds, tokens, used_by, rotating }
}

/// What a test of a stored credential is given.
fn job(credential: &Credential) -> (Id, Subject, Content) {
    (credential.id.clone(), Subject::Stored(credential.version), credential.content.clone())
}

/// The first few of many lines, and how many more there are.
fn first_of(lines: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = match lines.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\nand {more} more"),
    };
    format!("{}{more}", lines[..lines.len().min(SHOWN)].join("\n"))
}

/// A credential in a question.
fn named(credential: &Credential) -> String {
    let content = &credential.content;
    let name = match content.name() {
        "" => String::new(),
        name => format!(" “{}”", visible(name)),
    };
    format!("{}{name} of {}", content.key(), content.solution())
}

impl Screen for Workbench {
    fn context(&self) -> Context {
        match (self.focus, &self.editor, &self.search) {
            (_, _, Some(_)) => Context::Search,
            (Pane::Panel, Some(editor), _) => editor.view.context(),
            (Pane::Panel, None, _) => Context::Panel,
            (Pane::List, ..) => Context::List,
            (Pane::Log, ..) => Context::Log,
        }
    }

    fn hints(&self) -> Vec<Action> {
        self.offers()
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Schema if self.context() == Context::Raw => "show form",
            Action::Test if self.list.has_marks() => "test marked",
            Action::Remove if self.list.has_marks() => "remove marked",
            Action::Tag if self.list.has_marks() => "tag marked",
            Action::Move if self.list.has_marks() => "move marked",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, shared: &Shared) -> Option<&'static str> {
        self.refused(action, shared)
    }

    fn forbids(&self, action: Action, shared: &Shared) -> Option<(Id, &'static str)> {
        let screen = &shared.config.screen;
        let why = match action {
            Action::Reveal if !screen.reveal => "reveal_forbidden",
            Action::Copy if !screen.copy => "copy_forbidden",
            _ => return None,
        };
        Some((self.list.selected_id()?, why))
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        if self.search.is_some() {
            return self.searching(action, shared);
        }
        if !matches!(action, Action::Reveal | Action::Copy) {
            self.mask(None);
        }
        if self.is_editing() {
            return self.editing(action, shared);
        }
        self.browse(action, shared)
    }

    fn key(&mut self, key: KeyEvent, shared: &mut Shared) -> Reply {
        if let Some(entry) = &mut self.search {
            if entry.key(key) {
                self.list.set_query(entry.text());
                self.details.reset();
            }
            return Reply::Done;
        }
        self.mask(None);
        let Some(editor) = self.editor.as_mut().filter(|_| self.focus == Pane::Panel) else {
            return Reply::Ignored;
        };
        if editor.saving != Saving::No {
            shared.tell(Tone::Plain, "the draft is being saved; Esc stops that");
            return Reply::Done;
        }
        if editor.view.key(key, shared) {
            return Reply::Done;
        }
        editor.view.meant(key, shared).map_or(Reply::Ignored, |action| Reply::Do(Command::Perform(action)))
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Reply {
        if let Some(entry) = &mut self.search {
            entry.paste(text);
            self.list.set_query(entry.text());
        } else if let Some(editor) = self.editor.as_mut().filter(|_| self.focus == Pane::Panel)
            && editor.saving == Saving::No
        {
            editor.view.paste(text, shared);
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        self.draw_panes(area, buf, shared)
    }

    fn draft(&self) -> Option<(&Id, bool)> {
        self.editor.as_ref().map(|editor| (&editor.draft_id, editor.view.is_dirty()))
    }

    fn keep(&mut self, now: Timestamp) -> Option<KeptDraft> {
        self.editor.as_mut()?.keep(now)
    }
}
