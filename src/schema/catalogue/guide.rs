//! What a person is told while a credential of a service is made: where its key is made, what is worth knowing,
//! and whether what was entered looks like one.

use serde_json::Value;

use super::super::{Kind, Notice};
use super::{Chosen, Variant, place_of, template};
use crate::model::Content;
use crate::secret::Secret;

/// The page on which a key is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its address; a name in braces stands where the content says nothing yet.
    pub address: String,
    /// The titles of the fields that have to be filled in before it is an address.
    pub missing: Vec<String>,
}

impl Chosen {
    /// What a credential's `service` says for it: `ID`, or `ID/VARIANT` where the ID alone would mean another
    /// variant of its kind.
    pub fn word(&self) -> String {
        self.service.word(self.index)
    }

    /// The service and the way in, for people: `Zendesk, API token`.
    pub fn heading(&self) -> String {
        format!("{}, {}", self.service.name, self.variant().title)
    }
}

impl super::Service {
    /// As [`Chosen::word`], of a variant by its place.
    pub(super) fn word(&self, index: usize) -> String {
        let variant = &self.variants[index];
        match self.variant(None, &variant.kind) == Some(index) {
            true => self.id.clone(),
            false => format!("{}/{}", self.id, variant.id),
        }
    }
}

impl Kind {
    /// The variant of a service that it was made for.
    fn variant(&self) -> Option<&Variant> {
        match self.service() {
            Some(Ok(chosen)) => Some(chosen.variant()),
            _ => None,
        }
    }

    /// The name of the variant, where its requests go to more than the text of the base URL says.
    pub(in crate::schema) fn sends_beyond_its_address(&self) -> Option<String> {
        let Some(Ok(chosen)) = self.service() else { return None };
        let variant = chosen.variant();
        let addresses = variant.base_url.as_deref().into_iter().chain(variant.oauth_addresses());
        let mut names = addresses.flat_map(template::names);
        (!variant.hosts.is_empty() || names.any(|name| name != "base_url")).then(|| chosen.name())
    }

    /// A trap of the service that is worth knowing.
    pub fn note(&self) -> Option<&str> {
        self.variant()?.note.as_deref()
    }

    /// The page on which a person makes the key, with the content's own values in it.
    pub fn page(&self, content: &Content) -> Option<Page> {
        let variant = self.variant()?;
        let mut missing: Vec<String> = Vec::new();
        let address = template::fill(variant.key_url.as_deref()?, |name| {
            let place = variant.field(name).map(|field| place_of(&self.id, self, field));
            let value = place.as_deref().filter(|place| !self.is_secret(place));
            let value = value.and_then(|place| content.get_str(place)).unwrap_or_default();
            // A value that could lead elsewhere makes no address.
            if !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
                return value.to_owned();
            }
            let title = place.map_or_else(|| name.to_owned(), |place| self.title_of(&place));
            if !missing.contains(&title) {
                missing.push(title);
            }
            format!("{{{name}}}")
        });
        Some(Page { address, missing })
    }

    /// What is odd about a value, next to what the service's usually look like: a hint, never an error. It quotes
    /// nothing of the value but a start that marks a key for tests.
    pub fn odd(&self, place: &str, text: &str, solution: &str) -> Option<String> {
        let looks = self.said_of(place, "x-looks-like")?;
        let starts = texts(looks, "prefix");
        let lengths: Vec<u64> = looks
            .get("length")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        let characters = text.chars().count() as u64;
        if let Some(start) = texts(looks, "test").into_iter().find(|start| text.starts_with(start)) {
            let here = match solution.to_lowercase().contains("prod") {
                true => format!(", and this is the solution {solution}"),
                false => String::new(),
            };
            return Some(format!("looks like a test key ({start}…){here}"));
        }
        if !starts.is_empty() && !starts.iter().any(|start| text.starts_with(start)) {
            return Some(format!("usually begins with {}", starts.join(" or ")));
        }
        match lengths.as_slice() {
            [least, most] if (least..=most).contains(&&characters) => None,
            [least, most] if least == most => Some(format!("usually has {least} characters")),
            [least, most] => Some(format!("usually has {least} to {most} characters")),
            _ => None,
        }
    }

    /// How a secret begins that its service marks as one for tests.
    pub fn test_start(&self, place: &str, secret: &Secret) -> Option<&str> {
        let starts = texts(self.said_of(place, "x-looks-like")?, "test");
        starts.into_iter().find(|start| secret.expose().starts_with(start))
    }

    /// As [`Kind::odd`], of a secret, as a sentence about its field.
    pub fn hint(&self, place: &str, secret: &Secret, solution: &str) -> Option<Notice> {
        let odd = self.odd(place, secret.expose(), solution)?;
        Some(Notice { pointer: place.to_owned(), message: format!("{} {odd}", self.title_of(place)) })
    }
}

