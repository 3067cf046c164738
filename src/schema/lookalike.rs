//! Names and hosts that only look like those of something else: what a person would take for it.
//!
//! Two texts that look the same have the same skeleton (Unicode Technical Standard 39, section 4): `а` of Cyrillic and
//! `a` of Latin, `1` and `l`, an accent of its own or in one with its letter. Hidden characters have none.

use std::collections::HashMap;

use serde_json::Value;
use unicode_security::MixedScript as _;
use unicode_security::confusable_detection::skeleton;

use super::Notice;
use crate::model::{Content, Document};
use crate::redact::is_hidden;

/// The names and hosts of a vault, by how they look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    keys: Looks,
    names: Looks,
    hosts: Looks,
}

/// Texts by how they look, each with the key of the first credential that has it.
type Looks = HashMap<String, Vec<(String, String)>>;

fn add(looks: &mut Looks, text: &str, key: &str) {
    let same = looks.entry(look(text)).or_default();
    if !text.is_empty() && !same.iter().any(|(known, _)| known == text) {
        same.push((text.to_owned(), key.to_owned()));
    }
}

/// One that looks like a text and is another.
fn like<'a>(looks: &'a Looks, text: &str) -> Option<&'a (String, String)> {
    let same = looks.get(&look(text)).filter(|_| !text.is_empty())?;
    // Who is there already, by the same letters, is no surprise.
    same.first().filter(|_| same.iter().all(|(known, _)| known != text))
}

/// A text as it looks. Of a host, as it reads.
fn look(text: &str) -> String {
    if text.contains("xn--") {
        return skeleton(&reads(text)).collect();
    }
    // What most of them are has a skeleton of a few fixed replacements.
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ._-/:".contains(&byte)) {
        let mut look = String::with_capacity(text.len() + 4);
        for c in text.chars() {
            match c {
                '0' => look.push('O'),
                '1' | 'I' => look.push('l'),
                'm' => look.push_str("rn"),
                c => look.push(c),
            }
        }
        return look;
    }
    let seen: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    skeleton(&seen).collect()
}

impl Known {
    /// Those of a document.
    pub fn of(document: &Document) -> Self {
        let mut known = Self::default();
        for credential in &document.credentials {
            let (content, key) = (&credential.content, credential.content.key());
            add(&mut known.keys, key, key);
            add(&mut known.names, content.name(), key);
            for (_, host) in hosts(content) {
                add(&mut known.hosts, &host, key);
            }
        }
        known
    }

    /// What is to be known of a value before it is believed; `None`: nothing.
    pub fn hint(&self, place: &str, text: &str) -> Option<String> {
        match place {
            "/key" => {
                like(&self.keys, text).map(|(other, _)| format!("looks like {other}, which is another"))
            }
            "/name" => like(&self.names, text).map(|(_, key)| format!("looks like the name of {key}")),
            _ => self.host_hint(&host(place, text)?),
        }
    }

    fn host_hint(&self, host: &str) -> Option<String> {
        let like = like(&self.hosts, host).map(|(other, key)| format!("looks like {other} of {key}"));
        let read = reads(host);
        let mixed =
            read.split('.').any(|label| !label.is_single_script()).then(|| "mixes scripts".to_owned());
        let other = other_spelling(host).map(|name| match host.is_ascii() {
            true => format!("reads {name}"),
            false => format!("is {name} on the network"),
        });
        let all: Vec<String> = [like, mixed, other].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// All there is to be known of a content, as sentences.
    pub fn notices(&self, content: &Content) -> Vec<Notice> {
        let texts = [("/key".to_owned(), content.key()), ("/name".to_owned(), content.name())];
        let named = texts.into_iter().filter_map(|(place, text)| {
            let hint = self.hint(&place, text)?;
            Some(Notice { message: format!("{text} {hint}"), pointer: place })
        });
        let addressed = hosts(content).into_iter().filter_map(|(place, host)| {
            let hint = self.host_hint(&host)?;
            Some(Notice { message: format!("{host} {hint}"), pointer: place })
        });
        named.chain(addressed).collect()
    }
}

/// An address with its host as the network spells it, or as it reads, beside it, where these are two.
pub fn with_both_spellings(place: &str, text: &str) -> Option<String> {
    let name = other_spelling(&host(place, text)?)?;
    Some(format!("{text} ({name})"))
}

/// The hosts that a content names, each in both spellings where it has two.
pub fn hosts_of(content: &Content) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, host) in hosts(content) {
        let host = other_spelling(&host).map_or_else(|| host.clone(), |name| format!("{host} ({name})"));
        if !found.contains(&host) {
            found.push(host);
        }
    }
    found
}

