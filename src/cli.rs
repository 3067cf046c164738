//! The command line: one file a verb.
//!
//! [`start`] reads the arguments, runs the command and answers with an exit code, or with the workbench that
//! is to be opened: this front end does not know the other.

mod add;
mod args;
mod audit;
mod backup;
mod completions;
mod demo;
mod doctor;
mod exchange;
mod export;
mod get;
mod history;
mod import;
mod init;
mod inject;
mod input;
mod kinds;
mod list;
mod login;
mod man;
mod manual;
mod move_to;
mod oauth_app;
mod output;
mod passphrase;
mod prompt;
mod prove;
mod put;
mod recipients;
mod reference;
mod refresh;
mod remove;
mod rename;
mod request;
mod restore;
mod review;
mod revoke;
mod rotate;
mod run;
mod scan;
mod services;
mod show;
mod signals;
mod solution;
mod test;
mod trash;
mod values;
mod vault;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use jiff::Timestamp;

use crate::config::Config;
use crate::memory::Before;
use crate::paths::Paths;
use crate::problem::{Exit, Problem};
use crate::schema::catalogue::Catalogue;
use crate::schema::{Kind, Kinds};
use crate::session::{Opened, Setup};
use crate::suggest::nearest;
use crate::vault::OpenPolicy;
use args::{Arguments, Colour, Command};
use manual::Page;
use output::Output;
use prompt::AtTerminal;

pub use demo::Demo;

const WORKBENCH: &[Page] = &[Page {
    command: "",
    examples: &[
        ("credbench", "opens the workbench; at first start it offers to make the vault"),
        ("credbench --vault ~/team/vault.age --solution billing-prod", "on another vault, at one solution"),
    ],
    json: "nothing: the workbench is for people",
    faults: &[
        (Exit::Usage, "no_terminal", "standard input or output is no terminal"),
        (Exit::Failed, "terminal", "the terminal cannot be used"),
        (Exit::Failed, "workbench", "the workbench cannot be run"),
        (Exit::Failed, "keymap", "the operator's own keys cannot be read"),
        (Exit::Invalid, "invalid_keymap", "the operator's own keys have a mistake"),
    ],
    shared: &[&manual::READS, &manual::OPENS],
}];

/// What is to be done after the command line was read.
#[derive(Debug)]
pub enum Next {
    /// Nothing: the command ran.
    Exit(ExitCode),
    /// The workbench is to be opened.
    Workbench(Box<Workbench>),
}

/// What the workbench opens on.
#[derive(Debug)]
pub struct Workbench {
    /// The vault, the identities and the options.
    pub setup: Setup,
    /// Colours were turned off.
    pub monochrome: bool,
    /// What a demo has to be kept alive for: dropping it removes everything.
    pub demo: Option<Demo>,
    output: Output,
}

impl Workbench {
    /// Prints why the workbench ended, where it did not end well, and removes a demo.
    pub fn end(self, result: Result<(), Problem>) -> ExitCode {
        drop(self.demo);
        exit(&self.output, result.map(|()| ExitCode::SUCCESS))
    }
}

/// What a panic says may quote a secret: from now on only its place is told. The workbench replaces this by what gives
/// the terminal back.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        output::bug(&info.location().map(ToString::to_string).unwrap_or_default());
    }));
}

/// Runs the command that the arguments name. `before` is what the process was before it was hardened: what the
/// programs that it starts get back.
pub fn start(arguments: impl IntoIterator<Item = OsString>, before: Before) -> Next {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let matches = command_line().try_get_matches_from(&arguments);
    let parsed = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(parsed) => parsed,
        Err(error) => return Next::Exit(usage(&error, wants_json(&arguments))),
    };
    let output = Output::new(parsed.global.json, parsed.global.color);
    match run(parsed, output, before) {
        Ok(next) => next,
        Err((output, problem)) => Next::Exit(exit(&output, Err(problem))),
    }
}

/// The command line's own reference page, in Markdown.
pub fn reference() -> String {
    reference::page(&command_line())
}

/// What can be typed.
fn command_line() -> clap::Command {
    manual::with_examples(Arguments::command())
}

