use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{Document, Edit, Id};
use crate::schema::Absent;
use crate::secret::Secret;
use jiff::Timestamp;

fn good() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Weather station", "type": "object", "required": ["base_url", "token"],
        "properties": {
            "base_url": {"type": "string", "format": "uri", "x-origin": true, "default": "https://api.example.com"},
            "token": {"type": "string", "writeOnly": true, "title": "Token", "minLength": 3},
            "region": {"type": "string", "enum": ["eu", "us"], "default": "eu"},
        },
        "x-request": {"headers": {"Authorization": "Token {token}", "X-Region": "{region}"}},
        "x-test": {"path": "/me", "expect": {"status": [200]}},
    })
}

fn told(schema: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(schema).unwrap();
    match Kind::define("weather", &text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| format!("{}: {}", error.pointer, error.message)).collect(),
    }
}

#[test]
fn a_good_schema_is_a_kind() {
    let defined = Kind::define("weather", &good().to_string()).unwrap();
    assert_eq!(Value::Object(defined.schema), good());
    assert_eq!(defined.kind.title, "Weather station");
    assert_eq!(
        Kind::define("weather", super::super::reference::EXAMPLE).map(|_| ()),
        Ok(()),
        "the documented one"
    );
    // So is a copy of each built-in kind.
    for kind in Kinds::builtin().iter() {
        let source = kind.source();
        assert_eq!(Kind::define("mine", &source.to_string()).map(|_| ()), Ok(()), "{}", kind.id);
    }
}

#[test]
fn every_mistake_has_a_place_and_a_sentence() {
    let with = |place: &str, value: Value| {
        let mut schema = good();
        let (around, name) = place.rsplit_once('/').unwrap();
        schema.pointer_mut(around).unwrap()[name] = value;
        told(&schema)
    };
    let cases: &[(&str, Value, &str)] = &[
        ("/title", json!(" "), "/title: is required"),
        ("/type", json!("array"), "/type: must be \"object\""),
        ("/$schema", json!("http://json-schema.org/draft-07/schema#"), "/$schema: must be"),
        (
            "/propertys",
            json!({}),
            "/propertys: is not a keyword that a kind can use; did you mean properties?",
        ),
        (
            "/properties/token/x-mian",
            json!(true),
            "/properties/token/x-mian: is not an annotation; did you mean x-main?",
        ),
        ("/properties/token/x-main", json!("yes"), "/properties/token/x-main: must be true or false"),
        ("/properties/token/type", json!("text"), "/properties/token/type: must be one of string"),
        (
            "/properties/token/type",
            json!(["string", "null"]),
            "/properties/token/type: must be one of string",
        ),
        (
            "/properties/token/type",
            json!("integer"),
            "/properties/token/writeOnly: needs \"type\": \"string\"",
        ),
        ("/properties/token/default", json!("t"), "/properties/token/default: would show a secret"),
        ("/properties/token/examples", json!(["t"]), "/properties/token/examples: would show a secret"),
        ("/properties/token/minLength", json!("3"), "/properties/token/minLength: "),
        ("/properties/token/x-test", json!({}), "/properties/token/x-test: stands only at the top"),
        (
            "/properties/keys",
            json!({"type": "array", "items": {"type": "string", "writeOnly": true}}),
            "/properties/keys/items/writeOnly: cannot be in a list",
        ),
        ("/properties/other", json!(true), "/properties/other: must be an object"),
        ("/properties/$secret", json!({"type": "string"}), "/properties/$secret: is not a name"),
        ("/properties/region/format", json!("regexp"), "/properties/region/format: must be one of"),
        ("/properties/region/pattern", json!("("), "/properties/region/pattern: "),
        (
            "/properties/region/pattern",
            json!("(?=x)y"),
            "/properties/region/pattern: is no pattern that can be matched in linear time",
        ),
        (
            "/properties/region/$ref",
            json!("https://example.com/x.json"),
            "/properties/region/$ref: must name one of",
        ),
        ("/properties/region/$ref", json!("#/$defs/nothing"), "/properties/region/$ref: must name one of"),
        ("/properties/region/$id", json!("https://example.com/"), "/properties/region/$id: is not a keyword"),
        ("/$defs", json!({"rule": {}}), "/$defs/rule: is the program's own"),
        ("/required/1", json!("tokn"), "/required/1: \"tokn\" is required, but no field"),
        (
            "/properties/base_url",
            json!({"type": "string"}),
            "/properties/base_url: must be a text with \"x-origin\": true",
        ),
        ("/properties/base_url/default", json!("ftp://x"), "/properties/base_url/default: is not an address"),
        ("/x-request", json!([]), "/x-request: must be an object"),
        ("/x-request/headers/X-A", json!("{tokn}"), "/x-request/headers/X-A: {tokn} is neither a field nor"),
        ("/x-request/header", json!({}), "/x-request/header: is not known here"),
        ("/x-test/expekt", json!({}), "/x-test/expekt: is not known here"),
        ("/x-test/method", json!("DELETE"), "/x-test/method: \"DELETE\" must be one of"),
        ("/x-testable", json!(false), "/x-test: contradicts"),
    ];
    for (place, value, expected) in cases {
        let mut schema = good();
        if *place == "/required/1" {
            schema["required"][1] = value.clone();
            assert!(
                told(&schema).iter().any(|line| line.starts_with(expected)),
                "{place}: {:?}",
                told(&schema)
            );
            continue;
        }
        let found = with(place, value.clone());
        assert!(found.iter().any(|line| line.starts_with(expected)), "{place}: {found:?}, not {expected}");
    }
    assert_eq!(told(&good()), Vec::<String>::new(), "the control");
    let mut nowhere = good();
    nowhere["properties"].as_object_mut().unwrap().shift_remove("base_url");
    nowhere["required"] = json!(["token"]);
    assert!(told(&nowhere)[0].contains("must be a text with \"x-origin\": true"), "{:?}", told(&nowhere));
}

