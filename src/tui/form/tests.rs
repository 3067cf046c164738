use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config;
use crate::model::{Credential, Id};
use crate::secret::Secret;

const MARKER: &str = "s3cr3t-marker";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\nabc=\n-----END PRIVATE KEY-----\n";

fn kinds() -> &'static Kinds {
    Kinds::builtin()
}

fn choices(word: &str) -> Vec<String> {
    match word {
        "solutions" => vec!["default".to_owned(), "billing-prod".to_owned()],
        _ => Vec::new(),
    }
}

struct Screen {
    form: Form,
    draft: Draft,
}

impl Screen {
    fn of(draft: Draft) -> Self {
        let kind = draft.kind(kinds()).unwrap();
        Self { form: Form::new(&kind, &draft, &choices), draft }
    }

    fn new(kind: &str) -> Self {
        Self::of(Draft::new(kinds().get(kind).unwrap(), "default"))
    }

    /// One that changes a stored credential with a secret at every place for one.
    fn stored(kind: &str) -> Self {
        let kind = kinds().get(kind).unwrap();
        let mut draft = Draft::new(kind, "default");
        draft.set("/key", json!("a.b"));
        for field in &kind.fields {
            match field.control {
                crate::schema::Control::Secret { .. } => {
                    draft.set_secret(kind, &field.pointer, Secret::from(MARKER));
                }
                crate::schema::Control::Table { secret: true } => {
                    draft.set_secret(kind, &format!("{}/one", field.pointer), Secret::from(MARKER));
                }
                _ => {}
            }
        }
        let now = jiff::Timestamp::UNIX_EPOCH;
        Self::of(Draft::of(&Credential::new(Id::new(), draft.content().clone(), now)))
    }

    fn press(&mut self, code: KeyCode) -> Handled {
        self.chord(code, KeyModifiers::NONE)
    }

    fn chord(&mut self, code: KeyCode, modifiers: KeyModifiers) -> Handled {
        self.form.handle_key(KeyEvent::new(code, modifiers), &mut self.draft, kinds())
    }

    fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.press(KeyCode::Char(c));
        }
    }

    fn focus(&mut self, place: &str) {
        assert!(self.form.focus(place, &mut self.draft, kinds()), "{place}");
    }

    fn paste(&mut self, text: &str) -> Vec<Notice> {
        self.form.paste(text, &mut self.draft, kinds())
    }

    fn check(&mut self) {
        let found = self.draft.check(kinds());
        self.form.set_violations(&found);
    }

    fn page(&mut self, width: u16, height: u16) -> String {
        let (buf, _) = self.render(width, height);
        text(&buf)
    }

    fn render(&mut self, width: u16, height: u16) -> (Buffer, Option<Position>) {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let theme = Theme::new(config::Theme::Dark);
        let cursor = self.form.render(&self.draft, kinds(), area, &mut buf, &theme, true);
        assert!(cursor.is_none_or(|at| area.contains(at)), "{cursor:?} in {area:?}");
        (buf, cursor)
    }

    fn value(&self, place: &str) -> serde_json::Value {
        self.draft.content().get(place).cloned().unwrap_or_default()
    }

    fn secret(&self, place: &str) -> Option<String> {
        self.draft.content().secret(place).map(|secret| secret.expose().to_owned())
    }
}

fn text(buf: &Buffer) -> String {
    let mut page = String::new();
    for y in 0..buf.area.height {
        let mut skip = 0;
        let mut row = String::new();
        for x in 0..buf.area.width {
            let symbol = buf[(x, y)].symbol();
            if skip == 0 {
                row.push_str(symbol);
            }
            skip = unicode_width::UnicodeWidthStr::width(symbol).max(skip).saturating_sub(1);
        }
        page.push_str(row.trim_end());
        page.push('\n');
    }
    page
}

