//! What uses a credential: shown, scanned for, and in the way of removing and renaming it.

use std::path::PathBuf;

use super::editor::Saving;
use super::{Workbench, first_of, named};
use crate::model::{Credential, Document, Id};
use crate::problem::Problem;
use crate::session::{self, Found};
use crate::tui::app::{Change, Command, Preview, Rewriting, Shared, Tone, Wish};
use crate::tui::message::{Effect, Order};
use crate::tui::screen::Reply;
use crate::tui::screen::confirm::Confirm;
use crate::tui::screen::typed::Typed;
use crate::tui::screen::workflows::Workflows;

impl Workbench {
    /// Opens the list of workflows, at the first that uses the selected credential.
    pub(super) fn workflows(&self, shared: &mut Shared) -> Reply {
        let selected = self.list.selected_id();
        let document = self.document.clone();
        Reply::Open(Box::new(Workflows::new(document, selected.as_ref(), Vec::new(), self.read_only, shared)))
    }

    /// The list again, with what a scan did not find any more.
    pub(in crate::tui) fn workflows_after(
        &self,
        vanished: Vec<(String, String)>,
        shared: &mut Shared,
    ) -> Workflows {
        Workflows::new(self.document.clone(), None, vanished, self.read_only, shared)
    }

    /// Looks for what names credentials.
    pub(super) fn scan(&mut self, path: Option<PathBuf>, shared: &mut Shared) {
        shared.tell(Tone::Plain, "scanning…");
        let known = path.is_none();
        let groups = match path {
            Some(path) => {
                let keys = session::keys_of(&self.document, &shared.solution);
                vec![(shared.solution.clone(), vec![path], keys)]
            }
            None => session::rescans(&self.document),
        };
        shared.effect(Effect::Scan { groups, known });
    }

    /// Files were scanned: what was found is stored.
    pub(in crate::tui) fn scanned(
        &mut self,
        scanned: Result<Vec<(String, Found)>, Problem>,
        shared: &mut Shared,
    ) {
        let found = match scanned {
            Ok(found) => found,
            Err(problem) => return shared.tell_problem(&problem),
        };
        let (mut edits, mut vanished) = (Vec::new(), Vec::new());
        let (mut read, mut unread, mut places) = (0, 0, 0);
        for (solution, found) in &found {
            let survey = session::survey(&self.document, &shared.kinds, found, solution, shared.now());
            read += found.read;
            unread += found.unread.len();
            places += survey.workflows.iter().map(|known| known.references.len()).sum::<usize>();
            edits.push(survey.edit);
            vanished.extend(survey.vanished);
        }
        let gone = match vanished.len() {
            0 => String::new(),
            gone => format!(", {gone} no longer there"),
        };
        let hidden = match unread {
            0 => String::new(),
            unread => format!(", {unread} could not be read"),
        };
        let said = format!("{read} files read, {places} places name credentials{gone}{hidden}");
        self.wanted.push((edits, Change::Scanned(said, vanished)));
    }

    /// What is in use is not removed by a yes: its key is typed. Of many, those in use stay.
    pub(super) fn refuse_removal(&self, chosen: &[&Credential]) -> Option<Reply> {
        let used: Vec<(&Credential, Vec<String>)> = chosen
            .iter()
            .map(|known| (*known, users(&self.document, known)))
            .filter(|(_, users)| !users.is_empty())
            .collect();
        let question: Reply = match (chosen, used.as_slice()) {
            (_, []) => return None,
            ([one], [(_, users)]) => {
                let (key, id) = (one.content.key().to_owned(), one.id.clone());
                let problem = session::in_use(&key, users).message;
                let text =
                    format!("{problem}.\n\nThey then name nothing. Type {key} to remove it all the same.");
                Reply::Open(Box::new(Typed::command("In use", text, "", move |typed| {
                    if typed == key {
                        Ok(Command::Remove(vec![id.clone()]))
                    } else {
                        Err(format!("type {key} to remove it"))
                    }
                })))
            }
            (_, used) => {
                let lines: Vec<String> = used
                    .iter()
                    .map(|(known, users)| format!("{}: {}", named(known), users.join(", ")))
                    .collect();
                let is_used = |id: &Id| used.iter().any(|(known, _)| known.id == *id);
                let rest: Vec<Id> =
                    chosen.iter().map(|known| known.id.clone()).filter(|id| !is_used(id)).collect();
                let mut choices = vec![("Cancel", None)];
                if !rest.is_empty() {
                    choices.push(("Remove the others", Some(Command::Remove(rest))));
                }
                let text = format!("Workflows use these:\n{}\n\nRemove them one by one.", first_of(&lines));
                Reply::Open(Box::new(Confirm::new("In use", text, choices)))
            }
        };
        Some(question)
    }

