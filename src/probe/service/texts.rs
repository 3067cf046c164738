//! Texts of a service outside its calls, such as the address of its tokens, with a credential's values in them.

use super::super::plan::Unplannable;
use super::values::{Filled, Values};
use crate::http;
use crate::model::Content;
use crate::schema::Kind;
use crate::schema::catalogue::Chosen;
use crate::secret::Secret;

/// What fills them.
pub(in crate::probe) struct Texts {
    values: Values,
    base: Option<String>,
}

impl Texts {
    /// The values of a credential.
    ///
    /// # Errors
    /// Required fields that are empty.
    pub(in crate::probe) fn of(kind: &Kind, content: &Content, chosen: &Chosen) -> Result<Self, Unplannable> {
        let base = content.get_str("/config/base_url").or(chosen.variant().base_url.as_deref());
        let base = base.filter(|base| !base.is_empty() && *base != "{base_url}").map(str::to_owned);
        Ok(Self { values: Values::of(kind, content, chosen)?, base })
    }

    /// An address; it may begin with `{base_url}`. A value in its host is one label of it, one in its path one
    /// segment.
    ///
    /// # Errors
    /// A value that is missing or would lead elsewhere; an address that is none.
    pub(in crate::probe) fn address(&self, text: &str) -> Result<String, Unplannable> {
        let Some(path) = text.strip_prefix("{base_url}") else {
            return Ok(self.values.address(text)?.expose().to_owned());
        };
        let Some(base) = &self.base else {
            return Err(Unplannable::BadTest("it has no base URL".to_owned()));
        };
        let url = http::join(&self.values.base(base)?, self.values.path(path)?.expose())?;
        Ok(url.to_string())
    }

    /// Any other text; `None` where an optional value of it is missing.
    ///
    /// # Errors
    /// A name that there is none of.
    pub(in crate::probe) fn text(&self, text: &str) -> Result<Option<Secret>, Unplannable> {
        Ok(match self.values.fill(text, |_, value| Ok(value.to_owned()))? {
            Filled::Text(text) => Some(text),
            Filled::Left => None,
        })
    }

    /// Secrets that were made from others.
    pub(in crate::probe) fn secrets(&self) -> impl Iterator<Item = Secret> + '_ {
        self.values.derived_secrets()
    }
}
