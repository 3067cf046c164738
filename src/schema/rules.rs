//! How an answer is read: the rules of a credential's own `test` and of the catalogue's.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

/// How an answer is read, in this order: rejected, expired, limited, expect, then the defaults. Of several
/// rules for one outcome, any that holds decides.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Rules {
    /// A good answer.
    #[serde(default, deserialize_with = "one_or_many")]
    pub expect: Vec<Rule>,
    /// A refused credential.
    #[serde(default, deserialize_with = "one_or_many")]
    pub rejected: Vec<Rule>,
    /// A lack of permission.
    #[serde(default, deserialize_with = "one_or_many")]
    pub limited: Vec<Rule>,
    /// A credential that is over.
    #[serde(default, deserialize_with = "one_or_many")]
    pub expired: Vec<Rule>,
    /// Of those that hold, the rule that looks closest at the answer decides; `expired` and then `rejected`,
    /// where several look as close. The catalogue's are read so, because a service may give an expired and a wrong credential one status.
    #[serde(skip)]
    pub closest_first: bool,
}

/// One rule: the status (absent: any) and every check must hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Rule {
    /// One of these.
    #[serde(default)]
    pub status: Option<Vec<u16>>,
    /// Checks of a JSON body.
    #[serde(default)]
    pub json: Vec<JsonCheck>,
    /// Checks of the body as text.
    #[serde(default)]
    pub text: Vec<TextCheck>,
    /// Checks of the headers.
    #[serde(default)]
    pub header: Vec<HeaderCheck>,
}

impl Rule {
    /// How many checks it makes besides the status.
    pub fn closeness(&self) -> usize {
        self.json.len() + self.text.len() + self.header.len()
    }
}

/// A check of one place in a JSON body.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct JsonCheck {
    /// JSON pointer (RFC 6901).
    pub pointer: String,
    /// The value must be this one.
    #[serde(default, deserialize_with = "present")]
    pub equals: Option<Value>,
    /// Whether there must be a value; `null` is one.
    #[serde(default)]
    pub exists: Option<bool>,
    /// What the value must be.
    #[serde(default, rename = "type")]
    pub is: Option<JsonType>,
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonType {
    /// A text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
    /// `null`.
    Null,
}

impl JsonType {
    /// Whether a value is of this type.
    pub fn is_of(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
            Self::Null => value.is_null(),
        }
    }
}

/// `null` is a value that can be asked for, too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// A check of the body as text.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct TextCheck {
    /// It must hold this.
    pub contains: String,
}

/// A check of one header; its name in any case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HeaderCheck {
    /// Which.
    pub name: String,
    /// Its value must be this one.
    #[serde(default)]
    pub equals: Option<String>,
    /// Its value must hold this.
    #[serde(default)]
    pub contains: Option<String>,
    /// Whether it must be there.
    #[serde(default)]
    pub exists: Option<bool>,
}

/// One rule, or a list of them.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    // By way of a value: an untagged enum would say nothing but that no variant fits.
    let value = Value::deserialize(deserializer)?;
    let rule = |value| Rule::deserialize(value).map_err(D::Error::custom);
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(rules) => rules.into_iter().map(rule).collect(),
        one => Ok(vec![rule(one)?]),
    }
}
