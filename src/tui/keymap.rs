//! Which key does what where. Dispatch, footer, help, palette and `docs/KEYS.md` all read this one table.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use toml::de::{DeTable, DeValue};

use super::action::Action;
use crate::problem::{Exit, Problem};

const DEFAULT: &str = include_str!("../../assets/keymap.toml");

/// Where a key is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Anywhere.
    Global,
    /// The list of credentials.
    List,
    /// The details beside the list.
    Panel,
    /// The test log.
    Log,
    /// The form.
    Form,
    /// The JSON of the draft.
    Raw,
    /// The search line.
    Search,
    /// A question with answers to choose from.
    Dialog,
    /// Solutions, versions, trash, OAuth apps or kinds.
    Manage,
    /// The review.
    Review,
    /// Files that name credentials.
    Workflows,
    /// A rotation.
    Rotation,
    /// Files that are to be changed.
    Rewrite,
    /// Fields that two programs changed.
    Conflict,
    /// A login that waits.
    Login,
    /// A login that waits for the address that a browser ended at.
    Redirect,
    /// A question that is answered by typing.
    Prompt,
    /// The help screen.
    Help,
}

impl Context {
    /// All of them, in the order help shows them.
    pub const ALL: [Self; 18] = [
        Self::List,
        Self::Panel,
        Self::Log,
        Self::Form,
        Self::Raw,
        Self::Search,
        Self::Manage,
        Self::Review,
        Self::Workflows,
        Self::Rotation,
        Self::Rewrite,
        Self::Conflict,
        Self::Dialog,
        Self::Login,
        Self::Redirect,
        Self::Prompt,
        Self::Help,
        Self::Global,
    ];

    /// The table's name in `keymap.toml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::List => "list",
            Self::Panel => "panel",
            Self::Log => "log",
            Self::Form => "form",
            Self::Raw => "raw",
            Self::Search => "search",
            Self::Dialog => "dialog",
            Self::Manage => "manage",
            Self::Review => "review",
            Self::Workflows => "workflows",
            Self::Rotation => "rotation",
            Self::Rewrite => "rewrite",
            Self::Conflict => "conflict",
            Self::Login => "login",
            Self::Redirect => "redirect",
            Self::Prompt => "prompt",
            Self::Help => "help",
        }
    }

    /// The heading in help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::List => "List",
            Self::Panel => "Details (and the keys of the list)",
            Self::Log => "Test log (and the keys of the list)",
            Self::Form => "Form",
            Self::Raw => "JSON",
            Self::Search => "Search",
            Self::Dialog => "Questions",
            Self::Manage => "Solutions, versions, trash, OAuth apps, kinds",
            Self::Review => "Review",
            Self::Workflows => "Workflows",
            Self::Rotation => "Rotation",
            Self::Rewrite => "Files that change",
            Self::Conflict => "Fields that two programs changed",
            Self::Login => "Login on another device",
            Self::Redirect => "Login in a browser",
            Self::Prompt => "Questions answered by typing",
            Self::Help => "Help",
        }
    }

    /// Whether printable keys are text here, whatever the map says.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Form | Self::Raw | Self::Search | Self::Redirect | Self::Prompt)
    }

    /// Where a key is looked for, in this order.
    fn chain(self) -> &'static [Self] {
        match self {
            Self::Global => &[Self::Global],
            Self::List => &[Self::List, Self::Global],
            Self::Panel => &[Self::Panel, Self::List, Self::Global],
            Self::Log => &[Self::Log, Self::List, Self::Global],
            Self::Form => &[Self::Form, Self::Global],
            Self::Raw => &[Self::Raw, Self::Global],
            Self::Search => &[Self::Search, Self::Global],
            Self::Dialog => &[Self::Dialog, Self::Global],
            Self::Manage => &[Self::Manage, Self::Global],
            Self::Review => &[Self::Review, Self::Global],
            Self::Workflows => &[Self::Workflows, Self::Global],
            Self::Rotation => &[Self::Rotation, Self::Global],
            Self::Rewrite => &[Self::Rewrite, Self::Global],
            Self::Conflict => &[Self::Conflict, Self::Global],
            Self::Login => &[Self::Login, Self::Global],
            Self::Redirect => &[Self::Redirect, Self::Global],
            Self::Prompt => &[Self::Prompt, Self::Global],
            Self::Help => &[Self::Help, Self::Global],
        }
    }
}

