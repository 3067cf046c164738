//! Unsaved drafts on their way out of the workbench and back.

use std::sync::Arc;

use super::{Session, differences};
use crate::model::{Document, Id, KeptContent, KeptDraft, OauthApp, Object, Recipient, Subject};
use crate::problem::Problem;
use crate::schema::{Base, Draft, Kinds};
use crate::vault::{DraftSealer, SealedDraft};

/// Drafts that are to be sealed and put on the disk. Works on any thread and without the vault, so that nothing that
/// is going on keeps a draft from being kept.
#[derive(Debug)]
pub struct Keeping {
    /// Seals them.
    pub sealer: Arc<DraftSealer>,
    /// Whom they are sealed to: those of the vault.
    pub recipients: Vec<Recipient>,
    /// The drafts.
    pub drafts: Vec<KeptDraft>,
}

impl Keeping {
    /// Seals all and puts them on the disk. Gives those that only the latter failed for, so that they can be held in
    /// memory: sealed. What they said in clear is gone afterwards.
    ///
    /// # Errors
    /// The last one that failed.
    pub fn keep(self) -> (Vec<SealedDraft>, Result<(), Problem>) {
        let mut held = Vec::new();
        let mut result = Ok(());
        for draft in self.drafts {
            let sealed = match self.sealer.seal(&draft, &self.recipients) {
                Ok(sealed) => sealed,
                Err(error) => {
                    result = Err(error.into());
                    continue;
                }
            };
            if let Err(error) = self.sealer.store(&sealed) {
                held.push(sealed);
                result = Err(error.into());
            }
        }
        (held, result)
    }
}

impl Session {
    /// Seals drafts, also when this session is over. `None`: the vault was refused, and nothing can be edited.
    pub fn sealer(&self) -> Option<Arc<DraftSealer>> {
        self.store.read_only().is_none().then(|| Arc::new(self.store.sealer()))
    }

    /// The operator's own drafts that were neither saved nor dropped, oldest first; `held` are those that are not on
    /// the disk, and stay in it where they still cannot be put there. None of a vault that is refused.
    pub fn drafts(&self, held: &mut Vec<SealedDraft>) -> Vec<KeptDraft> {
        match self.store.read_only() {
            Some(_) => Vec::new(),
            None => self.store.drafts(held),
        }
    }
}

/// What a draft is called: the key of a credential, the name of an OAuth app or of a kind.
pub fn draft_name(draft: &KeptDraft) -> String {
    let text = |member: &str| draft.content.document.get(member).and_then(|value| value.as_str());
    let name = match &draft.subject {
        Subject::Credential { .. } => text("key"),
        Subject::OauthApp { .. } => text("name"),
        Subject::Kind { id, .. } => Some(id.as_str()),
    };
    name.filter(|name| !name.is_empty()).unwrap_or("without a name").to_owned()
}

/// What happened in the vault to what a draft is of, since the draft began; `None`: nothing.
pub fn meanwhile(document: &Document, draft: &KeptDraft) -> Option<String> {
    match &draft.subject {
        Subject::Credential { id, version, .. } => credential(document, id, *version),
        Subject::OauthApp { before: None } => None,
        Subject::OauthApp { before: Some(before) } => {
            let name = before.get("name").and_then(|name| name.as_str()).unwrap_or_default();
            match document.oauth_app(name) {
                None => Some(format!("{name} was removed, or has another name")),
                Some(app) => (app.content.document != *before).then(|| format!("{name} was changed")),
            }
        }
        Subject::Kind { id, version } => match (document.own_kind(id), version) {
            (None, None) => None,
            (None, Some(_)) => Some(format!("the kind {id} was removed")),
            (Some(_), None) => Some(format!("a kind {id} was made")),
            (Some(kind), Some(version)) => (kind.version != *version)
                .then(|| format!("the kind {id} was changed: version {version} is now {}", kind.version)),
        },
    }
}

fn credential(document: &Document, id: &Id, version: Option<u32>) -> Option<String> {
    let stored = document.by_id(id);
    let Some(version) = version else {
        return stored.map(|stored| format!("{} was saved", stored.content.key()));
    };
    let Some(stored) = stored else {
        let in_trash = document.trash.iter().any(|removed| removed.credential.id == *id);
        let where_to = if in_trash { "it is in the trash" } else { "it is gone" };
        return Some(format!("the credential was removed ({where_to})"));
    };
    if stored.version == version {
        return None;
    }
    let fields = stored.version_content(version).map(|before| differences(before, &stored.content));
    let fields: Vec<String> = fields.into_iter().flatten().map(|difference| difference.field).collect();
    let what = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) };
    Some(format!(
        "the credential was changed: version {version} is now {}{what}; saving puts both together, or asks",
        stored.version
    ))
}

/// Goes on with the draft of a credential: the draft, and the credential's stable name. It stands on the stored version
/// that it began from; where that is gone, what is kept is a new credential.
pub fn resumed(
    document: &Document,
    kinds: &Kinds,
    id: &Id,
    version: Option<u32>,
    kept: &KeptContent,
) -> (Id, Draft) {
    let kind = kinds.of_document(&kept.document);
    let stored = version.and_then(|version| {
        let stored = document.by_id(id)?;
        let (version, content) = match stored.version_content(version) {
            Some(content) => (version, content),
            None => (stored.version, &stored.content),
        };
        Some((Base { id: id.clone(), version }, content))
    });
    let same = stored.is_some() || (version.is_none() && document.by_id(id).is_none());
    let id = if same { id.clone() } else { Id::new() };
    (id, Draft::resume(stored, kept, kind.as_deref()))
}

/// Goes on with the draft of an OAuth app: the stored one that it began from, which may have been changed since, and
/// the draft. Where that one is gone, what is kept is a new app.
pub fn resumed_oauth_app(
    document: &Document,
    before: Option<&Object>,
    kept: &KeptContent,
) -> (Option<OauthApp>, Draft) {
    let name = before.and_then(|before| before.get("name")?.as_str());
    let app = name.and_then(|name| document.oauth_app(name)).cloned();
    let kind = Kinds::of_oauth_apps().of_document(&kept.document);
    // A draft edits what is stored like a credential; nothing but its content is ever stored.
    let stored = app.as_ref().map(|app| (Base { id: Id::new(), version: 1 }, &app.content));
    let draft = Draft::resume(stored, kept, kind.as_deref());
    (app, draft)
}