#[test]
fn the_forms_of_all_kinds() {
    for width in [30, 60, 100] {
        let mut page = String::new();
        for kind in kinds().iter() {
            page.push_str(&format!("== {}\n{}", kind.id, Screen::new(&kind.id).page(width, 80)));
        }
        insta::assert_snapshot!(format!("forms_{width}"), page);
    }
}

#[test]
fn a_form_with_everything_on_it() {
    let mut screen = Screen::stored("api_key");
    screen.draft.set("/name", json!("日本語 👩‍👩‍👧‍👦 e\u{301} שלום pay\u{200b}pal \x1b[31m"));
    screen.draft.set("/config/base_url", json!("ftp://x"));
    screen.draft.set("/config/unheard_of", json!([1]));
    screen.draft.set("/tags", json!(["one", "two"]));
    screen.draft.set("/notes", json!("first\nsecond\nthird\nfourth"));
    screen.draft.set("/test/headers", json!({"Accept": "application/json", "X-Empty": ""}));
    screen.draft.set("/test/expect", json!({"status": [200]}));
    screen.draft.set("/rotate_every_days", json!(0));
    screen.draft.set("/allow_http", json!(true));
    screen.check();
    for width in [30, 60, 100] {
        insta::assert_snapshot!(format!("everything_{width}"), screen.page(width, 70));
    }
}

#[test]
fn typing_goes_to_the_draft_and_undo_brings_the_focus_along() {
    let mut screen = Screen::new("api_key");
    screen.type_text("a.b");
    assert_eq!(screen.value("/key"), json!("a.b"));
    screen.press(KeyCode::Tab);
    screen.type_text("Näme");
    screen.press(KeyCode::Backspace);
    assert_eq!(screen.value("/name"), json!("Näm"));
    screen.press(KeyCode::Tab);
    assert!(screen.form.undo(&mut screen.draft, kinds()));
    assert_eq!(screen.form.focused().as_deref(), Some("/name"));
    assert_eq!((screen.value("/key"), screen.value("/name")), (json!("a.b"), json!(null)));
    screen.type_text("x");
    assert_eq!(screen.value("/name"), json!("x"), "the input follows the undo");
    assert!(screen.form.undo(&mut screen.draft, kinds()) && screen.form.undo(&mut screen.draft, kinds()));
    assert!(!screen.form.undo(&mut screen.draft, kinds()));
    assert!(screen.form.redo(&mut screen.draft, kinds()));
    assert_eq!(screen.value("/key"), json!("a.b"));
}

#[test]
fn the_fields_follow_a_choice_and_what_they_held_is_not_lost() {
    let kind = kinds().get("oauth2").unwrap();
    let mut screen = Screen::new("oauth2");
    let shows = |screen: &mut Screen, label: &str| screen.page(100, 80).contains(label);
    assert!(!shows(&mut screen, "Device URL") && shows(&mut screen, "Token URL *"));
    screen.focus("/config/grant");
    while screen.value("/config/grant") != json!("device_code") {
        assert_eq!(screen.press(KeyCode::Right), Handled::Changed);
        assert_eq!(screen.form.focused().as_deref(), Some("/config/grant"));
    }
    assert!(shows(&mut screen, "Device URL *") && !shows(&mut screen, "Authorization URL"));
    screen.focus("/config/device_url");
    screen.type_text("https://login.example.com/device");
    screen.draft.set_secret(kind, "/config/client_secret", Secret::from(MARKER));
    screen.focus("/config/issuer");
    screen.type_text("https://login.example.com");
    assert!(shows(&mut screen, "Device URL  ") && !shows(&mut screen, "Token URL *"));
    screen.focus("/config/client_auth");
    screen.press(KeyCode::Enter);
    screen.type_text("none");
    screen.press(KeyCode::Enter);
    assert!(!shows(&mut screen, "Client secret"));
    screen.focus("/config/grant");
    screen.press(KeyCode::Right);
    assert_eq!(screen.value("/config/grant"), json!("jwt_bearer"));
    assert!(shows(&mut screen, "Private key *") && !shows(&mut screen, "Device URL"));
    // Hidden, and still there, and still a secret.
    assert_eq!(screen.value("/config/device_url"), json!("https://login.example.com/device"));
    assert_eq!(screen.secret("/config/client_secret").as_deref(), Some(MARKER));
    let text = screen.draft.text();
    assert!(!text.contains(MARKER));
    assert_eq!(screen.draft.set_text(kinds(), &text), Ok(vec![]));
    assert_eq!(screen.secret("/config/client_secret").as_deref(), Some(MARKER));
    // A focus whose field goes away moves to the field before.
    screen.focus("/config/private_key");
    screen.draft.set("/config/grant", json!("authorization_code"));
    screen.press(KeyCode::F(1));
    assert_eq!(screen.form.focused().as_deref(), Some("/config/client_auth"));
    assert!(screen.form.undo(&mut screen.draft, kinds()));
    assert!(shows(&mut screen, "Private key *"));
}