#[test]
fn errors_have_line_and_column() {
    let text = "{\n  \"title\": \"A\",\n  \"type\": \"object\",\n  \"propertys\": {}\n}";
    let errors = Kind::define("a", text).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!((errors[0].place.line, errors[0].place.column), (4, 16));
    for text in ["", "[]", "{", "{\"a\":1,\"a\":2}", "null"] {
        assert!(Kind::define("a", text).is_err(), "{text}");
    }
}

#[test]
fn ids() {
    for id in ["a", "weather-2", "a_b", &"a".repeat(40)] {
        assert_eq!(Kind::check_id(id), Ok(()), "{id}");
    }
    for id in ["", "A", "ä", "a b", "a.b", "api_key", "custom", "oauth_app", &"a".repeat(41)] {
        assert!(Kind::check_id(id).is_err(), "{id}");
    }
}

/// Each would hang, or fill the memory, if it were taken as it is; some also when stored by another program.
#[test]
fn hostile_schemas_are_refused_at_once() {
    let started = std::time::Instant::now();
    let base = |members: Value| {
        let mut schema = json!({"title": "A", "type": "object"});
        schema.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        schema
    };
    let mut bomb = serde_json::Map::new();
    for level in 0..60 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        bomb.insert(format!("d{level}"), json!({"allOf": [next, next]}));
    }
    bomb.insert("d60".to_owned(), json!({"type": "object"}));
    let mut deep = json!({"type": "object"});
    for _ in 0..70 {
        deep = json!({"type": "object", "properties": {"a": deep}});
    }
    let conditions: Vec<Value> = (0..300)
        .map(|n| json!({"if": {"required": [format!("a{n}")]}, "then": {"required": ["a"]}}))
        .collect();
    let patterns: serde_json::Map<String, Value> =
        (0..600).map(|n| (format!("p{n}"), json!({"type": "string", "pattern": "^[a-z]{1,900}$"}))).collect();
    let choices: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    let schemas = [
        base(json!({"$defs": {"a": {"$ref": "#/$defs/a"}}, "allOf": [{"$ref": "#/$defs/a"}]})),
        base(
            json!({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"properties": {"x": {"$ref": "#/$defs/a"}}}}}),
        ),
        base(json!({"$ref": "#"})),
        base(json!({"$defs": bomb, "allOf": [{"$ref": "#/$defs/d0"}]})),
        base(json!({"properties": {"a": deep}})),
        base(json!({"properties": {"a": {"type": "string"}}, "allOf": conditions})),
        base(json!({"properties": patterns})),
        base(json!({"properties": {"a": {"type": "string", "pattern": "a".repeat(2000)}}})),
        base(json!({"properties": {"a": {"type": "string", "pattern": "^((a{1,100}){1,100}){1,100}$"}}})),
        base(json!({"properties": {"a": {"enum": choices}}})),
        base(json!({"description": "x".repeat(1 << 20)})),
        base(json!({"patternProperties": {"(a+)+$": {}}})),
    ];
    for schema in &schemas {
        let text = schema.to_string();
        let start: String = text.chars().take(100).collect();
        assert!(Kind::define("bad", &text).is_err(), "{start}");
        // Stored by somebody else: the vault opens, and what is of the kind stays.
        let mut document = Document::new();
        let object = schema.as_object().unwrap().clone();
        let define = Edit::DefineKind { id: "bad".to_owned(), expected: None, schema: object };
        document.apply(define, Timestamp::UNIX_EPOCH).unwrap();
        let kinds = Kinds::of(&document);
        assert!(kinds.own()[0].unusable().is_some() && kinds.get("bad").is_none(), "{start}");
    }
    assert!(Kind::define("bad", &"[".repeat(1 << 19)).is_err());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    // A pattern that would take for ever elsewhere.
    let slow = base(json!({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}));
    let kind = Kind::define("slow", &slow.to_string()).unwrap().kind;
    let document = json!({"key": "a", "kind": "slow", "config": {"a": format!("{}!", "a".repeat(50_000))}});
    let content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
    assert_eq!(kind.check(&content).len(), 1);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "(string|object|array|#/\\$defs/a|[a-z{}/~$(+*]{0,8})".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = "(type|properties|allOf|oneOf|if|then|items|\\$ref|\\$defs|enum|pattern|writeOnly|required|x-request|x-test|default|a)";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((name, inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any place of a schema, replaced by anything: it is refused with places that exist in the text, or it is a
    /// kind whose form and checks work; stored by force, it never makes the vault unusable.
    #[test]
    fn a_mangled_schema_never_panics(at in 0..40usize, value in any_json(), config in any_json()) {
        let mut schema = good();
        let mut places = Vec::new();
        pointer::walk("", &schema, &mut |place, _| places.push(place.to_owned()));
        let place = places[at % places.len()].clone();
        if let Some(found) = schema.pointer_mut(&place) {
            *found = value;
        }
        let text = serde_json::to_string_pretty(&schema).unwrap();
        let document = json!({"key": "a", "kind": "weather", "config": config});
        let content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
        match Kind::define("weather", &text) {
            Ok(defined) => {
                defined.kind.check(&content);
                defined.kind.fields_of(&content);
            }
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(error.range.end <= text.len() && text.get(error.range).is_some());
                }
            }
        }
        if let Value::Object(schema) = schema {
            let mut document = Document::new();
            let define = Edit::DefineKind { id: "weather".to_owned(), expected: None, schema };
            document.apply(define, Timestamp::UNIX_EPOCH).unwrap();
            let id = Id::new();
            document.apply(Edit::Create { id: id.clone(), content: content.clone() }, Timestamp::UNIX_EPOCH).unwrap();
            let kinds = Kinds::of(&document);
            let credential = document.by_id(&id).unwrap();
            for _ in 0..2 {
                let kind = kinds.of_content(&credential.content);
                let flagged = Kinds::needs_attention(kind.as_deref(), credential);
                prop_assert_eq!(flagged, !kinds.attention(&content).is_empty());
            }
            let sealed = kinds.sealed(&std::sync::Arc::new(document));
            prop_assert!(sealed.by_id(&id).is_some());
        }
    }
}

