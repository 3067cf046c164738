use std::path::Path;

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