#[test]
fn a_field_is_found_by_its_label() {
    for kind in kinds().iter() {
        let mut screen = Screen::new(&kind.id);
        for field in kind.fields_of(screen.draft.content()).iter().filter(|field| !field.fixed) {
            assert_eq!(screen.chord(KeyCode::Char('f'), KeyModifiers::CONTROL), Handled::Consumed);
            assert!(screen.form.is_picking());
            screen.type_text(&format!("{} · {}", field.label, field.group));
            screen.page(40, 12);
            assert_eq!(screen.press(KeyCode::Enter), Handled::Consumed);
            assert_eq!(screen.form.focused().as_deref(), Some(field.pointer.as_str()));
        }
        assert!(!screen.draft.is_changed());
    }
}

#[test]
fn undo_goes_by_words() {
    let mut screen = Screen::new("api_key");
    screen.focus("/notes");
    screen.type_text("one two three");
    screen.chord(KeyCode::Char('u'), KeyModifiers::CONTROL);
    for wanted in [json!("one two three"), json!("one two"), json!("one"), json!(null)] {
        assert!(screen.form.undo(&mut screen.draft, kinds()));
        assert_eq!(screen.value("/notes"), wanted);
    }
}

#[test]
fn keys_that_are_not_the_forms_are_given_back() {
    let mut screen = Screen::new("api_key");
    for (code, modifiers) in [
        (KeyCode::Char('s'), KeyModifiers::CONTROL),
        (KeyCode::Char('t'), KeyModifiers::CONTROL),
        (KeyCode::Char('z'), KeyModifiers::CONTROL),
        (KeyCode::Char('r'), KeyModifiers::CONTROL),
        (KeyCode::Char('l'), KeyModifiers::CONTROL),
        (KeyCode::Char('_'), KeyModifiers::CONTROL),
        (KeyCode::Char('7'), KeyModifiers::CONTROL),
        (KeyCode::Char('_'), KeyModifiers::ALT),
        (KeyCode::F(1), KeyModifiers::NONE),
        (KeyCode::F(2), KeyModifiers::NONE),
        (KeyCode::Esc, KeyModifiers::NONE),
        (KeyCode::BackTab, KeyModifiers::SHIFT),
    ] {
        for stop in screen.form.stops(&screen.draft) {
            let kind = kinds().get("api_key").unwrap();
            screen.form.go(stop.clone(), &mut screen.draft, kind);
            let given = screen.chord(code, modifiers);
            if code != KeyCode::BackTab || stop.field == 0 {
                assert_eq!(given, Handled::Ignored, "{code:?} {modifiers:?} at {stop:?}");
            }
        }
    }
    assert!(!screen.draft.is_changed());
}

