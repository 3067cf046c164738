//! Edits of workflows.

use super::Edit;
use crate::model::{Document, Workflow};

impl Document {
    /// Puts what a scan found in the place of what is known of the same files and folders. The last scan is right,
    /// so nothing conflicts.
    pub(super) fn set_workflows(&mut self, under: Vec<String>, workflows: Vec<Workflow>) -> Edit {
        let covered = |path: &str| {
            under.iter().any(|root| {
                path.strip_prefix(root.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || root.ends_with('/'))
            })
        };
        let (before, kept) =
            std::mem::take(&mut self.workflows).into_iter().partition(|known| covered(&known.path));
        self.workflows = kept;
        self.workflows.extend(workflows);
        self.workflows.sort_by(|one: &Workflow, other| one.path.cmp(&other.path));
        Edit::SetWorkflows { under, workflows: before }
    }
}
