//! A document as bytes. [`Exposed`] is the only way that the text of a secret is written.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::Header;
use crate::model::{
    Content, Credential, Document, Id, Issued, KindDefinition, Object, Organization, Recipient, Removed,
    Rotation, Solution, Stage, TestRecord, Workflow,
};
use crate::secret::Secret;

/// Base64 of 64 bytes.
const SIGNATURE_LEN: usize = 88;

/// Writes the plaintext into one buffer of exactly its size; `sign` gets the bytes of header and body and
/// returns the signature in base64.
///
/// # Errors
/// What cannot be written as JSON, or a signature of another size.
pub fn encode(
    document: &Document,
    header: &Header,
    sign: impl FnOnce(&[u8], &[u8]) -> String,
) -> Result<Zeroizing<Vec<u8>>, String> {
    const OPEN: &[u8] = br#"{"header":"#;
    const SIGNATURE: &[u8] = br#","signature":""#;
    const BODY: &[u8] = br#"","body":"#;
    const CLOSE: &[u8] = b"}\n";

    let body = BodyOut::from(document);
    let place = |error: serde_json::Error| format!("not JSON: {:?}", error.classify());
    // Written twice, once only to be counted: a buffer that grows leaves copies behind.
    let mut count = Count(0);
    serde_json::to_writer(&mut count, header).map_err(place)?;
    serde_json::to_writer(&mut count, &body).map_err(place)?;
    let size = OPEN.len() + SIGNATURE.len() + SIGNATURE_LEN + BODY.len() + CLOSE.len() + count.0;

    let mut out = Zeroizing::new(Vec::with_capacity(size));
    out.extend_from_slice(OPEN);
    let header_start = out.len();
    serde_json::to_writer(&mut *out, header).map_err(place)?;
    let header_end = out.len();
    out.extend_from_slice(SIGNATURE);
    let signature_start = out.len();
    out.resize(signature_start + SIGNATURE_LEN, b' ');
    out.extend_from_slice(BODY);
    let body_start = out.len();
    serde_json::to_writer(&mut *out, &body).map_err(place)?;
    let body_end = out.len();
    out.extend_from_slice(CLOSE);

    let signature = sign(&out[header_start..header_end], &out[body_start..body_end]);
    if signature.len() != SIGNATURE_LEN {
        return Err("the signature has another size".to_owned());
    }
    out[signature_start..signature_start + SIGNATURE_LEN].copy_from_slice(signature.as_bytes());
    Ok(out)
}

/// Writes the plaintext without header and signature, into one buffer of exactly its size.
///
/// # Errors
/// As [`encode`].
pub(in crate::vault) fn encode_bare(document: &Document) -> Result<Zeroizing<Vec<u8>>, String> {
    const OPEN: &[u8] = br#"{"body":"#;
    const CLOSE: &[u8] = b"}\n";

    let body = BodyOut::from(document);
    let place = |error: serde_json::Error| format!("not JSON: {:?}", error.classify());
    let mut count = Count(0);
    serde_json::to_writer(&mut count, &body).map_err(place)?;
    let mut out = Zeroizing::new(Vec::with_capacity(OPEN.len() + count.0 + CLOSE.len()));
    out.extend_from_slice(OPEN);
    serde_json::to_writer(&mut *out, &body).map_err(place)?;
    out.extend_from_slice(CLOSE);
    Ok(out)
}

/// Counts what is written.
pub(super) struct Count(pub(super) usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A secret as its text: known to this folder only, so that nothing else serializes one.
pub(super) struct Exposed<'a>(pub(super) &'a Secret);

impl Serialize for Exposed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

#[derive(Serialize)]
struct BodyOut<'a> {
    organization: OrganizationOut<'a>,
    solutions: &'a [Solution],
    credentials: Vec<CredentialOut<'a>>,
    trash: Vec<RemovedOut<'a>>,
    recipients: &'a [Recipient],
    #[serde(skip_serializing_if = "no_workflows")]
    workflows: &'a [Workflow],
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<AuditOut<'a>>,
    #[serde(flatten)]
    extra: &'a Object,
}

#[derive(Serialize)]
struct AuditOut<'a> {
    key: Exposed<'a>,
}

