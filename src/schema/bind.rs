//! What the secrets of a credential are bound to: the addresses that they may be sent to.

use super::{Field, Kind, Notice};
use crate::model::Content;

/// Where the address stands that secrets are sent to.
const BASE_URL: &str = "/config/base_url";

/// Scheme, host and port of an address; the text itself, in small letters, where it is none.
fn origin(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(url) if url.has_host() => url.origin().ascii_serialization(),
        _ => address.to_ascii_lowercase(),
    }
}

impl Kind {
    /// Whether secrets are bound to what a field says: it is marked, or it is where they are sent, whatever a
    /// schema of the vault's own marks or no longer marks.
    pub(super) fn binds(&self, field: &Field) -> bool {
        field.origin || self.is_own() && field.pointer == BASE_URL
    }

    /// What a new document of this kind starts with: the addresses that its secrets will be bound to, where the
    /// schema has them. They are stored with the credential, so that another schema cannot send its secrets
    /// elsewhere.
    ///
    /// What a service proposes is stored for the same reason; it is told.
    pub fn bind(&self, content: &mut Content) -> Vec<Notice> {
        if !self.is_own() {
            return self.propose(content);
        }
        let fields = self.parts.applying(&self.parts.truth(content));
        for field in fields.into_iter().filter(|field| self.binds(field)) {
            if let (None, Some(default)) = (content.get(&field.pointer), field.default) {
                content.set(&field.pointer, default);
            }
        }
        Vec::new()
    }

    /// Whether what the secrets are bound to differs between two contents: the first such place. Addresses
    /// differ by scheme, host and port; other fields (a host, a port) by their value, where an absent one
    /// means its default.
    pub fn changed_origin(&self, before: &Content, after: &Content) -> Option<String> {
        let marked = self.fields.iter().filter(|field| field.origin).map(|field| field.pointer.as_str());
        let mut places = marked.chain(self.is_own().then_some(BASE_URL)).peekable();
        places.peek()?;
        let (old, new) = (self.fields_of(before), self.fields_of(after));
        let bound = |fields: &[Field], content: &Content, place: &str| {
            let default = || fields.iter().find(|field| field.pointer == place)?.default.clone();
            let value = content.get(place).cloned().or_else(default)?;
            Some(value.as_str().map_or_else(|| value.to_string(), origin))
        };
        places.find(|place| bound(&old, before, place) != bound(&new, after, place)).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("https://a.example/x"), origin("https://A.example:443/y?z"));
        assert_ne!(origin("https://a.example"), origin("http://a.example"));
        assert_ne!(origin("https://a.example"), origin("https://a.example:8443"));
        assert_ne!(origin("https://a.example"), origin("https://a.example.evil"));
    }
}
