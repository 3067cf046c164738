//! Edits of solutions, and what a copy of one holds.

use serde_json::Value;

use super::{Edit, EditError};
use crate::model::{Content, DEFAULT_SOLUTION, Document, Id, Placeholder, Solution};

impl Document {
    /// Whether a solution of this name exists.
    pub fn has_solution(&self, name: &str) -> bool {
        self.solutions.iter().any(|solution| solution.name == name)
    }

    pub(super) fn add_solution(&mut self, solution: Solution) -> Result<Edit, EditError> {
        if self.has_solution(&solution.name) {
            return Err(EditError::SolutionTaken(solution.name));
        }
        let name = solution.name.clone();
        self.solutions.push(solution);
        Ok(Edit::RemoveSolution { name })
    }

    pub(super) fn remove_solution(&mut self, name: String) -> Result<Edit, EditError> {
        let Some(index) = self.solutions.iter().position(|solution| solution.name == name) else {
            return Err(EditError::NoSolution(name));
        };
        let lived_in = self.credentials.iter().any(|credential| credential.content.solution() == name);
        if lived_in || name == DEFAULT_SOLUTION {
            return Err(EditError::SolutionInUse(name));
        }
        Ok(Edit::AddSolution { solution: self.solutions.remove(index) })
    }

    pub(super) fn rename_solution(
        &mut self,
        from: String,
        to: String,
        except: &[Id],
    ) -> Result<Edit, EditError> {
        if from == DEFAULT_SOLUTION {
            return Err(EditError::SolutionStays(from));
        }
        if from != to && self.has_solution(&to) {
            return Err(EditError::SolutionTaken(to));
        }
        let Some(solution) = self.solutions.iter_mut().find(|solution| solution.name == from) else {
            return Err(EditError::NoSolution(from));
        };
        solution.name.clone_from(&to);
        let removed = self.trash.iter_mut().map(|removed| &mut removed.credential);
        // Of another solution of the new name, removed before: taking the edit back leaves them alone.
        let mut stay = Vec::new();
        for credential in self.credentials.iter_mut().chain(removed) {
            let solution = credential.content.solution();
            if solution == from && !except.contains(&credential.id) {
                credential.content.set("/solution", Value::String(to.clone()));
            } else if solution == to {
                stay.push(credential.id.clone());
            }
        }
        for workflow in self.workflows.iter_mut().filter(|workflow| workflow.solution == from) {
            workflow.solution.clone_from(&to);
        }
        Ok(Edit::RenameSolution { from: to, to: from, except: stay })
    }
}

/// The edits that copy a solution: its credentials without any secret, history or test.
///
/// Each secret of the original is marked missing in its copy, so the copy is incomplete until it is entered;
/// tokens are dropped. What a credential needs that is no secret stays: addresses, allowed hosts, the OAuth app
/// that it refers to, its test, tags, notes.
///
/// # Errors
/// There is no solution `from`, or one of the name `to` already.
pub fn copies(document: &Document, from: &str, to: &str) -> Result<Vec<Edit>, EditError> {
    let Some(original) = document.solutions.iter().find(|solution| solution.name == from) else {
        return Err(EditError::NoSolution(from.to_owned()));
    };
    if document.has_solution(to) {
        return Err(EditError::SolutionTaken(to.to_owned()));
    }
    let solution = Solution { name: to.to_owned(), ..original.clone() };
    let lives = document.credentials.iter().filter(|credential| credential.content.solution() == from);
    let create =
        lives.map(|credential| Edit::Create { id: Id::new(), content: copy(&credential.content, to) });
    Ok(std::iter::once(Edit::AddSolution { solution }).chain(create).collect())
}

/// What a credential says, for another solution: without its secrets.
fn copy(original: &Content, solution: &str) -> Content {
    let mut copy = original.clone();
    copy.set("/solution", Value::String(solution.to_owned()));
    copy.remove(Content::TOKENS);
    let places: Vec<String> = copy.secrets.keys().cloned().collect();
    for place in places {
        copy.set(&place, Placeholder::Missing.value());
    }
    copy
}
