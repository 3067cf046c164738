//! `rotate`: another secret in the place of one that is in use, step by step.
//!
//! Each step is saved before the next one is begun: a program that is killed anywhere leaves both values in the vault,
//! and the same command goes on where it stopped.

mod keys;

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::add::{self, give, guide, set_fields};
use super::args::Rotate;
use super::manual::{self, Page};
use super::output::{Tone, visible};
use super::prompt::{Terminal, cancelled};
use super::{Context, Opened, prove, show};
use crate::model::{Content, Credential, Edit, Outcome, Stage};
use crate::probe::{Report, Unplannable};
use crate::problem::{Exit, Problem};
use crate::schema::{Control, Kind, Kinds};
use crate::secret::Secret;
use crate::session::{self, Setup};

pub(super) const PAGES: &[Page] = &[Page {
    command: "rotate",
    examples: &[
        ("credbench rotate pay.stripe", "asks for the next key, tests it, switches to it, tests again"),
        (
            "credbench rotate pay.stripe --secret-file api_key=/run/next --yes",
            "the same for scripts; `--secret-file api_key=-` reads standard input",
        ),
        ("credbench rotate pay.stripe --prepare", "enters and tests the next one; the one in use stays"),
        ("credbench rotate pay.stripe --back", "takes the one before back"),
        ("credbench rotate pay.stripe --finish", "the one before was revoked: drops it"),
        ("credbench rotate aws.deploy --make --yes", "lets the service make the next key, where it does so"),
        ("credbench rotate aws.deploy --finish --revoke", "lets the service drop the one before"),
        ("credbench rotate", "lists what is due, and what was begun"),
    ],
    json: r#"{"solution","key","stage":"entered"|"proven"|"switched"|"confirmed"|null,"since"|null,"fields":[…],"due"|null,"version","used_by":[…],"revoke_at"|null,"replaced","done"}; without KEY an array of these without "done""#,
    faults: &[
        (Exit::Usage, "no_key", "an option needs a key"),
        (Exit::Usage, "missing_secret", "the next secret is not given, and there is no terminal to ask on"),
        (Exit::Usage, "secret_in_argument", "--set names a secret field"),
        (Exit::Usage, "not_secret", "--secret-file names a field that is no secret"),
        (Exit::Usage, "no_field", "the kind has no such field"),
        (Exit::Usage, "which_field", "the field has several members"),
        (Exit::Usage, "invalid_value", "the value is of another type"),
        (Exit::Invalid, "invalid_document", "the next values do not fit the kind"),
        (
            Exit::Failed,
            "test_failed",
            "the next value did not pass its test, or failed after the switch; both are kept",
        ),
        (Exit::Refused, "nothing_changes", "the next value is the one in use"),
        (Exit::Refused, "not_rotated", "that is no part of its configuration, or another address"),
        (
            Exit::Usage,
            "ends_at_once",
            "making the next key ends the one in use: without a terminal --yes says so",
        ),
        (Exit::Refused, "ends_at_once", "there is nothing to prepare where making a key ends the one in use"),
        (Exit::Refused, "not_made", "its service makes, or drops, no keys when it is asked"),
        (Exit::Failed, "not_made", "the service made, or dropped, no key, or may have; says what it said"),
        (Exit::Failed, "no_answer", "the service did not answer; says whether it may have made a key"),
        (Exit::Failed, "not_sendable", "the service cannot be asked; says why"),
        (Exit::Failed, "not_kept", "a key was made and cannot be saved; says what the service calls it"),
        (Exit::Refused, "replaced", "the service ended the one before: there is no way back to it"),
        (Exit::Refused, "no_rotation", "no rotation goes on"),
        (Exit::Refused, "rotation_unfinished", "the one before is still kept"),
        (Exit::Refused, "not_switched", "the next value is not in use yet: --cancel drops it"),
        (Exit::Refused, "not_proven", "the next value was not proven"),
        (Exit::Refused, "not_confirmed", "the value in use was not proven since the switch"),
        (Exit::Refused, "rotation_changed", "another program took a step meanwhile"),
    ],
    shared: &[&manual::READS, &manual::OPENS, &manual::FINDS, &manual::RECORDED, &manual::SAVES],
}];

