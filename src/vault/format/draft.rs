//! The plaintext of an unsaved draft: one JSON document `{"vault":"…","code":"…","draft":{…}}`.
//!
//! The code is of the exact bytes of the draft, made with a key that only the identity gives, so that a draft that
//! somebody else put there is not taken for one's own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::write::{Count, Exposed};
use crate::model::{Id, KeptContent, KeptDraft, Object, Subject};
use crate::secret::Secret;

/// Base64 of an HMAC-SHA-256.
const CODE_LEN: usize = 44;

/// What a draft is of, as it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
enum Of {
    Credential {
        id: Id,
        version: Option<u32>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rotates: bool,
    },
    OauthApp {
        before: Option<Object>,
    },
    Kind {
        id: String,
        version: Option<u32>,
    },
}

impl From<Subject> for Of {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Credential { id, version, rotates } => Self::Credential { id, version, rotates },
            Subject::OauthApp { before } => Self::OauthApp { before },
            Subject::Kind { id, version } => Self::Kind { id, version },
        }
    }
}

impl From<Of> for Subject {
    fn from(of: Of) -> Self {
        match of {
            Of::Credential { id, version, rotates } => Self::Credential { id, version, rotates },
            Of::OauthApp { before } => Self::OauthApp { before },
            Of::Kind { id, version } => Self::Kind { id, version },
        }
    }
}

#[derive(Serialize)]
struct DraftOut<'a> {
    id: &'a Id,
    at: Timestamp,
    subject: Of,
    document: &'a Object,
    secrets: BTreeMap<&'a str, Exposed<'a>>,
    entered: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Exposed<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftIn {
    id: Id,
    at: Timestamp,
    subject: Of,
    document: Object,
    secrets: BTreeMap<String, Secret>,
    entered: BTreeSet<String>,
    #[serde(default)]
    text: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    vault: &'a str,
    code: &'a str,
    #[serde(borrow)]
    draft: &'a RawValue,
}

/// Writes a draft of a vault into one buffer of exactly its size; `code` gives the code of the draft's bytes.
///
/// # Errors
/// What cannot be written as JSON.
pub(in crate::vault) fn encode(
    draft: &KeptDraft,
    vault_id: &str,
    code: impl FnOnce(&[u8]) -> String,
) -> Result<Zeroizing<Vec<u8>>, String> {
    const CLOSE: &[u8] = b"}\n";
    let open = format!(r#"{{"vault":"{vault_id}","code":""#);
    let between = br#"","draft":"#;
    let KeptContent { document, secrets, entered } = &draft.content;
    let secrets = secrets.iter().map(|(place, secret)| (place.as_str(), Exposed(secret)));
    let body = DraftOut {
        id: &draft.id,
        at: draft.at,
        subject: draft.subject.clone().into(),
        document,
        secrets: secrets.collect(),
        entered,
        text: draft.text.as_ref().map(Exposed),
    };
    let place = |error: serde_json::Error| format!("not JSON: {:?}", error.classify());
    let mut count = Count(0);
    serde_json::to_writer(&mut count, &body).map_err(place)?;
    let size = open.len() + CODE_LEN + between.len() + count.0 + CLOSE.len();
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    out.extend_from_slice(open.as_bytes());
    let code_start = out.len();
    out.resize(code_start + CODE_LEN, b' ');
    out.extend_from_slice(between);
    let body_start = out.len();
    serde_json::to_writer(&mut *out, &body).map_err(place)?;
    let code = code(&out[body_start..]);
    if code.len() != CODE_LEN {
        return Err("the code has another size".to_owned());
    }
    out[code_start..code_start + CODE_LEN].copy_from_slice(code.as_bytes());
    out.extend_from_slice(CLOSE);
    Ok(out)
}

/// Takes a plaintext apart; `fits` says whether a code is that of some bytes. `None`: it is no draft of this vault,
/// or not made with the same identity.
pub(in crate::vault) fn decode(
    plain: &[u8],
    vault_id: &str,
    fits: impl FnOnce(&[u8], &str) -> bool,
) -> Option<KeptDraft> {
    let envelope: Envelope<'_> = serde_json::from_slice(plain).ok()?;
    let raw = envelope.draft.get();
    if envelope.vault != vault_id || !fits(raw.as_bytes(), envelope.code) {
        return None;
    }
    let DraftIn { id, at, subject, document, secrets, entered, text } = serde_json::from_str(raw).ok()?;
    uuid::Uuid::parse_str(&id.0).ok()?;
    let content = KeptContent { document, secrets, entered };
    Some(KeptDraft { id, at, subject: subject.into(), content, text })
}