fn run(arguments: Arguments, output: Output, before: Before) -> Result<Next, (Output, Problem)> {
    if let Err(problem) = input::check_standard_input(&arguments) {
        return Err((output, problem));
    }
    let named_solution = arguments.global.solution.clone();
    let context = Context { output, before, global: arguments.global.with_environment(), named_solution };
    let Some(command) = arguments.command else {
        return match context.setup() {
            Ok(setup) => Ok(context.workbench(setup, None)),
            Err(problem) => Err((context.output, problem)),
        };
    };
    let done = match command {
        Command::Demo => {
            return match demo::start() {
                Ok((setup, demo)) => Ok(context.workbench(setup, Some(demo))),
                Err(problem) => Err((context.output, problem)),
            };
        }
        Command::Init(arguments) => init::run(&context, &arguments),
        Command::Add(arguments) => add::run(&context, &arguments),
        Command::Put(arguments) => put::run(&context, &arguments),
        Command::Show(arguments) => show::run(&context, &arguments),
        Command::Get(arguments) => get::run(&context, &arguments),
        Command::Run(arguments) => run::run(&context, &arguments),
        Command::Inject(arguments) => inject::run(&context, &arguments),
        Command::Request(arguments) => request::run(&context, &arguments),
        Command::Scan(arguments) => scan::run(&context, &arguments),
        Command::Workflows { key } => scan::workflows(&context, key.as_deref()),
        Command::Rename(arguments) => rename::run(&context, &arguments),
        Command::OnTerminal(arguments) => run::monitor::run(&context, &arguments),
        Command::List(arguments) => list::run(&context, &arguments),
        Command::Test(arguments) => test::run(&context, &arguments),
        Command::Login(arguments) => login::run(&context, &arguments),
        Command::Refresh(arguments) => refresh::run(&context, &arguments),
        Command::Revoke(arguments) => revoke::run(&context, &arguments),
        Command::Remove(arguments) => remove::run(&context, &arguments),
        Command::Rotate(arguments) => rotate::run(&context, &arguments),
        Command::Restore(arguments) => restore::run(&context, &arguments),
        Command::History(arguments) => history::run(&context, &arguments),
        Command::Audit(arguments) => audit::run(&context, &arguments),
        Command::Review(arguments) => review::run(&context, &arguments),
        Command::Trash { action } => trash::run(&context, &action),
        Command::Move(arguments) => move_to::run(&context, &arguments),
        Command::Export(arguments) => export::run(&context, &arguments),
        Command::Import(arguments) => import::run(&context, &arguments),
        Command::OauthApp { action } => oauth_app::run(&context, &action),
        Command::Solution { action } => solution::run(&context, &action),
        Command::Schema(arguments) => kinds::schema(&context, &arguments),
        Command::Kinds { action } => kinds::run(&context, action.as_ref()),
        Command::Services(arguments) => services::run(&context, &arguments),
        Command::Recipients { action } => recipients::run(&context, &action),
        Command::Passphrase(arguments) => passphrase::run(&context, &arguments),
        Command::Vault { action } => vault::run(&context, &action),
        Command::Backup { action } => backup::run(&context, &action),
        Command::Completions(arguments) => completions::run(&context, &arguments, command_line()),
        Command::Man => man::run(&context, command_line()),
        Command::Doctor => doctor::run(&context),
    };
    Ok(Next::Exit(exit(&context.output, done)))
}

/// Prints a problem and tells the exit code. Text that could not be written is a problem too.
fn exit(output: &Output, result: Result<ExitCode, Problem>) -> ExitCode {
    match result.and_then(|code| output.finish().map(|()| code)) {
        Ok(code) => code,
        Err(problem) => {
            output.problem(&problem);
            ExitCode::from(problem.exit as u8)
        }
    }
}

/// `--json` before a `--`: known even where the rest of the line is not understood.
fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

/// Help and version are answers; anything else is a usage error.
fn usage(error: &clap::Error, json: bool) -> ExitCode {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked || !json {
        output::clap_text(error);
        return if asked { ExitCode::SUCCESS } else { ExitCode::from(Exit::Usage as u8) };
    }
    let text = error.render().to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let message = lines.next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let hint: Vec<&str> = lines.filter(|line| !line.starts_with("For more information")).collect();
    let problem = Problem::new(Exit::Usage, "usage", message);
    let problem = if hint.is_empty() { problem } else { problem.hint(hint.join("; ")) };
    Output::new(true, Colour::Never).problem(&problem);
    ExitCode::from(Exit::Usage as u8)
}

