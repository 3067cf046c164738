//! Bytes as a document, with every check that needs no key but the one in the header.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::{FORMAT, Header};
use crate::model::{
    Content, Credential, Document, Id, Issued, KindDefinition, OauthApp, Object, Organization, Placeholder,
    Recipient, Removed, Rotation, Solution, Stage, TestRecord, Version, Workflow, pointer,
};
use crate::secret::Secret;
use crate::vault::error::{Damage, Forgery, Refusal};
use crate::vault::writer;

/// A plaintext taken apart.
#[derive(Debug)]
pub struct Contents {
    /// What it says about itself; `None` in a file that a person wrote.
    pub header: Option<Header>,
    /// What it holds.
    pub document: Document,
    /// Whether the writer in the header signed it, and is one of the writers there.
    pub signature: Result<(), Forgery>,
}

/// Takes a plaintext apart: what `age -d` prints of a vault.
///
/// # Errors
/// [`Refusal::Damaged`] or [`Refusal::TooNew`]. A bad signature is not an error here.
pub fn decode(plain: &[u8]) -> Result<Contents, Refusal> {
    let text = std::str::from_utf8(plain).map_err(|error| {
        let (line, column) = position(&plain[..error.valid_up_to()]);
        damage("not UTF-8", line, column)
    })?;
    let envelope: Envelope<'_> = parse(text, text).or_else(|refusal| {
        require_known_format(text)?;
        Err(refusal)
    })?;
    if let Some(header) = envelope.header {
        require_known_format(header.get())?;
    }
    parse::<Unique>(text, text)?;
    let header: Option<Header> = envelope.header.map(|raw| parse(text, raw.get())).transpose()?;
    if let Some(header) = &header {
        check_header(header)?;
    }
    let body: BodyIn = parse(text, envelope.body.get())?;
    let signature = match (&header, envelope.header, &envelope.signature) {
        (Some(header), Some(raw), Some(signature)) => check_signature(header, raw, signature, envelope.body),
        _ => Err(Forgery::Unsigned),
    };
    Ok(Contents { header, document: body.try_into()?, signature })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    header: Option<&'a RawValue>,
    #[serde(default)]
    signature: Option<String>,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// A newer format may look different everywhere else, so its number is read before anything is judged: from the
/// header, or from a whole text that is not understood.
fn require_known_format(text: &str) -> Result<(), Refusal> {
    #[derive(Deserialize)]
    struct Numbered {
        format: Option<u32>,
        header: Option<FormatOnly>,
    }
    #[derive(Deserialize)]
    struct FormatOnly {
        format: u32,
    }
    let Ok(found) = serde_json::from_str::<Numbered>(text) else { return Ok(()) };
    match found.format.or(found.header.map(|header| header.format)) {
        Some(found) if found > FORMAT => Err(Refusal::TooNew { found, known: FORMAT }),
        _ => Ok(()),
    }
}

fn check_header(header: &Header) -> Result<(), Refusal> {
    let wrong = |what| Err(damage(what, 1, 1));
    if header.format == 0 {
        wrong("the format number is 0")
    } else if header.generation == 0 {
        wrong("the generation is 0")
    } else if uuid::Uuid::parse_str(&header.vault_id).is_err() {
        wrong("the vault id is not a UUID")
    } else {
        Ok(())
    }
}

fn check_signature(
    header: &Header,
    raw_header: &RawValue,
    signature: &str,
    body: &RawValue,
) -> Result<(), Forgery> {
    if !header.writers.iter().any(|writer| writer.key == header.writer) {
        return Err(Forgery::NotAWriter);
    }
    if writer::signed_by(&header.writer, signature, raw_header.get().as_bytes(), body.get().as_bytes()) {
        Ok(())
    } else {
        Err(Forgery::Signature)
    }
}

fn damage(what: &str, line: usize, column: usize) -> Refusal {
    Refusal::Damaged(Damage::Document { what: what.to_owned(), line, column })
}

/// Parses a part of the text; an error's place is counted in the whole text.
///
/// serde's own message is not used: it quotes values.
fn parse<'a, T: Deserialize<'a>>(text: &'a str, part: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(part).map_err(|error| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        let (line, column) = position(&text.as_bytes()[..start]);
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Eof => "the text ends too early",
            _ if error.to_string().starts_with(DUPLICATE)
                || error.to_string().starts_with("duplicate field") =>
            {
                "a member stands there twice"
            }
            _ => "a member is missing or of another type",
        };
        let column = if error.line() == 1 { column - 1 + error.column() } else { error.column() };
        damage(what, line + error.line().saturating_sub(1), column.max(1))
    })
}

/// Line and column, from 1, just behind these bytes.
fn position(before: &[u8]) -> (usize, usize) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

const DUPLICATE: &str = "a name stands twice in one object";

/// Accepts any JSON in which no object has the same name twice: serde_json would silently keep the last.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Name(name)) = members.next_key::<Name<'de>>()? {
            names.push(name);
            members.next_value::<Self>()?;
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(A::Error::custom(DUPLICATE));
        }
        Ok(self)
    }
}

struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

// Unknown members are gathered by `flatten`, which hands known ones straight to their type: a secret is never
// held as a generic value on the way.

