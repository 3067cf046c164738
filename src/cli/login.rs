//! `login`: tokens with a person's consent, in a browser or on another device, also over SSH.

use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::Url;

use super::args::Login;
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::Terminal;
use super::{Context, exchange, refresh, test};
use crate::model::Id;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::session::oauth::{Direct, Given, Prompt, Ways, left, login};
use crate::session::{self, Setup};

pub(super) const PAGES: &[Page] = &[Page {
    command: "login",
    examples: &[
        ("credbench login crm.salesforce", "shows where to go, waits, stores the tokens and tests them"),
        (
            "credbench login crm.salesforce --json | tee log",
            "a program shows the address, or the code, in its own way",
        ),
    ],
    json: r#"a line for each event: {"event":"device","user_code","host","verification_url","verification_url_complete"|null,"expires_at","interval"} or {"event":"browser","host","url","expires_at","listening"|null,"ssh"|null}, {"event":"slowed_down","interval"}, {"event":"not_this","message"}, {"event":"logged_in","solution","key","expires_at"|null,"scope"|null}; then the line of `test`"#,
    faults: &[],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES, &manual::ASKS_FOR_TOKENS],
}];

pub(crate) fn run(context: &Context, arguments: &Login) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let id = session::credential(&opened.document, &setup.solution, &arguments.key)?.id.clone();
    let given = exchange::run(context, &setup, &mut opened.session, false, async |keeper, ways| {
        attended(context, &setup, &id, keeper, ways).await
    })?;
    if context.output.is_json() {
        context.output.json_line(&json!({
            "event": "logged_in", "solution": setup.solution, "key": arguments.key,
            "expires_at": given.ends, "scope": given.scope,
        }));
    } else {
        let line = format!("{}  logged in{}", arguments.key, refresh::good_for(&given));
        context.output.line(&visible(&line));
    }
    for warning in &given.warnings {
        context.output.warning(warning);
    }
    if arguments.no_test {
        return Ok(ExitCode::SUCCESS);
    }
    test::one(context, &setup, &mut opened, &id)
}

/// The login, with the person who is shown what to do and may paste.
async fn attended(
    context: &Context,
    setup: &Setup,
    id: &Id,
    keeper: &Direct<'_>,
    ways: &Ways<'_>,
) -> Result<Given, Problem> {
    let (prompts, mut shown) = unbounded_channel();
    let (paste, pasted) = unbounded_channel();
    let mut person = Person::at_terminal(context, setup, paste);
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let mut running = std::pin::pin!(login(keeper, id, ways, prompts, pasted));
    let result = loop {
        tokio::select! {
            biased;
            Some(prompt) = shown.recv() => person.show(prompt),
            result = &mut running => break result,
            typed = person.typed.recv() => match typed {
                Some(Some(text)) => person.paste(text),
                // Ctrl-C where keys do not make signals.
                _ => ways.cancel.cancel(),
            },
            _ = second.tick(), if person.counts() => person.count((ways.clock)()),
        }
    };
    person.leaves();
    result
}

/// Whoever is shown prompts; where a terminal is, somebody may paste.
struct Person<'a> {
    context: &'a Context,
    setup: &'a Setup,
    /// `None`: nobody can paste.
    paste: Option<UnboundedSender<Secret>>,
    typed: UnboundedReceiver<Option<Secret>>,
    typing: UnboundedSender<Option<Secret>>,
    question: Option<Question>,
    countdown: Option<Countdown>,
}

/// A question that waits on the terminal.
struct Question {
    thread: JoinHandle<()>,
    /// Dropping it takes the question back.
    stop: UnixStream,
}

/// How long a code is still good, on one line of the terminal.
struct Countdown {
    terminal: Terminal,
    ends: Timestamp,
}

impl<'a> Person<'a> {
    fn at_terminal(context: &'a Context, setup: &'a Setup, paste: UnboundedSender<Secret>) -> Self {
        let (typing, typed) = unbounded_channel();
        let paste = Terminal::attended().map(|_| paste);
        Self { context, setup, paste, typed, typing, question: None, countdown: None }
    }

    fn show(&mut self, prompt: Prompt) {
        if self.context.output.is_json() {
            if let Some(event) = self.event(&prompt) {
                self.stops_counting();
                self.context.output.json_line(&event);
            }
        } else if let Some(text) = self.words(&prompt) {
            self.stops_counting();
            for line in text.lines() {
                self.context.output.line(&visible(line));
            }
        }
        match prompt {
            Prompt::Browser { .. } | Prompt::NotThis(_) => self.ask(),
            Prompt::Device { ends, .. } if self.context.output.is_terminal() => {
                self.countdown = Terminal::open().map(|terminal| Countdown { terminal, ends });
            }
            Prompt::Device { .. } | Prompt::AsksNext { .. } | Prompt::SlowedDown { .. } => {}
        }
    }

