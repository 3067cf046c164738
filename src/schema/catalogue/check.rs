//! What is wrong with a file of the catalogue: everything at once, each with its line.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use super::super::rules::Rule;
use super::super::text::{Place, place_of};
use super::super::{Kind, Kinds};
use super::service::{Call, Service, ServiceField, Templates, Variant};
use super::{SIGNER_VALUES, template};
use crate::model::{Content, Object, pointer};

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file's path.
    pub file: String,
    /// Line, counted from 1; 0: the file as a whole.
    pub line: usize,
    /// Column, in characters, counted from 1; 0: the file as a whole.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Mistake {
    /// A mistake of the file as a whole.
    pub fn of_file(file: &str, reason: &str) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, reason: reason.to_owned() }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.reason),
        }
    }
}

static SCHEMA: LazyLock<Kind> = LazyLock::new(|| {
    let schema = include_str!("../../../assets/service.json");
    let schema = serde_json::from_str(schema).expect("the schema of services is JSON (tested)");
    Kind::of_document("", schema).expect("the schema of services is valid (tested)")
});

/// A file's values as JSON, and where each of them starts.
#[derive(Default)]
struct Source {
    starts: HashMap<String, usize>,
    wrong: Vec<(usize, String)>,
}

impl Source {
    fn table(&mut self, place: &str, table: &DeTable<'_>) -> Object {
        let mut object = Object::new();
        for (name, value) in table {
            let inside = pointer::join(place, name.get_ref());
            // Of a member, the name's place: a table's value starts behind its heading.
            self.starts.insert(inside.clone(), name.span().start);
            object.insert(name.get_ref().to_string(), self.value(&inside, value));
        }
        object
    }

    fn value(&mut self, place: &str, value: &toml::Spanned<DeValue<'_>>) -> Value {
        let start = value.span().start;
        match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::from(number),
                Err(_) => self.refuse(start, "this number is too large"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>().map(Value::from) {
                Ok(number) if !number.is_null() => number,
                _ => self.refuse(start, "this is not a number that JSON has"),
            },
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(_) => self.refuse(start, "a time is written as a text, in quotes"),
            DeValue::Array(items) => {
                let item = |(index, item): (usize, &toml::Spanned<DeValue<'_>>)| {
                    let inside = format!("{place}/{index}");
                    self.starts.insert(inside.clone(), item.span().start);
                    self.value(&inside, item)
                };
                items.iter().enumerate().map(item).collect()
            }
            DeValue::Table(table) => Value::Object(self.table(place, table)),
        }
    }

    fn refuse(&mut self, start: usize, reason: &str) -> Value {
        self.wrong.push((start, reason.to_owned()));
        Value::Null
    }

    /// Where the value at a pointer starts; for one that is not there, what it would lie in.
    fn start(&self, place: &str) -> usize {
        let around = std::iter::successors(Some(place), |place| Some(&place[..place.rfind('/')?]));
        around.filter_map(|place| self.starts.get(place)).next().copied().unwrap_or(0)
    }
}

/// Everything wrong with a file. `base` is the built-in service that it may extend.
pub(super) fn check(file: &str, id: &str, text: &str, base: Option<&Service>) -> Vec<Mistake> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistake = |offset: usize, reason: String| {
        let Place { line, column } = place_of(text, offset);
        Mistake { file: file.to_owned(), line, column, reason }
    };
    let mut found: Vec<Mistake> = errors
        .iter()
        .map(|error| {
            let words = error.message().lines().collect::<Vec<_>>().join(", ");
            mistake(error.span().map_or(0, |span| span.start), words)
        })
        .collect();
    if !found.is_empty() {
        return found;
    }
    let mut source = Source::default();
    let document = source.table("", table.get_ref());
    for (offset, reason) in std::mem::take(&mut source.wrong) {
        found.push(mistake(offset, reason));
    }
    let content = Content { document, ..Content::default() };
    for violation in SCHEMA.check(&content) {
        let name = pointer::steps(&violation.pointer).last().unwrap_or_default().into_owned();
        let value = violation.value.map(|value| format!(" {value}")).unwrap_or_default();
        found
            .push(mistake(source.start(&violation.pointer), format!("{name}:{value} {}", violation.message)));
    }
    let mut checker = Checker { found: Vec::new() };
    checker.characters(&content);
    if !template::is_name(id) || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        checker.say("", "the file's name must be small letters, digits and '-', with .toml behind");
    }
    match super::parse(id, text) {
        Ok(service) => checker.service(&service, base),
        // Found by the schema already, unless the two do not agree.
        Err(_) if !found.is_empty() => {}
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            found.push(mistake(offset, error.message().to_owned()));
        }
    }
    found.extend(checker.found.into_iter().map(|(place, reason)| mistake(source.start(&place), reason)));
    found.sort();
    found.dedup();
    found
}

