//! The workbench without a terminal: keys in, text out. Nothing sleeps: a test waits for a text, and for
//! messages until it is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use credbench::config::Config;
use credbench::schema::Kinds;
use credbench::secret::Secret;
use credbench::session::{Network, Seat, Setup, changes, oauth_app_change};
use credbench::tui::app::App;
use credbench::tui::keymap::Keymap;
use credbench::tui::message::{Effect, Message, Timer};
use credbench::tui::tasks::Tasks;
use credbench::tui::{Clock, Ended, Uptime};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::vault::{Home, now};

/// How long a text may take to appear.
const DEADLINE: Duration = Duration::from_secs(30);

/// A workbench at 120×40 on a vault of its own.
pub(crate) struct Ui {
    pub(crate) home: Home,
    pub(crate) app: App,
    /// What was sent to the clipboard.
    pub(crate) clipboard: Vec<String>,
    /// The times that the workbench wants to be woken at; a test sends them itself.
    pub(crate) timers: Vec<(Duration, Timer)>,
    /// How often it wanted to be suspended.
    pub(crate) suspended: usize,
    /// Seconds after the clock's usual time.
    later: Arc<AtomicI64>,
    size: (u16, u16),
    cursor: Option<Position>,
    tasks: Tasks,
    inbox: UnboundedReceiver<Message>,
    runtime: Runtime,
}

/// How a workbench is made.
pub(crate) struct Start {
    home: Home,
    config: Config,
    identities: Vec<PathBuf>,
    size: (u16, u16),
    network: Network,
    seat: Seat,
}

impl Start {
    /// With a vault that opens without a question, holding these documents.
    pub(crate) fn with(documents: &str) -> Self {
        let home = Home::with_vault();
        put(&home, documents);
        Self::at(home)
    }

    /// With what a home has.
    pub(crate) fn at(home: Home) -> Self {
        let (network, seat) = (Network::default(), Seat { unicode: true, ..Seat::default() });
        let identities = vec![home.identity()];
        Self { config: Config::default(), identities, home, size: (120, 40), network, seat }
    }

    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// In an environment that names proxies.
    pub(crate) fn network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// At another terminal, reached another way.
    pub(crate) fn seat(mut self, seat: Seat) -> Self {
        self.seat = seat;
        self
    }

    /// Opened by another identity than the home's own.
    pub(crate) fn identity(mut self, path: PathBuf) -> Self {
        self.identities = vec![path];
        self
    }

    pub(crate) fn size(mut self, width: u16, height: u16) -> Self {
        self.size = (width, height);
        self
    }

    /// Starts it, and does not wait for anything.
    pub(crate) fn start(self) -> Ui {
        let Self { home, config, identities, size, network, seat } = self;
        let later = Arc::new(AtomicI64::new(0));
        let hand = later.clone();
        let uptime = later.clone();
        let uptime: Uptime =
            Arc::new(move || Duration::from_secs(1_000 + uptime.load(Ordering::SeqCst).unsigned_abs()));
        let clock: Clock = Arc::new(move || now() + SignedDuration::from_secs(hand.load(Ordering::SeqCst)));
        let setup = Setup {
            places: home.places(),
            identities,
            passphrase: None,
            solution: "default".to_owned(),
            config: config.clone(),
            keymap: home.root.join("keymap.toml"),
            services: home.root.join("services"),
            own_folders: Vec::new(),
            network,
            seat: seat.clone(),
        };
        let trust = setup.network.trust().unwrap();
        let runtime = Runtime::new().unwrap();
        let (messages, inbox) = unbounded_channel();
        let tasks = Tasks::start(setup, trust, clock.clone(), runtime.handle().clone(), messages).unwrap();
        let (mut app, effects) =
            App::new(config, Keymap::default(), "default".to_owned(), (clock, uptime), false);
        app.sit(seat);
        let (clipboard, timers) = (Vec::new(), Vec::new());
        let mut ui = Ui {
            home,
            app,
            clipboard,
            timers,
            suspended: 0,
            later,
            size,
            cursor: None,
            tasks,
            inbox,
            runtime,
        };
        ui.run(effects);
        ui
    }

    /// Starts it and waits for the list.
    pub(crate) fn open(self) -> Ui {
        let mut ui = self.start();
        ui.wait("Credentials");
        ui
    }
}

/// Stores documents in a home's vault.
pub(crate) fn put(home: &Home, documents: &str) {
    let mut store = home.open().unwrap().store;
    let document = store.document().clone();
    let read = changes(&document, &Kinds::of(&document), documents, "default", "documents").unwrap();
    store.commit(read.into_iter().flat_map(|change| change.edits(None)).collect(), now()).unwrap();
}

/// Stores an OAuth app in a home's vault.
pub(crate) fn put_app(home: &Home, document: &str) {
    let mut store = home.open().unwrap().store;
    let change = oauth_app_change(&store.document().clone(), document, "document").unwrap();
    store.commit(vec![change.edit()], now()).unwrap();
}