    /// A prompt as a line of JSON; `None`: nobody reads a line for each time that the server is asked.
    fn event(&self, prompt: &Prompt) -> Option<Value> {
        Some(match prompt {
            Prompt::Device { user_code, host, url, complete_url, ends, interval } => json!({
                "event": "device", "user_code": user_code, "host": host, "verification_url": url.as_str(),
                "verification_url_complete": complete_url.as_ref().map(Url::as_str), "expires_at": ends,
                "interval": interval.as_secs(),
            }),
            Prompt::Browser { url, host, listening, ends } => json!({
                "event": "browser", "host": host, "url": url.as_str(), "expires_at": ends,
                "listening": listening.as_ref().ok().map(ToString::to_string),
                "ssh": listening.as_ref().ok().map(|here| self.tunnel(*here)),
            }),
            Prompt::AsksNext { .. } => return None,
            Prompt::SlowedDown { interval } => {
                json!({ "event": "slowed_down", "interval": interval.as_secs() })
            }
            Prompt::NotThis(reason) => json!({ "event": "not_this", "message": reason.to_string() }),
        })
    }

    /// A prompt as text; `None`: as [`Person::event`].
    fn words(&self, prompt: &Prompt) -> Option<String> {
        Some(match prompt {
            Prompt::Device { user_code, host, url, complete_url, ends, .. } => {
                let whole = complete_url
                    .as_ref()
                    .map(|url| format!("\nOr open this one, with the code in it:\n\n    {url}\n"));
                format!(
                    "Open this page on any device:\n\n    {url}\n\nand enter this code:\n\n    {user_code}\n{}\n\
                     The page is on {host}: enter the code nowhere else. It is good for {}.",
                    whole.unwrap_or_default(),
                    left(*ends, Timestamp::now()),
                )
            }
            Prompt::Browser { url, host, listening, ends } => {
                let way = match listening {
                    Ok(here) => format!(
                        "The browser comes back to {here} on this machine. Where it runs on another one, type this \
                         there first:\n\n    {}",
                        self.tunnel(*here)
                    ),
                    Err(deaf) => format!("The browser cannot come back by itself: {deaf}."),
                };
                format!(
                    "Open this page in a browser, at {host}, and agree:\n\n    {url}\n\n{way}\n\nIt is waited for {}.",
                    left(*ends, Timestamp::now()),
                )
            }
            Prompt::AsksNext { .. } => return None,
            Prompt::SlowedDown { interval } => {
                format!("The server wants to be asked less often: every {} s now.", interval.as_secs())
            }
            Prompt::NotThis(reason) => format!("This was not taken: {reason}."),
        })
    }

    /// What is typed on the operator's own machine so that its browser reaches what listens here.
    fn tunnel(&self, here: std::net::SocketAddr) -> String {
        match &self.setup.seat.ssh {
            Some(ssh) => ssh.tunnel(here),
            None => format!("ssh -L {0}:{here} USER@HOST", here.port()),
        }
    }

    /// Asks for the address that the browser ended at, while the login goes on.
    fn ask(&mut self) {
        let (Some(mut terminal), true) = (Terminal::attended(), self.paste.is_some()) else { return };
        self.takes_back();
        let Ok((stop, stopped)) = UnixStream::pair() else { return };
        let typing = self.typing.clone();
        let thread = std::thread::spawn(move || {
            let question = "Or paste the whole address that the browser ended at (it is not shown)";
            if let Some(answer) = terminal.secret_until(question, &stopped) {
                let _ = typing.send(answer);
            }
        });
        self.question = Some(Question { thread, stop });
    }

    fn paste(&self, text: Secret) {
        if let Some(paste) = &self.paste {
            let _ = paste.send(text);
        }
    }

    /// Takes a question back; the terminal is then as it was before.
    fn takes_back(&mut self) {
        if let Some(Question { thread, stop }) = self.question.take() {
            drop(stop);
            let _ = thread.join();
        }
    }

    fn counts(&self) -> bool {
        self.countdown.is_some()
    }

    fn count(&mut self, now: Timestamp) {
        if let Some(Countdown { terminal, ends }) = &mut self.countdown {
            let seconds = ends.duration_since(now).as_secs().max(0);
            terminal.status(&format!("Waiting; {}:{:02} left. Ctrl-C ends it.", seconds / 60, seconds % 60));
        }
    }

    fn stops_counting(&mut self) {
        if let Some(mut countdown) = self.countdown.take() {
            countdown.terminal.status("");
        }
    }

    fn leaves(&mut self) {
        self.takes_back();
        self.stops_counting();
    }
}