/// A service that extends another one: what it says itself comes first.
pub(super) fn extended(own: Service, base: Option<&Service>) -> Service {
    let Some(base) = base.filter(|_| own.extends) else { return own };
    let mut all = base.clone();
    all.extends = true;
    if !own.name.is_empty() {
        all.name = own.name;
    }
    if !own.category.is_empty() {
        all.category = own.category;
    }
    all.docs = own.docs.or(all.docs);
    all.status_page = own.status_page.or(all.status_page);
    all.words.extend(own.words);
    for variant in own.variants {
        match all.variants.iter_mut().find(|known| known.id == variant.id) {
            Some(known) => *known = variant,
            None => all.variants.push(variant),
        }
    }
    all
}

/// Kinds whose credentials prove themselves without a request that the catalogue describes.
const PROVE_THEMSELVES: [&str; 2] = ["database", "aws"];

/// Kinds whose own members are used without being named in a template.
const USE_THEIR_OWN: [&str; 5] = ["oauth2", "database", "aws", "client_certificate", "secret"];

/// Kinds that cannot be without a base URL.
const NEED_A_BASE: [&str; 4] = ["api_key", "basic_auth", "bearer_token", "client_certificate"];

struct Checker {
    found: Vec<(String, String)>,
}

impl Checker {
    fn say(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.found.push((place.into(), reason.into()));
    }

    /// No control characters but line breaks and tabs.
    fn characters(&mut self, content: &Content) {
        for (name, value) in &content.document {
            pointer::walk(&pointer::join("", name), value, &mut |place, value| {
                let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
                if value.as_str().is_some_and(|text| text.contains(control)) {
                    self.say(place, "a control character stands in this text");
                }
            });
        }
    }

    fn service(&mut self, service: &Service, base: Option<&Service>) {
        if service.extends && base.is_none() {
            self.say("/extends", "there is no built-in service of this name to extend");
        }
        let mut ids = HashSet::new();
        for (index, variant) in service.variants.iter().enumerate() {
            let place = format!("/variant/{index}");
            if !ids.insert(&variant.id) {
                self.say(format!("{place}/id"), format!("there is a variant {:?} already", variant.id));
            }
            Way { variant, place, checker: self, used: HashSet::new() }.check();
        }
        for (member, address) in [("docs", &service.docs), ("status_page", &service.status_page)] {
            if let Some(address) = address
                && url::Url::parse(address).is_err()
            {
                self.say(format!("/{member}"), "not an address");
            }
        }
    }
}

/// One variant while it is checked.
struct Way<'a> {
    variant: &'a Variant,
    place: String,
    checker: &'a mut Checker,
    used: HashSet<&'a str>,
}

impl<'a> Way<'a> {
    fn say(&mut self, place: &str, reason: impl Into<String>) {
        let place = format!("{}{place}", self.place);
        self.checker.say(place, reason);
    }