#[test]
fn a_stored_secret_is_replaced_cleared_and_taken_back() {
    let mut screen = Screen::stored("api_key");
    let place = "/config/api_key";
    screen.focus(place);
    assert_eq!(screen.form.focused_secret().as_deref(), Some(place));
    assert!(screen.page(60, 40).contains("•••••••• stored"));
    assert_eq!(screen.press(KeyCode::Backspace), Handled::Consumed);
    assert_eq!(screen.secret(place).as_deref(), Some(MARKER), "Backspace alone clears nothing");
    assert_eq!(screen.press(KeyCode::Delete), Handled::Changed);
    assert_eq!(screen.secret(place), None);
    assert!(screen.page(60, 40).contains("will be cleared"));
    screen.press(KeyCode::Esc);
    assert_eq!(screen.secret(place).as_deref(), Some(MARKER));
    assert!(!screen.draft.is_changed());
    assert_eq!(screen.chord(KeyCode::Char('d'), KeyModifiers::CONTROL), Handled::Changed);
    assert_eq!(screen.secret(place), None);
    screen.type_text("newer");
    assert_eq!(screen.secret(place).as_deref(), Some("newer"));
    assert!(screen.page(60, 40).contains("•••••••• new"));
    screen.chord(KeyCode::Char('u'), KeyModifiers::CONTROL);
    assert_eq!(screen.secret(place).as_deref(), Some(MARKER));
    assert_eq!(
        screen.press(KeyCode::Esc),
        Handled::Ignored,
        "nothing to take back: one step back for the screen"
    );
}

#[test]
fn a_pasted_line_break_at_the_end_is_trimmed_and_told() {
    let mut screen = Screen::new("api_key");
    screen.focus("/config/api_key");
    let notices = screen.paste("tok-1\r");
    assert_eq!(screen.secret("/config/api_key").as_deref(), Some("tok-1"));
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(screen.form.settle(&mut screen.draft, kinds()).is_empty(), "told once");
    screen.focus("/config/base_url");
    let notices = screen.paste("https://a.example\r\n");
    assert_eq!(screen.value("/config/base_url"), json!("https://a.example"));
    assert_eq!(notices.len(), 1);
    let notices = screen.paste("\x1b[201~\0");
    assert_eq!(screen.value("/config/base_url"), json!("https://a.example[201~"));
    assert!(notices[0].message.contains("2 control characters"), "{notices:?}");
}

#[test]
fn a_secret_with_a_line_break_or_a_control_character_is_an_error_not_a_repair() {
    let mut screen = Screen::new("api_key");
    screen.focus("/config/api_key");
    screen.paste("one\rtwo");
    screen.check();
    assert!(screen.page(60, 40).contains("has a line break as its character 4"));
    assert_eq!(screen.secret("/config/api_key").as_deref(), Some("one\ntwo"));
}

#[test]
fn a_pem_is_pasted_into_a_table() {
    let mut screen = Screen::new("secret");
    screen.focus("/config/values");
    screen.type_text("TLS_KEY");
    assert_eq!(screen.press(KeyCode::Enter), Handled::Changed);
    let place = "/config/values/TLS_KEY";
    assert_eq!(screen.form.focused_secret().as_deref(), Some(place));
    assert!(screen.page(60, 40).contains("missing"));
    assert_eq!(screen.paste(&PEM.replace('\n', "\r")), Vec::new());
    assert_eq!(screen.secret(place).as_deref(), Some(PEM), "byte for byte");
    let page = screen.page(60, 40);
    assert!(page.contains("TLS_KEY") && page.contains("•••••••• new") && !page.contains("MII"), "{page}");
    screen.press(KeyCode::Up);
    screen.press(KeyCode::Down);
    screen.form.focus(place, &mut screen.draft, kinds());
    screen.chord(KeyCode::BackTab, KeyModifiers::SHIFT);
    screen.chord(KeyCode::Char('u'), KeyModifiers::CONTROL);
    screen.type_text("KEY");
    assert_eq!(screen.press(KeyCode::Tab), Handled::Changed);
    assert_eq!(screen.secret("/config/values/KEY").as_deref(), Some(PEM));
    assert_eq!(screen.chord(KeyCode::Char('d'), KeyModifiers::CONTROL), Handled::Changed);
    assert!(screen.draft.content().secrets.is_empty());
    assert!(screen.form.undo(&mut screen.draft, kinds()));
    assert_eq!(screen.secret("/config/values/KEY").as_deref(), Some(PEM));
}

