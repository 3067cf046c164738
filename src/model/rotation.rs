//! A rotation: other values take the place of those that are in use, and neither is lost on the way.
//!
//! ```text
//!            begin            tested              swap               tested
//!    (none) ───────▶ entered ────────▶ proven ──────────▶ switched ────────▶ confirmed ──▶ (none)
//!                      ▲  ▲              │                    │                  │    end
//!                      └──┴─── begin ────┘◀────── swap ───────┴──────────────────┘
//! ```
//!
//! There are two sets of values: the credential holds one, the rotation keeps the other. Before the switch that is the
//! next one, after it the one before. A swap exchanges them in one step, so that a program that is killed at any moment
//! leaves both. Every step is a function from a state to the next one; storing it is [`super::Edit::SetRotation`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Content, Object, TestRecord, merge};

/// Where a rotation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The next values were entered.
    Entered,
    /// The service took them, or a person said that they may be used all the same.
    Proven,
    /// They are in use; those before are kept.
    Switched,
    /// The service took them since. Those before can be revoked.
    Confirmed,
}

/// A rotation that goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotation {
    /// Where it stands.
    pub stage: Stage,
    /// When it began.
    pub started_at: Timestamp,
    /// When it came to where it stands.
    pub stage_at: Timestamp,
    /// The values that are not in use, and nothing else of the credential.
    pub kept: Content,
    /// The places that change, as JSON pointers. What `kept` does not have is not there in that set.
    pub places: Vec<String>,
    /// What the last test found of the next values, or of those in use since the switch.
    pub tested: Option<TestRecord>,
    /// The service ended the values before when it made the next ones: only the next ones are any good.
    pub replaced: bool,
    /// Unknown members.
    pub extra: Object,
}

/// Why a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The next values are those in use.
    #[error("that is the value in use: nothing would change")]
    NothingChanges,
    /// Something beside its configuration would change.
    #[error("only what stands under its configuration is rotated")]
    Elsewhere,
    /// The switch was made: what is kept are the values before, and others would push them out.
    #[error("a rotation waits for its end: the value before is still kept")]
    Unfinished,
    /// The values before ended when the next ones were made.
    #[error("the service ended the value before when it made the next one: it is of no use any more")]
    Replaced,
    /// The next values did not pass a test.
    #[error("the next value was not proven yet")]
    NotProven,
    /// Those in use did not pass a test since the switch.
    #[error("the value in use was not proven since the switch")]
    NotConfirmed,
}

impl Stage {
    /// The word in files and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Proven => "proven",
            Self::Switched => "switched",
            Self::Confirmed => "confirmed",
        }
    }

    /// Whether the next values are in use.
    pub fn is_switched(self) -> bool {
        matches!(self, Self::Switched | Self::Confirmed)
    }
}

impl Rotation {
    /// Begins one: `next` is the whole credential as it shall be. One whose next values were not switched to is begun
    /// anew.
    ///
    /// # Errors
    /// Where nothing would change, or what is kept would be lost.
    pub fn begin(
        before: Option<&Self>,
        current: &Content,
        next: &Content,
        now: Timestamp,
    ) -> Result<Self, RotationError> {
        if before.is_some_and(|before| before.stage.is_switched() || before.replaced) {
            return Err(RotationError::Unfinished);
        }
        let places = merge::changed(current, next);
        if places.is_empty() {
            return Err(RotationError::NothingChanges);
        }
        if !places.iter().all(|place| place.starts_with("/config/") && place != Content::TOKENS) {
            return Err(RotationError::Elsewhere);
        }
        Ok(Self {
            stage: Stage::Entered,
            started_at: before.map_or(now, |before| before.started_at),
            stage_at: now,
            kept: part(next, &places),
            places,
            tested: None,
            replaced: false,
            extra: Object::new(),
        })
    }

    /// The same, where the service made the next values and ended those in use: nothing else is left to prove before
    /// the switch.
    #[must_use]
    pub fn by_replacement(self) -> Self {
        Self { stage: Stage::Proven, replaced: true, ..self }
    }

    /// The credential with the values that are kept: before the switch what it will be.
    pub fn with_kept(&self, current: &Content) -> Content {
        let mut content = current.clone();
        for place in &self.places {
            content.graft(&self.kept, place);
        }
        content
    }