impl Ui {
    fn run(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Wake(after, timer) = &effect {
                self.timers.push((*after, *timer));
            }
            match self.tasks.run(effect) {
                Some(Effect::Clipboard(text)) => self.clipboard.push(text.expose().to_owned()),
                Some(Effect::Suspend) => self.suspended += 1,
                _ => {}
            }
        }
    }

    pub(crate) fn send(&mut self, message: Message) -> &mut Self {
        let effects = self.app.update(message);
        self.run(effects);
        self
    }

    /// Lets time pass.
    pub(crate) fn later(&mut self, seconds: i64) -> &mut Self {
        self.later.fetch_add(seconds, Ordering::SeqCst);
        self
    }

    /// Rings the newest of the alarms that match.
    pub(crate) fn ring(&mut self, which: impl Fn(&Timer) -> bool) -> &mut Self {
        let timer = self.timers.iter().rev().map(|(_, timer)| *timer).find(which);
        self.send(Message::Timer(timer.expect("an alarm is set")))
    }

    /// Presses keys one after the other, as a person does, who sees what each did: characters, and names in angle
    /// brackets such as `<tab>`, `<c-s>`, `<a-_>`.
    pub(crate) fn keys(&mut self, keys: &str) -> &mut Self {
        self.press(keys, true)
    }

    /// Presses keys all at once: nothing is drawn before the last.
    pub(crate) fn burst(&mut self, keys: &str) -> &mut Self {
        self.press(keys, false)
    }

    fn press(&mut self, keys: &str, drawn: bool) -> &mut Self {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let (key, after) = match rest.find('>').filter(|_| first == '<') {
                Some(end) => (named(&rest[1..end]), &rest[end + 1..]),
                None => (KeyEvent::new(KeyCode::Char(first), KeyModifiers::NONE), &rest[first.len_utf8()..]),
            };
            self.send(Message::Key(key));
            if drawn {
                self.cells();
            }
            rest = after;
        }
        self
    }

    pub(crate) fn paste(&mut self, text: &str) -> &mut Self {
        self.send(Message::Paste(Secret::from(text)))
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.size = (width, height);
        self.send(Message::Resize)
    }

    /// What is drawn, cell by cell.
    pub(crate) fn cells(&mut self) -> Buffer {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        self.cursor = self.app.draw(area, &mut buffer);
        buffer
    }

    /// What is on the screen.
    pub(crate) fn screen(&mut self) -> String {
        let buffer = self.cells();
        let area = buffer.area;
        let mut text = String::new();
        for y in 0..area.height {
            let mut line = String::new();
            let mut skip = 0;
            for x in 0..area.width {
                if skip > 0 {
                    skip -= 1;
                    continue;
                }
                let symbol = without_links(buffer[(x, y)].symbol());
                line.push_str(&symbol);
                skip = unicode_width::UnicodeWidthStr::width(&*symbol).saturating_sub(1);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Where the cursor is, if it is shown.
    pub(crate) fn cursor(&mut self) -> Option<Position> {
        self.screen();
        self.cursor
    }

    /// Takes over what has happened by now.
    pub(crate) fn settle(&mut self) -> &mut Self {
        while let Ok(message) = self.inbox.try_recv() {
            self.send(message);
        }
        self
    }

    /// Waits until a text is on the screen.
    pub(crate) fn wait(&mut self, text: &str) -> &mut Self {
        self.until(&format!("{text:?} on the screen"), |ui| ui.screen().contains(text))
    }

    /// Waits until a text is not on the screen any more.
    pub(crate) fn gone(&mut self, text: &str) -> &mut Self {
        self.until(&format!("{text:?} gone"), |ui| !ui.screen().contains(text))
    }

    /// Waits until something is so.
    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) -> &mut Self {
        let deadline = Instant::now() + DEADLINE;
        while !holds(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            let inbox = &mut self.inbox;
            let next = self.runtime.block_on(async { tokio::time::timeout(left, inbox.recv()).await });
            match next {
                Ok(Some(message)) => self.send(message),
                Ok(None) | Err(_) => panic!("waited for {what}; the screen:\n{}", self.screen()),
            };
        }
        self
    }

    /// Asserts that a text is on the screen.
    pub(crate) fn sees(&mut self, text: &str) -> &mut Self {
        let screen = self.screen();
        assert!(screen.contains(text), "{text:?} is not on the screen:\n{screen}");
        self
    }

    /// Asserts that a text is not on the screen.
    pub(crate) fn misses(&mut self, text: &str) -> &mut Self {
        let screen = self.screen();
        assert!(!screen.contains(text), "{text:?} is on the screen:\n{screen}");
        self
    }

    /// Waits until the workbench ends.
    pub(crate) fn ends(&mut self) -> Ended {
        self.until("the end", |ui| ui.app.ended().is_some());
        self.app.ended().unwrap()
    }
}

/// What a terminal shows of a cell: the escape sequences of a link are not seen.
fn without_links(symbol: &str) -> String {
    let mut parts = symbol.split("\x1b]8;");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| shown + part.split_once("\x1b\\").map_or("", |(_, text)| text))
}

fn named(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.split_once('-') {
        Some(("c", rest)) => (KeyModifiers::CONTROL, rest),
        Some(("a", rest)) => (KeyModifiers::ALT, rest),
        _ => (KeyModifiers::NONE, name),
    };
    let mut chars = name.chars();
    let code = match (name, chars.next(), chars.next()) {
        (_, Some(one), None) => KeyCode::Char(one),
        ("enter", ..) => KeyCode::Enter,
        ("esc", ..) => KeyCode::Esc,
        ("tab", ..) => KeyCode::Tab,
        ("backtab", ..) => KeyCode::BackTab,
        ("up", ..) => KeyCode::Up,
        ("down", ..) => KeyCode::Down,
        ("left", ..) => KeyCode::Left,
        ("right", ..) => KeyCode::Right,
        ("pageup", ..) => KeyCode::PageUp,
        ("pagedown", ..) => KeyCode::PageDown,
        ("home", ..) => KeyCode::Home,
        ("end", ..) => KeyCode::End,
        ("space", ..) => KeyCode::Char(' '),
        ("backspace", ..) => KeyCode::Backspace,
        ("delete", ..) => KeyCode::Delete,
        (name, Some('f'), _) => KeyCode::F(name[1..].parse().unwrap()),
        _ => panic!("there is no key <{name}>"),
    };
    KeyEvent::new(code, modifiers)
}
