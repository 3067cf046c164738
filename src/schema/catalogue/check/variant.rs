//! What is wrong with a variant: its fields, its addresses, the names in its templates.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::Checker;
use super::call::Turn;
use crate::model::pointer;
use crate::schema::catalogue::service::{ServiceField, Templates, Variant};
use crate::schema::catalogue::{SIGNER_VALUES, place_of, template};
use crate::schema::{Kind, Kinds, validator};

/// Kinds whose credentials prove themselves without a request that the catalogue describes.
const PROVE_THEMSELVES: [&str; 2] = ["database", "aws"];

/// Kinds whose own members are used without being named in a template.
const USE_THEIR_OWN: [&str; 5] = ["oauth2", "database", "aws", "client_certificate", "secret"];

/// Kinds that cannot be without a base URL.
const NEED_A_BASE: [&str; 4] = ["api_key", "basic_auth", "bearer_token", "client_certificate"];

/// One variant while it is checked.
pub(super) struct Way<'a> {
    pub(super) variant: &'a Variant,
    /// Where it stands in the file.
    place: String,
    checker: &'a mut Checker,
    /// Fields and derived values that something uses.
    used: HashSet<&'a str>,
}

impl<'a> Way<'a> {
    pub(super) fn new(variant: &'a Variant, place: String, checker: &'a mut Checker) -> Self {
        Self { variant, place, checker, used: HashSet::new() }
    }

    pub(super) fn say(&mut self, place: &str, reason: impl Into<String>) {
        let place = format!("{}{place}", self.place);
        self.checker.say(place, reason);
    }

    pub(super) fn check(&mut self) {
        let variant = self.variant;
        let Some(kind) = Kinds::builtin().get(&variant.kind) else { return };
        self.fields(kind);
        // Names that can be used by what comes next: fields and derived values, then what calls take.
        let mut known: HashSet<&str> = variant.fields.iter().map(|field| field.name.as_str()).collect();
        let own = kind.fields.iter().filter_map(|field| field.pointer.strip_prefix("/config/"));
        let implied = USE_THEIR_OWN.contains(&variant.kind.as_str());
        known.extend(own.filter(|name| *name == "base_url" || (implied && !name.contains('/'))));
        if variant.base_url.is_none() && NEED_A_BASE.contains(&variant.kind.as_str()) {
            let reason =
                format!("the kind {} needs a base_url; \"{{base_url}}\" asks a person", variant.kind);
            self.say("/kind", reason);
        }
        self.derived(&mut known);
        if let Some(base) = &variant.base_url {
            self.base(base, &known);
        }
        if let Some(page) = &variant.key_url {
            self.names("/key_url", page, &known, false);
            self.address("/key_url", page);
        }
        for (index, host) in variant.hosts.iter().enumerate() {
            self.host(&format!("/hosts/{index}"), host, &known);
        }
        self.oauth(&known);
        if let Some(signer) = &variant.signer {
            self.signed(signer);
            known.extend(SIGNER_VALUES);
        }
        for (index, step) in variant.steps.iter().enumerate() {
            self.call(&format!("/step/{index}"), step, &mut known, Turn::Step);
        }
        if self.variant.kind == "oauth2" {
            known.insert("access_token");
        }
        let auth = &variant.auth;
        self.templates("/auth/headers", &auth.headers, &known);
        self.templates("/auth/query", &auth.query, &known);
        self.templates("/auth/cookies", &auth.cookies, &known);
        if let Some(basic) = &auth.basic {
            self.names("/auth/basic/username", &basic.username, &known, true);
            self.names("/auth/basic/password", &basic.password, &known, true);
        }
        let proves_itself = PROVE_THEMSELVES.contains(&variant.kind.as_str())
            || variant.oauth.as_ref().is_some_and(|oauth| {
                matches!(oauth.grant.as_deref(), Some("client_credentials" | "jwt_bearer"))
            });
        match (&variant.test, &variant.not_testable) {
            (Some(test), None) => self.call("/test", test, &mut known, Turn::Test),
            (None, Some(_)) => {}
            (Some(_), Some(_)) => self.say("/not_testable", "there is a test, too: keep one of them"),
            (None, None) if proves_itself => {}
            (None, None) => self.say("", "neither a test nor not_testable, which says why there is none"),
        }
        for (index, call) in variant.after.iter().enumerate() {
            self.call(&format!("/after/{index}"), call, &mut known, Turn::After);
        }
        if let Some(rotation) = &variant.rotation {
            self.rotation(rotation, &known);
        }
        self.unused(kind);
    }

    /// Notes that something uses a field.
    pub(super) fn uses(&mut self, name: &'a str) {
        self.used.insert(name);
    }

