//! Rotations: what each step stores, when the next is due, and who has to know of it.

mod keys;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::workflow;
use crate::model::{Content, Credential, Document, Edit, Rotation, RotationError, Stage, TestRecord};
use crate::probe::Maker;
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
pub use keys::{DroppedKey, MadeKey, Makes, drop_key, make_key};

/// A credential's rotation, for whoever shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotating {
    /// Where it stands; `None`: none goes on.
    pub stage: Option<Stage>,
    /// When it came there.
    pub since: Option<Timestamp>,
    /// The fields whose values change, as `get` names them.
    pub fields: Vec<String>,
    /// When the next is due, by the credential's schedule; passed: it is overdue.
    pub due: Option<Timestamp>,
    /// The workflows that use it.
    pub users: Vec<String>,
    /// The service's page on which its keys are made and revoked, where one is known.
    pub page: Option<String>,
    /// How the service makes keys when it is asked; `None`: it does not.
    pub makes: Option<Makes>,
    /// The service ended the one before when it made the one in use.
    pub replaced: bool,
}

/// What is known of a credential's rotation.
pub fn rotating(document: &Document, kinds: &Kinds, credential: &Credential) -> Rotating {
    let content = &credential.content;
    let rotation = credential.rotation.as_deref();
    let kind = kinds.of_content(content);
    let page = kind.as_ref().and_then(|kind| kind.page(content));
    let maker = kind.as_ref().and_then(|kind| Maker::of(kind, content));
    Rotating {
        stage: rotation.map(|rotation| rotation.stage),
        since: rotation.map(|rotation| rotation.stage_at),
        fields: rotation
            .map(|rotation| rotation.places.iter().map(|place| super::field_name(place)).collect())
            .unwrap_or_default(),
        due: rotation_due_at(credential),
        users: workflow::users(document, content.solution(), content.key()),
        page: page.filter(|page| page.missing.is_empty()).map(|page| page.address),
        makes: maker.as_ref().map(Makes::of),
        replaced: rotation.is_some_and(|rotation| rotation.replaced),
    }
}

/// When a credential's schedule wants other values; `None`: it has none.
pub fn rotation_due_at(credential: &Credential) -> Option<Timestamp> {
    let days = credential.content.get("/rotate_every_days").and_then(Value::as_i64)?;
    let span = SignedDuration::from_hours(days.clamp(0, 1_000_000).saturating_mul(24));
    credential.secret_since().checked_add(span).ok()
}

/// Whether its schedule says that it should have been replaced.
pub fn is_rotation_due(credential: &Credential, now: Timestamp) -> bool {
    rotation_due_at(credential).is_some_and(|due| due <= now)
}

/// The edit that keeps the next values. `next` is the whole credential as it shall be.
///
/// # Errors
/// Exit 5 where nothing would change, something else would, or a rotation waits for its end.
pub fn rotation_begun(credential: &Credential, next: &Content, now: Timestamp) -> Result<Edit, Problem> {
    let before = credential.rotation.as_deref();
    let rotation = Rotation::begin(before, &credential.content, next, now);
    rotation.map(|rotation| replaced(credential, Some(rotation))).map_err(|error| refused(credential, error))
}

/// Whether a rotation to this goes on: it is what comes next, or what was switched to.
pub fn is_rotated_to(credential: &Credential, next: &Content) -> bool {
    credential.rotation.as_deref().is_some_and(|rotation| match rotation.stage.is_switched() {
        true => credential.content == *next,
        false => rotation.with_kept(&credential.content) == *next,
    })
}

/// What is tested before the switch: the credential with its next values; after it the credential as it is. `None`: no
/// rotation goes on.
pub fn rotation_subject(credential: &Credential) -> Option<Content> {
    let rotation = credential.rotation.as_deref()?;
    Some(match rotation.stage.is_switched() {
        true => credential.content.clone(),
        false => rotation.with_kept(&credential.content),
    })
}

