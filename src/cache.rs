//! Values that a command was asked to keep (`--cache SECONDS`), in the kernel's memory: keys of the login session's
//! keyring (keyrings(7)), which no disk sees.
//!
//! The kernel drops a key when its time is over, whatever became of this program. Its clock can be set, so each value
//! says itself when it was put there and when it ends, by a clock that nobody sets and that goes on in sleep. It also
//! says which file the vault was: a vault that was saved since, by whomever and wherever, makes its values useless at
//! once, as long as the file can be looked at.
//!
//! What stands there was put there by a program of this login session; that need not have been this one. Such a program
//! can as well replace this one, so a value is not proven to be genuine: what cannot be read is not there, that is all.

mod keys;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::durable::Stamp;
use crate::model::Id;
use crate::model::reference::Reference;
use crate::secret::Secret;
use crate::uptime::uptime;

/// The longest that a value may be kept, in seconds.
pub const MOST: u32 = 3600;

const FORMAT: u32 = 1;

/// The most that the kernel takes as one key, in bytes.
const LARGEST: usize = 32_767;

/// What is kept of one vault.
#[derive(Debug)]
pub struct Cache {
    vault: PathBuf,
    /// How the names of its keys begin.
    prefix: String,
}

/// A value to keep.
#[derive(Debug)]
pub struct New<'a> {
    /// The credential.
    pub id: &'a Id,
    /// Its version.
    pub version: u32,
    /// Where the value stands in the credential.
    pub place: &'a str,
    /// Whether it must not be seen.
    pub secret: bool,
    /// The value.
    pub text: &'a Secret,
}

/// A value that was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The credential.
    pub id: Id,
    /// The version that it had.
    pub version: u32,
    /// Where the value stood in the credential.
    pub place: String,
    /// Whether it must not be seen.
    pub secret: bool,
    /// The value.
    pub text: Secret,
    /// How long ago it was put there.
    pub age: Duration,
    /// How long it is kept yet.
    pub left: Duration,
}

/// Why a value is not kept. Everything works without.
#[derive(Debug, thiserror::Error)]
pub enum Unkept {
    /// The kernel takes no key of this size.
    #[error("it is larger than the kernel takes ({LARGEST} bytes)")]
    TooLarge,
    /// What this account may keep is used up.
    #[error("this account's share of the kernel's memory for keys is used up (/proc/sys/kernel/keys)")]
    Quota,
    /// Programs may not use the kernel's keyrings.
    #[error("this system does not let programs keep keys, as in many containers")]
    Forbidden,
    /// There are none.
    #[error("this system has no keyrings in its kernel")]
    Unsupported,
    /// Another reason, as the kernel tells it.
    #[error("the kernel refused: {0}")]
    Refused(String),
}

impl Unkept {
    /// Whether another value might be kept all the same.
    pub fn is_about_value(&self) -> bool {
        matches!(self, Self::TooLarge | Self::Quota)
    }
}

/// What stands before the value, as one line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    id: Id,
    version: u32,
    place: String,
    secret: bool,
    /// When it was put there, and when it ends: milliseconds since the machine was started.
    stored: u64,
    ends: u64,
    /// The vault's file as it was read.
    vault: String,
}

impl Cache {
    /// That of the vault at a real path: one without links in it.
    pub fn of(vault: &Path) -> Self {
        let digest = digest([vault.as_os_str().as_encoded_bytes()]);
        Self { vault: vault.to_owned(), prefix: format!("credbench:{}:", &digest[..16]) }
    }

    /// The value of a reference, where it was kept less than `most` ago and the vault is the file that it is of. A vault
    /// that is not there at all tells nothing.
    pub fn find(&self, reference: &Reference, solution: &str, most: Duration) -> Option<Kept> {
        let bytes = keys::read(&self.prefix, &self.name(reference, solution))?;
        let now = Stamp::of(&self.vault).map(|stamp| stamp.to_string());
        read(&bytes, now.as_deref(), uptime(), most)
    }

    /// Keeps the value of a reference for a time, in whole seconds. `vault` is the vault's file as it was read.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn keep(
        &self,
        reference: &Reference,
        solution: &str,
        value: &New<'_>,
        vault: &Stamp,
        seconds: u32,
    ) -> Result<(), Unkept> {
        let bytes = written(value, vault, uptime(), Duration::from_secs(seconds.into()));
        if bytes.len() > LARGEST {
            return Err(Unkept::TooLarge);
        }
        keys::keep(&self.name(reference, solution), &bytes, seconds)
    }

    /// Drops everything that is kept of the vault in this login session, as far as the kernel lets us.
    pub fn empty(&self) {
        keys::drop_all(&self.prefix);
    }

    /// The name of a key, which other programs of the login session see: it tells nothing of what it is of.
    fn name(&self, reference: &Reference, solution: &str) -> String {
        let solution = reference.solution.as_deref().unwrap_or(solution);
        let field = reference.field.as_deref();
        let parts = [
            self.vault.as_os_str().as_encoded_bytes(),
            solution.as_bytes(),
            reference.key.as_bytes(),
            if field.is_some() { b"field" } else { b"" },
            field.unwrap_or_default().as_bytes(),
        ];
        format!("{}{}", self.prefix, &digest(parts)[..32])
    }
}