    /// Takes a test's result over: of the next values before the switch, of those in use after it. `accepted`: a
    /// person says that they are good, whatever the test found. A test that could not decide leaves what was proven.
    #[must_use]
    pub fn tested(&self, record: Option<TestRecord>, accepted: bool, now: Timestamp) -> Self {
        let verdict =
            record.as_ref().map(|record| (record.outcome.passes(), record.outcome.status().is_some()));
        let proven = match verdict {
            _ if accepted => true,
            Some((passes, true)) => passes,
            Some((_, false)) | None => matches!(self.stage, Stage::Proven | Stage::Confirmed),
        };
        let stage = match (self.stage.is_switched(), proven) {
            (false, false) => Stage::Entered,
            (false, true) => Stage::Proven,
            (true, false) => Stage::Switched,
            (true, true) => Stage::Confirmed,
        };
        let stage_at = if stage == self.stage { self.stage_at } else { now };
        Self { stage, stage_at, tested: record.or_else(|| self.tested.clone()), ..self.clone() }
    }

    /// Exchanges the values in use and those that are kept: switches to the next ones, or rolls back to those before.
    ///
    /// # Errors
    /// Next values that were not proven are not switched to; what the service ended is not taken back.
    pub fn swapped(&self, current: &Content, now: Timestamp) -> Result<(Content, Self), RotationError> {
        let stage = match self.stage {
            Stage::Entered if !self.replaced => return Err(RotationError::NotProven),
            Stage::Switched | Stage::Confirmed if self.replaced => return Err(RotationError::Replaced),
            Stage::Entered | Stage::Proven => Stage::Switched,
            Stage::Switched | Stage::Confirmed => Stage::Entered,
        };
        let rotation =
            Self { stage, stage_at: now, kept: part(current, &self.places), tested: None, ..self.clone() };
        Ok((self.with_kept(current), rotation))
    }

    /// Whether it may end: nothing was switched yet, or what is in use was proven since.
    ///
    /// # Errors
    /// Where what is in use was not proven; where what would be dropped is all that is any good.
    pub fn may_end(&self) -> Result<(), RotationError> {
        match self.stage {
            Stage::Entered | Stage::Proven if self.replaced => Err(RotationError::Replaced),
            Stage::Switched => Err(RotationError::NotConfirmed),
            Stage::Entered | Stage::Proven | Stage::Confirmed => Ok(()),
        }
    }
}