/// The hosts that a content names, with their places, as they were typed.
fn hosts(content: &Content) -> Vec<(String, String)> {
    let config = content.get("/config").and_then(Value::as_object);
    let texts = config.into_iter().flatten().filter_map(|(member, value)| Some((member, value.as_str()?)));
    let places = texts.map(|(member, text)| (format!("/config/{member}"), text));
    places.filter_map(|(place, text)| host(&place, text).map(|host| (place, host))).collect()
}

/// The host of an address, in small letters as it was typed; of a field that is called so, the text itself.
fn host(place: &str, text: &str) -> Option<String> {
    let host = match text.split_once("://") {
        Some((scheme, rest))
            if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) =>
        {
            let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
            let after = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let port =
                after.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
            port.map_or(after, |(host, _)| host)
        }
        _ if place.ends_with("/host") => text,
        _ => return None,
    };
    (!host.is_empty()).then(|| host.to_lowercase())
}

/// A host as it reads: letters beyond ASCII, which the network spells with `xn--`, as themselves.
fn reads(host: &str) -> String {
    if host.is_ascii() && !host.contains("xn--") {
        return host.to_owned();
    }
    idna::domain_to_unicode(host).0
}

/// The other of a host's two spellings, where it has two: for the network, and to be read.
fn other_spelling(host: &str) -> Option<String> {
    if !host.is_ascii() {
        return Some(idna::domain_to_ascii(host).unwrap_or_else(|_| "no name".to_owned()));
    }
    Some(reads(host)).filter(|read| read != host)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Credential, Id};

    fn content(key: &str, name: &str, url: &str) -> Content {
        let mut content = Content::default();
        content.set("/key", json!(key));
        content.set("/name", json!(name));
        content.set("/config", json!({ "base_url": url }));
        content
    }

    fn known() -> Known {
        let mut document = Document::default();
        let content = content("pay.pal1", "PayPal", "https://api.paypal.example:8443/v1");
        document.credentials.push(Credential::new(Id::new(), content, jiff::Timestamp::UNIX_EPOCH));
        Known::of(&document)
    }

    #[test]
    fn what_only_looks_the_same_is_told() {
        let known = known();
        for name in
            ["Pay\u{200b}Pal", "P\u{430}yPal", "PayPa1", "PayPaI", "\u{202e}PayPal", "PayPal\u{e0041}"]
        {
            assert_eq!(
                known.hint("/name", name).as_deref(),
                Some("looks like the name of pay.pal1"),
                "{name:?}"
            );
        }
        assert_eq!(known.hint("/key", "pay.pall").as_deref(), Some("looks like pay.pal1, which is another"));
        for host in ["https://api.paypa1.example", "https://u@API.PAYPA\u{217c}.example/x?y#z"] {
            assert!(
                known.hint("/config/base_url", host).unwrap().starts_with("looks like api.paypal.example of"),
                "{host}"
            );
        }
        let mixed = known.hint("/config/base_url", "https://xn--pi-6kc.paypal.example").unwrap();
        assert_eq!(
            mixed,
            "looks like api.paypal.example of pay.pal1, mixes scripts, reads \u{430}pi.paypal.example"
        );
    }

    #[test]
    fn what_is_the_same_or_looks_otherwise_is_not() {
        let known = known();
        for (place, text) in [
            ("/name", "PayPal"),
            ("/name", "Stripe"),
            ("/name", ""),
            ("/key", "pay.pal1"),
            ("/config/base_url", "https://API.PayPal.example/v2"),
            ("/config/base_url", "paypal"),
            ("/config/region", "api.paypa1.example"),
            ("/notes", "PayPa1"),
        ] {
            assert_eq!(known.hint(place, text), None, "{place} {text}");
        }
    }

    #[test]
    fn one_letter_of_two_codes_is_one() {
        let mut document = Document::default();
        let content = content("k", "Caf\u{e9}", "https://a.example");
        document.credentials.push(Credential::new(Id::new(), content, jiff::Timestamp::UNIX_EPOCH));
        let known = Known::of(&document);
        assert!(known.hint("/name", "Cafe\u{301}").is_some());
        assert!(known.hint("/name", "Caf\u{e9}").is_none());
        let umlaut = known.hint("/config/host", "b\u{fc}cher.example").unwrap();
        assert_eq!(umlaut, "is xn--bcher-kva.example on the network");
        let both = |text| with_both_spellings("/config/base_url", text);
        assert_eq!(
            both("https://xn--bcher-kva.example/x").as_deref(),
            Some("https://xn--bcher-kva.example/x (b\u{fc}cher.example)")
        );
        assert_eq!(both("https://a.example"), None);
    }

    /// The short way gives what the long one does.
    #[test]
    fn plain_letters_look_as_the_standard_says() {
        for c in (' '..='~').filter(|c| c.is_ascii_alphanumeric() || " ._-/:".contains(*c)) {
            let long: String = skeleton(&c.to_string()).collect();
            assert_eq!(look(&c.to_string()), long, "{c:?}");
        }
    }
}
