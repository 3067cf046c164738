//! Every change to a [`Document`], and the change that takes it back.
//!
//! [`Document::apply`] either changes the document and returns the inverse, or changes nothing and says why.
//! Undo is a list of inverses. An edit names what its writer saw, so that one that does not fit a document which
//! another program saved meanwhile is a conflict, and can be merged ([`super::merge`]).

mod batch;
mod credential;
mod kind;
mod oauth_app;
mod recipients;
mod rotation;
mod solution;
#[cfg(test)]
mod tests;
mod tokens;
mod workflow;

use jiff::Timestamp;

use super::{
    Content, Document, Id, Issued, KindDefinition, OauthApp, Object, Recipient, Removed, Rotation, Solution,
    TestRecord, TokenDigest, Tokens, Workflow,
};

pub use batch::Batch;
pub use solution::copies;

/// One change to a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Adds a credential.
    Create {
        /// Its stable name.
        id: Id,
        /// Version 1.
        content: Content,
    },
    /// Makes a new version of a credential.
    Update {
        /// Which.
        id: Id,
        /// What the writer saw; anything else there is a conflict. `None`: whatever is there.
        base: Option<Box<Content>>,
        /// What it shall say.
        content: Content,
    },
    /// Moves a credential to the trash.
    Remove {
        /// Which.
        id: Id,
        /// What the writer saw; anything else there is a conflict, but for tokens that a server issued since.
        base: Box<Content>,
    },
    /// Takes a credential back from the trash.
    Restore {
        /// Which.
        id: Id,
    },
    /// Drops a credential of the trash for good.
    Purge {
        /// Which.
        id: Id,
    },
    /// Puts a credential into the trash at its old place: the inverse of [`Edit::Purge`].
    PutInTrash {
        /// The credential, and when it was removed.
        removed: Box<Removed>,
        /// Before which other.
        index: usize,
    },
    /// Notes what a test found. Makes no version.
    RecordTest {
        /// Of which credential.
        id: Id,
        /// What was found.
        record: TestRecord,
    },
    /// Drops a test record again: the inverse of [`Edit::RecordTest`].
    ForgetTest {
        /// Of which credential.
        id: Id,
        /// The record.
        record: TestRecord,
        /// The older record that fell off when it was noted.
        displaced: Option<TestRecord>,
    },
    /// Replaces the tokens of a credential. Makes no version: an exchange gave them, no person.
    SetTokens {
        /// Of which credential.
        id: Id,
        /// The tokens that the exchange started from; others there are a conflict. `None`: there were none.
        seen: Option<TokenDigest>,
        /// What it holds from now on; nothing in it: it holds none.
        tokens: Tokens,
        /// What is known of them; `None`: nothing.
        issued: Option<Issued>,
    },
    /// Begins a rotation of a credential's values, notes a step of it, or ends it. Makes no version.
    SetRotation {
        /// Of which credential.
        id: Id,
        /// What the writer saw; anything else there is a conflict. `None`: none went on.
        seen: Option<Box<Rotation>>,
        /// Where it stands from now on; `None`: none goes on.
        rotation: Option<Box<Rotation>>,
    },
    /// Adds a solution.
    AddSolution {
        /// The solution.
        solution: Solution,
    },
    /// Removes a solution that nothing lives in.
    RemoveSolution {
        /// Its name.
        name: String,
    },
    /// Gives a solution another name. Its credentials follow, those in the trash too; that makes no version,
    /// because where a credential is kept is no part of what it says.
    RenameSolution {
        /// The name it has.
        from: String,
        /// The name it gets.
        to: String,
        /// Credentials in the trash that do not follow: they were of another solution of that name, which the
        /// edit that is taken back did not rename.
        except: Vec<Id>,
    },
    /// Adds, replaces or removes an OAuth app of the organization.
    SetOauthApp {
        /// Its name.
        name: String,
        /// What the writer saw; anything else there is a conflict. `None`: there is none of that name.
        before: Option<OauthApp>,
        /// What there shall be; `None`: it is removed, which is refused while a credential refers to it.
        after: Option<OauthApp>,
    },
    /// Defines a kind, or gives one another schema: that makes a new version of it.
    DefineKind {
        /// The word in documents.
        id: String,
        /// The version that the writer saw; another one there is a conflict. `None`: there is none of that name.
        expected: Option<u32>,
        /// The JSON Schema of `config`.
        schema: Object,
    },
    /// Removes a kind that no credential is of.
    RemoveKind {
        /// Which.
        id: String,
    },
    /// Puts a removed kind back at its old place: the inverse of [`Edit::RemoveKind`].
    PutKindBack {
        /// The kind with its versions.
        definition: Box<KindDefinition>,
        /// Before which other.
        index: usize,
    },
    /// Changes who can open the vault. What another program added or took away meanwhile stays so.
    SetRecipients {
        /// Those whom the writer saw.
        before: Vec<Recipient>,
        /// Those whom there shall be.
        after: Vec<Recipient>,
    },
    /// Puts what a scan found in the place of what is known of the same files and folders.
    SetWorkflows {
        /// What was scanned: files and folders.
        under: Vec<String>,
        /// What was found there.
        workflows: Vec<Workflow>,
    },
}

