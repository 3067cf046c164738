//! Everything that a key can do, and its words.
//!
//! An action is named here once. The key map binds keys to these words; the footer, the help screen, the
//! command palette and `docs/KEYS.md` read them.

/// Makes the enum and its table in one place, so that neither can have an action that the other lacks.
macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident, $word:literal, $hint:literal, $title:literal;)*) => {
        /// Something a person can ask for with a key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $title] $(#[$doc])* $name,)*
        }

        impl Action {
            /// All of them, in the order help shows them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word in `keymap.toml`.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The one or two words of the footer.
            pub fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }

            /// The sentence of the help screen and the palette.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

actions! {
    Add, "add", "add", "Add a credential";
    Edit, "edit", "edit", "Edit the selected credential";
    Schema, "schema", "show schema", "Show it as JSON, or as a form again";
    Save, "save", "save", "Save the draft, after testing it";
    Test, "test", "test", "Test the selected credential, or the marked ones";
    TestAll, "test_all", "test all", "Test all credentials shown";
    TestDraft, "test_draft", "test draft", "Test the draft as it stands, without saving it";
    Cancel, "cancel", "cancel", "Cancel the tests that are running";
    Mark, "mark", "mark", "Mark the selected credential, or take its mark away";
    Remove, "remove", "remove", "Move the selected credential, or the marked ones, to the trash";
    Undo, "undo", "undo", "Undo the last change";
    Redo, "redo", "redo", "Do again what was undone in the draft";
    Reveal, "reveal", "reveal", "Show one secret for a few seconds";
    Copy, "copy", "copy", "Copy the secret to the terminal's clipboard for a while";
    CopyPage, "copy_page", "copy page", "Copy the address of the page where the service's key is made";
    Login, "login", "log in", "Log in, or get new tokens for the selected OAuth credential";
    CopyLink, "copy_link", "copy address", "Copy the address of the login page";
    CopyCode, "copy_code", "copy code", "Copy the code to enter, or the line for the tunnel";
    Solutions, "solutions", "solutions", "Choose a solution; add, rename, copy or remove one";
    Move, "move", "move", "Move the selected or marked credentials to another solution";
    Tag, "tag", "tag", "Tag the selected or marked credentials, or take tags away";
    Workflows, "workflows", "workflows", "Show which file names which credential";
    Scan, "scan", "scan a folder", "Find the files of a folder that name credentials";
    Rescan, "rescan", "scan again", "Scan the known files again";
    Force, "force", "leave the files", "Go on and leave the files as they are";
    Rotate, "rotate", "rotate", "Put another value in the place of the one in use, step by step";
    MakeKey, "make_key", "let it be made", "Let the service make the next key";
    DropKey, "drop_key", "let it be dropped", "Let the service drop the key before, and finish";
    RollBack, "roll_back", "roll back", "Take the value before back into use";
    History, "history", "history", "Compare the selected credential's versions, or restore one";
    Audit, "audit", "audit log", "Show who did what: the audit log";
    Export, "export", "write to a file", "Write what is shown to a file";
    Review, "review", "review", "What wants attention: failing, expiring, weak, unused and more";
    LeaveOut, "leave_out", "leave out", "Leave it out of this check for a reason, or count it again";
    SignOff, "sign_off", "sign off", "Write into the audit log that you looked at it";
    Trash, "trash", "trash", "Restore removed credentials, or drop them for good";
    OauthApps, "oauth_apps", "OAuth apps", "The OAuth apps of the organization";
    Kinds, "kinds", "kinds", "The kinds: copy one to a kind of your own, change or remove it";
    Kind, "kind", "kind", "Show the schema of this kind, to change it or to copy it";
    New, "new", "new", "Make a new one";
    Change, "change", "change", "Change it";
    Rename, "rename", "rename", "Give it another name";
    Duplicate, "duplicate", "copy", "Copy it under another name, without its secrets";
    Delete, "delete", "remove", "Remove it";
    DeleteAll, "delete_all", "remove all", "Remove all there are, for good";
    Mine, "mine", "mine", "Take what the draft says";
    Theirs, "theirs", "theirs", "Take what the other program stored";
    AllMine, "all_mine", "all mine", "Take what the draft says for every field";
    AllTheirs, "all_theirs", "all theirs", "Take what the other program stored for every field";
    Search, "search", "search", "Search as you type";
    Group, "group", "group", "Group by solution, by service, or not at all";
    Sort, "sort", "sort", "Sort by the next of key, name, kind, status and last test";
    SortBack, "sort_back", "sort back", "Sort the other way round";
    Drafts, "drafts", "drafts", "Go on with a draft that was not saved, or drop it";
    Filters, "filters", "filters", "Pick one of the searches saved in config.toml";
    Palette, "palette", "commands", "Find a command by its name";
    Help, "help", "help", "Show the keys";
    Up, "up", "up", "Move up";
    Down, "down", "down", "Move down";
    PageUp, "page_up", "page up", "Move up by a page";
    PageDown, "page_down", "page down", "Move down by a page";
    Top, "top", "top", "Go to the first one";
    Bottom, "bottom", "bottom", "Go to the last one";
    Next, "next", "next", "Go to the next pane or field";
    Previous, "previous", "previous", "Go to the pane or field before";
    Open, "open", "open", "Open what is selected";
    Accept, "accept", "accept", "Accept";
    Yes, "yes", "yes", "Answer yes";
    No, "no", "no", "Answer no";
    Back, "back", "back", "Go one step back";
    Lock, "lock", "lock", "Lock the vault";
    Suspend, "suspend", "suspend", "Suspend to the shell; `fg` comes back";
    Quit, "quit", "quit", "Quit";
}

impl Action {
    /// The action of a word in `keymap.toml`.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.word() == word)
    }

    /// Whether the palette offers it: what only makes sense on the key itself is not there.
    pub fn in_palette(self) -> bool {
        !matches!(
            self,
            Self::Up
                | Self::Down
                | Self::PageUp
                | Self::PageDown
                | Self::Top
                | Self::Bottom
                | Self::Next
                | Self::Previous
                | Self::Open
                | Self::Accept
                | Self::Yes
                | Self::No
                | Self::Back
                | Self::Palette
        )
    }
}
