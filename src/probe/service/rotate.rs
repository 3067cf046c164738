//! The calls that make the next key of a service, and drop the one before.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::values::Values;
use super::{Call, Chain, Turn, calls, made};
use crate::http::Answer;
use crate::model::{Content, Outcome};
use crate::probe::classify::classify;
use crate::probe::plan::Unplannable;
use crate::probe::rules::Rules;
use crate::schema::Kind;
use crate::schema::catalogue::rotation::{ENDS_ON, LABEL};
use crate::schema::catalogue::{self, Chosen, Rotation, place_of};
use crate::secret::Secret;

/// The longest part of a label that is the credential's key; services take 64 characters and more in all.
const OF_KEY: usize = 36;

/// How many days a key is made for where no schedule says how long it is used, how many more than the schedule says,
/// and at most. Most services take no more than a year.
const DAYS: (i64, i64, i64) = (90, 30, 364);

impl Chain {
    /// What makes the next key.
    ///
    /// # Errors
    /// Why nothing can be sent.
    pub(in crate::probe) fn to_make(
        kind: &Kind,
        content: &Content,
        chosen: &Chosen,
        rotation: &Rotation,
        now: Timestamp,
    ) -> Result<Self, Unplannable> {
        let mut values = Values::of(kind, content, chosen)?;
        values.take(LABEL, Secret::new(label(content.key(), now)), false);
        values.take(ENDS_ON, Secret::new(ends_on(content, now)), false);
        Self::of_rotation(kind, content, chosen, &rotation.steps, &rotation.make, values)
    }

    /// What drops the key of `before`, asked with the key of `content`.
    ///
    /// # Errors
    /// Why nothing can be sent; what is not known of the key before.
    pub(in crate::probe) fn to_drop(
        kind: &Kind,
        content: &Content,
        before: &Content,
        chosen: &Chosen,
        call: &catalogue::Call,
    ) -> Result<Self, Unplannable> {
        let before = Values::of(kind, before, chosen)?;
        let mut values = Values::of(kind, content, chosen)?;
        values.add_before(&before);
        let mut chain = Self::of_rotation(kind, content, chosen, &[], call, values)?;
        chain.secrets.extend(before.secrets());
        Ok(chain)
    }

    fn of_rotation(
        kind: &Kind,
        content: &Content,
        chosen: &Chosen,
        steps: &[catalogue::Call],
        call: &catalogue::Call,
        values: Values,
    ) -> Result<Self, Unplannable> {
        let mut all = calls(chosen.variant(), None)?;
        all.retain(|call| call.turn != Turn::Test);
        let at = all.iter().position(|call| call.turn == Turn::After).unwrap_or(all.len());
        let logins = all.iter().filter(|call| call.turn == Turn::Step).count();
        let steps = steps.iter().enumerate().map(|(number, step)| made(Turn::Step, logins + number, step));
        let these: Vec<Call> = steps.chain([made(Turn::Test, 0, call)]).collect();
        all.splice(at..at, these);
        Self::make(kind, content, chosen, all, values, None)
    }
}

/// `credbench-KEY-20261128T100500`: letters, digits, `.`, `_` and `-`.
fn label(key: &str, now: Timestamp) -> String {
    let key: String = key.chars().take(OF_KEY).collect();
    format!("credbench-{key}-{}", now.strftime("%Y%m%dT%H%M%S"))
}

fn ends_on(content: &Content, now: Timestamp) -> String {
    let (usual, more, most) = DAYS;
    let schedule = content.get("/rotate_every_days").and_then(Value::as_i64);
    let days = schedule.map_or(usual, |days| days.clamp(1, most).saturating_add(more).min(most));
    let ends = now.checked_add(SignedDuration::from_hours(days * 24)).unwrap_or(now);
    ends.strftime("%F").to_string()
}

/// What an answer to [`Rotation::make`] or [`Rotation::drop`] is by its rules.
pub(in crate::probe) fn judged(call: &catalogue::Call, answer: &Answer) -> Result<(), (Outcome, String)> {
    let rules = Rules {
        expect: call.expect.clone(),
        rejected: call.rejected.clone(),
        limited: call.limited.clone(),
        expired: call.expired.clone(),
        closest_first: true,
    };
    let verdict = classify(answer, &rules, false);
    match verdict.outcome {
        Outcome::Ok => Ok(()),
        outcome => Err((outcome, verdict.message)),
    }
}

/// The credential with what the service made.
///
/// # Errors
/// The field that is not in the answer, or does not fit.
pub(in crate::probe) fn with_made(
    kind: &Kind,
    content: &Content,
    chosen: &Chosen,
    rotation: &Rotation,
    answer: &Answer,
) -> Result<Content, String> {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok().filter(|_| !answer.cut);
    let json = json.ok_or_else(|| "its answer is no JSON".to_owned())?;
    let variant = chosen.variant();
    let mut next = content.clone();
    for (name, pointer) in &rotation.fields {
        let text = match json.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => return Err(format!("its answer has nothing at {pointer}")),
        };
        let Some(field) = variant.field(name) else { return Err(format!("there is no field {name}")) };
        let place = place_of(&variant.kind, kind, field);
        match field.secret {
            true => next.set_secret(&place, Secret::new(text)),
            false => next.set(&place, Value::from(text)),
        }
    }
    Ok(next)
}

/// Where a credential keeps the field of a name.
pub(in crate::probe) fn place(kind: &Kind, chosen: &Chosen, name: &str) -> Option<String> {
    let variant = chosen.variant();
    Some(place_of(&variant.kind, kind, variant.field(name)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_label_is_short_and_plain_and_a_key_outlives_its_schedule() {
        let now: Timestamp = "2026-11-28T10:05:00Z".parse().unwrap();
        assert_eq!(label("mail.sendgrid", now), "credbench-mail.sendgrid-20261128T100500");
        assert_eq!(label(&"k".repeat(200), now).len(), 62);
        let of = |days: Option<i64>| {
            let mut content = Content::default();
            if let Some(days) = days {
                content.set("/rotate_every_days", json!(days));
            }
            ends_on(&content, now)
        };
        assert_eq!(of(None), "2027-02-26");
        assert_eq!(of(Some(60)), "2027-02-26", "the schedule and thirty days more");
        assert_eq!([of(Some(365)), of(Some(i64::MAX))], ["2027-11-27", "2027-11-27"]);
    }
}
