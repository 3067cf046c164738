//! What a screen wants of the workbench, and why something is stored.

use std::path::PathBuf;

use crate::model::reference::Reference;
use crate::model::{Edit, Id};
use crate::secret::Secret;
use crate::session::Rewrite;
use crate::tui::action::Action;
use crate::tui::message::{Exchange, Question, Reply};
use crate::tui::screen::conflict::Decision;

/// A change that a screen decided on, to be stored.
#[derive(Debug)]
pub struct Wish {
    /// All or none.
    pub edits: Vec<Edit>,
    /// What undoing calls it: "the copy of billing".
    pub label: String,
    /// What is told once it is stored.
    pub done: String,
    /// The solution that is the current one then.
    pub solution: Option<String>,
}

/// What is to be written otherwise in the files that name it.
#[derive(Clone, Debug, PartialEq)]
pub enum Rewriting {
    /// A credential gets another key.
    Key {
        /// Which.
        id: Id,
        /// The key it gets.
        to: String,
    },
    /// A solution gets another name.
    Solution {
        /// Its name.
        from: String,
        /// The name it gets.
        to: String,
        /// It is the current one, and stays it.
        current: bool,
    },
    /// A reference that names nothing is to name something else.
    Place {
        /// In which file.
        path: String,
        /// What stands there.
        written: String,
        /// What shall be meant.
        to: Reference,
    },
}

/// A step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Enter the next values.
    Enter,
    /// Test them, or those in use after the switch.
    Test,
    /// Take them as they are.
    Take,
    /// Put the next values into use.
    Switch,
    /// Take those before back.
    Back,
    /// End it: those before are dropped.
    Finish,
    /// Drop the next values.
    Cancel,
}

/// What a new name changes, to be looked at before anything is done.
#[derive(Debug)]
pub struct Preview {
    /// In a sentence.
    pub title: String,
    /// What is typed to leave the files as they are.
    pub name: String,
    /// What is stored, the files apart; nothing where only files change.
    pub edits: Vec<Edit>,
    /// The files.
    pub files: Vec<Rewrite>,
    /// What undoing calls it.
    pub label: String,
    /// What is told once it is stored.
    pub done: String,
    /// The solution that is the current one then.
    pub solution: Option<String>,
}

/// What a screen wants of the workbench.
#[derive(Debug)]
pub enum Command {
    /// Do an action as if its key had been pressed.
    Perform(Action),
    /// Unlock the vault.
    Unlock,
    /// Open the refused vault, read-only.
    OpenReadOnly,
    /// Make the vault.
    Create(Option<Secret>),
    /// Answer a question of the vault's thread.
    Answer(Question, Reply),
    /// Begin a draft.
    Begin {
        /// Of this kind.
        kind: String,
        /// For this service.
        service: Option<String>,
        /// With this key.
        key: Option<String>,
    },
    /// Look for what names credentials: in a folder or a file; `None`: in the known files again.
    Scan(Option<PathBuf>),
    /// Show which files would change with a new name.
    AskToRewrite(Rewriting),
    /// Store it, and change the files.
    Rewrite(Box<Preview>),
    /// Take a step of a credential's rotation.
    Rotate(Id, Turn),
    /// Save the draft although workflows name what it is called now.
    SaveRenamed,
    /// Test the credentials shown, those included or not whose test costs or may lock an account.
    TestShown {
        /// Those, too.
        costly: bool,
    },
    /// Log in to a credential, by a screen where a person is needed.
    LogIn(Id),
    /// Do this about its tokens, in the background.
    Exchange(Id, Exchange),
    /// Ask whether its tokens are to be given back.
    AskToRevoke(Id),
    /// Send a text that is no secret to the terminal's clipboard: what it is, and the text.
    Copy(&'static str, String),
    /// Move credentials to the trash.
    Remove(Vec<Id>),
    /// Store a change.
    Store(Wish),
    /// Select a credential in the list, whatever hides it there.
    Show(Id),
    /// Write down that somebody looked at the review, and what they said to it.
    SignOff(String),
    /// Search for what a saved filter says.
    UseFilter(String),
    /// Make a solution the current one and show only it; `None`: show all.
    UseSolution(Option<String>),
    /// Go on editing, at the first error.
    Fix,
    /// Save the draft although its test failed.
    SaveAnyway,
    /// Go on with what was decided between the draft and what another program stored.
    Resolve(Box<Decision>),
    /// Take what another program removed back from the trash, as the draft says it.
    Revive,
    /// Drop the draft.
    Discard,
    /// Close the top screen, whatever it holds.
    LeaveLayer,
    /// Go on with a kept draft.
    ResumeDraft(Id),
    /// Drop a kept draft.
    DropDraft(Id),
    /// Keep the drafts, sealed, and quit.
    KeepAndQuit,
    /// Drop the drafts and quit.
    Quit,
}

/// Why something was committed.
#[derive(Debug)]
pub(in crate::tui) enum Change {
    /// A draft was saved.
    Draft,
    /// Credentials were removed: what to call them.
    Removal(String),
    /// What a screen decided on: what undoing calls it, what is told, and the current solution then.
    Wish(String, String, Option<String>),
    /// Something got another name: what undoing calls it, what is told, the current solution then, and the files that
    /// are to be changed with it.
    Renamed(String, String, Option<String>, Vec<Rewrite>),
    /// What a scan found: what is told, and what it did not find any more.
    Scanned(String, Vec<(String, String)>),
    /// A step of a credential's rotation: what is told, and whether it is tested then.
    Rotation(Id, String, bool),
    /// A change was taken back: what to call it, and the files that were changed with it.
    Undo(String, Vec<Rewrite>),
    /// Tests were noted.
    Tests,
}
