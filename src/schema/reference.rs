//! `docs/KINDS.md`: every kind in Markdown, made from the schemas.

use std::fmt::Write;

use serde_json::Value;

use super::{Choices, Control, Field, Kind, Kinds};
use crate::model::pointer;

const OPENING: &str = "# Kinds

Made from the schemas in `assets/kinds/` by the tests: edit those, not this file. `credbench schema KIND` prints the
whole schema (JSON Schema 2020-12).

🔒 is a secret: `show --json` prints `{\"$secret\":\"stored\"}` in its place. * is required. A credential without a
required secret is stored as `incomplete`; without another required field it is not valid.
";

/// A kind of one's own, as it is put.
pub(super) const EXAMPLE: &str = include_str!("../../assets/example_kind.json");

const OWN: &str = "
## A kind of your own

A vault can define kinds beside these: in the workbench (`K`, then `a` copies the selected kind to a new one), or on the
command line:

    credbench kinds show custom > weather.json       # something to start from
    credbench kinds put weather --json-file weather.json
    credbench add my.station --kind weather

It is described by a JSON Schema (draft 2020-12) of `config`, such as this one. It lives in the vault with its earlier
versions, and its credentials are added, edited, tested and searched like any other's.

";

const RULES: &str = "
| keyword | means |
| --- | --- |
| `title`, `description`, `examples`, `default` | what the form says beside a field |
| `type` | `string`, `integer`, `boolean`, an `array` of texts, an `object` with `properties` or (a table) `additionalProperties`; anything else is edited as JSON |
| `writeOnly: true` | the text is a secret: masked everywhere, kept apart, never in a `default` or an `enum` |
| `required`, `enum`, `pattern`, `format`, `minLength`, `minimum` … | checks; a missing required secret makes a credential `incomplete`. Patterns are matched in linear time: no look-around, no back-references |
| `if`/`then`/`else`, `allOf`, `oneOf`, `anyOf`, `dependentRequired`, `dependentSchemas` | the form follows them |
| `$defs`, `$ref` | only to the schema's own `#/$defs/…`, not in a circle |
| `x-group` | the heading that a field stands under |
| `x-multiline: true` | line breaks are allowed |
| `x-pattern` | what a violated `pattern` means, in words |
| `x-main: true` | the secret that `get KEY` means; without one, the only value |
| `x-origin: true` | secrets are bound to this address. A kind with secrets that are sent somewhere has it on `base_url` |
| `x-choices` | one of the vault's `solutions` or `apps` |
| `x-fixed: true` | shown in the form, edited only as JSON |
| `x-obtain` | how a secret is come by that nobody types |
| `x-request` | where fields and secrets go: `headers`, `query`, `body`, in which `{name}` stands for a field (`{table.name}` for one in a table or an object). A credential with a `config.request` of its own has that |
| `x-test` | the test of credentials that have no `test` of their own |
| `x-testable: false` | no HTTP request proves it |

The default of `base_url` is stored with each new credential: whoever changes the schema later changes where new
credentials go, never where a stored secret does. Another address needs the secret again.

A schema that was changed loses nothing. Credentials that no longer fit are named before it is saved, then flagged
`needs_attention` (`list is:needs_attention`). A stored secret stays one whatever the schema says of its place; a value that
becomes `writeOnly` is masked at once, in earlier versions too, and stored as a secret when its credential is next
saved. A kind that a credential is of is not removed.
";

impl Kinds {
    /// The page about all kinds, in Markdown.
    pub fn reference(&self) -> String {
        let mut page = OPENING.to_owned();
        // Writing to a String cannot fail.
        if let Some(kind) = self.iter().next() {
            page.push_str("\n## Every kind\n\n");
            kind.table(&mut page, |field| !in_config(field));
        }
        for kind in self.iter() {
            let _ = write!(page, "\n## {}: `{}`\n\n{}\n\n", kind.title, kind.id, kind.description);
            kind.table(&mut page, in_config);
            if kind.schema().pointer("/properties/test").is_none() {
                page.push_str(
                    "\nNo HTTP request proves it: it has no `test`, `allowed_hosts` and `allow_http`.\n",
                );
            }
        }
        page.push_str(OWN);
        let _ = write!(page, "```json\n{EXAMPLE}```\n");
        page.push_str(RULES);
        page
    }
}

fn in_config(field: &Field) -> bool {
    field.pointer.starts_with("/config/")
}