    fn check(&mut self) {
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
        self.unused(kind);
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
                && super::super::options().build(&json!({ "pattern": pattern })).is_err()
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
        let place = super::place_of(&self.variant.kind, kind, field);
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
    fn names(&mut self, at: &str, template: &'a str, known: &HashSet<&str>, uses: bool) {
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

    fn templates(&mut self, at: &str, templates: &'a Templates, known: &HashSet<&str>) {
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

    fn json(&mut self, at: &str, value: &'a Value, known: &HashSet<&str>) {
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
    fn address(&mut self, at: &str, address: &str) -> bool {
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

    fn call(&mut self, at: &str, call: &'a Call, known: &mut HashSet<&'a str>, turn: Turn) {
        let method = call.method();
        if method == "DELETE" && turn != Turn::After {
            self.say(&format!("{at}/method"), "DELETE changes something: only what logs out may use it");
        }
        self.destination(at, call, known);
        self.templates(&format!("{at}/headers"), &call.headers, known);
        self.templates(&format!("{at}/query"), &call.query, known);
        self.templates(&format!("{at}/cookies"), &call.cookies, known);
        if let Some(basic) = &call.basic {
            self.names(&format!("{at}/basic/username"), &basic.username, known, true);
            self.names(&format!("{at}/basic/password"), &basic.password, known, true);
        }
        let bodies = usize::from(call.form.is_some())
            + usize::from(call.json.is_some())
            + usize::from(call.body.is_some());
        if bodies > 1 {
            self.say(at, "form, json and body: keep one of them");
        }
        if bodies > 0 && method != "POST" {
            self.say(at, format!("a {method} has no body: say method = \"POST\", or drop it"));
        }
        if let Some(form) = &call.form {
            self.templates(&format!("{at}/form"), form, known);
        }
        if let Some(json) = &call.json {
            self.json(&format!("{at}/json"), json, known);
        }
        if let Some(body) = &call.body {
            self.names(&format!("{at}/body"), body, known, true);
        }
        self.rules(at, call);
        for (index, take) in call.take.iter().enumerate() {
            let at = format!("{at}/take/{index}");
            let places = [take.json.is_some(), take.header.is_some(), take.cookie.is_some(), take.body];
            if places.iter().filter(|place| **place).count() != 1 {
                self.say(&at, "is taken from exactly one place: json, header, cookie or body");
            }
            if !known.insert(&take.name) {
                self.say(&format!("{at}/name"), format!("there is a value {:?} already", take.name));
            }
        }
        for (index, fact) in call.facts.iter().enumerate() {
            if fact.json.is_some() == fact.header.is_some() {
                self.say(&format!("{at}/facts/{index}"), "is read from one place: json or header");
            }
        }
        let tests_only = call.weak.is_some() || !call.facts.is_empty() || call.basis.is_some();
        if tests_only && turn != Turn::Test {
            self.say(at, "weak, facts and basis belong to the test");
        }
        if turn == Turn::Test && call.basis.is_none() && !call.rejected.is_empty() {
            self.say(at, "says what a refusal looks like, but not who says so: basis");
        }
    }

    fn destination(&mut self, at: &str, call: &'a Call, known: &HashSet<&'a str>) {
        match (&call.path, &call.url) {
            (Some(_), Some(_)) => self.say(&format!("{at}/url"), "there is a path, too: keep one of them"),
            (None, None) => self.say(at, "neither a path nor a url"),
            (Some(path), None) => {
                let at = format!("{at}/path");
                self.names(&at, path, known, true);
                if self.variant.base_url.is_none() {
                    self.say(&at, "a path needs a base_url in the variant");
                }
                let filled = template::fill(path, |_| "x".to_owned());
                let leaves =
                    filled.starts_with("//") || filled.contains(['\\', '#']) || filled.contains("..");
                if leaves || !(filled.is_empty() || filled.starts_with(['/', '?'])) {
                    self.say(&at, "must start with / and stay on the host: no //, no .., no #, no backslash");
                }
            }
            (None, Some(url)) => {
                let at = format!("{at}/url");
                self.names(&at, url, known, true);
                if !url.starts_with("{base_url}") && self.address(&at, url) {
                    let host = template::authority(url).unwrap_or_default();
                    let base = self.variant.base_url.as_deref().and_then(template::authority);
                    if base != Some(host) && !self.variant.hosts.iter().any(|known| known == host) {
                        self.say(&at, format!("{host:?} is neither the base URL's host nor among hosts"));
                    }
                }
            }
        }
    }

    fn rules(&mut self, at: &str, call: &Call) {
        let all = [
            ("expect", &call.expect),
            ("rejected", &call.rejected),
            ("limited", &call.limited),
            ("expired", &call.expired),
        ];
        for (name, rules) in all {
            for (index, rule) in rules.iter().enumerate() {
                let at = match rules.len() {
                    1 => format!("{at}/{name}"),
                    _ => format!("{at}/{name}/{index}"),
                };
                if rule.status.iter().flatten().any(|status| (300..400).contains(status)) {
                    self.say(&at, "a redirect leads elsewhere whatever a rule says: take it out");
                }
                if checks(rule) == 0 {
                    self.say(&at, "names neither a status nor a check: it would always hold");
                }
                for check in &rule.json {
                    let bad = check.pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
                    if bad {
                        self.say(&at, format!("{:?} is not a JSON pointer", check.pointer));
                    }
                }
                let says_no_more = rule.closeness() == 0;
                let good = rule.status.iter().flatten().any(|status| (200..300).contains(status));
                if matches!(name, "rejected" | "expired") && says_no_more && good {
                    self.say(&at, "a good status alone cannot mean a refusal");
                }
                if name == "rejected" && call.expired.iter().any(|other| other == rule) {
                    self.say(
                        &at,
                        "the same rule is what an expired credential looks like: expired alone says it",
                    );
                }
                let same = call.expect.iter().any(|other| other == rule);
                if name != "expect" && same {
                    self.say(&at, "the same rule is what a good answer looks like");
                }
            }
        }
    }

    fn unused(&mut self, kind: &Kind) {
        let variant = self.variant;
        let nothing_said = variant.not_testable.is_some() && variant.auth.is_empty();
        for (index, field) in variant.fields.iter().enumerate() {
            let name = field.name.as_str();
            let place = super::place_of(&variant.kind, kind, field);
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

/// What a call is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Step,
    Test,
    After,
}

fn checks(rule: &Rule) -> usize {
    rule.status.as_ref().map_or(0, Vec::len) + rule.json.len() + rule.text.len() + rule.header.len()
}
