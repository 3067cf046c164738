//! What is wrong with the calls that make and drop keys.

use std::collections::HashSet;

use super::call::Turn;
use super::variant::Way;
use crate::model::pointer;
use crate::schema::catalogue::rotation::{BEFORE, ENDS_ON, LABEL, Rotation};
use crate::schema::catalogue::service::Call;
use crate::schema::catalogue::template;

impl<'a> Way<'a> {
    pub(super) fn rotation(&mut self, rotation: &'a Rotation, known: &HashSet<&'a str>) {
        const AT: &str = "/rotation";
        if !matches!(self.variant.kind.as_str(), "api_key" | "bearer_token" | "basic_auth" | "custom") {
            self.say(AT, format!("keys of the kind {} are not made so", self.variant.kind));
        }
        let mut secret = false;
        for name in rotation.fields.keys() {
            let at = pointer::join("/rotation/fields", name);
            match self.variant.field(name) {
                None => self.say(&at, format!("there is no field {name:?}")),
                Some(field) => secret |= field.secret,
            }
        }
        if !secret {
            self.say("/rotation/fields", "no secret is among them: what is made would be lost");
        }
        if let Some(id) = &rotation.id {
            let field = self.variant.field(id);
            if field.is_none_or(|field| field.secret) {
                self.say("/rotation/id", format!("{id:?} is no field that can be shown"));
            } else if !rotation.fields.contains_key(id) {
                self.say("/rotation/id", format!("{id:?} is not among the fields that are taken"));
            }
            // What the service calls a key is kept for the message, and for dropping it.
            self.uses(id);
        }
        if rotation.replaces && rotation.drop.is_some() {
            self.say("/rotation/drop", "the key before is gone at once: there is nothing to drop");
        }
        let mut making = known.clone();
        for (index, step) in rotation.steps.iter().enumerate() {
            self.call(&format!("/rotation/step/{index}"), step, &mut making, Turn::Step);
            self.stays_home(&format!("/rotation/step/{index}"), step);
        }
        making.extend([LABEL, ENDS_ON]);
        self.changing("/rotation/make", &rotation.make, &mut making);
        if let Some(drop) = &rotation.drop {
            let mut dropping = known.clone();
            let before: Vec<String> =
                self.variant.fields.iter().map(|field| format!("{BEFORE}{}", field.name)).collect();
            // The names live as long as the file: those that its templates use.
            let used = texts(drop).into_iter().flat_map(template::names);
            let used: Vec<&'a str> = used.filter(|name| before.iter().any(|known| known == name)).collect();
            if used.is_empty() {
                self.say("/rotation/drop", "does not say which key: {before.NAME} is a field of it");
            }
            dropping.extend(used);
            self.changing("/rotation/drop", drop, &mut dropping);
        }
    }

    fn changing(&mut self, at: &str, call: &'a Call, known: &mut HashSet<&'a str>) {
        self.call(at, call, known, Turn::Change);
        self.stays_home(at, call);
        if call.expect.is_empty() {
            self.say(at, "does not say what a good answer looks like: expect");
        }
        if matches!(call.method().as_str(), "GET" | "HEAD" | "OPTIONS") {
            self.say(&format!("{at}/method"), format!("a {} changes nothing", call.method()));
        }
    }

    /// A key is made where it is used, and nowhere else.
    fn stays_home(&mut self, at: &str, call: &Call) {
        if call.url.is_some() {
            self.say(&format!("{at}/url"), "goes to the base URL's host only: say a path");
        }
    }
}

/// Every template of a call.
fn texts(call: &Call) -> Vec<&str> {
    let tables = [&call.headers, &call.query, &call.cookies].into_iter().chain(&call.form);
    let mut texts: Vec<&str> = tables.flat_map(|table| table.values()).map(String::as_str).collect();
    texts.extend([&call.path, &call.body].into_iter().flatten().map(String::as_str));
    if let Some(json) = &call.json {
        in_json(json, &mut texts);
    }
    texts
}

fn in_json<'a>(value: &'a serde_json::Value, texts: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::String(text) => texts.push(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| in_json(item, texts)),
        serde_json::Value::Object(members) => members.values().for_each(|member| in_json(member, texts)),
        _ => {}
    }
}