/// How long a key that was made is given to be known, and how often it is tried again.
const SETTLES: Duration = Duration::from_secs(3);
const TRIES: usize = 5;

pub(crate) fn run(context: &Context, arguments: &Rotate) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let Some(key) = &arguments.key else {
        if arguments.needs_key() {
            return Err(Problem::new(Exit::Usage, "no_key", "which credential is meant?")
                .hint("`credbench rotate KEY …`; without a key and options it lists what is due"));
        }
        return list(context, &setup);
    };
    let opened = context.open(&setup)?;
    let mut turn = Turn { context, setup: &setup, opened, key, no_test: arguments.no_test, made: false };
    let done = if arguments.status {
        "nothing"
    } else if arguments.back {
        turn.back()?
    } else if arguments.finish {
        turn.finish(arguments.revoke)?
    } else if arguments.cancel {
        turn.cancel()?
    } else {
        turn.go_on(arguments)?
    };
    turn.tell(done)?;
    Ok(ExitCode::SUCCESS)
}

/// One credential's rotation while the command works on it.
struct Turn<'a> {
    context: &'a Context,
    setup: &'a Setup,
    opened: Opened,
    key: &'a str,
    no_test: bool,
    /// The service made the next key in this run.
    made: bool,
}

impl Turn<'_> {
    fn credential(&self) -> Result<&Credential, Problem> {
        session::credential(self.opened.session.document(), &self.setup.solution, self.key)
    }

    fn stage(&self) -> Result<Option<Stage>, Problem> {
        Ok(self.credential()?.rotation.as_deref().map(|rotation| rotation.stage))
    }

    /// Whether the service ended the values before when it made the next ones.
    fn is_replaced(&self) -> Result<bool, Problem> {
        Ok(self.credential()?.rotation.as_deref().is_some_and(|rotation| rotation.replaced))
    }

    fn commit(&mut self, edits: Vec<Edit>) -> Result<(), Problem> {
        let saved = self.opened.session.commit(edits, Timestamp::now())?;
        show::say_warnings(self.context, &saved);
        Ok(())
    }

    fn note(&self, text: &str) {
        self.context.output.note(&visible(text));
    }

    /// Does what is next, up to the switch and the test after it.
    fn go_on(&mut self, arguments: &Rotate) -> Result<&'static str, Problem> {
        let stage = self.stage()?;
        let given = !arguments.secret_file.is_empty() || !arguments.set.is_empty();
        if arguments.make && stage.is_none() {
            self.make(arguments)?;
        } else if stage.is_none() || given {
            self.enter(arguments)?;
        } else {
            self.note(&format!("{} goes on where it stopped.", self.key));
        }
        if self.stage()? == Some(Stage::Entered) {
            self.prove()?;
        }
        if arguments.prepare {
            return Ok("prepared");
        }
        if self.stage()? == Some(Stage::Proven) {
            self.switch(arguments.yes || self.is_replaced()?)?;
        }
        if self.stage()? == Some(Stage::Switched) {
            self.prove()?;
        }
        if arguments.secret_file.is_empty()
            && stage == Some(Stage::Confirmed)
            && let Some(mut terminal) = Terminal::attended()
            && terminal.confirm(&format!(
                "Was the one before revoked? It is then dropped from the rotation of {}",
                self.key
            ))
        {
            return self.finish(false);
        }
        Ok("switched")
    }

    /// Keeps the next values, which nobody uses yet.
    fn enter(&mut self, arguments: &Rotate) -> Result<(), Problem> {
        let credential = self.credential()?;
        let current = &credential.content;
        let kind = self.opened.kinds.of_content(current).ok_or_else(|| {
            Problem::new(Exit::Refused, "not_rotated", format!("the kind of {} is not known here", self.key))
        })?;
        let mut next = current.clone();
        set_fields(&kind, &mut next, &arguments.set)?;
        for text in &arguments.secret_file {
            let (place, secret) = add::secret_of_option(&kind, text)?;
            give(&kind, &mut next, &place, secret);
        }
        if arguments.secret_file.is_empty() {
            ask(&self.opened.kinds, &kind, current, &mut next)?;
        }
        add::check(&kind, &next, &session::names(&self.opened.document))?;
        if let Some(place) = self.opened.kinds.changed_origin(current, &next) {
            let message = format!("{}: {} is another address", self.key, kind.title_of(&place));
            return Err(Problem::new(Exit::Refused, "not_rotated", message)
                .hint("a rotation changes secrets; `credbench put` changes where they go"));
        }
        if session::is_rotated_to(credential, &next) {
            self.note(&format!("{} goes on where it stopped.", self.key));
            return Ok(());
        }
        let edit = session::rotation_begun(credential, &next, Timestamp::now())?;
        self.commit(vec![edit])?;
        self.note("The next value is kept; the one in use stays in use.");
        Ok(())
    }

    /// Tests the next values, or after the switch those in use, and keeps what was found.
    fn prove(&mut self) -> Result<(), Problem> {
        let credential = self.credential()?;
        let switched = credential.rotation.as_deref().is_some_and(|rotation| rotation.stage.is_switched());
        let subject = session::rotation_subject(credential).unwrap_or_default();
        let mut report = if self.no_test { None } else { self.test(&subject)? };
        // A key that was made a moment ago is not known everywhere yet.
        for _ in 0..TRIES {
            if !self.made || report.as_ref().is_none_or(|report| report.outcome != Outcome::Rejected) {
                break;
            }
            prove::pause(SETTLES)?;
            report = self.test(&subject)?;
        }
        let credential = self.credential()?;
        let Some(report) = report else {
            let why = if self.no_test { "not tested, as you said" } else { "no request can prove it" };
            self.context.output.warning(&format!("{}: {why}", self.key));
            let edits = session::rotation_tested(credential, None, true, Timestamp::now())?;
            return self.commit(edits);
        };
        let record = prove::is_worth_keeping(report.outcome).then(|| report.record(credential.version));
        let edits = session::rotation_tested(credential, record, false, Timestamp::now())?;
        self.commit(edits)?;
        let which = if switched { "the value in use now" } else { "the next value" };
        let said = format!("{}: {which}: {}: {}", self.key, report.outcome.word(), report.message);
        if report.outcome.passes() {
            self.note(&said);
            return Ok(());
        }
        let (key, advice) = (self.key, report.advice);
        let causes = [advice].into_iter().filter(|advice| !advice.is_empty());
        let hint = match switched {
            true if self.is_replaced()? => {
                format!("the one before has ended: `credbench rotate {key}` tests this one again")
            }
            true => format!("both are kept: `credbench rotate {key} --back` takes the one before back"),
            false => format!(
                "both are kept, and nothing was switched: `credbench rotate {key}` tests it again, --no-test \
                 takes it as it is, --cancel drops it"
            ),
        };
        Err(Problem::new(Exit::Failed, "test_failed", said).causes(causes).hint(hint))
    }

    /// The report of a test; `None`: no request can prove it.
    fn test(&self, content: &Content) -> Result<Option<Report>, Problem> {
        let plan = prove::plan_of(&self.opened.kinds, self.opened.session.document(), content);
        if matches!(plan, Err(Unplannable::NotTestable(_))) {
            return Ok(None);
        }
        let tests = vec![((), plan)];
        let options = &self.setup.config.test;
        let trust = prove::trust(self.context, self.setup, &tests)?;
        let mut found = None;
        let timeout = Duration::from_secs(options.timeout_seconds);
        prove::run(tests, prove::limits(options), timeout, trust, |(), report| found = Some(report))?;
        match found {
            Some(report) if report.outcome == Outcome::Cancelled => Err(cancelled()),
            Some(report) => Ok(Some(report)),
            None => Err(cancelled()),
        }
    }

    /// Puts the proven next values into use.
    fn switch(&mut self, yes: bool) -> Result<(), Problem> {
        let credential = self.credential()?;
        let users = session::users(self.opened.session.document(), &self.setup.solution, self.key);
        match users.as_slice() {
            [] => self.note("No workflow is known to use it: `credbench scan PATH` finds those that do."),
            users => self.note(&format!("It is used by {}.", users.join(", "))),
        }
        if !yes
            && let Some(mut terminal) = Terminal::attended()
            && !terminal.confirm(&format!("Switch {} to the next value", self.key))
        {
            return Err(cancelled());
        }
        let edits = session::rotation_swapped(credential, Timestamp::now())?;
        self.commit(edits)?;
        self.note("Switched; the one before is kept.");
        Ok(())
    }

    fn back(&mut self) -> Result<&'static str, Problem> {
        let credential = self.credential()?;
        let edits = session::rotation_swapped(credential, Timestamp::now());
        if self.stage()?.is_some_and(|stage| !stage.is_switched()) {
            return Err(self.not_switched());
        }
        self.commit(edits?)?;
        Ok("rolled_back")
    }

    fn finish(&mut self, revoke: bool) -> Result<&'static str, Problem> {
        if self.stage()?.is_some_and(|stage| !stage.is_switched()) {
            return Err(self.not_switched());
        }
        if revoke {
            self.revoke()?;
            return Ok("finished");
        }
        let edit = session::rotation_ended(self.credential()?, self.no_test)?;
        self.commit(vec![edit])?;
        Ok("finished")
    }

    fn cancel(&mut self) -> Result<&'static str, Problem> {
        if self.stage()?.is_some_and(Stage::is_switched) {
            let key = self.key;
            return Err(Problem::new(
                Exit::Refused,
                "rotation_unfinished",
                format!("{key} was switched already"),
            )
            .hint("--back takes the one before back, --finish drops it"));
        }
        let edit = session::rotation_ended(self.credential()?, !self.is_replaced()?)?;
        self.commit(vec![edit])?;
        Ok("cancelled")
    }

    fn not_switched(&self) -> Problem {
        let message = format!("the next value of {} is not in use yet", self.key);
        Problem::new(Exit::Refused, "not_switched", message)
            .hint(format!("`credbench rotate {}` goes on, --cancel drops the next value", self.key))
    }

    /// Says where the rotation stands, and what is left to do.
    fn tell(&self, done: &str) -> Result<(), Problem> {
        let credential = self.credential()?;
        let rotating = session::rotating(self.opened.session.document(), &self.opened.kinds, credential);
        let out = &self.context.output;
        if out.is_json() {
            let mut row = row(credential, &rotating);
            row["done"] = json!(done);
            out.json_line(&row);
            return Ok(());
        }
        let key = self.key;
        let version = credential.version;
        out.line(&visible(&match done {
            "rolled_back" => {
                format!("{key}  the one before is in use again, version {version}; the other one is kept")
            }
            "finished" => format!("{key}  rotated; the one before stays in its versions only"),
            "cancelled" => format!("{key}  the next value was dropped; nothing else changed"),
            _ => words(credential, &rotating),
        }));
        if rotating.stage.is_some_and(Stage::is_switched) {
            let place = rotating.page.map(|page| format!(" at {page}")).unwrap_or_default();
            self.note(&match rotating.makes {
                _ if rotating.replaced => {
                    format!("The one before has ended: `credbench rotate {key} --finish` drops it here, too.")
                }
                Some(makes) if makes.drops => {
                    format!(
                        "`credbench rotate {key} --finish --revoke` lets the service drop the one before."
                    )
                }
                _ => format!("Revoke the one before{place}, then: `credbench rotate {key} --finish`."),
            });
        }
        Ok(())
    }
}