#[derive(Serialize)]
struct OrganizationOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    oauth_apps: Vec<ContentOut<'a>>,
    #[serde(skip_serializing_if = "no_kinds")]
    kinds: &'a [KindDefinition],
    #[serde(flatten)]
    extra: &'a Object,
}

fn no_workflows(workflows: &&[Workflow]) -> bool {
    workflows.is_empty()
}

fn no_kinds(kinds: &&[KindDefinition]) -> bool {
    kinds.is_empty()
}

#[derive(Serialize)]
struct RemovedOut<'a> {
    at: Timestamp,
    credential: CredentialOut<'a>,
}

#[derive(Serialize)]
struct CredentialOut<'a> {
    id: &'a Id,
    version: u32,
    proven_since: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(flatten)]
    content: ContentOut<'a>,
    history: Vec<VersionOut<'a>>,
    tests: &'a [TestRecord],
    #[serde(skip_serializing_if = "Option::is_none")]
    issued: Option<&'a Issued>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<RotationOut<'a>>,
    #[serde(flatten)]
    extra: &'a Object,
}

#[derive(Serialize)]
struct RotationOut<'a> {
    stage: Stage,
    started_at: Timestamp,
    stage_at: Timestamp,
    kept: ContentOut<'a>,
    places: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    tested: Option<&'a TestRecord>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replaced: bool,
    #[serde(flatten)]
    extra: &'a Object,
}

#[derive(Serialize)]
struct VersionOut<'a> {
    version: u32,
    at: Timestamp,
    #[serde(flatten)]
    content: ContentOut<'a>,
}

#[derive(Serialize)]
struct ContentOut<'a> {
    document: &'a Object,
    secrets: BTreeMap<&'a str, Exposed<'a>>,
}

impl<'a> From<&'a Document> for BodyOut<'a> {
    fn from(document: &'a Document) -> Self {
        let trash = document
            .trash
            .iter()
            .map(|Removed { at, credential }| RemovedOut { at: *at, credential: credential.into() });
        Self {
            organization: (&document.organization).into(),
            solutions: &document.solutions,
            credentials: document.credentials.iter().map(Into::into).collect(),
            trash: trash.collect(),
            recipients: &document.recipients,
            workflows: &document.workflows,
            audit: document.audit_key.as_ref().map(|key| AuditOut { key: Exposed(key) }),
            extra: &document.extra,
        }
    }
}

impl<'a> From<&'a Organization> for OrganizationOut<'a> {
    fn from(organization: &'a Organization) -> Self {
        Self {
            name: &organization.name,
            oauth_apps: organization.oauth_apps.iter().map(|app| (&app.content).into()).collect(),
            kinds: &organization.kinds,
            extra: &organization.extra,
        }
    }
}

impl<'a> From<&'a Credential> for CredentialOut<'a> {
    fn from(credential: &'a Credential) -> Self {
        let history = credential.history.iter().map(|version| VersionOut {
            version: version.number,
            at: version.at,
            content: (&version.content).into(),
        });
        Self {
            id: &credential.id,
            version: credential.version,
            proven_since: credential.proven_since,
            created_at: credential.created_at,
            updated_at: credential.updated_at,
            content: (&credential.content).into(),
            history: history.collect(),
            tests: &credential.tests,
            issued: credential.issued.as_ref(),
            rotation: credential.rotation.as_deref().map(Into::into),
            extra: &credential.extra,
        }
    }
}

impl<'a> From<&'a Rotation> for RotationOut<'a> {
    fn from(rotation: &'a Rotation) -> Self {
        Self {
            stage: rotation.stage,
            started_at: rotation.started_at,
            stage_at: rotation.stage_at,
            kept: (&rotation.kept).into(),
            places: &rotation.places,
            tested: rotation.tested.as_ref(),
            replaced: rotation.replaced,
            extra: &rotation.extra,
        }
    }
}

impl<'a> From<&'a Content> for ContentOut<'a> {
    fn from(content: &'a Content) -> Self {
        let secrets = content.secrets.iter().map(|(pointer, secret)| (pointer.as_str(), Exposed(secret)));
        Self { document: &content.document, secrets: secrets.collect() }
    }
}
