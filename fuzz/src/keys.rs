//! Keys, pastes, sizes, times and answers in any order (Z5, R6, R7): the workbench never panics, draws nothing outside
//! of its screen, and shows no secret that nobody asked to see; locked, none at all.

use std::sync::Arc;
use std::time::Duration;

use credbench::config::Config;
use credbench::model::{Document, Outcome};
use credbench::probe::Report;
use credbench::problem::{Exit, Problem};
use credbench::schema::Kinds;
use credbench::secret::Secret;
use credbench::session::Saved;
use credbench::tui::app::App;
use credbench::tui::keymap::Keymap;
use credbench::tui::message::{Answer, Effect, Message, Order, Outside, Purpose, Timer};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::bytes::Bytes;

/// Stands in every secret of the vault.
const MARK: &str = "zq7secret";

pub fn keys(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut bench = Bench::start();
    while !bytes.is_empty() && bench.app.ended().is_none() {
        let message = bench.message(&mut bytes);
        bench.take(message);
        bench.look();
    }
}

/// A workbench, and a vault that answers at once.
struct Bench {
    app: App,
    document: Arc<Document>,
    generation: u64,
    size: (u16, u16),
    timers: Vec<Timer>,
    open: bool,
    /// A secret was shown, or is typed in clear: the screen may have it.
    shown: bool,
}

impl Bench {
    fn start() -> Self {
        let (app, effects) = App::new(
            Config::default(),
            Keymap::default(),
            "default".to_owned(),
            (Arc::new(|| Timestamp::UNIX_EPOCH), Arc::new(|| Duration::ZERO)),
            false,
        );
        let document = Arc::new(vault());
        let mut bench = Self {
            app,
            document,
            generation: 1,
            size: (80, 24),
            timers: Vec::new(),
            open: false,
            shown: false,
        };
        bench.work(effects);
        bench
    }

    fn message(&mut self, bytes: &mut Bytes<'_>) -> Message {
        match bytes.byte() {
            0..=3 => {
                self.size = (1 + bytes.number() % 200, 1 + bytes.number() % 60);
                Message::Resize
            }
            4..=7 => Message::Paste(Secret::new(bytes.text(80))),
            8..=10 if !self.timers.is_empty() => {
                let timer = self.timers.swap_remove(bytes.below(self.timers.len()));
                Message::Timer(timer)
            }
            11 => {
                let document = self.document.clone();
                Message::Vault(Answer::Refreshed(Ok(Outside { document, words: bytes.text(20) })))
            }
            12 => Message::Continued,
            13 => Message::Lock,
            other => Message::Key(key(other, bytes.byte())),
        }
    }

    fn take(&mut self, message: Message) {
        let effects = self.app.update(message);
        self.work(effects);
    }

