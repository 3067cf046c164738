//! One line of the log as text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::event::{Entry, Step, What, Who};
use super::key::Keys;
use crate::model::Id;

/// The hash before the first line.
pub(super) const START: Hash = [0; 32];

const CODE: &str = r#","mac":""#;
/// Base64 of 32 bytes.
const CODE_LEN: usize = 44;
const END: &str = r#""}"#;

/// SHA-256 of everything up to a line.
pub(super) type Hash = [u8; 32];

/// The vault as it was when a line was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vault {
    pub(super) generation: u64,
    /// SHA-256 of the file, hex.
    pub(super) digest: String,
}

/// A line, its code apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    /// Its number, counted from 1 over all files.
    pub(super) n: u64,
    /// What the clock said. Decides nothing.
    pub(super) at: Timestamp,
    pub(super) what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) step: Option<Step>,
    /// The line of the intent that this is the result of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<u64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) result: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) ids: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) facts: BTreeMap<String, i64>,
    pub(super) who: Who,
    /// Tells the sessions apart.
    pub(super) session: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) vault: Option<Vault>,
    /// Which log goes on, in the first line of a later file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<String>,
    /// The code of the value that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// [`super::Names`], sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) names: Option<String>,
    /// The hash of everything before it, hex.
    pub(super) prev: String,
    /// See [`Keys::line_code`]; the last member of the text.
    #[serde(default, skip_serializing)]
    mac: Option<String>,
}

/// What all lines of one session have in common.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) who: Who,
    pub(super) session: String,
    pub(super) vault: Option<Vault>,
}

impl Line {
    pub(super) fn new(
        entry: &Entry,
        author: &Author,
        n: u64,
        prev: &Hash,
        at: Timestamp,
        keys: Option<&Keys>,
    ) -> Self {
        let mut names = entry.names.clone();
        let mut value = None;
        if let Some(keys) = keys {
            value = entry.value.as_ref().map(|value| keys.value_code(value));
            names.values =
                entry.values.iter().map(|(place, value)| (place.clone(), keys.value_code(value))).collect();
        }
        let text = || serde_json::to_string(&names).unwrap_or_default();
        Self {
            n,
            at,
            what: entry.what.word().to_owned(),
            step: entry.step,
            of: entry.of,
            result: entry.result.clone(),
            id: entry.id.clone(),
            ids: entry.ids.clone(),
            version: entry.version,
            facts: entry.facts.clone(),
            who: author.who.clone(),
            session: author.session.clone(),
            vault: author.vault.clone(),
            log: None,
            value,
            names: keys.filter(|_| !names.is_empty()).map(|keys| keys.seal(&text())),
            prev: hex(prev),
            mac: None,
        }
    }

    /// The line's text, with a code where there is a key; without the line break.
    pub(super) fn text(&self, keys: Option<&Keys>) -> String {
        // Texts, numbers and lists of them: writing them cannot fail.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        if let Some(keys) = keys {
            text.pop();
            let code = keys.line_code(text.as_bytes());
            text.push_str(CODE);
            text.push_str(&code);
            text.push_str(END);
        }
        text
    }

    /// Reads a line. `None`: that is none, such as a record that was cut short.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let line: Self = serde_json::from_slice(bytes).ok()?;
        match line.mac {
            Some(_) => line.signed(bytes).is_some().then_some(line),
            None => Some(line),
        }
    }

    /// Whether it claims to be written with a key.
    pub(super) fn is_keyed(&self) -> bool {
        self.mac.is_some()
    }

    /// Whether its code fits the bytes that it was read from.
    pub(super) fn fits(&self, bytes: &[u8], keys: &Keys) -> bool {
        match (self.signed(bytes), &self.mac) {
            (Some(signed), Some(code)) => keys.line_fits(signed, code),
            _ => false,
        }
    }

    /// What the code covers: everything before it. `None` where the code is not the last member.
    fn signed<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let code = self.mac.as_ref().filter(|code| code.len() == CODE_LEN)?;
        let rest = bytes.strip_suffix(END.as_bytes())?;
        rest.strip_suffix(code.as_bytes())?.strip_suffix(CODE.as_bytes())
    }

    pub(super) fn is(&self, what: What) -> bool {
        self.what == what.word()
    }

    /// Whether it says what came of a use of a credential.
    pub(super) fn is_use(&self) -> bool {
        self.step == Some(Step::Result) && What::of_word(&self.what).is_some_and(What::is_use)
    }

    pub(super) fn fact(&self, name: &str) -> i64 {
        self.facts.get(name).copied().unwrap_or_default()
    }
}

/// The hash after a line.
pub(super) fn follow(hash: &Hash, line: &[u8]) -> Hash {
    Sha256::new().chain_update(hash).chain_update(line).finalize().into()
}

/// Lower-case hexadecimal.
pub(super) fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    hash.iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from(DIGITS[usize::from(half)]))
        .collect()
}

/// A hash from hexadecimal.
pub(super) fn unhex(text: &str) -> Option<Hash> {
    let mut hash = START;
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let half = |digit: u8| char::from(digit).to_digit(16).and_then(|half| u8::try_from(half).ok());
        *byte = half(pair[0])? << 4 | half(pair[1])?;
    }
    Some(hash)
}

/// The name of a log, from the hash of its first line.
pub(super) fn log_name(first: &Hash) -> String {
    hex(first)[..32].to_owned()
}
