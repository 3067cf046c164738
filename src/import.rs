//! Files of other programs, read: bytes → [`Found`]. Pure: no file is opened here, no path or address that a file
//! names is followed, nothing is run, and what a file may cost in time and memory is bounded.
//!
//! One file a format. Each says what it found as [`Item`]s, in the words of the file; [`shape`] makes a credential
//! of an item, the same way for all formats. What an item says is never dropped: what has no field of its own keeps
//! its name in the credential, masked unless it is known to be harmless.

mod aws;
mod bitwarden;
mod crypt;
mod csv;
mod dotenv;
mod json;
mod kdbx;
mod keepass;
pub mod key;
mod n8n;
mod onepux;
pub mod pass;
mod postman;
mod recognise;
pub mod shape;
mod xml;
mod zip;

use std::fmt;

use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::secret::{MASK, Secret};

pub use json::{Sort, sort};
pub use recognise::Recogniser;

/// The most items that are taken from one file.
pub const MOST: usize = 100_000;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `NAME=value` lines.
    Dotenv,
    /// A flat JSON object of variables; documents of this program are read elsewhere.
    Json,
    /// A table of a password manager or of a browser.
    Csv,
    /// Bitwarden's JSON.
    Bitwarden,
    /// 1Password's archive.
    OnePux,
    /// KeePass's XML.
    KeepassXml,
    /// A KeePass database.
    Kdbx,
    /// AWS's `credentials` and `config`, or both behind each other.
    Aws,
    /// A collection or an environment of Postman.
    Postman,
    /// n8n's credentials.
    N8n,
}

/// What opens a file that is encrypted.
#[derive(Default)]
pub struct Unlock {
    /// Its password.
    pub password: Option<Secret>,
    /// What its key file holds.
    pub key_file: Option<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key_file = self.key_file.as_ref().map(|_| MASK);
        f.debug_struct("Unlock").field("password", &self.password).field("key_file", &key_file).finish()
    }
}

impl Format {
    /// Whether a file is opened with a password.
    pub fn needs_password(self, bytes: &[u8]) -> bool {
        match self {
            Self::Kdbx => true,
            Self::Bitwarden => text(bytes).is_ok_and(bitwarden::needs_password),
            _ => false,
        }
    }
}

/// What stands in a file.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The items, in the file's order.
    pub items: Vec<Item>,
    /// What a person should hear about the file as a whole.
    pub told: Vec<String>,
}

/// One entry of a file.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Where it stands, for people: `line 3`.
    pub place: String,
    /// What the file calls it.
    pub name: String,
    /// The key that it must have; none: one is made of the name.
    pub key: Option<String>,
    /// The kind that it is, where the format says so: its values are then called like the fields of that kind.
    pub kind: Option<&'static str>,
    /// A word for the service, where the format has one.
    pub service: Option<String>,
    /// Addresses, the most important one first.
    pub addresses: Vec<String>,
    /// What it says, named.
    pub values: Vec<Named>,
    /// Earlier secrets, the newest first.
    pub earlier: Vec<Secret>,
    /// Text for people.
    pub notes: String,
    /// Labels.
    pub tags: Vec<String>,
    /// The folder, vault or environment that it lies in; steps with `/` between.
    pub folder: String,
    /// When it ends: a date or an RFC 3339 time.
    pub expires: Option<String>,
    /// What the file says besides that is no secret, such as when it was made.
    pub facts: Vec<(String, Json)>,
    /// What is not taken over, or not as it stands.
    pub told: Vec<String>,
    /// Why it is not imported at all.
    pub skipped: Option<String>,
}

#[cfg(test)]
impl Item {
    /// Each value as its name, whether it is masked, and what it is.
    fn plain_values(&self) -> Vec<(&str, bool, &str)> {
        self.values.iter().map(|value| (value.name.as_str(), value.secret, value.text.expose())).collect()
    }
}