fn vault(schema: &Value) -> Document {
    let mut document = Document::new();
    define(&mut document, schema);
    document
}

fn define(document: &mut Document, schema: &Value) {
    let expected = document.own_kind("weather").map(|known| known.version);
    let schema = schema.as_object().unwrap().clone();
    let edit = Edit::DefineKind { id: "weather".to_owned(), expected, schema };
    document.apply(edit, Timestamp::UNIX_EPOCH).unwrap();
}

fn read(document: &Document, config: Value) -> Content {
    let value = json!({"key": "a", "kind": "weather", "config": config});
    let kind = Kinds::of(document).get("weather").unwrap().clone();
    kind.read(value.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content
}

#[test]
fn the_same_kinds_as_long_as_the_vault_says_the_same() {
    let mut document = vault(&good());
    let kinds = Kinds::of(&document);
    assert!(std::sync::Arc::ptr_eq(&kinds, &kinds.after(&document)));
    let stored = Edit::Create { id: Id::new(), content: read(&document, json!({"token": "t-1"})) };
    document.apply(stored, Timestamp::UNIX_EPOCH).unwrap();
    assert!(std::sync::Arc::ptr_eq(&kinds, &kinds.after(&document)));
    define(&mut document, &json!({"title": "Other", "type": "object"}));
    assert_eq!(kinds.after(&document).get("weather").unwrap().title, "Other");
    assert!(std::sync::Arc::ptr_eq(Kinds::builtin(), &Kinds::of(&Document::new())));
}

#[test]
fn a_secret_stays_one_whatever_another_schema_makes_of_its_place() {
    let mut document = vault(&good());
    let content = read(&document, json!({"token": "t-1"}));
    assert_eq!(content.get_str("/config/base_url"), Some("https://api.example.com"), "bound to its address");
    let mut plain = good();
    plain["properties"]["token"] = json!({"type": "string", "pattern": "^[0-9]+$"});
    define(&mut document, &plain);
    let kinds = Kinds::of(&document);
    let kind = kinds.of_content(&content).unwrap();
    let found = kinds.attention(&content);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "/config/token: does not match ^[0-9]+$", "it is not quoted");
    let field = kind.fields_of(&content).into_iter().find(|field| field.pointer == "/config/token").unwrap();
    assert!(matches!(field.control, Control::Secret { .. }));
    // `put` of what `show` prints, and of a document without it, keeps it; a text replaces it, as a secret.
    let again = |document: Value| {
        kind.read(document.as_object().unwrap().clone(), Some(&content), Absent::Keeps).unwrap().content
    };
    let shown = again(Value::Object(content.document.clone()));
    assert_eq!(shown, content);
    let without =
        again(json!({"key": "a", "kind": "weather", "config": {"base_url": "https://api.example.com"}}));
    assert_eq!(without.secret("/config/token").unwrap().expose(), "t-1");
    let anew = again(json!({"key": "a", "kind": "weather", "config": {"token": "t-2"}}));
    assert_eq!(anew.secret("/config/token").unwrap().expose(), "t-2");
    assert!(!serde_json::to_string(&anew.document).unwrap().contains("t-2"));
}