/// The digest of texts, each with its length.
fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new_with_prefix(b"credbench cache 1");
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn written(value: &New<'_>, vault: &Stamp, now: Duration, keep: Duration) -> Zeroizing<Vec<u8>> {
    let header = Header {
        format: FORMAT,
        id: value.id.clone(),
        version: value.version,
        place: value.place.to_owned(),
        secret: value.secret,
        stored: millis(now),
        ends: millis(now.saturating_add(keep)),
        vault: vault.to_string(),
    };
    // Texts and numbers: writing them cannot fail.
    let header = serde_json::to_string(&header).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(header.len() + 1 + value.text.len()));
    bytes.extend_from_slice(header.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(value.text.expose().as_bytes());
    bytes
}

/// What was written, where it can still be used.
fn read(bytes: &[u8], vault: Option<&str>, now: Duration, most: Duration) -> Option<Kept> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let header: Header = serde_json::from_slice(&bytes[..end]).ok()?;
    if header.format != FORMAT || vault.is_some_and(|vault| vault != header.vault) {
        return None;
    }
    // One from the future was written in another container, or not by us.
    let age = Duration::from_millis(millis(now).checked_sub(header.stored)?);
    let left = Duration::from_millis(header.ends.checked_sub(millis(now))?);
    if age >= most || left.is_zero() || age + left > Duration::from_secs(MOST.into()) {
        return None;
    }
    let text = Secret::from_utf8(bytes[end + 1..].to_vec()).ok()?;
    let Header { id, version, place, secret, .. } = header;
    Some(Kept { id, version, place, secret, text, age, left: left.min(most - age) })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn stamp() -> Stamp {
        Stamp::of(Path::new("/")).unwrap()
    }

    fn bytes(stored: Duration, keep: Duration) -> Zeroizing<Vec<u8>> {
        let (id, text) = (Id("id-1".to_owned()), Secret::from("two\nlines"));
        let value = New { id: &id, version: 3, place: "/config/api_key", secret: true, text: &text };
        written(&value, &stamp(), stored, keep)
    }

    #[test]
    fn what_was_written_is_read_as_long_as_it_counts() {
        let at = |seconds: u64| Duration::from_secs(1_000 + seconds);
        let bytes = bytes(at(0), MINUTE);
        let vault = stamp().to_string();
        let kept = |now, most: u64| read(&bytes, Some(&vault), at(now), Duration::from_secs(most));
        let found = kept(20, 3_600).unwrap();
        assert_eq!(
            (found.id.0.as_str(), found.version, found.place.as_str()),
            ("id-1", 3, "/config/api_key")
        );
        assert_eq!((found.text.expose(), found.secret), ("two\nlines", true));
        assert_eq!((found.age.as_secs(), found.left.as_secs()), (20, 40));
        assert_eq!(kept(20, 30).unwrap().left.as_secs(), 10, "who asks for less gets less");
        assert!(kept(30, 30).is_none(), "older than what was asked for");
        assert!(kept(60, 3_600).is_none(), "over, whatever the kernel's clock says");
        assert!(read(&bytes, Some(&vault), Duration::from_secs(999), MINUTE).is_none(), "from the future");
        assert!(read(&bytes, Some("another file"), at(1), MINUTE).is_none(), "the vault was saved since");
        assert!(read(&bytes, None, at(1), MINUTE).is_some(), "the vault is not there");
    }

    #[test]
    fn what_others_wrote_is_not_there() {
        let now = Duration::from_secs(1_000);
        let good = bytes(now, MINUTE);
        let is_read = |bytes: &[u8]| read(bytes, None, now, MINUTE).is_some();
        assert!(is_read(&good), "the control");
        let text = String::from_utf8(good.to_vec()).unwrap();
        for other in [
            String::new(),
            "x".to_owned(),
            "\n".to_owned(),
            "{}\nvalue".to_owned(),
            text.replace(r#""format":1"#, r#""format":2"#),
            text.replace(r#""version":3"#, r#""version":-3"#),
            text.replace(r#""id":"#, r#""more":1,"id":"#),
            text.replace(r#""ends":1060000"#, r#""ends":99999999"#),
            text.replace('\n', ""),
        ] {
            assert_ne!(other, text);
            assert!(!is_read(other.as_bytes()), "{other}");
        }
        assert!(!is_read(&[&good[..], &[0xff]].concat()), "no text");
    }

    #[test]
    fn names_differ_with_everything_that_is_meant_and_tell_none_of_it() {
        let cache = Cache::of(Path::new("/home/ann/vault.age"));
        let name = |cache: &Cache, text: &str, solution: &str| {
            cache.name(&Reference::parse(text).unwrap(), solution)
        };
        let mut names = vec![
            name(&cache, "cred://db.main", "default"),
            name(&cache, "cred://db.main", "prod"),
            name(&cache, "cred://db.other", "default"),
            name(&cache, "cred://db.main#password", "default"),
            name(&Cache::of(Path::new("/home/ann/other.age")), "cred://db.main", "default"),
        ];
        assert_eq!(name(&cache, "cred://prod/db.main", "default"), names[1]);
        let told = |name: &String| {
            name.starts_with("credbench:")
                && !["ann", "vault", "main", "prod"].iter().any(|word| name.contains(word))
        };
        assert!(names.iter().all(told), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5);
    }
}
