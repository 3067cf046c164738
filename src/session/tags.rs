//! Tags of many credentials at once.

use serde_json::{Value, json};

use crate::model::{Credential, Edit};
use crate::problem::{Exit, Problem};

/// Longest tag, in characters: that of the kinds' schema.
const LONGEST: usize = 100;

/// Tags to add and to take away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagChange {
    add: Vec<String>,
    remove: Vec<String>,
}

impl TagChange {
    /// Reads `word` and `-word`, with blanks between; a tag with a blank in it stands in quotes: `-"old one"`.
    ///
    /// # Errors
    /// Exit 2: nothing, an open quote, a tag that is too long.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let wrong = |message: &str| Problem::new(Exit::Usage, "tags", message.to_owned());
        let mut change = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (list, after) = match rest.strip_prefix('-') {
                Some(after) => (&mut change.remove, after),
                None => (&mut change.add, rest),
            };
            let (tag, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| wrong("a quote is not closed"))?,
                None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
            };
            if tag.trim().is_empty() {
                return Err(wrong("write a tag right after the - or between the quotes"));
            }
            if tag.chars().count() > LONGEST || tag.chars().any(char::is_control) {
                return Err(wrong("a tag has 1 to 100 characters, without control characters"));
            }
            if !list.iter().any(|known| known == tag) {
                list.push(tag.to_owned());
            }
            rest = after.trim_start();
        }
        match change.add.is_empty() && change.remove.is_empty() {
            true => Err(wrong("write a tag to add it, or -tag to take it away")),
            false => Ok(change),
        }
    }

    /// The edit that tags a credential; `None`: its tags are so already.
    pub fn edit(&self, credential: &Credential) -> Option<Edit> {
        let before = credential.content.tags();
        let mut after: Vec<&str> =
            before.iter().copied().filter(|tag| !self.remove.iter().any(|gone| gone == tag)).collect();
        for tag in &self.add {
            if !after.contains(&tag.as_str()) {
                after.push(tag);
            }
        }
        if after == before {
            return None;
        }
        let mut content = credential.content.clone();
        if after.is_empty() {
            content.remove("/tags");
        } else {
            content.set("/tags", json!(after.into_iter().map(Value::from).collect::<Vec<_>>()));
        }
        let base = Some(Box::new(credential.content.clone()));
        Some(Edit::Update { id: credential.id.clone(), base, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_add_and_hyphens_take_away() {
        let read = TagChange::parse("  prod -old \"two words\" -\"gone by\" prod a-b").unwrap();
        assert_eq!(
            (read.add.join("|"), read.remove.join("|")),
            ("prod|two words|a-b".into(), "old|gone by".into())
        );
        for text in ["", "  ", "-", "a - b", "\"open", "\"\"", &"x".repeat(101), "a\u{7}"] {
            assert_eq!(TagChange::parse(text).unwrap_err().exit, Exit::Usage, "{text}");
        }
        assert!(TagChange::parse(&"x".repeat(100)).is_ok());
    }
}