#[test]
fn a_plain_value_that_becomes_a_secret_is_masked_in_every_version() {
    let mut before = good();
    before["properties"]["pin"] = json!({"type": "integer"});
    before["properties"]["account"] = json!({"type": "string"});
    let mut document = vault(&before);
    let id = Id::new();
    for account in ["acc-old", "acc-new"] {
        let content = read(&document, json!({"token": "t-1", "account": account, "pin": 4711}));
        let edit = match document.by_id(&id) {
            None => Edit::Create { id: id.clone(), content },
            Some(_) => Edit::Update { id: id.clone(), base: None, content },
        };
        document.apply(edit, Timestamp::UNIX_EPOCH).unwrap();
    }
    let mut after = before.clone();
    after["properties"]["pin"] = json!({"type": "string", "writeOnly": true});
    after["properties"]["account"] = json!({"type": "string", "writeOnly": true});
    let unchanged = std::sync::Arc::new(document.clone());
    assert!(std::sync::Arc::ptr_eq(&unchanged, &Kinds::of(&unchanged).sealed(&unchanged)), "nothing to mask");
    define(&mut document, &after);
    let document = std::sync::Arc::new(document);
    let sealed = Kinds::of(&document).sealed(&document);
    let credential = sealed.by_id(&id).unwrap();
    let shown = format!(
        "{} {}",
        serde_json::to_string(&credential.content.document).unwrap(),
        serde_json::to_string(&credential.history[0].content.document).unwrap()
    );
    assert!(!shown.contains("acc-") && !shown.contains("4711"), "{shown}");
    assert_eq!(credential.content.secret("/config/account").unwrap().expose(), "acc-new");
    assert_eq!(credential.history[0].content.secret("/config/account").unwrap().expose(), "acc-old");
    assert_eq!(credential.content.secret("/config/pin").unwrap().expose(), "4711");
}

