//! Which service of the catalogue an item is for: by the host that it is used at, or by how its key starts. What
//! only resembles a service is left alone: a wrong guess would send a secret to a stranger.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Item, Named};
use crate::schema::catalogue::template::{self, Piece};
use crate::schema::catalogue::{Catalogue, Service, ServiceField, Variant};

/// Values shorter than this are no keys of a service.
const SHORTEST_KEY: usize = 16;
/// How long the start of a key must be to mean something by itself.
const TELLING_START: usize = 4;

/// All ways into all services, ready to be asked for many items.
#[derive(Debug)]
pub struct Recogniser {
    ways: Vec<Way>,
    by_host: HashMap<String, Vec<usize>>,
    /// Hosts with one name in them: what stands before it and behind it.
    by_pattern: Vec<(String, String, usize)>,
    by_start: Vec<(String, usize, usize)>,
}

/// One way into one service.
#[derive(Debug)]
pub(super) struct Way {
    service: Arc<Service>,
    at: usize,
    /// What a credential's `service` says for it.
    pub(super) word: String,
}

impl Way {
    pub(super) fn variant(&self) -> &Variant {
        &self.service.variants[self.at]
    }

    /// The base URL for an address that a person used, where the variant leaves its host open.
    pub(super) fn base_at(&self, address: Option<&str>) -> Option<String> {
        let base = self.variant().base_url.as_deref().unwrap_or("{base_url}");
        let address = url::Url::parse(address?).ok().filter(url::Url::has_host)?;
        if base == "{base_url}" {
            return Some(format!(
                "{}{}",
                address.origin().ascii_serialization(),
                address.path().trim_end_matches('/')
            ));
        }
        let pattern = template::authority(base)?;
        let here = address.host_str()?;
        let (before, behind) = one_name(pattern)?;
        let fits = matches(here, before, behind);
        fits.then(|| base.replacen(pattern, here, 1)).filter(|base| template::names(base).next().is_none())
    }
}

/// What stands before and behind the only name in a host.
fn one_name(pattern: &str) -> Option<(&str, &str)> {
    let pieces: Vec<Piece<'_>> = template::pieces(pattern).collect();
    match pieces.as_slice() {
        [Piece::Name(_), Piece::Text(behind)] => Some(("", behind)),
        [Piece::Text(before), Piece::Name(_), Piece::Text(behind)] => Some((before, behind)),
        _ => None,
    }
}

/// Whether a host is one of a pattern: a domain of its own must stand behind the name.
fn matches(host: &str, before: &str, behind: &str) -> bool {
    let inner = host.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
    behind.starts_with('.')
        && behind.matches('.').count() >= 2
        && inner.is_some_and(|inner| !inner.is_empty())
}

impl Recogniser {
    /// Reads the whole catalogue: some tens of milliseconds.
    pub fn new(catalogue: &Catalogue) -> Self {
        let mut made =
            Self { ways: Vec::new(), by_host: HashMap::new(), by_pattern: Vec::new(), by_start: Vec::new() };
        for offer in catalogue.index().of(|_| true) {
            let variant = offer.variant();
            let at =
                offer.service.variants.iter().position(|known| known.id == variant.id).unwrap_or_default();
            let way = made.ways.len();
            if let Some(host) = variant.base_url.as_deref().and_then(template::authority) {
                match one_name(host) {
                    Some((before, behind)) => {
                        made.by_pattern.push((before.to_owned(), behind.to_owned(), way));
                    }
                    None if template::names(host).next().is_none() => {
                        made.by_host.entry(host.to_lowercase()).or_default().push(way);
                    }
                    None => {}
                }
            }
            for (index, field) in variant.fields.iter().enumerate() {
                let starts = field.prefix.iter().chain(&field.test_prefix);
                made.by_start.extend(starts.map(|start| (start.clone(), way, index)));
            }
            made.ways.push(Way { word: offer.word(), service: offer.service.clone(), at });
        }
        made
    }

    /// The ways into the one service that an item is for; none where that is not sure.
    pub(super) fn ways(&self, item: &Item) -> Vec<&Way> {
        let named: Vec<usize> = match item.service.as_deref().map(plain) {
            Some(word) => {
                let is_it = |way: &Way| plain(&way.service.id) == word || plain(&way.service.name) == word;
                (0..self.ways.len()).filter(|way| is_it(&self.ways[*way])).collect()
            }
            None => Vec::new(),
        };
        let started = self.started(item);
        let hosted = self.hosted(item);
        let both: Vec<usize> = hosted.iter().copied().filter(|way| started.contains(way)).collect();
        let found = [named, both, hosted, started].into_iter().find(|found| !found.is_empty());
        let found = self.narrowed(found.unwrap_or_default(), item);
        found.into_iter().map(|way| &self.ways[way]).collect()
    }

