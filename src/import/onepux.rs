//! 1Password's export (`.1pux`): a ZIP archive whose `export.data` is JSON, as 1Password documents it.

use serde_json::Value;

use super::json::{list, parse, secret, text};
use super::{Found, Item, Mistake, Role, zip};
use crate::secret::Secret;

/// Sorts of values that are no secrets.
const PLAIN: [&str; 10] =
    ["string", "url", "email", "date", "monthYear", "menu", "phone", "gender", "country", "creditCardType"];

pub(super) fn read(bytes: &[u8]) -> Result<Found, Mistake> {
    let entries = zip::entries(bytes)?;
    let data = entries.iter().find(|entry| entry.name == b"export.data").ok_or_else(|| {
        Mistake::whole("this is no export of 1Password: the archive has no export.data")
            .hint("choose the format 1PUX when exporting; for a CSV file, say csv")
    })?;
    let value = parse(super::text(&data.read(bytes)?)?)?;
    let mut found = Found::default();
    for account in list(&value, "accounts") {
        for vault in list(account, "vaults") {
            let name = vault.get("attrs").map(|attrs| text(attrs, "name")).unwrap_or_default();
            for item in list(vault, "items") {
                // Earlier versions put each into an object of its own.
                let inner = item.get("item").filter(|inner| inner.is_object());
                let made = self::item(found.items.len() + 1, inner.unwrap_or(item), name);
                found.items.push(made);
            }
        }
    }
    let files =
        entries.iter().filter(|entry| entry.name.starts_with(b"files/") && !entry.name.ends_with(b"/"));
    match files.count() {
        0 => {}
        1 => found.told.push("one attached file is not taken over: it stays in the archive".to_owned()),
        count => {
            found.told.push(format!("{count} attached files are not taken over: they stay in the archive"))
        }
    }
    Ok(found)
}

fn item(number: usize, value: &Value, vault: &str) -> Item {
    let nothing = Value::Null;
    let overview = value.get("overview").unwrap_or(&nothing);
    let details = value.get("details").unwrap_or(&nothing);
    let mut item = Item::new(format!("item {number}"), text(overview, "title"));
    vault.clone_into(&mut item.folder);
    match text(value, "state") {
        "archived" => item.tag("archived"),
        "deleted" | "trashed" => item.skipped = Some("lies in its trash".to_owned()),
        _ => {}
    }
    if value.get("trashed") == Some(&Value::Bool(true)) {
        item.skipped = Some("lies in its trash".to_owned());
    }
    for (fact, member) in [("created", "createdAt"), ("changed", "updatedAt")] {
        let at = value.get(member).and_then(Value::as_i64);
        let at = at.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        item.fact(fact, at.map(|at| at.to_string()).unwrap_or_default());
    }
    list(overview, "tags").iter().filter_map(Value::as_str).for_each(|tag| item.tag(tag));
    item.address(text(overview, "url"));
    list(overview, "urls").iter().for_each(|url| item.address(text(url, "url")));
    item.note(text(details, "notesPlain"));
    for field in list(details, "loginFields") {
        let value = Secret::from(text(field, "value"));
        match text(field, "designation") {
            "username" => item.username(value.expose()),
            "password" => item.password(value),
            // A field of the page that was logged in on; P is a password there.
            _ => item.other(text(field, "name"), text(field, "fieldType") == "P", value),
        }
    }
    // A password without a login stands by itself.
    item.password(Secret::from(text(details, "password")));
    for section in list(details, "sections") {
        for field in list(section, "fields") {
            section_field(&mut item, text(section, "title"), field);
        }
    }
    if let Some(file) = details.get("documentAttributes").filter(|file| file.is_object()) {
        item.told.push(format!("its file {:?} is not taken over", text(file, "fileName")));
    }
    let earlier = list(details, "passwordHistory").iter();
    item.earlier.extend(earlier.map(|earlier| Secret::from(text(earlier, "value"))));
    item
}

