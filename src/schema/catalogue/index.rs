//! All variants of all services, made ready to be searched with every key.

use std::sync::Arc;

use super::{Catalogue, Service, Variant};

/// The variants of a catalogue.
#[derive(Debug)]
pub struct Index(Vec<Offer>);

/// One way into one service, to make a credential for.
#[derive(Debug)]
pub struct Offer {
    /// The service.
    pub service: Arc<Service>,
    index: usize,
    /// In small letters: the name, the words of the service, those of the variant.
    name: String,
    known: Vec<String>,
    own: Vec<String>,
}

impl Catalogue {
    /// Makes the index. Parses every file: some tens of milliseconds.
    pub fn index(&self) -> Index {
        let offers = |service: Arc<Service>| {
            let count = service.variants.len();
            (0..count).map(move |index| Offer::new(service.clone(), index))
        };
        Index(self.all().into_iter().flat_map(offers).collect())
    }
}

impl Index {
    /// The offers that a query means, the likeliest first: each of its words must be found in the service or in
    /// the variant. Of equally likely ones those that are in use come first. None where it is empty.
    pub fn search(&self, query: &str, is_used: impl Fn(&str) -> bool) -> Vec<&Offer> {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let rank = |offer: &Offer| words.iter().map(|word| offer.rank(word)).sum::<Option<u32>>();
        let mut found: Vec<(u32, bool, usize, usize)> = Vec::new();
        for (at, offer) in self.0.iter().enumerate() {
            // Of names that begin alike, the one that is typed most of.
            let length = offer.service.name.len();
            found.extend(rank(offer).map(|rank| (rank, !is_used(&offer.service.id), length, at)));
        }
        found.sort_unstable();
        found.into_iter().map(|(.., at)| &self.0[at]).collect()
    }

    /// The offers of the services that a test holds for.
    pub fn of(&self, wanted: impl Fn(&str) -> bool) -> Vec<&Offer> {
        self.0.iter().filter(|offer| wanted(&offer.service.id)).collect()
    }

    /// How many services there are.
    pub fn services(&self) -> usize {
        self.0.iter().filter(|offer| offer.index == 0).count()
    }
}

impl Offer {
    fn new(service: Arc<Service>, index: usize) -> Self {
        let parts = |text: &str| -> Vec<String> {
            text.split([' ', '-', '_', '/']).filter(|part| !part.is_empty()).map(str::to_lowercase).collect()
        };
        let variant = &service.variants[index];
        let mut known = parts(&service.name);
        known.extend(parts(&service.id));
        known.extend(service.words.iter().flat_map(|word| parts(word)));
        let mut own = parts(&variant.title);
        own.extend(parts(&variant.id));
        own.extend(parts(&variant.kind));
        own.extend(parts(&service.category));
        Self { name: service.name.to_lowercase(), service, index, known, own }
    }

    /// How well a word in small letters fits: 0 is best.
    fn rank(&self, word: &str) -> Option<u32> {
        if self.name == word || self.service.id == word {
            return Some(0);
        }
        if self.name.starts_with(word) || self.service.id.starts_with(word) {
            return Some(1);
        }
        let begins = |parts: &[String]| parts.iter().any(|part| part.starts_with(word));
        if begins(&self.known) {
            return Some(2);
        }
        if begins(&self.own) {
            return Some(3);
        }
        (self.name.contains(word) || self.service.id.contains(word)).then_some(4)
    }

    /// The variant.
    pub fn variant(&self) -> &Variant {
        &self.service.variants[self.index]
    }

    /// What a credential's `service` says for it.
    pub fn word(&self) -> String {
        self.service.word(self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(index: &Index, query: &str, used: &[&str]) -> Vec<String> {
        let offers = index.search(query, |id| used.contains(&id));
        offers.iter().take(4).map(|offer| format!("{}/{}", offer.service.id, offer.variant().id)).collect()
    }

    #[test]
    fn words_are_found_in_service_and_variant_and_used_ones_come_first() {
        let index = Catalogue::builtin().index();
        assert!(index.services() == Catalogue::builtin().ids().len());
        assert_eq!(found(&index, "zendesk api", &[])[0], "zendesk/api-token");
        assert_eq!(found(&index, "ZENDESK oauth", &[])[0], "zendesk/oauth");
        assert_eq!(found(&index, "git", &["gitlab"])[0].split('/').next(), Some("gitlab"));
        assert!(found(&index, "github", &["gitlab"])[0].starts_with("github/"), "a better match stays first");
        assert!(found(&index, "zendesk zzz", &[]).is_empty() && found(&index, " ", &[]).is_empty());
        assert!(index.of(|id| id == "twilio").len() >= 2);
    }

    #[test]
    fn an_offers_word_names_it_again() {
        let index = Catalogue::builtin().index();
        for offer in &index.0 {
            let chosen = Catalogue::builtin().variant(&offer.word(), &offer.variant().kind).unwrap();
            assert_eq!(chosen.variant(), offer.variant(), "{}", offer.word());
            assert_eq!(chosen.word(), offer.word());
        }
    }
}