/// One value of an item.
#[derive(Clone, Debug)]
pub struct Named {
    /// What the file calls it.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// It is masked.
    pub secret: bool,
    /// The value.
    pub text: Secret,
}

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The name to log in with.
    Username,
    /// What proves it: a password, a key, a token.
    Password,
    /// The seed of one-time passwords.
    Totp,
    /// Anything else.
    Other,
}

impl Item {
    fn new(place: impl Into<String>, name: impl Into<String>) -> Self {
        Self { place: place.into(), name: name.into(), ..Self::default() }
    }

    /// Adds a value, unless there is none.
    fn value(&mut self, name: &str, role: Role, secret: bool, text: Secret) {
        if !text.is_empty() {
            self.values.push(Named { name: name.to_owned(), role, secret, text });
        }
    }

    fn username(&mut self, text: &str) {
        self.value("username", Role::Username, false, Secret::from(text));
    }

    fn password(&mut self, text: Secret) {
        self.value("password", Role::Password, true, text);
    }

    fn totp(&mut self, text: Secret) {
        self.value("totp", Role::Totp, true, text);
    }

    /// Adds a value of which nothing is known but its name.
    fn other(&mut self, name: &str, secret: bool, text: Secret) {
        self.value(name, Role::Other, secret, text);
    }

    /// Adds an address, unless there is none or it is there already.
    fn address(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && !self.addresses.iter().any(|known| known == text) {
            self.addresses.push(text.to_owned());
        }
    }

    /// Adds a label, unless it is none.
    fn tag(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() && !self.tags.iter().any(|known| known == text) {
            self.tags.push(text.to_owned());
        }
    }

    fn fact(&mut self, name: &str, value: impl Into<Json>) {
        let value = value.into();
        if !value.is_null() && value != "" {
            self.facts.push((name.to_owned(), value));
        }
    }

    /// Adds text for people, below what there is.
    fn note(&mut self, text: &str) {
        let text = text.trim_end();
        if !text.is_empty() {
            if !self.notes.is_empty() {
                self.notes.push('\n');
            }
            self.notes.push_str(text);
        }
    }

    /// Whether a secret is among what it says.
    pub fn has_secret(&self) -> bool {
        self.values.iter().any(|value| value.secret)
    }
}

/// Why a file cannot be read. The sentence never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, for people; empty: the file as a whole.
    pub place: String,
    /// What is wrong there.
    pub message: String,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl Mistake {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), hint: None }
    }

    fn whole(message: impl Into<String>) -> Self {
        Self::new("", message)
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "{place}: {}", self.message),
        }
    }
}

impl std::error::Error for Mistake {}

/// Reads a file.
///
/// # Errors
/// The first thing that is wrong with it, with its place.
pub fn read(format: Format, bytes: &[u8], unlock: &Unlock) -> Result<Found, Mistake> {
    let found = match format {
        Format::Dotenv => dotenv::read(text(bytes)?),
        Format::Json => json::read(text(bytes)?),
        Format::Csv => csv::read(text(bytes)?),
        Format::Bitwarden => bitwarden::read(text(bytes)?, unlock.password.as_ref()),
        Format::OnePux => onepux::read(bytes),
        Format::KeepassXml => keepass::read(text(bytes)?, |value| Ok(value.to_owned())),
        Format::Kdbx => kdbx::read(bytes, unlock),
        Format::Aws => aws::read(text(bytes)?),
        Format::Postman => postman::read(text(bytes)?),
        Format::N8n => n8n::read(text(bytes)?),
    }?;
    if found.items.len() > MOST {
        return Err(Mistake::whole(format!("{} entries are more than {MOST}", found.items.len())));
    }
    Ok(found)
}

/// The bytes as text, without the mark that some programs put before it.
fn text(bytes: &[u8]) -> Result<&str, Mistake> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Mistake::whole(format!("not UTF-8 text: byte {} is not", error.valid_up_to()))
            .hint("save or export it as UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