/// A key with what is held down beside it. Shift is part of a character, not of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

impl Key {
    /// The key of a terminal's event.
    pub fn of(event: KeyEvent) -> Self {
        let (mut code, mut ctrl) = (event.code, event.modifiers.contains(KeyModifiers::CONTROL));
        match code {
            // Ctrl-_ is the byte 0x1f, which crossterm names Ctrl-7.
            KeyCode::Char('7') if ctrl => code = KeyCode::Char('_'),
            KeyCode::Char(c) if ctrl => code = KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => code = KeyCode::BackTab,
            // The byte 0x0a: what Enter or a pasted line break is to a terminal without bracketed paste.
            KeyCode::Char('\n' | '\r') => (code, ctrl) = (KeyCode::Enter, false),
            _ => {}
        }
        Self { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT) }
    }

    /// The character that it types, if it types one.
    pub fn text(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl && !self.alt => Some(c),
            _ => None,
        }
    }

    /// Reads `ctrl-s`, `f1`, `a`, `space`.
    fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut ctrl, mut alt) = (text, false, false);
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|after| !after.is_empty()) {
                (rest, ctrl) = (after, true);
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|after| !after.is_empty()) {
                (rest, alt) = (after, true);
            } else {
                break;
            }
        }
        let mut chars = rest.chars();
        let code = match (chars.next()?, chars.next()) {
            (c, None) => KeyCode::Char(c),
            _ => match NAMED.iter().find(|(name, _, _)| *name == rest) {
                Some((_, code, _)) => *code,
                None => {
                    let number = rest.strip_prefix('f')?.parse().ok()?;
                    (1..=12).contains(&number).then_some(KeyCode::F(number))?
                }
            },
        };
        Some(Self { code, ctrl, alt })
    }
}