    /// Answers as the vault's thread and the tests would.
    fn work(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let answer = match effect {
                Effect::Vault(order) => match self.order(order) {
                    Some(answer) => Message::Vault(answer),
                    None => continue,
                },
                Effect::Test(_, jobs) => {
                    for (ticket, ..) in jobs {
                        let report = Report::unsent(Outcome::Rejected, "no", "", Timestamp::UNIX_EPOCH);
                        self.take(Message::Tested(ticket, Box::new(report)));
                    }
                    continue;
                }
                Effect::Wake(_, timer) => {
                    self.timers.push(timer);
                    self.timers.truncate(64);
                    continue;
                }
                _ => continue,
            };
            self.take(answer);
        }
    }

    fn order(&mut self, order: Order) -> Option<Answer> {
        Some(match order {
            Order::Unlock { .. } => {
                self.open = true;
                Answer::Opened {
                    usage: Arc::default(),
                    document: self.document.clone(),
                    notices: Vec::new(),
                    alarms: Vec::new(),
                    refusal: None,
                    created: false,
                    drafts: Vec::new(),
                    // Drafts are not kept here: locking with one asks.
                    sealer: None,
                }
            }
            Order::Commit { serial, edits } => {
                let mut document = Document::clone(&self.document);
                let applied: Result<Vec<_>, _> =
                    edits.into_iter().map(|edit| document.apply(edit, Timestamp::UNIX_EPOCH)).collect();
                let result = match applied {
                    Ok(mut inverses) => {
                        inverses.reverse();
                        self.document = Kinds::of(&document).sealed(&Arc::new(document));
                        self.generation += 1;
                        let document = self.document.clone();
                        Ok((
                            Saved {
                                document,
                                inverses,
                                merged: false,
                                notes: Vec::new(),
                                warnings: Vec::new(),
                            },
                            self.generation,
                        ))
                    }
                    Err(error) => Err(Problem::new(Exit::Refused, "conflict", error.to_string())),
                };
                Answer::Committed { serial, result }
            }
            Order::Secret { id, place, purpose } => {
                self.shown |= purpose == Purpose::Reveal;
                let secret = self.document.by_id(&id).and_then(|known| known.content.secret(&place)).cloned();
                let result = secret.ok_or_else(|| Problem::new(Exit::NotFound, "missing_secret", "none"));
                Answer::Secret { id, place, purpose, usage: Arc::default(), result }
            }
            Order::Lock => {
                self.open = false;
                return None;
            }
            _ => return None,
        })
    }

    /// Draws, and looks at what is there.
    fn look(&mut self) {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        let cursor = self.app.draw(area, &mut buffer);
        assert!(cursor.is_none_or(|at| area.contains(at)), "the cursor is outside of the screen");
        let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(!text.chars().any(char::is_control), "a control character is drawn");
        assert!(self.shown && self.open || !text.contains(MARK), "a secret is on the screen");
    }
}

/// Credentials of several kinds, each with a secret.
fn vault() -> Document {
    let mut document = Document::new();
    let text = serde_json::json!([
        {"key": "one", "kind": "api_key", "config": {"base_url": "https://a.example", "api_key": format!("{MARK}-1")}, "test": {"path": "/"}},
        {"key": "two.x", "kind": "basic_auth", "tags": ["t"], "config": {"base_url": "https://b.example", "username": "u", "password": format!("{MARK}-2")}},
        {"key": "three", "kind": "secret", "notes": "n\nm", "config": {"values": {"a": format!("{MARK}-3"), "b.c": format!("{MARK}-4\n{MARK}-5")}}},
        {"key": "four", "kind": "database", "config": {"engine": "postgres", "host": "db.example", "password": format!("{MARK}-6")}},
        {"key": "five", "kind": "oauth2", "config": {"grant": "device_code", "client_id": "c", "device_url": "https://c.example/d", "token_url": "https://c.example/t", "tokens": {"access_token": format!("{MARK}-7"), "refresh_token": format!("{MARK}-8")}}}
    ]);
    let changes =
        credbench::session::changes(&document, Kinds::builtin(), &text.to_string(), "default", "text");
    for change in changes.expect("the samples are valid") {
        for edit in change.edits(None) {
            document.apply(edit, Timestamp::UNIX_EPOCH).expect("the samples can be stored");
        }
    }
    document
}

/// A key of a terminal: half of them are the ones that mean something.
fn key(which: u8, value: u8) -> KeyEvent {
    const NAMED: [KeyCode; 16] = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::F(2),
        KeyCode::F(3),
    ];
    let code = match which {
        ..=90 => NAMED[usize::from(value) % NAMED.len()],
        91..=250 => KeyCode::Char(char::from(b' ' + value % 95)),
        _ => KeyCode::Char(
            ['é', '日', '\u{200d}', '👩', '\u{301}', '\u{202e}', '\u{7f}', '\0'][usize::from(value) % 8],
        ),
    };
    let modifiers = match which % 8 {
        0 => KeyModifiers::CONTROL,
        1 => KeyModifiers::ALT,
        2 => KeyModifiers::SHIFT,
        _ => KeyModifiers::NONE,
    };
    KeyEvent::new(code, modifiers)
}
