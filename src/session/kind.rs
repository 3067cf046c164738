//! Kinds of the vault's own: what a schema would change, and for which credentials.

use super::change::unread;
use crate::model::{Content, Document, Edit, Object};
use crate::problem::{Exit, Problem};
use crate::schema::{Kind, Kinds, Violation};

/// A kind that a schema defines or changes.
#[derive(Debug)]
pub struct KindChange {
    /// Its name.
    pub id: String,
    /// The stored version that is changed; `None`: it is new.
    pub base: Option<u32>,
    /// Whether it differs from what is stored.
    pub differs: bool,
    /// The credentials that fitted and no longer will.
    pub misfits: Vec<Misfit>,
    schema: Object,
}

/// A credential that does not fit a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where it lives.
    pub solution: String,
    /// Its key.
    pub key: String,
    /// Why.
    pub violations: Vec<Violation>,
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why: Vec<String> = self.violations.iter().map(Violation::to_string).collect();
        write!(f, "{}/{}: {}", self.solution, self.key, why.join("; "))
    }
}

impl KindChange {
    /// The edits that store it: none where nothing differs.
    pub fn edits(self) -> Vec<Edit> {
        let edit = Edit::DefineKind { id: self.id, expected: self.base, schema: self.schema };
        self.differs.then_some(edit).into_iter().collect()
    }

    /// The version that there will be.
    pub fn version(&self) -> u32 {
        self.base.map_or(1, |base| base + u32::from(self.differs))
    }
}

/// Checks the name of a kind that is to be made.
///
/// # Errors
/// Exit 2 for a name that cannot be one, 5 for one that comes with the program.
pub fn check_kind_id(id: &str) -> Result<(), Problem> {
    Kind::check_id(id).map_err(|words| match Kinds::is_builtin(id) {
        true => Problem::new(Exit::Refused, "exists", format!("{id} is a kind that comes with the program"))
            .hint(format!("copy it under a name of your own: `credbench kinds put NAME --from {id}`")),
        false => Problem::new(Exit::Usage, "kind_name", format!("the name of a kind {words}")),
    })
}

/// Reads the text of a kind's schema against the vault. `from` names the text in messages.
///
/// # Errors
/// Exit 7 with every mistake (line, column, pointer), 2 and 5 as [`check_kind_id`].
pub fn kind_change(
    document: &Document,
    kinds: &Kinds,
    id: &str,
    text: &str,
    from: &str,
) -> Result<KindChange, Problem> {
    check_kind_id(id)?;
    let defined = Kind::define(id, text).map_err(|errors| {
        unread(from, &errors).hint("`credbench kinds show custom` prints a schema to start from")
    })?;
    let stored = document.own_kind(id);
    Ok(KindChange {
        id: id.to_owned(),
        base: stored.map(|known| known.version),
        differs: stored.is_none_or(|known| known.schema != defined.schema),
        misfits: misfits(document, kinds, &defined.kind),
        schema: defined.schema,
    })
}

/// The credentials that fit the kinds there are, and would not fit another schema of theirs.
pub fn misfits(document: &Document, kinds: &Kinds, kind: &Kind) -> Vec<Misfit> {
    let of_kind = document.credentials.iter().filter(|credential| credential.content.kind() == kind.id);
    let judged = of_kind.map(|credential| {
        let content: &Content = &credential.content;
        // A number that becomes a secret is one by the time that it is looked at.
        let mut sealed = content.clone();
        kind.seal(&mut sealed);
        (content, kind.check(&sealed))
    });
    judged
        .filter(|(content, violations)| !violations.is_empty() && kinds.attention(content).is_empty())
        .map(|(content, violations)| Misfit {
            solution: content.solution().to_owned(),
            key: content.key().to_owned(),
            violations,
        })
        .collect()
}

/// The edit that removes a kind.
///
/// # Errors
/// Exit 4 where there is none of that name, 5 for one that comes with the program.
pub fn kind_removal(document: &Document, id: &str) -> Result<Edit, Problem> {
    if document.own_kind(id).is_some() {
        return Ok(Edit::RemoveKind { id: id.to_owned() });
    }
    if Kinds::is_builtin(id) {
        let message = format!("{id} comes with the program: it cannot be removed");
        return Err(Problem::new(Exit::Refused, "built_in", message));
    }
    Err(crate::model::EditError::NoKind(id.to_owned()).into())
}
