//! Bitwarden's JSON export: of a person or of an organization, plain, or protected by a password of its own. One that
//! is encrypted for an account can only be opened by that account, which is told.

use std::collections::HashMap;

use argon2::{Algorithm, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use serde_json::Value;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::crypt::{self, Argon2Cost, Key};
use super::json::{list, parse, secret, text};
use super::{Found, Item, Mistake};
use crate::secret::Secret;

/// Whether a file is protected by a password of its own.
pub(super) fn needs_password(text: &str) -> bool {
    let value: Option<Value> = serde_json::from_str(text).ok();
    value.is_some_and(|value| value.get("passwordProtected") == Some(&Value::Bool(true)))
}

pub(super) fn read(text: &str, password: Option<&Secret>) -> Result<Found, Mistake> {
    let value = parse(text)?;
    if value.get("encrypted") != Some(&Value::Bool(true)) {
        return items(&value);
    }
    if value.get("passwordProtected") != Some(&Value::Bool(true)) {
        return Err(Mistake::whole("it is encrypted for one Bitwarden account, which alone can open it")
            .hint("export it again as .json, or as .json (Encrypted) with a password of its own"));
    }
    let password = password.ok_or_else(|| Mistake::whole("it is protected by a password"))?;
    items(&parse(&unsealed(&value, password)?)?)
}

fn items(value: &Value) -> Result<Found, Mistake> {
    let Some(items) = value.get("items").and_then(Value::as_array) else {
        return Err(Mistake::whole("this is no export of Bitwarden: it has no items"));
    };
    let mut folders: HashMap<&str, &str> = HashMap::new();
    for folder in list(value, "folders").iter().chain(list(value, "collections")) {
        folders.insert(text(folder, "id"), text(folder, "name"));
    }
    let items = items.iter().enumerate().map(|(at, value)| item(at, value, &folders));
    Ok(Found { items: items.collect(), told: Vec::new() })
}

fn item(at: usize, value: &Value, folders: &HashMap<&str, &str>) -> Item {
    let mut item = Item::new(format!("item {}", at + 1), text(value, "name"));
    let place = Some(text(value, "folderId")).into_iter();
    let place = place.chain(list(value, "collectionIds").iter().filter_map(Value::as_str));
    for (at, folder) in place.filter_map(|id| folders.get(id)).enumerate() {
        match at {
            0 => item.folder = (*folder).to_owned(),
            _ => item.tag(folder),
        }
    }
    if !value.get("deletedDate").is_none_or(Value::is_null) {
        item.skipped = Some("lies in its trash".to_owned());
    }
    if value.get("favorite") == Some(&Value::Bool(true)) {
        item.fact("favorite", true);
    }
    item.fact("created", text(value, "creationDate"));
    item.fact("changed", text(value, "revisionDate"));
    item.note(text(value, "notes"));
    if let Some(login) = value.get("login").filter(|login| login.is_object()) {
        item.username(text(login, "username"));
        item.password(Secret::from(text(login, "password")));
        item.totp(Secret::from(text(login, "totp")));
        list(login, "uris").iter().for_each(|uri| item.address(text(uri, "uri")));
        for passkey in list(login, "fido2Credentials") {
            item.other("passkey", true, Secret::new(passkey.to_string()));
        }
    }
    // Which of these is a secret depends on who is asked.
    for part in ["card", "identity", "sshKey"] {
        for (name, value) in value.get(part).and_then(Value::as_object).into_iter().flatten() {
            if let Some(text) = secret(value) {
                item.other(name, !matches!(name.as_str(), "publicKey" | "keyFingerprint" | "brand"), text);
            }
        }
    }
    for field in list(value, "fields") {
        // 0 is text, 1 is hidden, 2 is yes or no, 3 points to another field.
        let kind = field.get("type").and_then(Value::as_i64).unwrap_or(1);
        if let Some(value) = field.get("value").and_then(secret) {
            item.other(text(field, "name"), !matches!(kind, 0 | 2), value);
        }
    }
    let earlier = list(value, "passwordHistory").iter();
    item.earlier.extend(earlier.map(|earlier| Secret::from(text(earlier, "password"))));
    item
}

/// Opens what a password protects.
fn unsealed(value: &Value, password: &Secret) -> Result<Zeroizing<String>, Mistake> {
    let number = |member: &str| value.get(member).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let damaged = |what: &'static str| Mistake::whole(format!("its {what} is missing or damaged"));
    let salt = value.get("salt").and_then(Value::as_str).ok_or_else(|| damaged("salt"))?;
    let rounds = number("kdfIterations").ok_or_else(|| damaged("kdfIterations"))?;
    let whole = match value.get("kdfType").and_then(Value::as_u64) {
        Some(0) => crypt::pbkdf2(password.expose().as_bytes(), salt.as_bytes(), rounds)?,
        Some(1) => {
            let cost = Argon2Cost {
                algorithm: Algorithm::Argon2id,
                version: Version::V0x13,
                // It counts in MiB.
                memory: number("kdfMemory").unwrap_or(64).saturating_mul(1024),
                passes: rounds,
                lanes: number("kdfParallelism").unwrap_or(4),
            };
            let salt = crypt::sha256(&[salt.as_bytes()]);
            crypt::argon2(password.expose().as_bytes(), &*salt, cost)?
        }
        _ => return Err(damaged("kdfType")),
    };
    let keys = Keys::of(&whole);
    let open = |member: &'static str| {
        keys.open(text(value, member)).map_err(|failure| match failure {
            Failure::Damaged => damaged(member),
            Failure::Wrong => Mistake::whole("the password does not open it"),
        })
    };
    open("encKeyValidation_DO_NOT_EDIT")?;
    let mut plain = open("data")?;
    let text = String::from_utf8(std::mem::take(&mut *plain)).map_err(|_| damaged("data"))?;
    Ok(Zeroizing::new(text))
}

enum Failure {
    Damaged,
    Wrong,
}

/// A key for reading and one for checking, made of one.
struct Keys {
    encryption: Key,
    check: Key,
}

impl Keys {
    fn of(whole: &Key) -> Self {
        let one = |word: &[u8]| {
            let mut key = Key::default();
            // 32 bytes are no more than this function gives, made of no less than it takes.
            if let Ok(expand) = Hkdf::<Sha256>::from_prk(&whole[..]) {
                let _ = expand.expand(word, &mut key[..]);
            }
            key
        };
        Self { encryption: one(b"enc"), check: one(b"mac") }
    }

    /// Opens a text such as `2.IV|SEALED|CHECK`.
    fn open(&self, text: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let parts = text.strip_prefix("2.").ok_or(Failure::Damaged)?.split('|');
        let parts: Result<Vec<Vec<u8>>, _> = parts.map(|part| STANDARD.decode(part)).collect();
        let Ok([iv, sealed, tag]) = parts.as_deref() else { return Err(Failure::Damaged) };
        if !crypt::hmac_fits(&*self.check, &[iv, sealed], tag) {
            return Err(Failure::Wrong);
        }
        crypt::aes_cbc(&self.encryption, iv, sealed).ok_or(Failure::Damaged)
    }
}

#[cfg(test)]
mod tests;
