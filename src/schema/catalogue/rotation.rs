//! How a service makes, and drops, the keys of a variant, as its file says it.

use serde::Deserialize;

use super::service::{Call, Templates};

/// What the name of a field of the key before begins with, in the templates of [`Rotation::drop`].
pub const BEFORE: &str = "before.";

/// A name for the key that is made: whose it is, and when it was made.
pub const LABEL: &str = "label";

/// The day on which the key that is made shall end, `YYYY-MM-DD`.
pub const ENDS_ON: &str = "ends_on";

/// Keys that the service makes, and drops, when it is asked with the one in use.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Rotation {
    /// The field with what the service calls the key, where dropping it needs that.
    #[serde(default)]
    pub id: Option<String>,
    /// Making a key ends the one in use at once.
    #[serde(default)]
    pub replaces: bool,
    /// What the key in use must be allowed, such as `the scope api`.
    #[serde(default)]
    pub needs: Option<String>,
    /// Which field becomes what of the answer: JSON pointers.
    pub fields: Templates,
    /// Calls before a key is made, such as one for the rights of the key in use.
    #[serde(default, rename = "step")]
    pub steps: Vec<Call>,
    /// The call that makes the next key.
    pub make: Call,
    /// The call that drops the key before; `{before.NAME}` is a field of it.
    #[serde(default)]
    pub drop: Option<Call>,
}

impl Rotation {
    /// All calls, in the order they are made.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.steps.iter().chain([&self.make]).chain(&self.drop)
    }
}