/// A line about a credential's rotation.
fn words(credential: &Credential, rotating: &session::Rotating) -> String {
    let key = credential.content.key();
    match (rotating.stage, rotating.due) {
        (Some(Stage::Entered), _) => format!("{key}  the next value is kept and not proven yet"),
        (Some(Stage::Proven), _) => format!("{key}  the next value is proven and not in use yet"),
        (Some(Stage::Switched), _) => format!(
            "{key}  switched, version {}; not proven since, the one before is kept",
            credential.version
        ),
        (Some(Stage::Confirmed), _) => {
            format!("{key}  switched and proven, version {}; the one before is kept", credential.version)
        }
        (None, Some(due)) => format!("{key}  no rotation goes on; due {}", due.strftime("%F")),
        (None, None) => format!("{key}  no rotation goes on, and no schedule asks for one"),
    }
}

fn row(credential: &Credential, rotating: &session::Rotating) -> serde_json::Value {
    json!({
        "solution": credential.content.solution(),
        "key": credential.content.key(),
        "stage": rotating.stage,
        "since": rotating.since,
        "fields": rotating.fields,
        "due": rotating.due,
        "version": credential.version,
        "used_by": rotating.users,
        "revoke_at": rotating.page,
        "replaced": rotating.replaced,
    })
}