/// Why an edit cannot be applied. The document is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Solution and key are taken.
    #[error("there is a credential {key} in {solution} already")]
    KeyTaken {
        /// Where.
        solution: String,
        /// Which.
        key: String,
    },
    /// Nothing has this id.
    #[error("there is no such credential (id {0}); another program may have removed it")]
    NoCredential(Id),
    /// The trash has nothing of this id.
    #[error("there is no such credential in the trash (id {0})")]
    NotInTrash(Id),
    /// It does not say what the writer saw.
    #[error("{key} was changed by another program")]
    Conflict {
        /// Which credential.
        key: String,
    },
    /// It is in the trash.
    #[error("{key} was removed by another program")]
    Removed {
        /// Which credential.
        key: String,
    },
    /// An exchange, or a person, gave the credential other tokens first.
    #[error("{0} was given other tokens meanwhile")]
    TokensChanged(String),
    /// Another program took a step of the rotation first.
    #[error("the rotation of {0} went on meanwhile")]
    RotationChanged(String),
    /// A solution of that name exists.
    #[error("there is a solution {0} already")]
    SolutionTaken(String),
    /// No solution of that name.
    #[error("there is no solution {0}")]
    NoSolution(String),
    /// Credentials live in it, or it is the default.
    #[error("the solution {0} is not empty")]
    SolutionInUse(String),
    /// The `default` solution keeps its name.
    #[error("the solution {0} is always there: it keeps its name")]
    SolutionStays(String),
    /// Credentials refer to the OAuth app.
    #[error("the OAuth app {name} is in use by {}", .by.join(", "))]
    OauthAppInUse {
        /// Its name.
        name: String,
        /// `solution/key` of those that refer to it.
        by: Vec<String>,
    },
    /// Another writer changed the OAuth app first.
    #[error("the OAuth app {0} was changed by another program")]
    OauthAppConflict(String),
    /// Credentials are of the kind.
    #[error("the kind {id} is in use by {}", .by.join(", "))]
    KindInUse {
        /// Its id.
        id: String,
        /// `solution/key` of those that are of it, the trash included.
        by: Vec<String>,
    },
    /// A kind of that id exists.
    #[error("there is a kind {0} already")]
    KindTaken(String),
    /// No kind of that id.
    #[error("there is no kind {0} of this vault's own")]
    NoKind(String),
    /// Another writer changed the kind first.
    #[error(
        "the kind {id} was changed by another program: version {found} is stored, this change started from {expected}"
    )]
    KindConflict {
        /// Its id.
        id: String,
        /// The version the writer saw.
        expected: u32,
        /// The version that is stored.
        found: u32,
    },
    /// The id exists already.
    #[error("the id {0} is taken")]
    IdTaken(Id),
}

impl Document {
    /// Applies one edit at a point in time and returns the edit that takes it back.
    ///
    /// # Errors
    /// Says why it cannot be applied; the document is then unchanged.
    pub fn apply(&mut self, edit: Edit, now: Timestamp) -> Result<Edit, EditError> {
        match edit {
            Edit::Create { id, content } => self.create(id, content, now),
            Edit::Update { id, base, content } => self.update(&id, base.as_deref(), content, now),
            Edit::Remove { id, base } => self.remove(id, &base, now),
            Edit::Restore { id } => self.restore(id),
            Edit::Purge { id } => self.purge(id),
            Edit::PutInTrash { removed, index } => self.put_in_trash(*removed, index),
            Edit::RecordTest { id, record } => self.record_test(id, record),
            Edit::ForgetTest { id, record, displaced } => self.forget_test(id, record, displaced),
            Edit::SetTokens { id, seen, tokens, issued } => self.set_tokens(id, seen, tokens, issued),
            Edit::SetRotation { id, seen, rotation } => self.set_rotation(id, seen, rotation),
            Edit::AddSolution { solution } => self.add_solution(solution),
            Edit::RemoveSolution { name } => self.remove_solution(name),
            Edit::RenameSolution { from, to, except } => self.rename_solution(from, to, &except),
            Edit::SetWorkflows { under, workflows } => Ok(self.set_workflows(under, workflows)),
            Edit::SetOauthApp { name, before, after } => self.set_oauth_app(name, before, after),
            Edit::DefineKind { id, expected, schema } => self.define_kind(id, expected, schema, now),
            Edit::RemoveKind { id } => self.remove_kind(id),
            Edit::PutKindBack { definition, index } => self.put_kind_back(*definition, index),
            Edit::SetRecipients { before, after } => Ok(self.set_recipients(before, after)),
        }
    }
}
