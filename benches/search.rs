//! A key typed into the search over 100,000 credentials: the time from the key to the frame, beside the plain
//! matcher over the same texts. `cargo bench --bench search`.
#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use credbench::config::Config;
use credbench::model::{Content, Credential, Document, Id};
use credbench::tui::app::App;
use credbench::tui::keymap::Keymap;
use credbench::tui::message::{Answer, Message};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Matcher, Utf32String};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

const COUNT: usize = 100_000;
/// One frame at 60 Hz.
const FRAME: Duration = Duration::from_micros(16_667);
const QUERIES: [&str; 5] = ["stripe live", "e", "zq", "is:untested prod", "kind:secret -tag:team7 mail"];

fn main() {
    let document = Arc::new(document());
    let texts: Vec<Utf32String> = document.credentials.iter().map(|one| text(&one.content)).collect();
    let area = Rect::new(0, 0, 120, 40);
    let mut app = open(document);
    let mut buffer = Buffer::empty(area);
    app.draw(area, &mut buffer);
    println!("{:>28}  {:>10}  {:>10}  {:>6}", "query", "key+frame", "matcher", "ratio");
    let mut worst = Duration::ZERO;
    for query in QUERIES {
        press(&mut app, KeyCode::Char('/'));
        for (at, c) in query.char_indices() {
            let start = Instant::now();
            press(&mut app, KeyCode::Char(c));
            buffer.reset();
            app.draw(area, &mut buffer);
            let key = start.elapsed();
            let typed = &query[..at + c.len_utf8()];
            let alone = alone(typed, &texts);
            worst = worst.max(key);
            println!(
                "{typed:>28}  {:>7.2} ms  {:>7.2} ms  {:>6.2}",
                key.as_secs_f64() * 1e3,
                alone.as_secs_f64() * 1e3,
                key.as_secs_f64() / alone.as_secs_f64()
            );
        }
        press(&mut app, KeyCode::Esc);
    }
    println!("the slowest key of {COUNT} rows: {:.2} ms, a frame is {:.2} ms", ms(worst), ms(FRAME));
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn press(app: &mut App, code: KeyCode) {
    black_box(app.update(Message::Key(KeyEvent::new(code, KeyModifiers::NONE))));
}

fn open(document: Arc<Document>) -> App {
    let clocks = (Arc::new(|| Timestamp::UNIX_EPOCH) as _, Arc::new(|| std::time::Duration::ZERO) as _);
    let (mut app, _) = App::new(Config::default(), Keymap::default(), "default".to_owned(), clocks, false);
    let opened = Answer::Opened {
        document,
        usage: Arc::default(),
        notices: Vec::new(),
        alarms: Vec::new(),
        refusal: None,
        created: false,
        drafts: Vec::new(),
        sealer: None,
    };
    app.update(Message::Vault(opened));
    app
}

/// The plain matcher over all texts, ranked: what a search costs at least.
fn alone(query: &str, texts: &[Utf32String]) -> Duration {
    let start = Instant::now();
    let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(nucleo_matcher::Config::DEFAULT);
    let mut found: Vec<(u32, usize)> = (texts.iter().enumerate())
        .filter_map(|(at, text)| Some((pattern.score(text.slice(..), &mut matcher)?, at)))
        .collect();
    found.sort_unstable();
    black_box(found);
    start.elapsed()
}

fn text(content: &Content) -> Utf32String {
    let parts = [content.key(), content.name(), content.service()];
    parts.into_iter().chain(content.tags()).flat_map(|part| [part, " "]).collect::<String>().into()
}

fn document() -> Document {
    const SERVICES: [&str; 8] = ["stripe", "mailer", "github", "crm", "storage", "search", "maps", "payroll"];
    const PLACES: [&str; 4] = ["live", "test", "staging", "backup"];
    let mut document = Document::new();
    document.credentials = (0..COUNT)
        .map(|n| {
            let (service, place) = (SERVICES[n % 8], PLACES[n / 8 % 4]);
            let kind = if n % 3 == 0 { "secret" } else { "api_key" };
            let config = match n % 3 {
                0 => json!({"values": {"TOKEN": {"$secret": "stored"}}}),
                _ => json!({"base_url": format!("https://{service}.example"), "api_key": {"$secret": "stored"}}),
            };
            let value = json!({
                "key": format!("{service}.{place}.{n:06}"), "name": format!("{service}, {place} number {n}"),
                "kind": kind, "service": service, "tags": ["prod", format!("team{}", n % 20)], "config": config,
            });
            let Value::Object(document) = value else { unreachable!("an object was written") };
            let content = Content { document, secrets: Default::default() };
            Credential::new(Id::new(), content, Timestamp::UNIX_EPOCH)
        })
        .collect();
    document
}