/// The edits that keep what a test of [`rotation_subject`] found. `accepted`: a person says that the values are good
/// all the same.
///
/// # Errors
/// Exit 5 where no rotation goes on.
pub fn rotation_tested(
    credential: &Credential,
    record: Option<TestRecord>,
    accepted: bool,
    now: Timestamp,
) -> Result<Vec<Edit>, Problem> {
    let rotation = credential.rotation.as_deref().ok_or_else(|| none(credential))?;
    let mut edits = vec![replaced(credential, Some(rotation.tested(record.clone(), accepted, now)))];
    // What is in use was tested: that is a test like any other.
    if let Some(record) = record.filter(|_| rotation.stage.is_switched()) {
        let record = TestRecord { version: credential.version, ..record };
        edits.push(Edit::RecordTest { id: credential.id.clone(), record });
    }
    Ok(edits)
}

/// The edits that exchange what is in use and what is kept: the switch, or the way back.
///
/// # Errors
/// Exit 5 where no rotation goes on, or the next values were not proven.
pub fn rotation_swapped(credential: &Credential, now: Timestamp) -> Result<Vec<Edit>, Problem> {
    let rotation = credential.rotation.as_deref().ok_or_else(|| none(credential))?;
    let (content, after) =
        rotation.swapped(&credential.content, now).map_err(|error| refused(credential, error))?;
    let base = Some(Box::new(credential.content.clone()));
    let mut edits = vec![
        Edit::Update { id: credential.id.clone(), base, content },
        replaced(credential, Some(after.clone())),
    ];
    // What proved the next values vouches for the version that has them.
    if let Some(record) =
        rotation.tested.clone().filter(|record| after.stage.is_switched() && record.outcome.passes())
    {
        let record = TestRecord { version: credential.version + 1, ..record };
        edits.push(Edit::RecordTest { id: credential.id.clone(), record });
    }
    Ok(edits)
}

/// The edit that ends a rotation: what is kept is dropped. After the switch the values before stay in the credential's
/// versions. `accepted`: also where what is in use was not proven since the switch.
///
/// # Errors
/// Exit 5 where no rotation goes on, or what is in use was not proven.
pub fn rotation_ended(credential: &Credential, accepted: bool) -> Result<Edit, Problem> {
    let rotation = credential.rotation.as_deref().ok_or_else(|| none(credential))?;
    match rotation.may_end() {
        Err(error) if !accepted => Err(refused(credential, error)),
        _ => Ok(replaced(credential, None)),
    }
}

fn replaced(credential: &Credential, rotation: Option<Rotation>) -> Edit {
    Edit::SetRotation {
        id: credential.id.clone(),
        seen: credential.rotation.clone(),
        rotation: rotation.map(Box::new),
    }
}

fn none(credential: &Credential) -> Problem {
    let key = credential.content.key();
    Problem::new(Exit::Refused, "no_rotation", format!("no rotation of {key} goes on"))
        .hint(format!("`credbench rotate {key}` begins one"))
}

fn refused(credential: &Credential, error: RotationError) -> Problem {
    let key = credential.content.key();
    let problem =
        |code, hint: String| Problem::new(Exit::Refused, code, format!("{key}: {error}")).hint(hint);
    match error {
        RotationError::NothingChanges => problem("nothing_changes", "enter another one".to_owned()),
        RotationError::Elsewhere => {
            problem("not_rotated", "`credbench put` or the workbench changes the rest".to_owned())
        }
        RotationError::Unfinished => problem(
            "rotation_unfinished",
            format!("`credbench rotate {key} --finish` drops the one before, --back takes it back"),
        ),
        RotationError::Replaced => problem(
            "replaced",
            format!("`credbench rotate {key}` goes on with the one that the service made"),
        ),
        RotationError::NotProven => {
            problem("not_proven", format!("`credbench rotate {key}` tests it; --no-test takes it as it is"))
        }
        RotationError::NotConfirmed => problem(
            "not_confirmed",
            format!("`credbench rotate {key}` tests it again, --back takes the one before back"),
        ),
    }
}