/// What a content says at these places, and nothing else.
fn part(content: &Content, places: &[String]) -> Content {
    let mut part = Content::default();
    for place in places.iter().filter(|place| content.get(place).is_some()) {
        part.graft(content, place);
    }
    part
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Learnt, Outcome};
    use crate::secret::Secret;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn content(id: &str, secret: &str) -> Content {
        let document = json!({"key": "k", "notes": "n", "config": {"id": id, "host": "h"}});
        let mut content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
        content.set_secret("/config/secret", Secret::from(secret));
        content
    }

    fn record(outcome: Outcome) -> Option<TestRecord> {
        Some(TestRecord {
            at: at(5),
            version: 1,
            outcome,
            status_code: None,
            latency_ms: 1,
            message: String::new(),
            facts: Learnt::default(),
        })
    }

    fn begun() -> (Content, Rotation) {
        let (current, next) = (content("1", "old"), content("2", "new"));
        let rotation = Rotation::begin(None, &current, &next, at(1)).unwrap();
        (current, rotation)
    }

    #[test]
    fn only_what_changes_is_kept() {
        let (current, rotation) = begun();
        assert_eq!(rotation.places, ["/config/id", "/config/secret"]);
        assert_eq!(rotation.kept.document.keys().collect::<Vec<_>>(), ["config"]);
        assert_eq!(rotation.kept.get("/config/host"), None);
        assert_eq!(rotation.with_kept(&current), content("2", "new"));
        let begin = |next: &Content| Rotation::begin(None, &current, next, at(1)).map(|_| ());
        assert_eq!(begin(&current), Err(RotationError::NothingChanges));
        let mut elsewhere = content("2", "new");
        elsewhere.set("/notes", json!("other"));
        assert_eq!(begin(&elsewhere), Err(RotationError::Elsewhere));
    }

    #[test]
    fn every_step_from_every_stage() {
        use Outcome::{Limited, Ok as Passed, RateLimited, Rejected, Unreachable};
        use Stage::{Confirmed, Entered, Proven, Switched};
        let (_, rotation) = begun();
        let on = |stage| Rotation { stage, ..rotation.clone() };
        for (stage, outcome, after) in [
            (Entered, Passed, Proven),
            (Entered, Limited, Entered),
            (Entered, Rejected, Entered),
            (Entered, Unreachable, Entered),
            (Proven, Rejected, Entered),
            (Proven, RateLimited, Proven),
            (Switched, Passed, Confirmed),
            (Switched, Rejected, Switched),
            (Switched, Unreachable, Switched),
            (Confirmed, Rejected, Switched),
            (Confirmed, Unreachable, Confirmed),
        ] {
            assert_eq!(on(stage).tested(record(outcome), false, at(9)).stage, after, "{stage:?} {outcome:?}");
        }
        assert_eq!(on(Entered).tested(record(Rejected), true, at(9)).stage, Proven);
        assert_eq!(on(Switched).tested(None, true, at(9)).stage, Confirmed);
        assert_eq!(on(Entered).tested(None, false, at(9)).stage, Entered);
        let (current, _) = begun();
        let swapped = |stage| on(stage).swapped(&current, at(9)).map(|(_, after)| after.stage);
        assert_eq!(swapped(Entered), Err(RotationError::NotProven));
        assert_eq!(
            [swapped(Proven), swapped(Switched), swapped(Confirmed)],
            [Ok(Switched), Ok(Entered), Ok(Entered)]
        );
        let ends = |stage| on(stage).may_end().is_ok();
        assert_eq!([Entered, Proven, Switched, Confirmed].map(ends), [true, true, false, true]);
        let again = |stage| Rotation::begin(Some(&on(stage)), &current, &content("3", "third"), at(9));
        assert_eq!(
            [Entered, Proven].map(|stage| again(stage).map(|after| after.stage)),
            [Ok(Entered), Ok(Entered)]
        );
        assert_eq!([Switched, Confirmed].map(|stage| again(stage).is_err()), [true, true]);
    }

    #[test]
    fn a_swap_exchanges_both_sets_and_another_one_takes_it_back() {
        let (current, rotation) = begun();
        let proven = rotation.tested(record(Outcome::Ok), false, at(2));
        let (switched, after) = proven.swapped(&current, at(3)).unwrap();
        assert_eq!(switched, content("2", "new"));
        assert_eq!(after.kept.secret("/config/secret"), Some(&Secret::from("old")));
        // What somebody changed meanwhile stays.
        let mut noted = switched.clone();
        noted.set("/notes", json!("of today"));
        let (back, before) = after.swapped(&noted, at(4)).unwrap();
        assert_eq!(back.secret("/config/secret"), Some(&Secret::from("old")));
        assert_eq!((back.get_str("/config/id"), back.get_str("/notes")), (Some("1"), Some("of today")));
        assert_eq!(before.kept, rotation.kept, "the next ones are kept again");
    }

    #[test]
    fn what_the_service_ended_is_not_taken_back_and_what_it_made_not_dropped() {
        let (current, rotation) = begun();
        let made = rotation.by_replacement();
        assert_eq!((made.stage, made.may_end()), (Stage::Proven, Err(RotationError::Replaced)));
        // A test that fails does not keep anybody with a value that is over.
        let failed = made.tested(record(Outcome::Rejected), false, at(2));
        let (switched, after) = failed.swapped(&current, at(3)).unwrap();
        assert_eq!((&switched, after.stage), (&content("2", "new"), Stage::Switched));
        for stage in [Stage::Switched, Stage::Confirmed] {
            let after = Rotation { stage, ..after.clone() };
            assert_eq!(after.swapped(&switched, at(4)), Err(RotationError::Replaced), "{stage:?}");
        }
        let third = content("3", "third");
        assert_eq!(Rotation::begin(Some(&made), &current, &third, at(9)), Err(RotationError::Unfinished));
        assert_eq!(after.tested(record(Outcome::Ok), false, at(5)).may_end(), Ok(()));
    }

    #[test]
    fn a_place_that_only_one_set_has_goes_with_it() {
        let (current, _) = begun();
        let mut next = content("1", "new");
        next.set_secret("/config/session", Secret::from("s"));
        let rotation = Rotation::begin(None, &current, &next, at(1)).unwrap().tested(None, true, at(2));
        let (switched, after) = rotation.swapped(&current, at(3)).unwrap();
        assert_eq!(switched, next);
        assert_eq!(after.swapped(&switched, at(4)).unwrap().0, current);
    }
}
