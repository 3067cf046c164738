//! Finding a service by what a person remembers of it.

use std::sync::Arc;

use super::{Catalogue, Service, Variant};

impl Catalogue {
    /// The services that a query means, the likeliest first: each of its words must be found. All of them, by
    /// id, where it is empty. Parses every file.
    pub fn search(&self, query: &str) -> Vec<Arc<Service>> {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let mut found: Vec<(u32, Arc<Service>)> = self
            .all()
            .into_iter()
            .filter_map(|service| {
                let ranks: Option<Vec<u32>> = words.iter().map(|word| service.rank(word)).collect();
                Some((ranks?.into_iter().sum(), service))
            })
            .collect();
        // Of names that begin alike, the one that is typed most of.
        let length = |of: &Service| if words.is_empty() { 0 } else { of.name.len() };
        let order = |rank: u32, of: &Service| (rank, length(of), of.id.clone());
        found.sort_by_cached_key(|(rank, service)| order(*rank, service));
        found.into_iter().map(|(_, service)| service).collect()
    }
}

impl Service {
    /// How well a word in small letters fits: 0 is best.
    fn rank(&self, word: &str) -> Option<u32> {
        let name = self.name.to_lowercase();
        let begins = |text: &str| text.split([' ', '-']).any(|part| part.starts_with(word));
        if self.id == word || name == word {
            return Some(0);
        }
        if self.id.starts_with(word) || name.starts_with(word) {
            return Some(1);
        }
        if begins(&name) || begins(&self.id) {
            return Some(2);
        }
        if self.words.iter().any(|known| begins(&known.to_lowercase())) || self.category == word {
            return Some(3);
        }
        let kind = |variant: &Variant| variant.kind == word;
        (name.contains(word) || self.id.contains(word) || self.variants.iter().any(kind)).then_some(4)
    }

    /// The kinds of its credentials, each once.
    pub fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for variant in &self.variants {
            if !kinds.contains(&variant.kind.as_str()) {
                kinds.push(&variant.kind);
            }
        }
        kinds
    }

    /// The variant that stands for the service: the first with a test, else the first.
    pub fn main(&self) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.proof().is_some()).or(self.variants.first())
    }
}

impl Variant {
    /// Who says what a refusal looks like: not only the usual meaning of a 401. A protocol's own answers say it
    /// themselves.
    pub fn basis(&self) -> Option<&str> {
        match &self.test {
            Some(test) if test.declares_rejection() => test.basis.as_deref(),
            Some(_) => None,
            None => self.proof().map(|_| "protocol"),
        }
    }

    /// The request that proves it, as method and address with `{names}`: for a protocol other than HTTP, its name
    /// and the place.
    pub fn proof(&self) -> Option<(String, String)> {
        if let Some(test) = &self.test {
            let base = self.base_url.as_deref().unwrap_or_default().trim_end_matches('/');
            let address = match (&test.url, &test.path) {
                (Some(url), _) => url.clone(),
                (None, path) => format!("{base}{}", path.as_deref().unwrap_or_default()),
            };
            return Some((test.method(), address));
        }
        if self.not_testable.is_some() {
            return None;
        }
        match self.kind.as_str() {
            "database" => {
                let engine = self.field("engine").and_then(|field| field.default.as_deref());
                let engine = engine.unwrap_or("database").to_owned();
                Some((engine.clone(), format!("{engine}://{{host}}")))
            }
            "aws" => Some(("POST".to_owned(), "https://sts.amazonaws.com/".to_owned())),
            _ => Some(("POST".to_owned(), self.oauth.as_ref()?.token_url.clone()?)),
        }
    }
}
