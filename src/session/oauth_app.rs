//! OAuth apps of the organization: what a document would change, and the addresses that a provider is known for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::change::{invalid, located, unread};
use crate::model::{Content, Document, Edit, OauthApp, pointer};
use crate::probe::Surroundings;
use crate::problem::{Exit, Problem};
use crate::schema::text::Positions;
use crate::schema::{Absent, Draft, Kind, Kinds, Notice, Violation};

/// The members of an app that are addresses.
const ADDRESSES: [&str; 7] =
    ["issuer", "authorization_url", "token_url", "device_url", "refresh_url", "revocation_url", "base_url"];

/// What is known of each provider: the member that its apps need, and addresses with `{tenant}` or `{domain}`.
static PROVIDERS: LazyLock<BTreeMap<String, BTreeMap<String, String>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../assets/oauth_providers.json"))
        .expect("the built-in providers are JSON (tested)")
});

/// An OAuth app that a document creates or changes.
#[derive(Clone, Debug)]
pub struct OauthAppChange {
    /// Its name.
    pub name: String,
    /// What is stored.
    pub before: Option<OauthApp>,
    /// What there will be.
    pub after: OauthApp,
    /// What was done to the document, to be told.
    pub notices: Vec<Notice>,
}

impl OauthAppChange {
    /// Whether it differs from what is stored.
    pub fn differs(&self) -> bool {
        self.before.as_ref() != Some(&self.after)
    }

    /// The edit that stores it.
    pub fn edit(self) -> Edit {
        Edit::SetOauthApp { name: self.name, before: self.before, after: Some(self.after) }
    }
}

/// The kind that describes an OAuth app.
fn kind() -> Option<&'static Kind> {
    Kinds::of_oauth_apps().iter().next().map(|kind| &**kind)
}

/// What the document of a new OAuth app starts with.
pub fn blank_oauth_app() -> Content {
    let mut app = Content::default();
    for (place, value) in [("/name", ""), ("/provider", "openid_connect"), ("/client_id", "")] {
        app.set(place, Value::String(value.to_owned()));
    }
    app
}

/// The addresses of an OAuth app: its own, else those that its provider is known for.
pub fn oauth_addresses(app: &Content) -> BTreeMap<&'static str, String> {
    let provider = PROVIDERS.get(oauth_provider(app));
    let of = |name: &'static str| {
        let own = app.document.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((name, own.or_else(|| filled(provider?.get(name)?, app))?))
    };
    ADDRESSES.into_iter().filter_map(of).collect()
}

/// What the test of a credential may see of the vault: the OAuth app that it refers to, with every address.
pub fn surroundings(document: &Document, content: &Content) -> Surroundings {
    let named = content.get_str("/config/app").filter(|_| content.kind() == "oauth_alias");
    let app = named.and_then(|name| document.oauth_app(name)).map(|app| {
        let mut filled = app.content.clone();
        for (name, address) in oauth_addresses(&app.content) {
            filled.set(&format!("/{name}"), Value::String(address));
        }
        filled
    });
    Surroundings { oauth_app: app }
}

/// What fields of an OAuth app mean while they are empty: the addresses that its provider is known for, by their
/// places.
pub fn oauth_meant(app: &Content) -> Vec<(String, String)> {
    let own = |name: &str| app.document.contains_key(name);
    let known = oauth_addresses(app).into_iter().filter(|(name, _)| !own(name));
    known.map(|(name, address)| (pointer::join("", name), format!("of the provider: {address}"))).collect()
}

/// The provider of an OAuth app; `custom` where it names none.
pub fn oauth_provider(app: &Content) -> &str {
    app.document.get("provider").and_then(Value::as_str).unwrap_or("custom")
}

/// An address with the app's own tenant or domain; `None` where the app does not say it.
fn filled(template: &str, app: &Content) -> Option<String> {
    let mut address = template.to_owned();
    for member in ["tenant", "domain"] {
        let place = format!("{{{member}}}");
        if address.contains(&place) {
            address = address.replace(&place, app.document.get(member)?.as_str()?);
        }
    }
    Some(address)
}

/// Everything wrong with an OAuth app.
pub fn check_oauth_app(app: &Content) -> Vec<Violation> {
    let mut found = kind().map(|kind| kind.check(app)).unwrap_or_default();
    if found.is_empty() {
        found.extend(oauth_app_lacks(app));
    }
    found
}

/// As [`check_oauth_app`], of one that is edited.
pub fn check_oauth_draft(draft: &Draft, kinds: &Kinds) -> Vec<Violation> {
    let mut found = draft.check(kinds);
    let lacks = oauth_app_lacks(draft.content());
    found.extend(lacks.filter(|lacks| !found.iter().any(|known| known.pointer == lacks.pointer)));
    found
}

/// What an OAuth app needs so that it is known where its tokens come from.
fn oauth_app_lacks(app: &Content) -> Option<Violation> {
    let addresses = oauth_addresses(app);
    if addresses.contains_key("issuer") || addresses.contains_key("token_url") {
        return None;
    }
    let provider = oauth_provider(app);
    let needed = PROVIDERS.get(provider).and_then(|known| known.get("needs"));
    let needed = needed.map_or("token_url", String::as_str);
    Some(Violation::new(pointer::join("", needed), format!("is required for the provider {provider}")))
}