    fn fields(&mut self, kind: &Kind) {
        let mut names = HashSet::new();
        for (index, field) in self.variant.fields.iter().enumerate() {
            let at = format!("/field/{index}");
            let name = field.name.as_str();
            if !names.insert(name) {
                self.say(&format!("{at}/name"), format!("there is a field {name:?} already"));
            }
            self.field_fits(&at, kind, field);
            if let Some(pattern) = &field.pattern
                && validator::options().build(&json!({ "pattern": pattern })).is_err()
            {
                self.say(&format!("{at}/pattern"), "not a regular expression");
            }
            if field.says.is_some() && field.pattern.is_none() {
                self.say(&format!("{at}/says"), "says without a pattern that could be violated");
            }
            if let (Some(default), false) = (&field.default, field.choices.is_empty())
                && !field.choices.contains(default)
            {
                self.say(&format!("{at}/default"), "not one of the choices");
            }
            if field.secret && (field.default.is_some() || !field.choices.is_empty()) {
                self.say(&at, "a secret has no default and no choices");
            }
            if field.length.is_some_and(|[least, most]| least > most) {
                self.say(&format!("{at}/length"), "the least length is more than the most");
            }
        }
        let needed: &[&str] = match self.variant.kind.as_str() {
            "api_key" => &["api_key"],
            "bearer_token" => &["token"],
            "basic_auth" => &["username"],
            _ => &[],
        };
        for name in needed.iter().filter(|name| !names.contains(*name)) {
            self.say("/kind", format!("the kind {} needs a field {name:?}", self.variant.kind));
        }
    }

    /// Whether a field can be stored in a credential of the kind.
    fn field_fits(&mut self, at: &str, kind: &Kind, field: &ServiceField) {
        let place = place_of(&self.variant.kind, kind, field);
        let own = kind.schema_at(&place).is_some();
        let title = &self.variant.kind;
        if self.variant.kind != "custom" && own && kind.is_secret(&place) != field.secret {
            let is = if field.secret { "no secret" } else { "a secret" };
            self.say(at, format!("{:?} is {is} in the kind {title}", field.name));
        } else if !own && field.secret {
            let reason = format!(
                "the kind {title} has no secret {:?}: more secrets than its own need the kind custom",
                field.name
            );
            self.say(at, reason);
        }
    }

    fn derived(&mut self, known: &mut HashSet<&'a str>) {
        for (index, derived) in self.variant.derived.iter().enumerate() {
            let at = format!("/derived/{index}");
            if derived.ways() != 1 {
                self.say(
                    &at,
                    "names exactly one way: after_last, before_last, after_first, before_first, base64 or lower",
                );
            }
            if known.contains(derived.from.as_str()) {
                self.used.insert(&derived.from);
            } else {
                self.say(&format!("{at}/from"), format!("there is no field {:?} before it", derived.from));
            }
            if !known.insert(&derived.name) {
                self.say(&format!("{at}/name"), format!("there is a value {:?} already", derived.name));
            }
        }
    }

    /// Every name in a template is one; of an address of a page, none counts as used.
    pub(super) fn names(&mut self, at: &str, template: &'a str, known: &HashSet<&str>, uses: bool) {
        for name in template::names(template) {
            if !known.contains(name) {
                let mut all: Vec<&str> = known.iter().copied().collect();
                all.sort_unstable();
                let there = if all.is_empty() { "nothing".to_owned() } else { all.join(", ") };
                self.say(at, format!("{{{name}}} is not known here; there is {there}"));
            } else if uses {
                self.used.insert(name);
            }
        }
    }

    pub(super) fn templates(&mut self, at: &str, templates: &'a Templates, known: &HashSet<&str>) {
        let mut seen = HashSet::new();
        for (name, template) in templates {
            let at = pointer::join(at, name);
            if at.contains("/headers/") && !seen.insert(name.to_ascii_lowercase()) {
                self.say(&at, "this header is set twice");
            }
            if template.contains(['\n', '\r']) && !at.contains("/form/") {
                self.say(&at, "a line break cannot be sent here");
            }
            self.names(&at, template, known, true);
        }
    }