const NAMED: &[(&str, KeyCode, &str)] = &[
    ("enter", KeyCode::Enter, "Enter"),
    ("esc", KeyCode::Esc, "Esc"),
    ("tab", KeyCode::Tab, "Tab"),
    ("backtab", KeyCode::BackTab, "Shift-Tab"),
    ("space", KeyCode::Char(' '), "space"),
    ("up", KeyCode::Up, "↑"),
    ("down", KeyCode::Down, "↓"),
    ("left", KeyCode::Left, "←"),
    ("right", KeyCode::Right, "→"),
    ("pageup", KeyCode::PageUp, "PgUp"),
    ("pagedown", KeyCode::PageDown, "PgDn"),
    ("home", KeyCode::Home, "Home"),
    ("end", KeyCode::End, "End"),
    ("backspace", KeyCode::Backspace, "Backspace"),
    ("delete", KeyCode::Delete, "Del"),
    ("insert", KeyCode::Insert, "Ins"),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.ctrl { "Ctrl-" } else { "" })?;
        f.write_str(if self.alt { "Alt-" } else { "" })?;
        if let Some((_, _, shown)) = NAMED.iter().find(|(_, code, _)| *code == self.code) {
            return f.write_str(shown);
        }
        match self.code {
            KeyCode::Char(c) if self.ctrl => write!(f, "{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => write!(f, "{c}"),
            KeyCode::F(number) => write!(f, "F{number}"),
            _ => f.write_str("?"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    context: Context,
    key: Key,
    action: Action,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keymap(Vec<Binding>);

impl Default for Keymap {
    fn default() -> Self {
        let mut map = Self(Vec::new());
        map.add(DEFAULT, "keymap.toml").expect("the default key map is valid (tested)");
        map
    }
}

impl Keymap {
    /// The default keys with a person's own on top.
    ///
    /// # Errors
    /// Exit 7 with the line that names no table, key or action there is.
    pub fn with(own: &str, from: &str) -> Result<Self, Problem> {
        let mut map = Self::default();
        map.add(own, from)?;
        Ok(map)
    }

    fn add(&mut self, text: &str, from: &str) -> Result<(), Problem> {
        let invalid = |offset: usize, what: String| {
            let line = text[..offset.min(text.len())].matches('\n').count() + 1;
            Problem::new(Exit::Invalid, "invalid_keymap", format!("{from}: line {line}: {what}"))
                .hint("docs/KEYS.md and F1 show the tables, keys and actions there are")
        };
        let tables = DeTable::parse(text).map_err(|error| {
            invalid(error.span().map_or(0, |span| span.start), error.message().to_owned())
        })?;
        let mut found = Vec::new();
        for (name, table) in tables.get_ref() {
            let at = name.span().start;
            let context = Context::ALL.into_iter().find(|context| context.word() == name.get_ref());
            let context = context.ok_or_else(|| invalid(at, format!("there is no table {name:?}")))?;
            let DeValue::Table(lines) = table.get_ref() else {
                return Err(invalid(at, format!("{} is a table", context.word())));
            };
            for (key, action) in lines {
                let at = key.span().start;
                let parsed = Key::parse(key.get_ref());
                let parsed =
                    parsed.ok_or_else(|| invalid(at, format!("there is no key {:?}", key.get_ref())))?;
                if context.is_text() && parsed.text().is_some() {
                    return Err(invalid(at, format!("{:?} is text in {}", key.get_ref(), context.word())));
                }
                let word = action.get_ref().as_str().unwrap_or_default();
                match Action::of(word) {
                    Some(action) => found.push((at, Binding { context, key: parsed, action }, false)),
                    None if word == "none" => {
                        found.push((at, Binding { context, key: parsed, action: Action::Back }, true));
                    }
                    None => return Err(invalid(at, format!("there is no action {word:?}"))),
                }
            }
        }
        // In the order of the file: the first key of an action is the one that hints show. A person's own
        // stand before the default ones.
        found.sort_by_key(|(at, _, _)| *at);
        let changed =
            |known: &Binding| found.iter().any(|(_, b, _)| (b.context, b.key) == (known.context, known.key));
        let kept: Vec<Binding> = self.0.drain(..).filter(|known| !changed(known)).collect();
        self.0 = found.iter().filter(|(_, _, away)| !away).map(|(_, b, _)| b.clone()).chain(kept).collect();
        Ok(())
    }

    /// What a key does in a place; `None`: it is text there, or nothing.
    pub fn action(&self, context: Context, key: Key) -> Option<Action> {
        if context.is_text() && key.text().is_some() {
            return None;
        }
        let find = |context: &Context| self.0.iter().find(|b| b.context == *context && b.key == key);
        context.chain().iter().find_map(find).map(|binding| binding.action)
    }

    /// The key to show for an action in a place.
    pub fn key(&self, context: Context, action: Action) -> Option<Key> {
        let find = |context: &Context| self.0.iter().find(|b| b.context == *context && b.action == action);
        context.chain().iter().find_map(find).map(|binding| binding.key)
    }

    /// Every key of a table by action, in the order of [`Action::ALL`].
    pub fn section(&self, context: Context) -> Vec<(String, Action)> {
        let keys = |action: Action| {
            let keys = self.0.iter().filter(|b| b.context == context && b.action == action);
            keys.map(|binding| binding.key.to_string()).collect::<Vec<_>>().join("  ")
        };
        let rows = Action::ALL.iter().map(|action| (keys(*action), *action));
        rows.filter(|(keys, _)| !keys.is_empty()).collect()
    }

    /// The table as Markdown: `docs/KEYS.md`.
    pub fn markdown(&self) -> String {
        let mut page =
            "# Keys\n\nMade from `assets/keymap.toml`; `credbench/keymap.toml` in the configuration folder \
                        changes them.\nWhere text is typed, printable keys are text.\n"
                .to_owned();
        for context in Context::ALL {
            page.push_str(&format!("\n## {}\n\nTable `[{}]`.\n\n", context.title(), context.word()));
            page.push_str("| key | action | what it does |\n| --- | --- | --- |\n");
            for (keys, action) in self.section(context) {
                let keys: Vec<String> = keys.split("  ").map(|key| format!("`{key}`")).collect();
                let (word, title) = (action.word(), action.title());
                page.push_str(&format!("| {} | `{word}` | {title} |\n", keys.join(" ")));
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_key_and_its_own_word() {
        let map = Keymap::default();
        let mut words = std::collections::BTreeSet::new();
        for action in Action::ALL {
            assert!(words.insert(action.word()), "{} stands twice", action.word());
            assert!(!action.hint().is_empty() && !action.title().is_empty());
            assert!(map.0.iter().any(|b| b.action == *action), "{} has no key", action.word());
            assert_eq!(Action::of(action.word()), Some(*action));
        }
    }

    #[test]
    fn the_default_keys_are_those_of_the_product() {
        let map = Keymap::default();
        let list = [
            ("a", Action::Add),
            ("e", Action::Edit),
            ("s", Action::Schema),
            ("t", Action::Test),
            ("T", Action::TestAll),
            ("space", Action::Mark),
            ("x", Action::Cancel),
            ("d", Action::Remove),
            ("u", Action::Undo),
            ("y", Action::Copy),
            ("ctrl-r", Action::Reveal),
            ("/", Action::Search),
            ("g", Action::Group),
            ("h", Action::History),
            (":", Action::Palette),
            ("?", Action::Help),
            ("f1", Action::Help),
            ("r", Action::Rotate),
            ("w", Action::Workflows),
            ("ctrl-l", Action::Lock),
            ("ctrl-z", Action::Suspend),
            ("q", Action::Quit),
            ("j", Action::Down),
            ("k", Action::Up),
            ("down", Action::Down),
            ("up", Action::Up),
            ("pageup", Action::PageUp),
            ("pagedown", Action::PageDown),
            ("home", Action::Top),
            ("end", Action::Bottom),
            ("tab", Action::Next),
            ("backtab", Action::Previous),
            ("enter", Action::Open),
            ("esc", Action::Back),
        ];
        for (key, action) in list {
            assert_eq!(map.action(Context::List, Key::parse(key).unwrap()), Some(action), "{key}");
        }
        for context in [Context::Form, Context::Raw] {
            let text = [
                ("f1", Action::Help),
                ("f2", Action::Schema),
                ("ctrl-t", Action::TestDraft),
                ("ctrl-z", Action::Suspend),
                ("ctrl-_", Action::Undo),
                ("alt-_", Action::Redo),
                ("ctrl-s", Action::Save),
                ("esc", Action::Back),
            ];
            for (key, action) in text {
                assert_eq!(map.action(context, Key::parse(key).unwrap()), Some(action), "{key}");
            }
            for key in ["a", "q", "?", ":", "space"] {
                assert_eq!(map.action(context, Key::parse(key).unwrap()), None, "{key} is text");
            }
        }
    }

    #[test]
    fn global_keys_never_type_text() {
        for binding in Keymap::default().0.iter().filter(|b| b.context == Context::Global) {
            assert_eq!(binding.key.text(), None, "{}", binding.key);
        }
    }

    #[test]
    fn own_keys_are_added_and_taken_away() {
        let map = Keymap::with("[list]\n\"ctrl-n\" = \"add\"\n\"a\" = \"none\"\n", "own").unwrap();
        assert_eq!(map.action(Context::List, Key::parse("ctrl-n").unwrap()), Some(Action::Add));
        assert_eq!(map.action(Context::List, Key::parse("a").unwrap()), None);
        assert_eq!(map.key(Context::List, Action::Add).unwrap().to_string(), "Ctrl-N");
    }

    #[test]
    fn a_wrong_key_map_is_told_with_its_line() {
        let wrong = [
            ("[list]\n\"a\" = \"fly\"\n", "own: line 2: there is no action \"fly\""),
            ("[list]\n\n\"hyper-a\" = \"add\"\n", "own: line 3: there is no key \"hyper-a\""),
            ("[form]\n\"a\" = \"save\"\n", "own: line 2: \"a\" is text in form"),
            ("[table]\n\"a\" = \"add\"\n", "own: line 1: there is no table"),
        ];
        for (text, message) in wrong {
            let problem = Keymap::with(text, "own").unwrap_err();
            assert!(problem.message.starts_with(message), "{}", problem.message);
        }
    }

    #[test]
    fn terminals_spell_some_keys_in_their_own_way() {
        let of = |code, modifiers| Key::of(KeyEvent::new(code, modifiers)).to_string();
        assert_eq!(of(KeyCode::Char('7'), KeyModifiers::CONTROL), "Ctrl-_");
        assert_eq!(of(KeyCode::Char('T'), KeyModifiers::SHIFT), "T");
        assert_eq!(of(KeyCode::Tab, KeyModifiers::SHIFT), "Shift-Tab");
        assert_eq!(of(KeyCode::Char('_'), KeyModifiers::ALT), "Alt-_");
    }
}
