use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use serde_json::json;

use super::*;
use crate::config;
use crate::model::{Credential, Id};
use crate::secret::{MASK, Secret};

const MARKER: &str = "s3cr3t-marker";
const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;

fn kinds() -> &'static Kinds {
    Kinds::builtin()
}

fn stored() -> Draft {
    let kind = kinds().get("api_key").unwrap();
    let mut draft = Draft::new(kind, "default");
    draft.set("/key", json!("a.b"));
    draft.set("/config/base_url", json!("https://api.example.com"));
    draft.set_secret(kind, "/config/api_key", Secret::from(MARKER));
    Draft::of(&Credential::new(Id::new(), draft.content().clone(), jiff::Timestamp::UNIX_EPOCH))
}

struct Screen {
    editor: RawEditor,
    draft: Draft,
}

impl Screen {
    fn new() -> Self {
        let draft = stored();
        Self { editor: RawEditor::open(&draft, kinds()).unwrap(), draft }
    }

    fn with(text: &str) -> Self {
        let mut screen = Self::new();
        screen.editor.load(text.to_owned());
        screen
    }

    fn press(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Handled {
        self.editor.handle_key(KeyEvent::new(code, modifiers))
    }

    fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.press(KeyCode::Char(c), NONE);
        }
    }

    /// Selects nothing, but stands right after a text.
    fn after(&mut self, text: &str) {
        let row = self.editor.area.lines().iter().position(|line| line.contains(text)).unwrap();
        let line = &self.editor.area.lines()[row];
        let column = line[..line.find(text).unwrap()].chars().count() + text.chars().count();
        self.editor.move_to((row, column));
    }

    fn page(&mut self, width: u16, height: u16) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let theme = Theme::new(config::Theme::Dark);
        let cursor = self.editor.render(&self.draft, kinds(), area, &mut buf, &theme, true);
        assert!(cursor.is_none_or(|at| area.contains(at)), "{cursor:?} in {area:?}");
        assert!(cursor.is_some() || self.editor.is_schema_tab());
        let row = |y| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| row(y).trim_end().to_owned() + "\n").collect()
    }

    fn take(&mut self) -> Result<Vec<Notice>, Vec<TextError>> {
        self.editor.take(&mut self.draft, kinds())
    }
}

#[test]
fn a_draft_as_json() {
    let mut screen = Screen::new();
    insta::assert_snapshot!("opened_60", screen.page(60, 16));
    insta::assert_snapshot!("opened_30", screen.page(30, 16));
    screen.after("https://api.example.com");
    for _ in 0..19 {
        screen.press(KeyCode::Backspace, NONE);
    }
    insta::assert_snapshot!("wrong_60", screen.page(60, 16));
    screen.editor.toggle_schema_tab(&screen.draft, kinds());
    assert!(!screen.editor.is_editing_text());
    insta::assert_snapshot!("schema_60", screen.page(60, 10));
    assert_eq!(screen.press(KeyCode::Char('x'), NONE), Handled::Ignored);
    assert_eq!(screen.editor.paste("x").len(), 1);
    screen.press(KeyCode::End, NONE);
    assert!(screen.page(60, 10).contains('}'));
    screen.editor.toggle_schema_tab(&screen.draft, kinds());
    assert!(screen.editor.is_editing_text());
}

#[test]
fn opening_and_taking_over_unchanged_changes_nothing() {
    let mut screen = Screen::new();
    assert_eq!(screen.take(), Ok(vec![]));
    assert!(!screen.draft.is_changed() && !screen.editor.is_changed());
    screen.type_text(" ");
    assert!(screen.editor.is_changed());
    assert_eq!(screen.take(), Ok(vec![]));
    assert!(!screen.draft.is_changed() && !screen.editor.is_changed());
}

