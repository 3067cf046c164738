//! What a vault has by name, for the fields that refer to it.

use std::collections::BTreeMap;

/// The names of a vault's things by the word of `x-choices`: its solutions, its OAuth apps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<String, Vec<String>>);

impl Names {
    /// Adds all there are of one word.
    #[must_use]
    pub fn with(mut self, word: &str, names: impl IntoIterator<Item = String>) -> Self {
        self.0.insert(word.to_owned(), names.into_iter().collect());
        self
    }

    /// All there are of a word; `None` where it is not known what there is.
    pub fn get(&self, word: &str) -> Option<&[String]> {
        self.0.get(word).map(Vec::as_slice)
    }
}