#[test]
fn a_name_that_is_taken_is_refused_with_a_word() {
    let mut screen = Screen::new("api_key");
    screen.draft.set("/test/headers", json!({"A": "1", "B": "2"}));
    screen.focus("/test/headers/B");
    screen.chord(KeyCode::BackTab, KeyModifiers::SHIFT);
    screen.press(KeyCode::Backspace);
    screen.type_text("A");
    screen.press(KeyCode::Tab);
    assert_eq!(screen.value("/test/headers"), json!({"A": "1", "B": "2"}));
    assert_eq!(screen.form.take_notices().len(), 1);
}

#[test]
fn choices_numbers_and_booleans() {
    let mut screen = Screen::new("api_key");
    screen.focus("/config/placement/in");
    screen.press(KeyCode::Right);
    assert_eq!(screen.value("/config/placement/in"), json!("header"));
    screen.press(KeyCode::Enter);
    assert!(screen.form.is_picking());
    screen.type_text("co");
    screen.page(60, 20);
    screen.press(KeyCode::Enter);
    assert_eq!(screen.value("/config/placement/in"), json!("cookie"));
    screen.press(KeyCode::Right);
    assert_eq!(screen.value("/config/placement"), json!(null), "the empty choice takes its object along");
    screen.focus("/solution");
    screen.press(KeyCode::Char(' '));
    assert_eq!(screen.value("/solution"), json!("billing-prod"));
    screen.focus("/rotate_every_days");
    screen.type_text("9x-0");
    assert_eq!(screen.value("/rotate_every_days"), json!(90));
    screen.focus("/allow_http");
    assert!(!screen.form.is_editing_text());
    for wanted in [json!(true), json!(false), json!(null)] {
        screen.press(KeyCode::Char(' '));
        assert_eq!(screen.value("/allow_http"), wanted);
    }
    screen.focus("/tags");
    screen.type_text("one");
    screen.press(KeyCode::Enter);
    screen.press(KeyCode::Enter);
    screen.type_text("two ");
    assert_eq!(screen.value("/tags"), json!(["one", "two"]));
    screen.focus("/test/expect");
    assert_eq!(screen.press(KeyCode::Enter), Handled::EditAsJson("/test/expect".to_owned()));
}