#[test]
fn an_error_has_line_column_and_pointer_while_one_types() {
    let mut screen = Screen::new();
    screen.after("\"https://api.example.com");
    screen.press(KeyCode::Char('w'), CTRL);
    screen.press(KeyCode::Char('u'), CTRL);
    screen.type_text("    \"base_url\": \"nowhere");
    let page = screen.page(100, 20);
    assert!(page.contains("✗ line 6, column 17 /config/base_url: \"nowhere\" is not an address"), "{page}");
    assert!(page.lines().nth(5).unwrap().starts_with("✗ 6"), "{page}");
    assert!(screen.take().is_ok(), "a wrong value can be taken over: the form shows it too");

    let mut screen = Screen::new();
    screen.after("\"a.b\"");
    screen.press(KeyCode::Delete, NONE);
    let page = screen.page(100, 20);
    assert!(page.contains("✗ line 3, column 3: a comma"), "{page}");
    let before = screen.draft.content().clone();
    let errors = screen.take().unwrap_err();
    assert_eq!((errors[0].place.line, errors[0].place.column), (3, 3));
    assert_eq!(screen.editor.cursor(), (2, 2));
    assert_eq!(*screen.draft.content(), before);
    assert!(screen.editor.is_changed(), "the text stays");
}

#[test]
fn errors_are_checked_after_an_edit_and_not_at_each_frame() {
    let mut screen = Screen::new();
    screen.page(60, 10);
    assert!(screen.editor.checked);
    screen.press(KeyCode::Right, NONE);
    assert!(screen.editor.checked, "moving is no edit");
    screen.type_text("x");
    assert!(!screen.editor.checked);
    screen.page(60, 10);
    assert!(screen.editor.checked && !screen.editor.errors.is_empty());
    assert!(screen.editor.undo());
    assert!(screen.editor.errors(&screen.draft, kinds()).is_empty());
    assert!(screen.editor.redo());
    assert!(!screen.editor.errors(&screen.draft, kinds()).is_empty());
}

#[test]
fn a_typed_secret_becomes_one_and_leaves_the_text() {
    let mut screen = Screen::new();
    let text = screen.draft.text().replace("{\"$secret\": \"stored\"}", "\"typed-s3cr3t\"");
    assert!(text.contains("typed-s3cr3t"));
    screen.press(KeyCode::End, CTRL);
    while screen.editor.len() > 0 {
        screen.press(KeyCode::Backspace, NONE);
    }
    screen.editor.paste(&text.replace('\n', "\r"));
    let page = screen.page(60, 20);
    assert!(page.contains(MASK) && !page.contains("s3cr3t"), "masked where the cursor is not: {page}");
    screen.after("typed-");
    assert!(screen.page(60, 20).contains("typed-s3cr3t"), "seen where one types");
    assert!(!format!("{:?}", screen.editor).contains("s3cr3t"));
    assert!(screen.take().is_ok());
    assert_eq!(screen.draft.content().secret("/config/api_key").unwrap().expose(), "typed-s3cr3t");
    assert!(!screen.editor.text().contains("s3cr3t") && !screen.editor.undo(), "no way back to it by undo");
    assert!(screen.draft.undo());
    assert_eq!(screen.draft.content().secret("/config/api_key").unwrap().expose(), MARKER);
}

#[test]
fn keys_that_are_not_the_editors_are_given_back() {
    let mut screen = Screen::new();
    for c in ['s', 't', 'z', 'r', 'l', 'c', 'y', 'v', 'x', 'p', 'n', 'm'] {
        assert_eq!(screen.press(KeyCode::Char(c), CTRL), Handled::Ignored, "Ctrl-{c}");
    }
    for code in [KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::F(1), KeyCode::F(2)] {
        assert_eq!(screen.press(code, NONE), Handled::Ignored, "{code:?}");
    }
    assert!(!screen.editor.is_changed());
}