/// A list of texts in what the catalogue says of a value.
fn texts<'a>(looks: &'a Value, word: &str) -> Vec<&'a str> {
    looks.get(word).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::{Draft, Kinds};
    use super::*;
    use crate::model::{Credential, Id};

    #[test]
    fn hints_quote_nothing_but_what_marks_a_test_key() {
        let stripe = Kinds::builtin().of_service("bearer_token", "stripe").unwrap();
        let odd = |text: &str, solution: &str| stripe.odd("/config/token", text, solution);
        assert_eq!(odd("sk_live_abcdef", "prod"), None);
        assert_eq!(odd("sk_test_abcdef", "dev").unwrap(), "looks like a test key (sk_test_…)");
        assert!(odd("sk_test_abcdef", "eu-prod").unwrap().ends_with("and this is the solution eu-prod"));
        assert!(odd("abcdef", "prod").unwrap().starts_with("usually begins with sk_live_ or "));
        assert_eq!(stripe.odd("/config/base_url", "x", "prod"), None);
        let twilio = Kinds::builtin().of_service("basic_auth", "twilio").unwrap();
        assert_eq!(twilio.odd("/config/password", "short", "").unwrap(), "usually has 32 characters");
        assert_eq!(twilio.odd("/config/password", &"x".repeat(32), ""), None);
    }

    #[test]
    fn a_key_page_is_an_address_only_with_values_that_lead_nowhere_else() {
        let zendesk = Kinds::builtin().of_service("basic_auth", "zendesk").unwrap();
        let mut draft = Draft::new(&zendesk, "default");
        let page = |draft: &Draft| zendesk.page(draft.content()).unwrap();
        assert_eq!(page(&draft).missing, ["Subdomain"]);
        draft.set("/config/subdomain", json!("evil.example/"));
        assert!(page(&draft).address.starts_with("https://{subdomain}.zendesk.com/"));
        draft.set("/config/subdomain", json!("acme"));
        assert!(page(&draft).missing.is_empty());
        assert!(page(&draft).address.starts_with("https://acme.zendesk.com/"));
    }

    /// By way of a service that binds less, no secret gets to another tenant.
    #[test]
    fn a_service_that_sends_elsewhere_asks_for_the_secret_again() {
        let kinds = Kinds::builtin();
        let zendesk = kinds.of_service("basic_auth", "zendesk").unwrap();
        let mut draft = Draft::new(&zendesk, "default");
        draft.set("/key", json!("zd"));
        draft.set("/config/subdomain", json!("acme"));
        draft.set("/config/username", json!("ann@example.com"));
        draft.set_secret(&zendesk, "/config/password", Secret::from("s"));
        let stored = draft.content().clone();
        let again = |before: &Content, places: &[(&str, &str)]| {
            let mut draft =
                Draft::of(&Credential::new(Id::new(), before.clone(), jiff::Timestamp::UNIX_EPOCH));
            places.iter().for_each(|(place, value)| draft.set(place, json!(value)));
            let found = draft.check(kinds);
            (
                found.iter().any(|found| found.message.contains("enter this secret again")),
                draft.content().clone(),
            )
        };
        assert!(!again(&stored, &[("/service", "zendesk/api-token")]).0, "the same one by its whole name");
        assert!(again(&stored, &[("/config/subdomain", "evil")]).0);
        let (_, without) = again(&stored, &[("/service", "unheard of")]);
        let (asked, moved) = again(&without, &[("/config/subdomain", "evil")]);
        assert!(!asked, "nothing is sent to it");
        assert!(again(&moved, &[("/service", "zendesk")]).0);
    }
}