impl Kind {
    fn table(&self, page: &mut String, shown: impl Fn(&Field) -> bool) {
        page.push_str("| field | value | meaning |\n| --- | --- | --- |\n");
        for field in self.fields.iter().filter(|field| shown(field)) {
            let steps: Vec<_> = pointer::steps(&field.pointer).collect();
            let name = steps.join(".");
            let secret = matches!(field.control, Control::Secret { .. } | Control::Table { secret: true });
            let lock = if secret { " 🔒" } else { "" };
            let star = if field.required { " *" } else { "" };
            let value = self.value_words(field);
            let _ = writeln!(page, "| `{name}`{lock}{star} | {value} | {} |", self.meaning(field));
        }
    }

    fn value_words(&self, field: &Field) -> String {
        match &field.control {
            Control::Text { multiline: false } | Control::Secret { multiline: false } => "text".to_owned(),
            Control::Text { multiline: true } | Control::Secret { multiline: true } => {
                "text of any number of lines".to_owned()
            }
            Control::Choice(Choices::Fixed(options)) => {
                options.iter().map(|option| format!("`{option}`")).collect::<Vec<_>>().join(", ")
            }
            Control::Choice(Choices::FromVault(word)) => format!("one of the vault's {word}"),
            Control::Number { min: Some(min), max: Some(max) } => format!("number, {min} to {max}"),
            Control::Number { .. } => "number".to_owned(),
            Control::Boolean => "`true` or `false`".to_owned(),
            Control::List => "list of texts".to_owned(),
            Control::Table { .. } => "object of texts".to_owned(),
            Control::Json => match self.schema_at(&field.pointer).and_then(|schema| schema.get("properties"))
            {
                Some(Value::Object(members)) => {
                    let names = members.keys().map(|name| format!("`{name}`"));
                    format!("object: {}", names.collect::<Vec<_>>().join(", "))
                }
                _ => "JSON".to_owned(),
            },
        }
    }

    fn meaning(&self, field: &Field) -> String {
        let mut said = vec![format!("{}.", field.label)];
        if !field.help.is_empty() {
            said.push(field.help.clone());
        }
        let there = self.parts.guards_of(&field.pointer);
        if !there.is_empty() {
            said.push(format!("Only {}.", self.case(&there)));
        }
        if !field.required {
            let cases = self.parts.needs_of(&field.pointer).into_iter().filter_map(|mut case| {
                case.retain(|guard| !there.contains(guard));
                if case.is_empty() && there.is_empty() { None } else { Some(case) }
            });
            for case in cases {
                match case.as_slice() {
                    [] => said.push("Then required.".to_owned()),
                    case => said.push(format!("Required {}.", self.case(case))),
                }
            }
        }
        if let Some(default) = &field.default {
            said.push(format!("Default: `{}`.", super::field::plain(default)));
        }
        if let Some(example) = &field.example {
            said.push(format!("Example: `{example}`."));
        }
        said.join(" ").replace('|', "\\|").replace('\n', " ")
    }

    /// Conditions in words: "where `grant` is `device_code` and without `issuer`".
    fn case(&self, guards: &[(&Value, bool)]) -> String {
        guards.iter().map(|(test, holds)| words(test, *holds)).collect::<Vec<_>>().join(" and ")
    }
}

fn words(test: &Value, holds: bool) -> String {
    if let Some(inner) = test.get("not") {
        return words(inner, !holds);
    }
    if let Some(cases) = test.get("anyOf").and_then(Value::as_array) {
        let joint = if holds { " or " } else { " and " };
        return cases.iter().map(|case| words(case, holds)).collect::<Vec<_>>().join(joint);
    }
    let is = if holds { "is" } else { "is not" };
    let properties = test.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mut said: Vec<String> = properties
        .filter_map(|(name, schema)| {
            let constant = schema.get("const").map(std::slice::from_ref);
            let values = constant.or_else(|| schema.get("enum")?.as_array().map(Vec::as_slice))?;
            let values = values.iter().map(|value| format!("`{}`", super::field::plain(value)));
            Some(format!("where `{name}` {is} {}", values.collect::<Vec<_>>().join(" or ")))
        })
        .collect();
    if said.is_empty() {
        let with = if holds { "with" } else { "without" };
        let names = test.get("required").and_then(Value::as_array).into_iter().flatten();
        said.extend(names.filter_map(Value::as_str).map(|name| format!("{with} `{name}`")));
    }
    if said.is_empty() { "under a condition of the schema".to_owned() } else { said.join(" and ") }
}