/// Whether an OAuth app would send a kept secret to another place than before: its address.
pub fn oauth_app_moved(before: &Content, after: &Content) -> Option<String> {
    let kept = after.secrets.iter().any(|(place, secret)| before.secret(place) == Some(secret));
    if !kept {
        return None;
    }
    let origin = |address: &String| match url::Url::parse(address) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => address.clone(),
    };
    let known: Vec<String> = oauth_addresses(before).values().map(origin).collect();
    oauth_addresses(after).into_values().find(|address| !known.contains(&origin(address)))
}

/// Reads a JSON text of one OAuth app against the vault. `from` names the text in messages.
///
/// # Errors
/// Exit 7 with every violation (line, column, pointer), 5 for an address that changed without its secret given
/// anew.
pub fn oauth_app_change(document: &Document, text: &str, from: &str) -> Result<OauthAppChange, Problem> {
    let hint = "`credbench schema oauth_app` prints what the document of an OAuth app may say";
    let positions = Positions::read(text).map_err(|errors| unread(from, &errors).hint(hint))?;
    let violations = |found: &[Violation]| {
        let causes = found.iter().map(|violation| located(from, text, &positions, violation));
        invalid(causes.collect()).hint(hint)
    };
    let Ok(Value::Object(object)) = serde_json::from_str(text) else {
        return Err(violations(&[Violation::new("", "an OAuth app is an object")]));
    };
    let name = object.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let before = document.oauth_app(&name).cloned();
    let base = before.as_ref().map(|app| &app.content);
    let kind = kind().ok_or_else(|| violations(&[]))?;
    let read = kind.read(object, base, Absent::Keeps).map_err(|found| violations(&found))?;
    let found = check_oauth_app(&read.content);
    if !found.is_empty() {
        return Err(violations(&found));
    }
    if let Some(address) = base.and_then(|base| oauth_app_moved(base, &read.content)) {
        return Err(oauth_origin_changed(&name, &address));
    }
    Ok(OauthAppChange { name, before, after: OauthApp { content: read.content }, notices: read.notices })
}

/// The problem of a kept secret that would go to another place.
pub fn oauth_origin_changed(name: &str, address: &str) -> Problem {
    let message =
        format!("{name}: {address} is another host, scheme or port, and its secret was not given anew");
    Problem::new(Exit::Refused, "origin_changed", message)
        .hint("a secret belongs to its address: give both together")
}

/// The OAuth app of a name.
///
/// # Errors
/// Exit 4.
pub fn oauth_app<'a>(document: &'a Document, name: &str) -> Result<&'a OauthApp, Problem> {
    document.oauth_app(name).ok_or_else(|| {
        let names: Vec<&str> = document.oauth_apps().iter().map(OauthApp::name).collect();
        let hint = match names.as_slice() {
            [] => "`credbench oauth-app put` makes one".to_owned(),
            names => format!("there is: {}", names.join(", ")),
        };
        Problem::new(Exit::NotFound, "no_oauth_app", format!("there is no OAuth app {name:?}")).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn app(document: Value) -> Content {
        Content { document: document.as_object().unwrap().clone(), ..Content::default() }
    }

    #[test]
    fn every_provider_of_the_schema_is_known_and_makes_its_addresses() {
        let schema = kind().unwrap().schema_at("/provider").unwrap();
        let named: Vec<&str> = schema["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(named.len(), PROVIDERS.len());
        for provider in named {
            let known = &PROVIDERS[provider];
            let bare = app(json!({"name": "a", "client_id": "c", "provider": provider}));
            let found = check_oauth_app(&bare);
            assert_eq!(found[0].pointer, format!("/{}", known["needs"]), "{provider}");
            let mut full = bare.clone();
            full.set("/tenant", json!("contoso.example"));
            full.set("/domain", json!("acme.example"));
            for own in known.keys().filter(|name| ADDRESSES.contains(&name.as_str())) {
                assert!(oauth_addresses(&full).contains_key(own.as_str()), "{provider} {own}");
            }
            assert!(oauth_addresses(&full).values().all(|address| url::Url::parse(address).is_ok()));
            assert!(known.keys().all(|name| name == "needs" || ADDRESSES.contains(&name.as_str())));
        }
    }

    #[test]
    fn a_kept_secret_does_not_move_to_another_host() {
        let mut before =
            app(json!({"name": "a", "client_id": "c", "provider": "okta", "domain": "a.example"}));
        before.set_secret("/client_secret", crate::secret::Secret::from("s"));
        let mut after = before.clone();
        after.set("/scopes", json!(["x"]));
        assert_eq!(oauth_app_moved(&before, &after), None);
        after.set("/domain", json!("b.example"));
        assert!(oauth_app_moved(&before, &after).unwrap().contains("b.example"));
        after.set_secret("/client_secret", crate::secret::Secret::from("t"));
        assert_eq!(oauth_app_moved(&before, &after), None);
    }
}
