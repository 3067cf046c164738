//! Every field of every kind: typed into the form, taken through JSON, into a vault and back into a form.

use std::collections::BTreeSet;

use credbench::config;
use credbench::model::{Content, Credential, Id};
use credbench::schema::{Absent, Choices, Control, Draft, Field, Kind, Kinds};
use credbench::tui::form::Form;
use credbench::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use serde_json::{Value, json};

use crate::support::vault::{Home, now};

const UNICODE: &str = "Zürich 日本語 e\u{301} 👩‍👩‍👧 שלום \"q\" \\ {x} 'y'";
const LINES: &str = "-----BEGIN X-----\nMIIEvQ日本\n\tabc=\n-----END X-----\n";
const CONTROL: &str = "a\u{1}b\u{7f}\u{85}";

fn kinds() -> &'static Kinds {
    Kinds::builtin()
}

fn offered(word: &str) -> Vec<String> {
    vec!["default".to_owned(), format!("one of the {word}")]
}

struct Screen {
    form: Form,
    draft: Draft,
}

impl Screen {
    fn of(kind: &Kind, draft: Draft) -> Self {
        Self { form: Form::new(kind, &draft, &offered), draft }
    }

    fn press(&mut self, code: KeyCode) {
        self.form.handle_key(KeyEvent::new(code, KeyModifiers::NONE), &mut self.draft, kinds());
    }

    fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.press(KeyCode::Char(c));
        }
    }

    fn focus(&mut self, place: &str) {
        assert!(self.form.focus(place, &mut self.draft, kinds()), "{place} can have the focus");
    }

    fn paste(&mut self, text: &str) {
        self.form.paste(text, &mut self.draft, kinds());
    }

    fn page(&mut self) -> String {
        let area = Rect::new(0, 0, 110, 120);
        let mut buf = Buffer::empty(area);
        let theme = Theme::new(config::Theme::Dark);
        self.form.render(&self.draft, kinds(), area, &mut buf, &theme, false);
        buf.content.iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    /// Whether what is at a place is wrong.
    fn is_wrong(&self, place: &str) -> bool {
        self.draft.check(kinds()).iter().any(|violation| violation.pointer.starts_with(place))
    }

    /// Chooses by keys.
    fn choose(&mut self, place: &str, option: &str) {
        self.focus(place);
        for _ in 0..40 {
            if self.draft.content().get_str(place) == Some(option) {
                return;
            }
            self.press(KeyCode::Right);
        }
        panic!("{place} offers no {option}");
    }

    /// Fills a field through its control, with the first text that it takes.
    fn fill(&mut self, field: &Field) {
        let place = &field.pointer;
        let example = field.example.clone().unwrap_or_default();
        match &field.control {
            Control::Choice(Choices::Fixed(options)) => {
                if self.draft.content().get(place).is_none() {
                    self.choose(place, &options[0]);
                }
            }
            Control::Choice(Choices::FromVault(word)) => {
                let option = offered(word).remove(1);
                self.choose(place, &option);
            }
            Control::Text { multiline: false } => {
                for text in [UNICODE, &example, "abc"] {
                    self.focus(place);
                    self.form.handle_key(
                        KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL),
                        &mut self.draft,
                        kinds(),
                    );
                    self.type_text(text);
                    if !text.is_empty() && !self.is_wrong(place) {
                        break;
                    }
                }
            }
            Control::Text { multiline: true } => {
                self.focus(place);
                self.paste(LINES);
                assert_eq!(self.draft.content().get_str(place), Some(LINES), "{place}");
            }
            Control::Secret { multiline } => {
                self.focus(place);
                let text = if *multiline { LINES } else { UNICODE };
                self.paste(text);
                assert_eq!(self.draft.content().secret(place).unwrap().expose(), text, "{place}");
            }
            Control::Number { max, .. } => {
                self.focus(place);
                self.type_text(&max.unwrap_or(7).to_string());
            }
            Control::Boolean => {
                self.focus(place);
                self.press(KeyCode::Char(' '));
            }
            Control::List => {
                for texts in [[UNICODE, "two words"], ["one", "two"]] {
                    self.focus(place);
                    self.form.handle_key(
                        KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL),
                        &mut self.draft,
                        kinds(),
                    );
                    self.draft.set(place, Value::Null);
                    self.paste(&texts.join("\n"));
                    if !self.is_wrong(place) {
                        break;
                    }
                }
            }
            Control::Table { secret } => {
                self.focus(place);
                self.type_text("X-Name");
                self.press(KeyCode::Enter);
                let cell = format!("{place}/X-Name");
                assert_eq!(self.form.focused().as_deref(), Some(cell.as_str()));
                self.paste(if *secret { LINES } else { "ä {x}" });
            }
            Control::Json => {
                self.focus(place);
                self.draft.set(place, json!({"status": [200], "text": [{"contains": UNICODE}]}));
            }
        }
        assert!(self.draft.content().get(place).is_some(), "{place} was filled");
        assert!(!self.is_wrong(place), "{place}: {:?}", self.draft.check(kinds()));
    }
}

/// Every choice of a kind's own fields, one at a time, so that each of its branches is walked.
fn choices(kind: &Kind) -> Vec<Option<(String, String)>> {
    let mut choices = vec![None];
    for field in &kind.fields {
        if let Control::Choice(Choices::Fixed(options)) = &field.control
            && !field.fixed
        {
            choices.extend(options.iter().map(|option| Some((field.pointer.clone(), option.clone()))));
        }
    }
    choices
}