#[test]
fn a_value_of_another_type_is_shown_and_not_lost() {
    let mut screen = Screen::new("api_key");
    screen.draft.set("/tags", json!({"odd": 1}));
    screen.draft.set("/name", json!({"odd": 2}));
    screen.draft.set("/rotate_every_days", json!("often"));
    let before = screen.draft.content().clone();
    for stop in screen.form.stops(&screen.draft) {
        screen.form.go(stop, &mut screen.draft, kinds().get("api_key").unwrap());
        screen.page(40, 12);
    }
    assert_eq!(*screen.draft.content(), before);
    assert!(screen.page(100, 80).contains(r#"{"odd":1}"#));
}

#[test]
fn a_secret_is_in_no_cell_and_no_debug_text_unless_revealed() {
    let mut screen = Screen::stored("api_key");
    let place = "/config/api_key";
    screen.focus(place);
    for typed in ["", MARKER] {
        screen.type_text(typed);
        let (buf, _) = screen.render(100, 60);
        assert!(!text(&buf).contains("s3cr"));
        assert!(!format!("{:?} {:?}", screen.form, screen.draft).contains("s3cr"));
    }
    screen.form.reveal(Some(place.to_owned()));
    assert!(screen.page(100, 60).contains(MARKER), "the check can see it");
    screen.form.reveal(None);
    assert!(!screen.page(100, 60).contains("s3cr"));
}

#[test]
fn the_first_error_gets_the_focus() {
    let mut screen = Screen::stored("api_key");
    screen.draft.set("/expires_at", json!("soon"));
    screen.check();
    assert!(screen.form.focus_first_error(&mut screen.draft, kinds()));
    assert_eq!(screen.form.focused().as_deref(), Some("/config/base_url"));
    let page = screen.page(40, 8);
    assert!(page.contains("Base URL") && page.contains("✗ is required"), "{page}");
}

#[test]
fn every_size_draws_with_the_focus_in_view() {
    for mut screen in [Screen::stored("api_key"), Screen::stored("secret")] {
        screen.draft.set("/name", json!("日本語👩‍👩‍👧‍👦\u{200b}"));
        screen.draft.set("/notes", json!("a\nb\nc\nd\ne\nf\ng\nh\ni\nj"));
        screen.check();
        let kind = kinds().get(screen.form.kind()).unwrap();
        for stop in screen.form.stops(&screen.draft) {
            screen.form.go(stop, &mut screen.draft, kind);
            for (width, height) in (1..=40).flat_map(|width| (1..=12).map(move |height| (width, height))) {
                let (_, cursor) = screen.render(width, height);
                assert!(cursor.is_some(), "{width}×{height} {:?}", screen.form.focus);
            }
            screen.press(KeyCode::Enter);
            if screen.form.is_picking() {
                (1..=12).for_each(|size| drop(screen.render(size, size)));
                screen.press(KeyCode::Esc);
            }
        }
    }
}

#[test]
fn a_megabyte_pasted_is_one_step_and_draws() {
    let mut screen = Screen::new("api_key");
    screen.focus("/notes");
    screen.paste(&"line of text\n".repeat(70_000));
    screen.page(60, 20);
    assert!(screen.draft.is_changed());
    assert!(screen.form.undo(&mut screen.draft, kinds()) && !screen.draft.is_changed());
    let notices = screen.paste(&"x".repeat(2_000_000));
    assert!(!screen.draft.is_changed() && notices.len() == 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn form_to_json_and_back_loses_nothing(
        kind in 0..10usize,
        keys in proptest::collection::vec((0..23usize, "[a-zé日\u{301}🙂 \\n]{1,6}"), 1..80),
    ) {
        let kind = kinds().iter().nth(kind).unwrap();
        let mut screen = Screen::stored(&kind.id);
        for (key, text) in keys {
            match key {
                0..6 => screen.type_text(&text),
                6 => drop(screen.paste(&text)),
                7..11 => drop(screen.press(KeyCode::Tab)),
                11 => drop(screen.chord(KeyCode::BackTab, KeyModifiers::SHIFT)),
                12 => drop(screen.press(KeyCode::Up)),
                13 => drop(screen.press(KeyCode::Down)),
                14 => drop(screen.press(KeyCode::Enter)),
                15 => drop(screen.press(KeyCode::Delete)),
                16 => drop(screen.press(KeyCode::Backspace)),
                17 => drop(screen.press(KeyCode::Esc)),
                18 => drop(screen.press(KeyCode::Right)),
                22 => drop(screen.chord(KeyCode::Char('f'), KeyModifiers::CONTROL)),
                19 => drop(screen.form.undo(&mut screen.draft, kinds())),
                20 => drop(screen.chord(KeyCode::Char('d'), KeyModifiers::CONTROL)),
                _ => drop(screen.press(KeyCode::PageDown)),
            }
            let (_, cursor) = screen.render(40, 12);
            prop_assert!(cursor.is_some() || screen.form.is_picking());
        }
        screen.form.settle(&mut screen.draft, kinds());
        let before = screen.draft.clone();
        let text = screen.draft.text();
        let taken = screen.draft.set_text(kinds(), &text);
        prop_assert!(taken.is_ok(), "{taken:?}");
        prop_assert_eq!(screen.draft.content(), before.content());
        while screen.form.undo(&mut screen.draft, kinds()) {}
        prop_assert!(!screen.draft.is_changed(), "undo leads back to what is stored");
    }
}
