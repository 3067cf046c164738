//! What is wrong with a call: where it goes, its body, what is read from its answer.

use std::collections::HashSet;

use super::variant::Way;
use crate::schema::catalogue::service::Call;
use crate::schema::catalogue::template;
use crate::schema::rules::Rule;

/// What a call is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// To get what the next calls need.
    Step,
    /// To prove the credential.
    Test,
    /// To log out again.
    After,
    /// To make a key, or to drop one.
    Change,
}

impl<'a> Way<'a> {
    pub(super) fn call(&mut self, at: &str, call: &'a Call, known: &mut HashSet<&'a str>, turn: Turn) {
        let method = call.method();
        if method == "DELETE" && !matches!(turn, Turn::After | Turn::Change) {
            self.say(&format!("{at}/method"), "DELETE changes something: only what logs out may use it");
        }
        if method == "PUT" && turn != Turn::Change {
            self.say(&format!("{at}/method"), "PUT changes something: only what makes a key may use it");
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
        if bodies > 0 && !(method == "POST" || method == "PUT" && turn == Turn::Change) {
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
            if (take.list || !take.without.is_empty()) && take.json.is_none() {
                self.say(&at, "a list is taken from JSON");
            } else if !take.without.is_empty() && !take.list {
                self.say(&at, "leaves texts out, but of no list: list = true");
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
}

/// How many things a rule asks for.
fn checks(rule: &Rule) -> usize {
    rule.status.as_ref().map_or(0, Vec::len) + rule.json.len() + rule.text.len() + rule.header.len()
}