#[derive(Deserialize)]
struct BodyIn {
    organization: OrganizationIn,
    solutions: Vec<Solution>,
    credentials: Vec<CredentialIn>,
    trash: Vec<RemovedIn>,
    recipients: Vec<Recipient>,
    #[serde(default)]
    workflows: Vec<Workflow>,
    audit: Option<AuditIn>,
    #[serde(flatten)]
    extra: Object,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditIn {
    key: Secret,
}

#[derive(Deserialize)]
struct OrganizationIn {
    #[serde(default)]
    name: String,
    #[serde(default)]
    oauth_apps: Vec<OauthAppIn>,
    #[serde(default)]
    kinds: Vec<KindDefinition>,
    #[serde(flatten)]
    extra: Object,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OauthAppIn {
    document: Object,
    secrets: BTreeMap<String, Secret>,
}

#[derive(Deserialize)]
struct RemovedIn {
    at: Timestamp,
    credential: CredentialIn,
}

#[derive(Deserialize)]
struct CredentialIn {
    id: Id,
    version: u32,
    proven_since: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
    document: Object,
    secrets: BTreeMap<String, Secret>,
    history: Vec<VersionIn>,
    tests: Vec<TestRecord>,
    #[serde(default)]
    issued: Option<Issued>,
    #[serde(default)]
    rotation: Option<RotationIn>,
    #[serde(flatten)]
    extra: Object,
}

#[derive(Deserialize)]
struct RotationIn {
    stage: Stage,
    started_at: Timestamp,
    stage_at: Timestamp,
    kept: KeptIn,
    places: Vec<String>,
    #[serde(default)]
    tested: Option<TestRecord>,
    #[serde(default)]
    replaced: bool,
    #[serde(flatten)]
    extra: Object,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptIn {
    document: Object,
    secrets: BTreeMap<String, Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VersionIn {
    version: u32,
    at: Timestamp,
    document: Object,
    secrets: BTreeMap<String, Secret>,
}

impl TryFrom<BodyIn> for Document {
    type Error = Refusal;

    fn try_from(body: BodyIn) -> Result<Self, Refusal> {
        let removed = body.trash.into_iter().map(|removed| {
            removed.credential.try_into().map(|credential| Removed { at: removed.at, credential })
        });
        Ok(Self {
            organization: body.organization.try_into()?,
            solutions: body.solutions,
            trash: removed.collect::<Result<_, Refusal>>()?,
            credentials: body.credentials.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            recipients: body.recipients,
            workflows: body.workflows,
            audit_key: body.audit.map(|audit| audit.key),
            extra: body.extra,
        })
    }
}

impl TryFrom<OrganizationIn> for Organization {
    type Error = Refusal;

    fn try_from(read: OrganizationIn) -> Result<Self, Refusal> {
        let apps = read.oauth_apps.into_iter().map(|app| {
            let label = |content: &Content| format!("the OAuth app {}", content.name());
            content(label, app.document, app.secrets).map(|content| OauthApp { content })
        });
        Ok(Self {
            oauth_apps: apps.collect::<Result<_, _>>()?,
            name: read.name,
            kinds: read.kinds,
            extra: read.extra,
        })
    }
}

impl TryFrom<CredentialIn> for Credential {
    type Error = Refusal;

    fn try_from(read: CredentialIn) -> Result<Self, Refusal> {
        let label = |content: &Content| match content.key() {
            "" => read.id.to_string(),
            key => format!("{}/{key}", content.solution()),
        };
        let history = read.history.into_iter().map(|version| {
            content(label, version.document, version.secrets).map(|content| Version {
                number: version.version,
                at: version.at,
                content,
            })
        });
        let history = history.collect::<Result<_, _>>()?;
        let rotation = read.rotation.map(|rotation| {
            let kept = content(|_| read.id.to_string(), rotation.kept.document, rotation.kept.secrets)?;
            Ok(Box::new(Rotation {
                stage: rotation.stage,
                started_at: rotation.started_at,
                stage_at: rotation.stage_at,
                kept,
                places: rotation.places,
                tested: rotation.tested,
                replaced: rotation.replaced,
                extra: rotation.extra,
            }))
        });
        Ok(Self {
            content: content(label, read.document, read.secrets)?,
            id: read.id,
            version: read.version,
            proven_since: read.proven_since,
            created_at: read.created_at,
            updated_at: read.updated_at,
            history,
            tests: read.tests,
            issued: read.issued,
            rotation: rotation.transpose()?,
            extra: read.extra,
        })
    }
}

/// A placeholder at a pointer exactly when there is a secret for it: anything else would be a loss that shows
/// only when the secret is needed.
fn content(
    label: impl Fn(&Content) -> String,
    document: Object,
    secrets: BTreeMap<String, Secret>,
) -> Result<Content, Refusal> {
    let content = Content { document, secrets };
    let wrong = |pointer: &str, what| {
        let credential = label(&content);
        Refusal::Damaged(Damage::Contents { credential, pointer: pointer.to_owned(), what })
    };
    for place in content.secrets.keys() {
        if content.get(place).and_then(Placeholder::of) != Some(Placeholder::Stored) {
            return Err(wrong(place, "there is a secret, but no place for it"));
        }
    }
    let mut without = None;
    for (name, value) in &content.document {
        pointer::walk(&pointer::join("", name), value, &mut |place, value| {
            let stored = Placeholder::of(value) == Some(Placeholder::Stored);
            if stored && !content.secrets.contains_key(place) && without.is_none() {
                without = Some(place.to_owned());
            }
        });
    }
    match without {
        Some(place) => Err(wrong(&place, "the secret is missing")),
        None => Ok(content),
    }
}