/// What every command has at hand.
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) before: Before,
    global: args::Global,
    named_solution: Option<String>,
}

impl Context {
    /// The solution that the command line names, whatever environment and configuration say.
    pub(crate) fn named_solution(&self) -> Option<&str> {
        self.named_solution.as_deref()
    }

    /// The built-in services and the operator's own.
    ///
    /// # Errors
    /// Where their folder is there and cannot be read.
    pub(crate) fn catalogue(&self) -> Result<Arc<Catalogue>, Problem> {
        let folder = Paths::of_user()?.services();
        crate::session::catalogue(&folder).map_err(|error| {
            let message = format!("cannot read {}: {error}", folder.display());
            Problem::new(Exit::Failed, "io", message)
        })
    }

    /// The configuration file: the one that was named, or the usual one.
    pub(crate) fn config_file(&self, paths: &Paths) -> PathBuf {
        self.global.config.clone().unwrap_or_else(|| paths.config_file())
    }

    /// The options. A usual file that is not there says nothing; one that was named must be there.
    ///
    /// # Errors
    /// Exit 7.
    pub(crate) fn config(&self, file: &Path) -> Result<Config, Problem> {
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Config::parse(&text, file)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.global.config.is_none() => {
                Ok(Config::default())
            }
            Err(error) => {
                let message = format!("cannot read the configuration {}: {error}", file.display());
                Err(Problem::new(Exit::Invalid, "no_configuration", message))
            }
        }
    }

    /// Places, identities and options: command line and environment before the configuration.
    ///
    /// # Errors
    /// Exit 7 for the configuration; a passphrase file that cannot be read.
    pub(crate) fn setup(&self) -> Result<Setup, Problem> {
        let paths = Paths::of_user()?;
        let file = self.config_file(&paths);
        let config = self.config(&file)?;
        let mut setup = self.setup_of(&paths, config, &file);
        if let Some(file) = &self.global.passphrase_file {
            setup.passphrase = Some(input::read_passphrase(file)?);
        }
        Ok(setup)
    }

    /// As [`Context::setup`], without the passphrase.
    pub(crate) fn setup_of(&self, paths: &Paths, config: Config, file: &Path) -> Setup {
        let mut setup = Setup::new(paths, config, file);
        if let Some(vault) = &self.global.vault {
            setup.places.vault.clone_from(vault);
        }
        if !self.global.identity.is_empty() {
            setup.identities.clone_from(&self.global.identity);
        }
        if let Some(solution) = &self.global.solution {
            setup.solution.clone_from(solution);
        }
        setup
    }

    /// Opens the vault, and says what a person should hear about it.
    ///
    /// # Errors
    /// Exit 3, 6, 7.
    pub(crate) fn open(&self, setup: &Setup) -> Result<Opened, Problem> {
        let opened = setup.open(Arc::new(AtTerminal), OpenPolicy::Strict, Timestamp::now())?;
        self.say_notices(&opened);
        Ok(opened)
    }

    /// Says what a person should hear about a vault that was opened.
    pub(crate) fn say_notices(&self, opened: &Opened) {
        for notice in &opened.notices {
            self.output.warning(notice);
        }
    }

    fn workbench(self, setup: Setup, demo: Option<Demo>) -> Next {
        let monochrome = match self.global.color {
            Colour::Auto => crate::paths::colour_wish() == Some(false),
            Colour::Always => false,
            Colour::Never => true,
        };
        Next::Workbench(Box::new(Workbench { setup, monochrome, demo, output: self.output }))
    }
}

/// The kind of a name.
///
/// # Errors
/// Exit 4, with those there are.
pub(crate) fn kind_of(kinds: &Kinds, id: &str) -> Result<Arc<Kind>, Problem> {
    kinds.get(id).cloned().ok_or_else(|| {
        let hint = match nearest(id, kinds.iter().map(|kind| kind.id.as_str())) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("there is: {}", kinds.names()),
        };
        Problem::new(Exit::Usage, "no_kind", format!("there is no kind {id:?}")).hint(hint)
    })
}
