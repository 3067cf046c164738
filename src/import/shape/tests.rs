use super::*;
use crate::schema::catalogue::Catalogue;
use crate::secret::Secret;

fn shaped(item: &Item) -> Content {
    let recogniser = Recogniser::new(Catalogue::builtin());
    let mut content = shape(item, Kinds::builtin(), &recogniser, "default", "test").unwrap().content;
    content.set("/key", json!("k"));
    let kind = Kinds::builtin().of_content(&content).unwrap();
    assert_eq!(kind.check(&content), []);
    content
}

fn item(name: &str, address: &str, username: &str, password: &str) -> Item {
    let mut item = Item::new("line 1", name);
    item.address(address);
    item.username(username);
    item.password(Secret::from(password));
    item
}

fn secret(content: &Content, place: &str) -> String {
    content.secret(place).unwrap_or_else(|| panic!("{place}: {:?}", content.document)).expose().to_owned()
}

#[test]
fn a_login_keeps_everything_that_it_says() {
    let mut login = item("Router", "192.0.2.1/login?next=/", "admin", "pw");
    login.address("https://router.example");
    login.totp(Secret::from("JBSWY3DPEHPK3PXP"));
    login.other("PIN (of the SIM)", true, Secret::from("1234"));
    login.other("Serial", false, Secret::from("S-7"));
    login.other("password", true, Secret::from("a second one"));
    login.note("in the cellar");
    login.folder = "Home/Net".to_owned();
    login.tag("old");
    login.fact("favorite", true);
    login.expires = Some("2030-01-31".to_owned());
    login.earlier.push(Secret::from("before"));
    let content = shaped(&login);
    assert_eq!((content.kind(), content.name()), ("basic_auth", "Router"));
    assert_eq!(content.get_str("/config/base_url"), Some("https://192.0.2.1/login"));
    assert_eq!(secret(&content, "/config/password"), "pw");
    assert_eq!(secret(&content, "/config/password-2"), "a second one");
    assert_eq!(secret(&content, "/config/totp"), "JBSWY3DPEHPK3PXP");
    assert_eq!(secret(&content, "/config/pin-of-the-sim"), "1234");
    assert_eq!(secret(&content, "/imported/earlier/1"), "before");
    assert_eq!(content.get_str("/config/Serial"), Some("S-7"));
    assert_eq!(content.tags(), ["old", "Home/Net"]);
    assert_eq!(content.get_str("/notes"), Some("in the cellar"));
    assert_eq!(content.get_str("/expires_at"), Some("2030-01-31"));
    let names = content.get("/imported/names").unwrap();
    assert_eq!(names, &json!({"pin-of-the-sim": "PIN (of the SIM)", "password-2": "password"}));
    let addresses = content.get("/imported/addresses").unwrap();
    assert_eq!(addresses, &json!(["192.0.2.1/login?next=/", "https://router.example"]));
}

#[test]
fn what_has_no_address_or_no_name_is_a_secret() {
    for (address, username) in [("", "admin"), ("https://a.example", ""), ("androidapp://x", "admin")] {
        let content = shaped(&item("x", address, username, "pw"));
        assert_eq!(content.kind(), "secret", "{address} {username}");
        assert_eq!(secret(&content, "/config/values/password"), "pw");
        assert_eq!(content.get_str("/config/username").unwrap_or_default(), username);
    }
    // A colon in the name is against RFC 7617, a line break in a one-line secret against the form.
    assert_eq!(shaped(&item("x", "https://a.example", "a:b", "pw")).kind(), "secret");
    assert_eq!(shaped(&item("x", "https://a.example", "a", "two\nlines")).kind(), "secret");
}

#[test]
fn a_note_is_the_secret_where_there_is_no_other() {
    let mut note = Item::new("", "Recovery codes");
    note.note("1111\n2222");
    let content = shaped(&note);
    assert_eq!((content.kind(), content.get("/notes")), ("secret", None));
    assert_eq!(secret(&content, "/config/values/note"), "1111\n2222");
    let recogniser = Recogniser::new(Catalogue::builtin());
    let empty = shape(&Item::new("", "x"), Kinds::builtin(), &recogniser, "default", "test");
    assert_eq!(empty.unwrap_err(), "has no secret");
}

#[test]
fn a_key_of_a_known_service_becomes_its_kind() {
    let token = format!("ghp_{}", "a".repeat(36));
    let content = shaped(&item("GitHub", "https://github.com/settings/tokens", "ann", &token));
    assert_eq!((content.kind(), content.service()), ("bearer_token", "github"));
    assert_eq!(secret(&content, "/config/token"), token);
    assert_eq!(content.get_str("/config/base_url"), Some("https://api.github.com"));
    assert_eq!(content.get_str("/config/username"), Some("ann"));
    // The password of the web site is no key.
    let content = shaped(&item("GitHub", "https://github.com/login", "ann", "correct horse"));
    assert_eq!((content.kind(), content.service()), ("basic_auth", ""));
}

#[test]
fn values_that_are_named_as_a_kind_has_them_become_that_kind() {
    let mut database = Item::new("", "Main");
    database.kind = Some("database");
    for (name, text) in [("engine", "postgres"), ("host", "db.example"), ("port", "5433"), ("username", "u")]
    {
        database.other(name, false, Secret::from(text));
    }
    database.other("password", true, Secret::from("pw"));
    database.other("sslmode", false, Secret::from("require"));
    let content = shaped(&database);
    assert_eq!(content.kind(), "database");
    assert_eq!(content.get("/config/port"), Some(&json!(5433)));
    assert_eq!(content.get_str("/config/sslmode"), Some("require"));
    // What the kind refuses is a secret after all, and loses nothing.
    database.values.retain(|value| value.name != "host");
    let content = shaped(&database);
    assert_eq!((content.kind(), secret(&content, "/config/values/password").as_str()), ("secret", "pw"));
    assert_eq!(content.get_str("/config/engine"), Some("postgres"));
}

#[test]
fn a_variable_stays_a_secret_and_says_what_it_looks_like() {
    let mut variable = Item::new("line 1", "GITHUB_TOKEN");
    variable.kind = Some("secret");
    variable.other("GITHUB_TOKEN", true, Secret::new(format!("ghp_{}", "a".repeat(36))));
    let recogniser = Recogniser::new(Catalogue::builtin());
    let made = shape(&variable, Kinds::builtin(), &recogniser, "default", "dotenv").unwrap();
    assert_eq!(made.looks_like.as_deref(), Some("GitHub"));
    assert_eq!(made.content.secrets.keys().collect::<Vec<_>>(), ["/config/values/GITHUB_TOKEN"]);
}