#[test]
fn a_line_break_keeps_the_indent_and_brackets_change_it() {
    let mut screen = Screen::with("");
    screen.type_text("{");
    screen.press(KeyCode::Enter, NONE);
    screen.type_text("\"a\": [");
    screen.press(KeyCode::Enter, NONE);
    screen.type_text("1,");
    screen.press(KeyCode::Enter, NONE);
    screen.type_text("2");
    screen.press(KeyCode::Enter, NONE);
    screen.type_text("]");
    screen.press(KeyCode::Enter, NONE);
    screen.type_text("}");
    assert_eq!(*screen.editor.text(), "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
    let mut screen = Screen::with("{}");
    screen.press(KeyCode::Right, NONE);
    screen.press(KeyCode::Enter, NONE);
    screen.type_text("x");
    assert_eq!(*screen.editor.text(), "{\n  x\n}");
    screen.press(KeyCode::Backspace, NONE);
    screen.press(KeyCode::Backspace, NONE);
    assert_eq!(*screen.editor.text(), "{\n\n}");
    screen.press(KeyCode::Char('j'), CTRL);
    assert_eq!(*screen.editor.text(), "{\n\n\n}", "Ctrl-J is a line break, and deletes nothing");
}

#[test]
fn deletes_whole_graphemes() {
    let mut screen = Screen::with("\"👩‍👩‍👧‍👦e\u{301}\"");
    screen.press(KeyCode::End, NONE);
    screen.press(KeyCode::Left, NONE);
    screen.press(KeyCode::Backspace, NONE);
    assert_eq!(*screen.editor.text(), "\"👩‍👩‍👧‍👦\"");
    screen.press(KeyCode::Left, NONE);
    screen.press(KeyCode::Delete, NONE);
    assert_eq!(*screen.editor.text(), "\"\"");
    assert!(screen.editor.undo());
    assert_eq!(*screen.editor.text(), "\"👩‍👩‍👧‍👦\"");
}

#[test]
fn undo_goes_by_words() {
    let mut screen = Screen::with("");
    screen.editor.paste("pasted");
    screen.type_text("abc def");
    screen.press(KeyCode::Home, NONE);
    screen.type_text("xy");
    let steps = ["pastedabc def", "pastedabc ", "pastedabc", "pasted", ""];
    for wanted in steps {
        assert!(screen.editor.undo());
        assert_eq!(*screen.editor.text(), wanted);
    }
    assert!(!screen.editor.undo());
    for wanted in steps.iter().rev().skip(1).chain(&["xypastedabc def"]) {
        assert!(screen.editor.redo());
        assert_eq!(*screen.editor.text(), *wanted);
    }
    assert!(!screen.editor.redo());
}

#[test]
fn finds_as_one_types_round_at_the_end() {
    let mut screen = Screen::with("one Two\nthree\ntwo");
    screen.press(KeyCode::Char('f'), CTRL);
    screen.type_text("two");
    assert_eq!(screen.editor.cursor(), (0, 4));
    screen.press(KeyCode::Enter, NONE);
    assert_eq!(screen.editor.cursor(), (2, 0));
    screen.press(KeyCode::Enter, NONE);
    assert_eq!(screen.editor.cursor(), (0, 4));
    screen.press(KeyCode::Up, NONE);
    assert_eq!(screen.editor.cursor(), (2, 0));
    screen.type_text("x");
    assert!(screen.page(40, 8).contains("✗ not in this text"));
    assert!(screen.page(40, 8).contains("find: twox"));
    screen.press(KeyCode::Esc, NONE);
    assert_eq!(*screen.editor.text(), "one Two\nthree\ntwo");
    assert!(screen.editor.find.is_none());
}

#[test]
fn pasted_line_breaks_and_control_characters() {
    let mut screen = Screen::with("");
    assert!(screen.editor.paste("a\r\nb\rc\nd\te").is_empty());
    assert_eq!(*screen.editor.text(), "a\nb\nc\nd  e");
    let notices = screen.editor.paste("\x1b[201~\0");
    assert!(notices[0].message.contains("2 control characters"), "{notices:?}");
    assert!(screen.editor.undo() && screen.editor.undo());
    assert_eq!(*screen.editor.text(), "");
}

#[test]
fn text_that_hides_something_is_shown() {
    let mut screen = Screen::with("{\"name\": \"pay\u{200b}pal \u{202e}x \u{7}\"}");
    let page = screen.page(80, 4);
    assert!(page.contains("pay<200B>pal <202E>x ␇"), "{page}");
}

#[test]
fn too_much_text_is_refused_with_a_sentence() {
    let mut draft = stored();
    draft.set("/notes", json!("x".repeat(BYTES_MAX)));
    assert!(RawEditor::open(&draft, kinds()).unwrap_err().contains("1 MiB"));
    let mut screen = Screen::new();
    assert_eq!(screen.editor.paste(&"x".repeat(BYTES_MAX)).len(), 1);
    assert_eq!(screen.editor.paste(&"\n".repeat(LINES_MAX)).len(), 1);
    assert!(!screen.editor.is_changed());
}

#[test]
fn almost_a_megabyte_is_pasted_and_drawn() {
    let mut screen = Screen::with("");
    let items = vec!["  \"0123456789\""; 60_000];
    assert!(screen.editor.paste(&format!("[\n{}\n]", items.join(",\n"))).is_empty());
    screen.page(80, 24);
    screen.type_text("x");
    screen.page(80, 24);
    let mut screen = Screen::with("");
    assert!(screen.editor.paste(&format!("[{}]", items.join(","))).is_empty());
    screen.page(80, 24);
}

#[test]
fn goes_to_a_place() {
    let mut screen = Screen::new();
    screen.editor.goto("/config/base_url");
    assert_eq!(screen.editor.cursor(), (5, 16));
    screen.editor.goto("/config/placement/in");
    assert_eq!(screen.editor.cursor(), (4, 12), "the object around what is not there");
}

#[test]
fn every_size_draws() {
    let text = "{\n  \"日本語\": \"👩‍👩‍👧‍👦 long enough to be cut somewhere\",\n  \"x\": [1, 2\n";
    for find in [false, true] {
        for end in [false, true] {
            let mut screen = Screen::with(text);
            if end {
                screen.editor.move_to((1, 999));
            }
            if find {
                screen.press(KeyCode::Char('f'), CTRL);
                screen.type_text("e");
            }
            for (width, height) in (1..=40).flat_map(|width| (1..=12).map(move |height| (width, height))) {
                screen.page(width, height);
            }
        }
    }
    let mut screen = Screen::new();
    screen.editor.toggle_schema_tab(&screen.draft, kinds());
    (1..=40).for_each(|size| drop(screen.page(size, size.min(12))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_keys_draw_and_undo_leads_back(
        keys in proptest::collection::vec((0..20usize, r#"[a{}\[\]":, é日👩]{1,4}"#), 0..40),
        size in (1..50u16, 1..20u16),
    ) {
        let mut screen = Screen::new();
        let before = screen.editor.text();
        for (key, text) in keys {
            match key {
                0..4 => screen.type_text(&text),
                4 => drop(screen.editor.paste(&text)),
                5 => drop(screen.press(KeyCode::Enter, NONE)),
                6 => drop(screen.press(KeyCode::Backspace, NONE)),
                7 => drop(screen.press(KeyCode::Delete, NONE)),
                8 => drop(screen.press(KeyCode::Left, NONE)),
                9 => drop(screen.press(KeyCode::Right, NONE)),
                10 => drop(screen.press(KeyCode::Up, NONE)),
                11 => drop(screen.press(KeyCode::Down, NONE)),
                12 => drop(screen.press(KeyCode::Home, NONE)),
                13 => drop(screen.press(KeyCode::End, NONE)),
                14 => drop(screen.press(KeyCode::Char('w'), CTRL)),
                15 => drop(screen.press(KeyCode::Char('u'), CTRL)),
                16 => drop(screen.press(KeyCode::Char('k'), CTRL)),
                17 => drop(screen.press(KeyCode::PageDown, NONE)),
                18 => drop(screen.press(KeyCode::F(8), NONE)),
                _ => drop(screen.press(KeyCode::End, CTRL)),
            }
            screen.page(size.0, size.1);
        }
        let _ = screen.take().is_ok() || {
            while screen.editor.undo() {}
            prop_assert_eq!(&screen.editor.text(), &before);
            true
        };
    }
}