    pub(super) fn json(&mut self, at: &str, value: &'a Value, known: &HashSet<&str>) {
        match value {
            Value::String(text) => self.names(at, text, known, true),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.json(&format!("{at}/{index}"), item, known);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.json(&pointer::join(at, name), member, known);
                }
            }
            _ => {}
        }
    }

    /// Which fields a signer uses. Its templates know more than names (`{timestamp+60}`, filters): what is wrong
    /// with them is told by whoever signs.
    fn signed(&mut self, signer: &'a Map<String, Value>) {
        let mut text = String::new();
        for (name, value) in signer {
            pointer::walk(name, value, &mut |_, value| {
                text.extend(value.as_str().map(|text| format!("{text} ")))
            });
        }
        for part in text.split('{').skip(1) {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let variant = self.variant;
            let fields = variant.fields.iter().map(|field| field.name.as_str());
            let derived = variant.derived.iter().map(|derived| derived.name.as_str());
            self.used.extend(fields.chain(derived).find(|name| *name == &part[..end]));
        }
    }

    /// A host template: no secret in it, and nothing that is no host.
    fn host(&mut self, at: &str, host: &'a str, known: &HashSet<&str>) {
        self.names(at, host, known, true);
        for name in template::names(host) {
            if self.variant.field(name).is_some_and(|field| field.secret) {
                self.say(at, format!("{{{name}}} is a secret: it cannot be part of a host"));
            }
        }
        let filled = template::fill(host, |_| "x".to_owned());
        if url::Host::parse(&filled).is_err() {
            self.say(at, format!("{host:?} is not a host"));
        }
    }

    /// https, with a host; http only to this machine.
    pub(super) fn address(&mut self, at: &str, address: &str) -> bool {
        let filled = template::fill(address, |_| "x".to_owned());
        let url = match url::Url::parse(&filled) {
            Ok(url) if url.has_host() => url,
            _ => {
                self.say(at, "not an address such as https://api.example.com");
                return false;
            }
        };
        let here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !here {
            self.say(at, "must be https");
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            self.say(at, "an address holds no user name, no password and no #");
        }
        true
    }

    fn base(&mut self, base: &'a str, known: &HashSet<&str>) {
        const AT: &str = "/base_url";
        if base == "{base_url}" {
            return self.names(AT, base, known, true);
        }
        self.names(AT, base, known, true);
        if self.variant.field("base_url").is_some_and(|field| field.default.is_some()) {
            self.say(AT, "the field base_url has a default, too: keep one of them");
        }
        if base.starts_with('{') {
            return self.say(
                AT,
                "an address that a person enters is the field base_url, and base_url = \"{base_url}\" alone: \
                 what comes behind belongs to the paths",
            );
        }
        if self.address(AT, base) {
            if base.contains('?') {
                self.say(AT, "must end with its path: a query belongs to the auth or to the calls");
            }
            if let Some(authority) = template::authority(base) {
                let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
                self.host(AT, host, known);
            }
        }
    }

    fn oauth(&mut self, known: &HashSet<&str>) {
        let Some(oauth) = &self.variant.oauth else { return };
        if self.variant.kind != "oauth2" {
            self.say("/oauth", format!("the kind {} knows no OAuth: use oauth2", self.variant.kind));
        }
        let addresses = [
            ("issuer", &oauth.issuer),
            ("authorization_url", &oauth.authorization_url),
            ("token_url", &oauth.token_url),
            ("device_url", &oauth.device_url),
            ("revocation_url", &oauth.revocation_url),
            ("refresh_url", &oauth.refresh_url),
        ];
        for (name, address) in addresses {
            let Some(address) = address else { continue };
            let at = format!("/oauth/{name}");
            self.names(&at, address, known, true);
            if !address.starts_with("{base_url}") {
                self.address(&at, address);
            }
        }
        if let Some(audience) = &oauth.audience {
            self.names("/oauth/audience", audience, known, true);
        }
        self.templates("/oauth/extra_parameters", &oauth.extra_parameters, known);
        self.templates("/oauth/authorization_parameters", &oauth.authorization_parameters, known);
    }

    fn unused(&mut self, kind: &Kind) {
        let variant = self.variant;
        let nothing_said = variant.not_testable.is_some() && variant.auth.is_empty();
        for (index, field) in variant.fields.iter().enumerate() {
            let name = field.name.as_str();
            let place = place_of(&variant.kind, kind, field);
            let own = kind.schema_at(&place).is_some() && variant.kind != "custom";
            let is_base = name == "base_url";
            let implied = own && USE_THEIR_OWN.contains(&variant.kind.as_str());
            if self.used.contains(name) || implied || nothing_said || (is_base && own) {
                continue;
            }
            let at = format!("/field/{index}/name");
            match field.secret {
                true => self.say(&at, format!("the secret {name:?} goes nowhere")),
                false => self.say(&at, format!("{name:?} is used nowhere")),
            }
        }
        for (index, derived) in variant.derived.iter().enumerate() {
            if !self.used.contains(derived.name.as_str()) {
                self.say(&format!("/derived/{index}"), format!("{:?} is used nowhere", derived.name));
            }
        }
    }
}