    /// The service that a value alone tells, for people.
    pub(super) fn looks_like(&self, item: &Item) -> Option<&str> {
        let ways = self.narrowed(self.started(item), item);
        ways.first().map(|way| self.ways[*way].service.name.as_str())
    }

    fn hosted(&self, item: &Item) -> Vec<usize> {
        let mut found = Vec::new();
        for address in &item.addresses {
            let Some(url) = url::Url::parse(address).ok().filter(|url| url.scheme() == "https") else {
                continue;
            };
            let Some(host) = url.host_str() else { continue };
            found.extend(self.by_host.get(host).into_iter().flatten().copied());
            let patterns = self.by_pattern.iter().filter(|(before, behind, _)| matches(host, before, behind));
            found.extend(patterns.map(|(.., way)| *way));
        }
        found
    }

    /// Ways of which a field starts as a value does; the longest start tells.
    fn started(&self, item: &Item) -> Vec<usize> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for (start, way, index) in &self.by_start {
            let field = &self.ways[*way].variant().fields[*index];
            if item.values.iter().any(|value| starts_so(value, start, field)) {
                found.push((start.len(), *way));
            }
        }
        let longest = found.iter().map(|(length, _)| *length).max();
        let mut ways: Vec<usize> =
            found.into_iter().filter(|(length, _)| Some(*length) == longest).map(|(_, way)| way).collect();
        ways.dedup();
        ways
    }

    /// Those of one service: where several are left, of the one whose name the item mentions.
    fn narrowed(&self, mut found: Vec<usize>, item: &Item) -> Vec<usize> {
        let same = |found: &[usize]| {
            found.windows(2).all(|pair| self.ways[pair[0]].service.id == self.ways[pair[1]].service.id)
        };
        if !same(&found) {
            let said = [item.name.as_str(), &item.folder, &item.addresses.join(" ")].join(" ");
            let said = plain(&said);
            found.retain(|way| {
                let service = &self.ways[*way].service;
                [plain(&service.id), plain(&service.name)]
                    .iter()
                    .any(|word| word.len() >= 4 && said.contains(word))
            });
        }
        if same(&found) { found } else { Vec::new() }
    }
}

/// Whether a value starts as those of a field do, and is as long.
fn starts_so(value: &Named, start: &str, field: &ServiceField) -> bool {
    let text = value.text.expose();
    let fixed = field.length.is_some_and(|[least, most]| least == most);
    let telling = start.len() >= TELLING_START || fixed || !start.ends_with(|c: char| c.is_alphanumeric());
    let long = match field.length {
        Some([least, most]) => (least..=most).contains(&text.chars().count()),
        None => text.len() >= SHORTEST_KEY,
    };
    // A key of a service is one word.
    value.secret == field.secret
        && telling
        && long
        && text.starts_with(start)
        && !text.contains(char::is_whitespace)
}

/// Letters and digits, small.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn words(item: &Item) -> Vec<String> {
        let recogniser = Recogniser::new(Catalogue::builtin());
        recogniser.ways(item).into_iter().map(|way| way.word.clone()).collect()
    }

    fn with(name: &str, address: &str, secret: &str) -> Item {
        let mut item = Item::new("", name);
        item.address(address);
        item.password(Secret::from(secret));
        item
    }

    #[test]
    fn a_start_that_one_service_has_tells_it() {
        let token = format!("ghp_{}", "a".repeat(36));
        assert_eq!(words(&with("x", "", &token)), ["github"]);
        assert_eq!(words(&with("x", "", "ghp_ab")), [""; 0], "too short");
        assert_eq!(words(&with("x", "", &format!("ghp_ {}", "a".repeat(36)))), [""; 0], "not one word");
        // Several services have keys that start so: the name decides, or nothing.
        let key = format!("sk_live_{}", "a".repeat(24));
        assert_eq!(words(&with("payments", "", &key)), [""; 0]);
        assert_eq!(words(&with("Stripe, live", "", &key)), ["stripe"]);
    }

    #[test]
    fn a_host_tells_only_where_it_is_the_services_own() {
        assert!(words(&with("x", "https://api.github.com/user", "pw")).contains(&"github".to_owned()));
        assert!(
            words(&with("x", "https://acme.zendesk.com/login", "pw"))
                .iter()
                .all(|w| w.starts_with("zendesk"))
        );
        for address in [
            "https://github.com.evil.example",
            "https://api.github.com.evil.example",
            "http://api.github.com",
        ] {
            assert_eq!(words(&with("x", address, "pw")), [""; 0], "{address}");
        }
    }
}
