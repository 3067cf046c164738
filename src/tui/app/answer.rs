//! What the vault's thread answered: opened, saved, refused, a question, a secret.

use std::sync::Arc;
use std::time::Duration;

use super::{App, Change, Command, Tone};
use crate::model::{Document, Id};
use crate::problem::Problem;
use crate::secret::Secret;
use crate::session::{Between, Saved};
use crate::tui::action::Action;
use crate::tui::keymap::Context;
use crate::tui::message::{Answer, Effect, Purpose, Question, QuestionKind, Timer};
use crate::tui::screen::Screen;
use crate::tui::screen::confirm::Confirm;
use crate::tui::screen::first_start::FirstStart;
use crate::tui::screen::question::Ask;
use crate::tui::screen::refused::Refused;
use crate::tui::screen::rewrite::Rewrite;
use crate::tui::screen::unlock::Unlock;
use crate::tui::screen::workbench::Workbench;

impl App {
    /// Takes over what the vault's thread answered.
    pub(super) fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::NoVault { vault, identity, identity_exists } => {
                self.layers = vec![Box::new(FirstStart::new(vault, identity, identity_exists))];
            }
            Answer::Locked => {
                self.layers = vec![Box::new(Unlock::locked())];
                self.suspend_when_locked();
            }
            Answer::Question(question) => self.ask(question),
            Answer::Told(text) => self.shared.tell(Tone::Plain, text),
            Answer::Wrong(problem) => self.wrong = Some(problem.message),
            Answer::Failed(problem) => {
                self.creating = false;
                self.layers = vec![Box::new(Unlock::failed(&problem))];
            }
            Answer::Refused(problem) => self.layers = vec![Box::new(Refused::new(problem))],
            Answer::Opened { document, usage, notices, alarms, refusal, created, drafts, sealer } => {
                self.creating = false;
                self.shared.usage = usage;
                let asked = Self::look_into(&notices, &alarms);
                self.opened(document, notices, refusal, created);
                self.layers.extend(asked);
                self.drafts_found(drafts, sealer);
            }
            Answer::Kept(result) => self.kept(result),
            Answer::Forgot(result) => self.forgot(result),
            Answer::Committed { serial, result } => self.committed(serial, result),
            // Not where it was locked meanwhile.
            Answer::Records(result) if self.bench.is_some() => {
                self.shared.records = Some(result.map(Arc::new));
            }
            Answer::Records(_) => {}
            Answer::Written(Ok(path)) => {
                self.shared.tell(Tone::Good, format!("written to {}, readable by you alone", path.display()));
            }
            Answer::Written(Err(problem)) => self.shared.tell_problem(&problem),
            Answer::Reviewed(result) if self.bench.is_some() => {
                self.shared.review = Some(result.map(Arc::new));
            }
            Answer::Reviewed(_) => {}
            Answer::SignedOff(Ok(signed)) => {
                self.shared.tell(Tone::Good, "signed off: it stands in the audit log");
                if let Some(Ok(reviewed)) = &mut self.shared.review {
                    Arc::make_mut(reviewed).signed_off = Some(signed);
                }
            }
            Answer::SignedOff(Err(problem)) => self.shared.tell_problem(&problem),
            Answer::Used(usage) => {
                self.shared.usage = usage;
                if let Some(bench) = &mut self.bench {
                    bench.recount(&self.shared);
                }
            }
            Answer::Tokens(document) => {
                if let Some(bench) = &mut self.bench {
                    self.shared.kinds = self.shared.kinds.after(&document);
                    bench.set_document(document, &mut self.shared);
                }
            }
            // Not where it was locked meanwhile.
            Answer::Uses(Ok(uses)) if self.bench.is_some() => self.shared.uses = Arc::new(uses),
            Answer::Uses(Ok(_)) => {}
            Answer::Preview(Ok(preview)) if self.bench.is_some() => {
                self.layers.push(Box::new(Rewrite::new(preview)));
            }
            Answer::Preview(Ok(_)) => {}
            Answer::Uses(Err(problem)) | Answer::Preview(Err(problem)) => self.shared.tell_problem(&problem),
            Answer::Rewritten(left) if left.is_empty() => {}
            Answer::Rewritten(left) => {
                self.shared.tell(Tone::Bad, format!("not changed: {}", left.join(" · ")));
            }
            Answer::Refreshed(Ok(news)) => self.take_over(news),
            Answer::Watch(watch) => self.shared.effect(Effect::Watch(watch)),
            Answer::Unwatched(why) => self.unwatched(&why),
            Answer::Refreshed(Err(problem)) => self.shared.tell_problem(&problem),
            Answer::Secret { id, place, purpose, usage, result } => {
                self.shared.usage = usage;
                self.secret(id, place, purpose, result);
            }
            Answer::Broken => {
                self.cancel_exchanges();
                self.keep_for_later();
                self.bench = None;
                self.open_time.end();
                self.creating = false;
                self.commits.clear();
                self.layers = vec![Box::new(Unlock::broken())];
            }
        }
    }

    fn ask(&mut self, question: Question) {
        match question.kind {
            QuestionKind::Passphrase if self.bench.is_none() => {
                self.layers = vec![Box::new(Unlock::asking(question, self.wrong.take()))];
                self.suspend_when_locked();
            }
            _ => self.layers.push(Box::new(Ask::new(question))),
        }
    }

    fn opened(
        &mut self,
        document: Arc<Document>,
        notices: Vec<String>,
        refusal: Option<Problem>,
        created: bool,
    ) {
        self.layers.clear();
        self.shared.kinds = self.shared.kinds.after(&document);
        self.read_only = refusal.is_some();
        self.bench = Some(Workbench::new(document, self.read_only, &self.shared));
        self.wait_for_retest();
        self.begin_watch();
        match refusal {
            Some(problem) => self.shared.tell(Tone::Bad, format!("read-only: {}", problem.message)),
            None if created => {
                let add = self.shared.keymap.key(Context::List, Action::Add);
                let add = add.map(|key| format!("; {key} adds the first credential")).unwrap_or_default();
                self.shared.tell(Tone::Good, format!("the vault was made{add}"));
            }
            None if !notices.is_empty() => {
                self.shared.tell(Tone::Plain, notices.join(" · "));
            }
            None => {}
        }
    }

    /// What happened since the last session must not pass by as a line that the next key takes away.
    fn look_into(notices: &[String], alarms: &[String]) -> Option<Box<dyn Screen>> {
        if alarms.is_empty() {
            return None;
        }
        let text = [notices, alarms].concat().join("\n");
        let choices = vec![("Go on", None), ("Show the audit log", Some(Command::Perform(Action::Audit)))];
        Some(Box::new(Confirm::new("Before this session", text, choices)))
    }

    fn committed(&mut self, serial: u64, result: Result<(Saved, u64), Problem>) {
        let Some(change) = self.commits.remove(&serial) else { return };
        self.draft_committed(serial, result.is_ok());
        let Some(bench) = &mut self.bench else {
            // It was locked meanwhile. What was saved is saved; what was not has to be heard of.
            if let Err(problem) = &result {
                self.shared.tell_problem(problem);
            }
            return;
        };
        if let Ok((saved, _)) = &result {
            self.shared.kinds = self.shared.kinds.after(&saved.document);
        }
        let mut again = None;
        if matches!(
            change,
            Change::Wish(..) | Change::Renamed(..) | Change::Scanned(..) | Change::Rotation(..)
        ) && result.is_ok()
        {
            // The screen that wanted it shows what was before; where it failed, nothing typed there is lost.
            again = self.layers.first().and_then(|layer| layer.again());
            self.layers.clear();
        }
        let reply = bench.committed(change, result, &mut self.shared);
        self.apply(reply, None);
        if let Some(action) = again {
            self.perform(action);
        }
    }

    fn secret(&mut self, id: Id, place: String, purpose: Purpose, result: Result<Secret, Problem>) {
        let secret = match result {
            Ok(secret) => secret,
            Err(problem) => return self.shared.tell_problem(&problem),
        };
        let Some(bench) = &mut self.bench else { return };
        bench.used(&id, &self.shared);
        match purpose {
            Purpose::Reveal => {
                let serial = self.shared.next_serial();
                let seconds = self.shared.config.screen.reveal_seconds;
                bench.reveal(id, place, secret, serial);
                self.shared.effect(Effect::Wake(Duration::from_secs(seconds), Timer::Mask(serial)));
                self.shared.tell(Tone::Plain, format!("shown for {seconds} s"));
            }
            Purpose::Copy => self.send_to_clipboard(secret),
        }
    }

    /// Sends a secret to the terminal's clipboard for a while.
    pub(super) fn send_to_clipboard(&mut self, secret: Secret) {
        let (serial, seconds) = (self.shared.next_serial(), self.shared.config.screen.copy_seconds);
        self.clipboard = Some(serial);
        self.shared.effect(Effect::Clipboard(secret));
        self.shared.effect(Effect::Wake(Duration::from_secs(seconds), Timer::ClearClipboard(serial)));
        let way = match self.shared.seat.between {
            Between::Nothing => "",
            Between::Tmux => "; tmux: allow-passthrough on",
            Between::Screen => " by way of screen",
        };
        let words = format!("sent to the terminal's clipboard{way}; cleared in {seconds} s");
        self.shared.tell(Tone::Good, words);
    }
}
