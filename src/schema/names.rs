//! What a vault has by name, for the fields that refer to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Known;

/// The names of a vault's things by the word of `x-choices`: its solutions, its OAuth apps. And what others could be
/// taken for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    words: BTreeMap<String, Vec<String>>,
    known: Arc<Known>,
}

impl Names {
    /// Adds all there are of one word.
    #[must_use]
    pub fn with(mut self, word: &str, names: impl IntoIterator<Item = String>) -> Self {
        self.words.insert(word.to_owned(), names.into_iter().collect());
        self
    }

    /// Tells it the names and hosts that there are.
    #[must_use]
    pub fn knowing(mut self, known: Known) -> Self {
        self.known = Arc::new(known);
        self
    }

    /// The names and hosts that there are.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// All there are of a word; `None` where it is not known what there is.
    pub fn get(&self, word: &str) -> Option<&[String]> {
        self.words.get(word).map(Vec::as_slice)
    }
}