/// What is due, and what was begun, in the current solution.
fn list(context: &Context, setup: &Setup) -> Result<ExitCode, Problem> {
    let opened = context.open(setup)?;
    let now = Timestamp::now();
    let document = &opened.document;
    let mut found: Vec<&Credential> = session::residents(document, &setup.solution)
        .filter(|known| known.rotation.is_some() || session::is_rotation_due(known, now))
        .collect();
    found.sort_by(|one, other| one.content.key().cmp(other.content.key()));
    let rotating = |known: &Credential| session::rotating(document, &opened.kinds, known);
    let out = &context.output;
    if out.is_json() {
        out.json(&found.iter().map(|known| row(known, &rotating(known))).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    for known in &found {
        let line = words(known, &rotating(known));
        let (key, rest) = line.split_once("  ").unwrap_or((&line, ""));
        out.line(&format!("{}  {}", out.paint(Tone::Strong, &visible(key)), visible(rest)));
    }
    if found.is_empty() {
        out.note("Nothing is due, and nothing was begun.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks for the next values of what the credential holds: its secrets, and what belongs to them, such as a key's id. An
/// address is not asked for: a rotation does not change where secrets go.
fn ask(kinds: &Kinds, kind: &Kind, current: &Content, next: &mut Content) -> Result<(), Problem> {
    let mut terminal = Terminal::open().ok_or_else(|| missing(current))?;
    guide(kind, current, &mut terminal);
    for field in &kind.fields_of(current) {
        if kind.is_in_sealed(&field.pointer) || current.get(&field.pointer).is_none() {
            continue;
        }
        let under = format!("{}/", field.pointer);
        for place in
            current.secrets.keys().filter(|place| **place == field.pointer || place.starts_with(&under))
        {
            let lines = !matches!(field.control, Control::Secret { multiline: false });
            let question = format!("Next {}, empty to leave it", kind.title_of(place));
            let secret = add::ask_one(&mut terminal, &question, lines)?;
            if !secret.is_empty() {
                give(kind, next, place, secret);
            }
        }
        let Control::Text { multiline } = field.control else { continue };
        let text = current
            .get_str(&field.pointer)
            .filter(|_| field.required && field.pointer.starts_with("/config/"));
        let Some(text) = text.filter(|_| !is_address(kinds, current, &field.pointer)) else { continue };
        let typed = match multiline {
            true => terminal.secret_lines(&format!("Next {}, empty to leave it", field.label)),
            false => {
                let question = format!("Next {}, empty for {}", field.label, visible(text));
                terminal.text(&question).map(|text| Secret::from(text.as_str()))
            }
        };
        let typed = typed.ok_or_else(cancelled)?;
        if !typed.is_empty() {
            next.set(&field.pointer, Value::from(typed.expose()));
        }
    }
    Ok(())
}

/// Whether a field says where secrets go: another text there is another address.
fn is_address(kinds: &Kinds, current: &Content, place: &str) -> bool {
    let mut other = current.clone();
    other.set(place, Value::from("https://elsewhere.invalid"));
    kinds.changed_origin(current, &other).is_some()
}

fn missing(current: &Content) -> Problem {
    let message = "the next value is not given, and there is no terminal to ask on";
    let name =
        current.secrets.keys().next().map_or_else(|| "FIELD".to_owned(), |place| session::field_name(place));
    Problem::new(Exit::Usage, "missing_secret", message)
        .hint(format!("give it with --secret-file {name}=PATH"))
}
