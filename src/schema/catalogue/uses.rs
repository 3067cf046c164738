//! What the values of a variant are for: some are parts of its address and nothing else, so that a person who
//! gives the whole address is not asked for them.

use super::template;
use super::{Call, Variant};
use crate::model::pointer;

impl Variant {
    /// The names in the base URL that bring in a value which is used nowhere else: its own, and those of values
    /// derived from it. Empty: it is used elsewhere, or not in the base URL.
    pub fn names_in_base_only(&self, field: &str) -> Vec<&str> {
        let fields = self.fields.iter().map(|known| known.name.as_str());
        let derived = self.derived.iter().map(|known| known.name.as_str());
        let mut names: Vec<&str> = fields.chain(derived).filter(|known| *known == field).collect();
        for derived in &self.derived {
            if names.contains(&derived.from.as_str()) {
                names.push(&derived.name);
            }
        }
        if self.mentions_elsewhere(&names) {
            return Vec::new();
        }
        let base = self.base_url.as_deref().unwrap_or_default();
        names.retain(|known| *known != "base_url" && template::names(base).any(|name| name == *known));
        names
    }

    /// Whether a credential with this base URL of its own has no use for a field: the whole address stands there.
    pub fn is_idle(&self, field: &str, base_url: Option<&str>) -> bool {
        let names = self.names_in_base_only(field);
        match base_url.filter(|base| !base.is_empty()) {
            Some(base) => !names.is_empty() && !template::names(base).any(|name| names.contains(&name)),
            None => false,
        }
    }

    /// Where its tokens are asked for, renewed and given back.
    pub fn oauth_addresses(&self) -> impl Iterator<Item = &str> {
        let addresses = self.oauth.iter().flat_map(|oauth| {
            [
                &oauth.issuer,
                &oauth.authorization_url,
                &oauth.token_url,
                &oauth.device_url,
                &oauth.revocation_url,
                &oauth.refresh_url,
            ]
        });
        addresses.filter_map(|address| address.as_deref())
    }

    /// Whether anything but the base URL, the hosts beside it and the page of the keys mentions one of the names.
    fn mentions_elsewhere(&self, names: &[&str]) -> bool {
        let mut found = false;
        let mut see = |text: &str| found |= template::names(text).any(|name| names.contains(&name));
        let auth = &self.auth;
        [&auth.headers, &auth.query, &auth.cookies]
            .into_iter()
            .flat_map(|all| all.values())
            .for_each(|t| see(t));
        if let Some(basic) = &auth.basic {
            [&basic.username, &basic.password].into_iter().for_each(|text| see(text));
        }
        let rotation = self.rotation.iter().flat_map(|rotation| rotation.calls());
        for call in self.calls().chain(rotation) {
            call_texts(call, &mut see);
        }
        self.oauth_addresses().for_each(&mut see);
        if let Some(oauth) = &self.oauth {
            oauth.audience.iter().for_each(|text| see(text));
            oauth.extra_parameters.values().for_each(|text| see(text));
            oauth.authorization_parameters.values().for_each(|text| see(text));
        }
        // A signer's templates know more than names, such as `{date+60}`.
        for (member, value) in self.signer.iter().flatten() {
            pointer::walk(member, value, &mut |_, value| {
                let text = value.as_str().unwrap_or_default();
                found |= names.iter().any(|name| text.contains(&format!("{{{name}")));
            });
        }
        found
    }
}

fn call_texts(call: &Call, see: &mut dyn FnMut(&str)) {
    [&call.path, &call.url, &call.body].into_iter().flatten().for_each(|text| see(text));
    if let Some(basic) = &call.basic {
        [&basic.username, &basic.password].into_iter().for_each(|text| see(text));
    }
    let tables = [&call.headers, &call.query, &call.cookies].into_iter().chain(&call.form);
    tables.flat_map(|table| table.values()).for_each(|text| see(text));
    if let Some(json) = &call.json {
        pointer::walk("", json, &mut |_, value| see(value.as_str().unwrap_or_default()));
    }
}
