use std::path::Path;

use serde_json::{Value, json};

use super::super::{Absent, Kinds};
use super::*;

/// The files as they are now, not as they were built in: a mistake is told without building anything.
#[test]
fn every_file_is_free_of_mistakes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/services");
    let mut mistakes = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let id = name.strip_suffix(".toml").unwrap_or_else(|| panic!("{name} is no service"));
        let text = std::fs::read_to_string(&path).unwrap();
        mistakes.extend(check::check(&name, id, &text, None).iter().map(ToString::to_string));
        count += 1;
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(count > 0);
}

#[test]
fn the_schema_of_files_is_a_schema() {
    let schema = serde_json::from_str(include_str!("../../../assets/service.json")).unwrap();
    assert!(jsonschema::draft202012::meta::is_valid(&schema));
}

#[test]
fn built_in_services_are_found_by_id() {
    assert!(FILES.is_sorted_by(|(a, _), (b, _)| a < b));
    for (id, _) in FILES {
        assert_eq!(Catalogue::builtin().get(id).unwrap().id, *id);
    }
    assert_eq!(Catalogue::builtin().get("nope"), Err(NoVariant::Unknown("nope".to_owned())));
}

const WRONG: &str = r#"name = "Bad"
category = "nothing"
nam = 1
[[variant]]
id = "a"
title = "x"
kind = "api_key"
base_url = "http://{api_key}.example.com/x?y"
[[variant.field]]
name = "api_key"
secret = true
secre = 1
[[variant.field]]
name = "unused"
pattern = "("
[[variant.field]]
name = "other"
secret = true
[variant.auth]
headers = { "X" = "{tokn}" }
[variant.test]
method = "PUT"
path = "x"
json = { a = "{nope}" }
expect = { status = [200], jsno = 1 }
rejected = [{ }]
url = "https://elsewhere.example"
not_before = 2027-01-01
"#;

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let found = check::check("bad.toml", "bad", WRONG, None);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"));
    let broken = check::check("bad.toml", "bad", "name = \n[[", None);
    assert!(broken.iter().all(|mistake| mistake.line > 0) && !broken.is_empty());
}

const WRONG_ROTATION: &str = r#"name = "Bad"
category = "other"
[[variant]]
id = "a"
title = "x"
kind = "api_key"
base_url = "https://api.example.com"
not_testable = "no"
[[variant.field]]
name = "api_key"
secret = true
[[variant.field]]
name = "key_id"
required = false
[variant.auth]
headers = { X = "{api_key}" }
[variant.rotation]
id = "api_key"
fields = { key_id = "id", nope = "/a" }
replace = true
[[variant.rotation.step]]
url = "https://elsewhere.example/x"
method = "DELETE"
take = [{ name = "a", header = "x", list = true }, { name = "b", json = "/b", without = ["c"] }]
[variant.rotation.make]
path = "/keys"
json = { name = "{label}", more = "{before.key_id}" }
[variant.rotation.drop]
method = "DELETE"
path = "/keys/{key_id}"
expect = { status = [204] }
[[variant]]
id = "b"
title = "y"
kind = "database"
[variant.rotation]
replaces = true
fields = { password = "/p" }
make = { method = "PUT", path = "/p", json = {}, expect = { status = [200] } }
drop = { method = "DELETE", path = "/p/{before.nope}", expect = { status = [200] } }
"#;

#[test]
fn every_mistake_of_a_rotation_is_told_with_its_line() {
    let found = check::check("bad.toml", "bad", WRONG_ROTATION, None);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(found.join("\n"));
}

/// Who gives the whole address is not asked for its parts; the form follows what is written.
#[test]
fn parts_of_an_address_are_wanted_only_with_their_place_in_it() {
    let found = |kinds: &Kinds, document: &Value, place: &str| {
        let kind = kinds.of_document(document.as_object().unwrap()).unwrap();
        let content = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
        let fields = kind.fields_of(&content);
        let field =
            fields.iter().find(|field| field.pointer == place).unwrap_or_else(|| panic!("{fields:#?}"));
        let found: Vec<String> = kind.check(&content).iter().map(ToString::to_string).collect();
        // The form says the same as the check.
        let missed = field.required && content.get(place).is_none();
        assert_eq!(missed, found.iter().any(|line| line.starts_with(place)), "{found:?}");
        found
    };
    let zendesk = |base: Option<&str>| {
        let mut document = json!({"key": "a", "kind": "basic_auth", "service": "zendesk",
            "config": {"username": "a", "password": "x"}});
        if let Some(base) = base {
            document["config"]["base_url"] = json!(base);
        }
        found(Kinds::builtin(), &document, "/config/subdomain")
    };
    assert!(zendesk(Some("http://127.0.0.1:9")).is_empty());
    assert_eq!(zendesk(Some("https://{subdomain}.zendesk.com")), ["/config/subdomain: is required"]);
    assert!(zendesk(None).contains(&"/config/subdomain: is required".to_owned()));
    // Of a custom credential, whose fields stand in a table.
    let text = r#"name = "Acme"
category = "helpdesk"
[[variant]]
id = "keys"
title = "Keys"
kind = "custom"
base_url = "https://{tenant}.acme.example"
[[variant.field]]
name = "tenant"
[[variant.field]]
name = "key"
secret = true
[variant.auth]
headers = { "X-Key" = "{key}" }
[variant.test]
path = "/me"
"#;
    let file = File { path: "acme.toml".to_owned(), id: "acme".to_owned(), text: Ok(text.to_owned()) };
    let catalogue = Catalogue::with(vec![file]);
    assert_eq!(catalogue.mistakes(), []);
    let kinds = Kinds::with(Arc::new(catalogue));
    let own = |base: &str, fields: Value| {
        let document = json!({"key": "a", "kind": "custom", "service": "acme",
            "config": {"base_url": base, "fields": fields, "secrets": {"key": "k-1"}}});
        found(&kinds, &document, "/config/fields/tenant")
    };
    assert!(own("http://127.0.0.1:9", json!({})).is_empty());
    assert!(own("https://{tenant}.acme.example", json!({"tenant": "t"})).is_empty());
    assert_eq!(own("https://{tenant}.acme.example", json!({})), ["/config/fields/tenant: is required"]);
}

/// Whoever says to which host the client's secret goes needs the secret.
#[test]
fn a_part_of_the_host_of_tokens_binds_the_secrets() {
    let text = r#"name = "Acme"
category = "helpdesk"
[[variant]]
id = "client"
title = "Client"
kind = "oauth2"
base_url = "https://acme.example"
[[variant.field]]
name = "region"
[[variant.field]]
name = "realm"
[variant.oauth]
grant = "client_credentials"
token_url = "https://{region}.acme.example/{realm}/token"
"#;
    let file = File { path: "acme.toml".to_owned(), id: "acme".to_owned(), text: Ok(text.to_owned()) };
    let catalogue = Catalogue::with(vec![file]);
    assert_eq!(catalogue.mistakes(), []);
    let kinds = Kinds::with(Arc::new(catalogue));
    let content = |region: &str, realm: &str| {
        let document = json!({"key": "a", "kind": "oauth2", "service": "acme", "config": {
            "client_id": "c", "client_secret": "s", "region": region, "realm": realm}});
        let kind = kinds.of_document(document.as_object().unwrap()).unwrap();
        kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content
    };
    let changed =
        |region: &str, realm: &str| kinds.changed_origin(&content("eu", "one"), &content(region, realm));
    assert_eq!(changed("evil", "one").as_deref(), Some("/config/region"));
    assert_eq!(changed("eu", "two"), None, "the control: only a path");
}
