//! What every screen may use: keys, colours, options, kinds, the notice, and what is to be done.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::audit::Usage;
use crate::config::Config;
use crate::problem::Problem;
use crate::schema::Kinds;
use crate::schema::catalogue::Index;
use crate::session::review::Reviewed;
use crate::session::{Seat, WorkflowUses};
use crate::tui::keymap::Keymap;
use crate::tui::message::Effect;
use crate::tui::theme::Theme;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Tells how long the machine has been up, the time that it slept included: a clock that nobody sets.
pub type Uptime = Arc<dyn Fn() -> Duration + Send + Sync>;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// To know.
    Plain,
    /// Something is wrong.
    Bad,
}

/// What every screen may use.
pub struct Shared {
    /// The keys.
    pub keymap: Keymap,
    /// The colours.
    pub theme: Theme,
    /// The options.
    pub config: Config,
    /// The kinds there are.
    pub kinds: Arc<Kinds>,
    /// How often credentials were used, and when last.
    pub usage: Arc<Usage>,
    /// How often workflows used credentials, once that was asked for.
    pub uses: Arc<WorkflowUses>,
    /// The services of the kinds' catalogue, once they were asked for and read.
    pub services: Option<Arc<Index>>,
    /// The current solution.
    pub solution: String,
    /// What the last review found, or why there is none; `None`: nobody asked yet.
    pub review: Option<Result<Arc<Reviewed>, Problem>>,
    /// The line of the review that was selected when it was left for a moment.
    pub review_line: usize,
    /// Where the operator sits.
    pub seat: Seat,
    /// Whether the vault is a throw-away one.
    pub demo: bool,
    /// How many kept drafts wait to be gone on with.
    pub drafts: usize,
    /// Tells the time.
    pub clock: Clock,
    /// How long it takes until the vault is locked, where that is soon.
    pub locks_in: Option<Duration>,
    /// Tells how long the machine has been up.
    pub(super) uptime: Uptime,
    /// The line above the footer.
    pub(super) notice: Option<(Tone, String)>,
    /// What is to be done, in order.
    pub(super) effects: Vec<Effect>,
    /// The number that was given last.
    serial: u64,
}

impl Shared {
    /// What every screen may use in a locked workbench.
    pub(super) fn new(
        config: Config,
        keymap: Keymap,
        solution: String,
        (clock, uptime): (Clock, Uptime),
        demo: bool,
    ) -> Self {
        Self {
            keymap,
            theme: Theme::new(config.screen.theme),
            config,
            kinds: Kinds::builtin().clone(),
            usage: Arc::default(),
            uses: Arc::default(),
            services: None,
            solution,
            review: None,
            review_line: 0,
            seat: Seat::default(),
            demo,
            drafts: 0,
            clock,
            locks_in: None,
            uptime,
            notice: None,
            effects: Vec::new(),
            serial: 0,
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Shows a line until the next key.
    pub fn tell(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some((tone, text.into()));
    }

    /// Shows a problem, with what to do about it.
    pub fn tell_problem(&mut self, problem: &Problem) {
        let hint = problem.hint.as_ref().map(|hint| format!(" · {hint}")).unwrap_or_default();
        self.tell(Tone::Bad, format!("{}{hint}", problem.message));
    }

    /// The line that is shown.
    pub fn notice(&self) -> Option<(Tone, &str)> {
        self.notice.as_ref().map(|(tone, text)| (*tone, text.as_str()))
    }

    /// Wants something done.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// A number that was not given before.
    pub fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}