/// A field of a section. Fields of the same title in several sections are told apart by the section's.
fn section_field(item: &mut Item, section: &str, field: &Value) {
    let title = match text(field, "title") {
        "" => text(field, "id"),
        title => title,
    };
    let taken = item.values.iter().any(|value| value.name == title);
    let name = if taken && !section.is_empty() { format!("{section} {title}") } else { title.to_owned() };
    for (sort, value) in field.get("value").and_then(Value::as_object).into_iter().flatten() {
        match (sort.as_str(), value) {
            ("totp", Value::String(seed)) => item.value(&name, Role::Totp, true, Secret::from(seed.as_str())),
            ("email", Value::Object(_)) => {
                item.other(&name, false, Secret::from(text(value, "email_address")))
            }
            ("file", _) => {
                item.told.push(format!("its file {:?} is not taken over", text(value, "fileName")))
            }
            // An SSH key, an address: several values in one.
            (_, Value::Object(_)) => parts(item, &name, value),
            (sort, value) => {
                if let Some(text) = secret(value) {
                    item.other(&name, !PLAIN.contains(&sort), text);
                }
            }
        }
    }
}

/// The texts of a value with several parts.
fn parts(item: &mut Item, name: &str, value: &Value) {
    for (part, value) in value.as_object().into_iter().flatten() {
        match (value, secret(value)) {
            (_, Some(text)) => item.other(&format!("{name} {part}"), true, text),
            (Value::Object(_), None) => parts(item, &format!("{name} {part}"), value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_export_is_told() {
        assert!(read(b"no archive").unwrap_err().message.contains("no ZIP archive"));
        let error = read(&zip::archive(&[("other", b"{}")])).unwrap_err();
        assert!(error.message.contains("no export.data") && error.hint.is_some());
        assert!(read(&zip::archive(&[("export.data", b"{")])).is_err());
    }

    #[test]
    fn fields_of_sections_keep_their_names_and_their_secrecy() {
        let data = r#"{"accounts":[{"vaults":[{"attrs":{"name":"Team"},"items":[{
            "createdAt":1600000000,"state":"archived","overview":{"title":"Key","tags":["a"],"urls":[{"url":"https://x.example"}]},
            "details":{"loginFields":[{"value":"ann","designation":"username"},{"value":"pw","designation":"password"},
                {"value":"1","name":"remember","fieldType":"C"}],
              "sections":[{"title":"More","fields":[
                {"title":"credential","value":{"concealed":"s-1"}},{"title":"host","value":{"string":"h"}},
                {"title":"one-time password","value":{"totp":"otpauth://totp/x?secret=A"}},
                {"title":"key","value":{"sshKey":{"privateKey":"PEM","metadata":{"publicKey":"ssh-ed25519 A"}}}},
                {"title":"scan","value":{"file":{"fileName":"a.pdf"}}}]},
               {"title":"Other","fields":[{"title":"host","value":{"string":"h2"}}]}],
              "passwordHistory":[{"value":"before","time":1}]}}]}]}]}"#;
        let found = read(&zip::archive(&[("export.data", data.as_bytes()), ("files/a.pdf", b"%")])).unwrap();
        let item = &found.items[0];
        let expected = [
            ("username", false, "ann"),
            ("password", true, "pw"),
            ("remember", false, "1"),
            ("credential", true, "s-1"),
            ("host", false, "h"),
            ("one-time password", true, "otpauth://totp/x?secret=A"),
            ("key privateKey", true, "PEM"),
            ("key metadata publicKey", true, "ssh-ed25519 A"),
            ("Other host", false, "h2"),
        ];
        assert_eq!(item.plain_values(), expected);
        assert_eq!((item.folder.as_str(), item.tags.join(",")), ("Team", "archived,a".to_owned()));
        assert_eq!(item.facts[0], ("created".to_owned(), "2020-09-13T12:26:40Z".into()));
        assert_eq!(item.told, ["its file \"a.pdf\" is not taken over"]);
        assert_eq!(item.earlier[0].expose(), "before");
        assert!(found.told[0].starts_with("one attached file"));
    }
}
