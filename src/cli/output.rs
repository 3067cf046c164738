//! Everything the command line prints: the only place that writes to standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the one place that prints")]

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use super::args::Colour;
use crate::model::{Outcome, Status};
use crate::problem::{Exit, Problem};
use crate::redact::{is_hidden, push_visible};

/// What a piece of text means; a sign or a word always says it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Caution,
    Bad,
    Faint,
    Strong,
}

impl Tone {
    fn start(self) -> &'static str {
        match self {
            Self::Good => "\x1b[32m",
            Self::Caution => "\x1b[33m",
            Self::Bad => "\x1b[31m",
            Self::Faint => "\x1b[2m",
            Self::Strong => "\x1b[1m",
        }
    }
}

/// Standard output and standard error of one command.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    colour: bool,
    colour_error: bool,
    /// The first error of writing to standard output. A reader that went away is no error: what is left is
    /// not wanted.
    failed: RefCell<Option<io::ErrorKind>>,
}

impl Output {
    pub(crate) fn new(json: bool, colour: Colour) -> Self {
        let wish = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => crate::paths::colour_wish().unwrap_or(terminal),
        };
        Self {
            json,
            colour: wish(io::stdout().is_terminal()),
            colour_error: wish(io::stderr().is_terminal()),
            failed: RefCell::new(None),
        }
    }

    /// Whether `--json` was given.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether standard output is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// The width of the terminal on standard output, in columns; `None` where it is none.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0).then(|| usize::from(size.ws_col))
    }

    /// Text for standard output, coloured where colours are wanted.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        if self.colour { format!("{}{text}\x1b[0m", tone.start()) } else { text.to_owned() }
    }

    /// A line of text. It must be clean of what others wrote: see [`visible`].
    pub(crate) fn line(&self, text: &str) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        if self.failed.borrow().is_some() {
            return;
        }
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
            *self.failed.borrow_mut() = Some(error.kind());
        }
    }

    /// A value as readable JSON.
    pub(crate) fn json(&self, value: &impl Serialize) {
        // Our own values have text keys and finite numbers: serializing them cannot fail.
        self.line(&escaped(&serde_json::to_string_pretty(value).unwrap_or_default()));
    }

    /// A value as one line of JSON.
    pub(crate) fn json_line(&self, value: &impl Serialize) {
        self.line(&escaped(&serde_json::to_string(value).unwrap_or_default()));
    }

    /// Something a person should know, on standard error; not with `--json`.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            eprint_line(text);
        }
    }

    /// Something a person or a program should heed, on standard error.
    pub(crate) fn warning(&self, text: &str) {
        if self.json {
            eprint_line(&json!({ "warning": { "message": text } }).to_string());
        } else {
            eprint_line(&format!("{} {}", self.label(Tone::Caution, "warning:"), visible(text)));
        }
    }

    /// Why a command did not do its work.
    pub(crate) fn problem(&self, problem: &Problem) {
        if self.json {
            let mut error = json!({ "code": problem.code, "message": problem.message, "hint": problem.hint });
            if !problem.causes.is_empty() {
                error["causes"] = json!(problem.causes);
            }
            return eprint_line(&json!({ "error": error }).to_string());
        }
        eprint_line(&format!("{} {}", self.label(Tone::Bad, "error:"), visible(&problem.message)));
        for cause in &problem.causes {
            eprint_line(&format!("  {}", visible(cause)));
        }
        if let Some(hint) = &problem.hint {
            eprint_line(&format!("{} {}", self.label(Tone::Strong, "hint:"), visible(hint)));
        }
    }

    /// What became of standard output.
    ///
    /// # Errors
    /// Exit 1 where it could not be written; a reader that went away is fine.
    pub(crate) fn finish(&self) -> Result<(), Problem> {
        match *self.failed.borrow() {
            None | Some(io::ErrorKind::BrokenPipe) => Ok(()),
            Some(kind) => Err(Problem::new(
                Exit::Failed,
                "output",
                format!("standard output could not be written: {kind}"),
            )),
        }
    }

    fn label(&self, tone: Tone, word: &str) -> String {
        if self.colour_error { format!("{}{word}\x1b[0m", tone.start()) } else { word.to_owned() }
    }
}

/// JSON text whose every character a terminal shows as it is: those that it would act on are escaped. They
/// only stand inside of texts, and mean the same there.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Help and other text that clap laid out.
pub(crate) fn clap_text(error: &clap::Error) {
    // clap chooses stream and colours; a closed pipe is nobody's problem.
    let _ = error.print();
}

/// Tells of a panic.
pub(super) fn bug(place: &str) {
    eprint_line(&format!(
        "credbench: this is a bug ({place}). The vault is as it was last saved; please report it."
    ));
}

fn eprint_line(text: &str) {
    // There is no place left to tell of an error here.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The sign and tone of a status.
pub(crate) fn status_sign(status: Status) -> (&'static str, Tone) {
    match status {
        Status::Active => ("●", Tone::Good),
        Status::Limited | Status::Expiring => ("◐", Tone::Caution),
        Status::Expired | Status::Error => ("✗", Tone::Bad),
        Status::Incomplete => ("…", Tone::Caution),
        Status::Untested | Status::NotTestable => ("○", Tone::Faint),
    }
}

/// The sign and tone of an outcome.
pub(crate) fn outcome_sign(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Ok => ("✓", Tone::Good),
        Outcome::NotTestable => ("○", Tone::Faint),
        Outcome::Limited | Outcome::RateLimited | Outcome::Cancelled | Outcome::Incomplete => {
            ("!", Tone::Caution)
        }
        Outcome::Rejected
        | Outcome::Expired
        | Outcome::Unreachable
        | Outcome::WrongEndpoint
        | Outcome::Unexpected => ("✗", Tone::Bad),
    }
}

/// Text with every character made visible that a terminal would act on, or that hides how the text reads.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut shown, c);
    }
    shown
}