#[test]
fn another_schema_cannot_send_a_stored_secret_elsewhere() {
    let mut document = vault(&good());
    let bound = read(&document, json!({"token": "t-1"}));
    // The schema's address moves, and is no longer marked: the credential stays where its secret was given for.
    let mut evil = good();
    evil["properties"]["base_url"] = json!({"type": "string", "default": "https://evil.example"});
    define(&mut document, &evil);
    let kind = Kinds::of(&document).get("weather").unwrap().clone();
    let mut moved = bound.clone();
    moved.set("/config/base_url", json!("https://evil.example"));
    moved.set_secret("/config/token", Secret::from("t-1"));
    assert_eq!(kind.changed_origin(&bound, &moved).as_deref(), Some("/config/base_url"));
    assert_eq!(kind.changed_origin(&bound, &bound), None, "the control");
    // One that was stored before there was an address is not bound to whatever the schema says later.
    let mut unbound = bound.clone();
    unbound.remove("/config/base_url");
    let shown = |content: &Content| {
        let field = kind.fields_of(content).into_iter().find(|field| field.pointer == "/config/base_url");
        field.and_then(|field| field.default)
    };
    assert_eq!(shown(&unbound), None, "nothing that means nothing is shown as meant");
    assert_eq!(kind.changed_origin(&unbound, &moved).as_deref(), Some("/config/base_url"));
    let kept = kind.read(unbound.document.clone(), Some(&unbound), Absent::Keeps).unwrap().content;
    assert_eq!(kept.get("/config/base_url"), None);
}

#[test]
fn what_is_of_an_unusable_kind_stays_and_can_be_edited() {
    let document = vault(&good());
    let content = read(&document, json!({"token": "t-1", "region": "us"}));
    let broken = vault(&json!({"title": "A", "type": "object", "allOf": [{"$ref": "#"}]}));
    let kinds = Kinds::of(&broken);
    let kind = kinds.of_content(&content).unwrap();
    assert!(kinds.attention(&content)[0].message.contains("cannot be used"));
    assert!(kinds.is_complete(&content) && kind.check(&content).is_empty());
    let again = kind.read(content.document.clone(), Some(&content), Absent::Keeps).unwrap().content;
    assert_eq!(again, content);
}