/// A draft of a kind with every field that applies filled in by keys.
fn filled(kind: &Kind, choice: Option<&(String, String)>) -> Screen {
    let mut screen = Screen::of(kind, Draft::new(kind, "default"));
    if let Some((place, option)) = choice {
        screen.choose(place, option);
    }
    let mut done = BTreeSet::new();
    loop {
        let fields = kind.fields_of(screen.draft.content());
        let next = fields.into_iter().find(|field| !field.fixed && !done.contains(&field.pointer));
        let Some(field) = next else { break };
        screen.fill(&field);
        done.insert(field.pointer);
    }
    screen.form.settle(&mut screen.draft, kinds());
    screen
}

/// The document with its secrets in clear, as a person gives it to `put`.
fn in_clear(content: &Content) -> Value {
    let mut document = Value::Object(content.document.clone());
    for (place, secret) in &content.secrets {
        *document.pointer_mut(place).unwrap() = Value::from(secret.expose());
    }
    document
}

/// Through JSON and back: the placeholders keep the secrets, and the document in clear gives them anew.
fn through_json(kind: &Kind, draft: &Draft) {
    let mut again = draft.clone();
    let text = again.text();
    assert_eq!(again.set_text(kinds(), &text), Ok(vec![]), "{text}");
    assert_eq!(again.content(), draft.content());
    let clear = in_clear(draft.content());
    let read = kind.read(clear.as_object().unwrap().clone(), None, Absent::Keeps).unwrap();
    assert_eq!(read.content, *draft.content());
}

#[test]
fn every_field_of_every_kind_goes_from_form_to_json_to_vault_to_form() {
    let home = Home::with_vault();
    let mut opened = home.open().unwrap();
    let mut wanted = Vec::new();
    for kind in kinds().iter() {
        let mut seen = BTreeSet::new();
        for (number, choice) in choices(kind).iter().enumerate() {
            let mut screen = filled(kind, choice.as_ref());
            screen.draft.set("/key", json!(format!("{}.{number}", kind.id)));
            screen.draft.set("/solution", json!("default"));
            let content = screen.draft.content();
            assert_eq!(screen.draft.check(kinds()), [], "{} {choice:?}", kind.id);
            assert_eq!(kind.missing(content), [""; 0], "{} {choice:?}", kind.id);
            let there = |field: &&Field| content.get(&field.pointer).is_some();
            seen.extend(kind.fields.iter().filter(there).map(|field| field.pointer.clone()));
            through_json(kind, &screen.draft);
            let id = Id::new();
            opened.store.commit(vec![screen.draft.edit(id.clone())], now()).unwrap();
            wanted.push((id, screen));
        }
        let all: BTreeSet<_> = kind.fields.iter().map(|field| field.pointer.clone()).collect();
        assert_eq!(seen, all, "{}: every field was there in some branch", kind.id);
    }
    drop(opened);
    let document = home.open().unwrap().document;
    assert!(wanted.len() > 40);
    for (id, mut before) in wanted {
        let stored: &Credential = document.credentials.iter().find(|one| one.id == id).unwrap();
        assert_eq!(stored.content, *before.draft.content());
        let kind = kinds().get(stored.content.kind()).unwrap();
        let mut screen = Screen::of(kind, Draft::of(stored));
        assert!(!screen.draft.is_changed());
        // The same page, but that the secrets are stored now.
        before.form = Form::new(kind, &before.draft, &offered);
        let (page, typed) = (screen.page(), before.page());
        assert_eq!(page, typed.replace("•••••••• new   ", "•••••••• stored"));
        screen.form.settle(&mut screen.draft, kinds());
        assert_eq!(screen.draft.content(), before.draft.content());
    }
}

#[test]
fn a_control_character_is_kept_or_refused_and_never_changed() {
    let (mut kept, mut refused) = (0, 0);
    for kind in kinds().iter() {
        for choice in choices(kind).iter().take(6) {
            let filled = filled(kind, choice.as_ref());
            for field in kind.fields_of(filled.draft.content()).iter().filter(|field| !field.fixed) {
                let mut screen = Screen::of(kind, filled.draft.clone());
                match field.control {
                    Control::Text { .. } => {
                        screen.draft.set(&field.pointer, json!(CONTROL));
                    }
                    Control::Secret { .. } => {
                        screen.draft.set_secret(kind, &field.pointer, CONTROL.into());
                        assert!(screen.is_wrong(&field.pointer), "{}: a secret has none", field.pointer);
                    }
                    Control::Table { secret: false } => {
                        screen.draft.put(&format!("{}/X-Name", field.pointer), json!(CONTROL));
                    }
                    _ => continue,
                }
                if screen.is_wrong(&field.pointer) {
                    refused += 1;
                } else {
                    kept += 1;
                }
                through_json(kind, &screen.draft);
                assert!(!screen.page().contains(['\u{1}', '\u{7f}', '\u{85}']));
            }
        }
    }
    assert!(kept > 50 && refused > 50, "{kept} {refused}");
}

#[test]
fn nothing_that_a_hidden_field_holds_is_lost_and_a_secret_stays_one() {
    for kind in kinds().iter() {
        for choice in choices(kind) {
            let mut screen = filled(kind, choice.as_ref());
            let before = screen.draft.content().clone();
            for (place, option) in choices(kind).into_iter().flatten() {
                // A choice that is itself hidden now is left as it is.
                let fields = kind.fields_of(screen.draft.content());
                if fields.iter().any(|field| field.pointer == place) {
                    screen.choose(&place, &option);
                }
            }
            let after = screen.draft.content();
            assert_eq!(after.secrets, before.secrets, "{}", kind.id);
            for place in before.secrets.keys() {
                assert!(kind.is_secret(place), "{place}");
            }
            through_json(kind, &screen.draft);
        }
    }
}