    /// Asks for another key of the selected credential.
    pub(super) fn ask_for_key(&self) -> Reply {
        let Some(known) = self.list.selected() else { return Reply::Done };
        let (id, key) = (known.id.clone(), known.content.key().to_owned());
        let users = users(&self.document, known);
        let text = match users.as_slice() {
            [] => format!("The new key of {}. No workflow is known to use it.", named(known)),
            users => format!(
                "The new key of {}. {}; what would change in those files is shown first.",
                named(known),
                session::in_use(&key, users).message
            ),
        };
        let document = self.document.clone();
        Reply::Open(Box::new(Typed::command("Rename", text, &key.clone(), move |to| {
            let known = document.by_id(&id).ok_or("it is not there any more")?;
            let edit = session::renamed(known, to).map_err(|problem| problem.message)?;
            if document.find(known.content.solution(), to).is_some() {
                return Err(format!("{to} is taken in {}", known.content.solution()));
            }
            if !users.is_empty() {
                return Ok(Command::AskToRewrite(Rewriting::Key { id: id.clone(), to: to.to_owned() }));
            }
            Ok(Command::Store(Wish {
                edits: vec![edit],
                label: format!("the new key of {key}"),
                done: format!("{key} is {to} now"),
                solution: None,
            }))
        })))
    }

    /// Reads the files that would change; they are shown when they are there.
    pub(super) fn ask_to_rewrite(&self, what: Rewriting, shared: &mut Shared) {
        shared.effect(Effect::Vault(Order::Preview(what)));
    }

    /// Stores a new name; the files are changed once it is stored.
    pub(super) fn rewrite(&mut self, preview: Preview) {
        let Preview { mut edits, files, label, done, solution, .. } = preview;
        edits.extend(session::rewrite_edits(&files));
        self.wanted.push((edits, Change::Renamed(label, done, solution, files)));
    }

    /// The question before a draft is saved under another name than the one that workflows use; `None`: there is
    /// nothing to ask.
    pub(super) fn refuse_rename(&self) -> Option<Reply> {
        let editor = self.editor.as_ref().filter(|editor| !editor.renames)?;
        let known = self.document.by_id(&editor.id)?;
        let (before, after) = (&known.content, editor.content());
        if (before.solution(), before.key()) == (after.solution(), after.key()) {
            return None;
        }
        let users = users(&self.document, known);
        if users.is_empty() {
            return None;
        }
        let key = before.key().to_owned();
        let text = format!(
            "{}.\n\nUnder the new name they do not find it. Type {key} to save it all the same; or leave the key as it \
             is, save, and rename it from the list, which changes the files too.",
            session::in_use(&key, &users).message
        );
        Some(Reply::Open(Box::new(Typed::command("In use", text, "", move |typed| {
            if typed == key { Ok(Command::SaveRenamed) } else { Err(format!("type {key} to save it")) }
        }))))
    }

    /// Saves the draft under its new name: that was agreed to.
    pub(super) fn save_renamed(&mut self, shared: &mut Shared) {
        if let Some(editor) = self.editor.as_mut().filter(|editor| editor.saving == Saving::No) {
            editor.renames = true;
            let _ = self.save(shared);
        }
    }
}

fn users(document: &Document, known: &Credential) -> Vec<String> {
    session::users(document, known.content.solution(), known.content.key())
}

/// The workflows that use a credential, each with its lines.
pub(super) fn lines(document: &Document, known: &Credential) -> Vec<(String, String)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for used in session::uses(document, known.content.solution(), known.content.key()) {
        let line = used.place.line.to_string();
        match found.iter_mut().find(|(name, _)| *name == used.workflow.name) {
            Some((_, lines)) => lines.push(line),
            None => found.push((used.workflow.name.clone(), vec![line])),
        }
    }
    let words = |lines: Vec<String>| {
        format!("{} {}", if lines.len() == 1 { "line" } else { "lines" }, lines.join(", "))
    };
    found.into_iter().map(|(name, lines)| (name, words(lines))).collect()
}
