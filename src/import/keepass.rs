//! What KeePass and KeePassXC keep: groups, entries, their strings, as XML. Exported as such, or within a `.kdbx` file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::xml::{self, Element};
use super::{Found, Item, Mistake, Role};
use crate::secret::Secret;

/// Seconds from the year 1 to 1970.
const EPOCH: i64 = 62_135_596_800;

/// Reads the XML; `open` opens the values that are sealed in it, in their order.
pub(super) fn read(
    text: &str,
    mut open: impl FnMut(&str) -> Result<String, Mistake>,
) -> Result<Found, Mistake> {
    let file = xml::read(text, |element| {
        if element.name == "Value" && element.says("Protected") && !element.text.is_empty() {
            element.text = open(&element.text)?;
        }
        Ok(())
    })?;
    let root = file.child("Root").and_then(|root| root.child("Group"));
    let Some(root) = root.filter(|_| file.name == "KeePassFile") else {
        return Err(Mistake::whole("this is no KeePass 2 file: it has no root group"));
    };
    let bin = file.child("Meta").map(|meta| meta.text_of("RecycleBinUUID")).unwrap_or_default();
    let mut found = Found::default();
    group(root, &mut Vec::new(), bin, false, &mut found);
    Ok(found)
}

fn group<'a>(group: &'a Element, path: &mut Vec<&'a str>, bin: &str, binned: bool, found: &mut Found) {
    let binned = binned || (!bin.is_empty() && group.text_of("UUID") == bin);
    for entry in group.all("Entry") {
        let mut item = self::entry(entry, &path.join("/"));
        item.place = format!("entry {}", found.items.len() + 1);
        if binned {
            item.skipped = Some("lies in its recycle bin".to_owned());
        }
        found.items.push(item);
    }
    for inner in group.all("Group") {
        path.push(inner.text_of("Name"));
        self::group(inner, path, bin, binned, found);
        path.pop();
    }
}

fn entry(entry: &Element, folder: &str) -> Item {
    let mut item = Item { folder: folder.to_owned(), ..Item::default() };
    for string in entry.all("String") {
        let (key, value) = (string.text_of("Key"), string.child("Value"));
        let text = value.map(|value| value.text.as_str()).unwrap_or_default();
        let hidden = value.is_some_and(|value| value.says("Protected") || value.says("ProtectInMemory"));
        match key {
            "Title" => item.name = text.trim().to_owned(),
            "UserName" => item.username(text),
            "Password" => item.password(Secret::from(text)),
            "URL" => item.address(text),
            "Notes" => item.note(text),
            // One sort of KeePassXC, two of KeePass and its plugins.
            "otp" | "TOTP Seed" => item.totp(Secret::from(text)),
            key if key.starts_with("TimeOtp-Secret") => item.value(key, Role::Totp, true, Secret::from(text)),
            // More addresses, as KeePassXC's browser extension keeps them.
            key if key.starts_with("KP2A_URL") && !hidden => item.address(text),
            key => item.other(key, hidden, Secret::from(text)),
        }
        if text.contains("{REF:") {
            item.told.push(format!("{key} refers to another entry; kept as it is written"));
        }
    }
    for file in entry.all("Binary") {
        item.told.push(format!("its file {:?} is not taken over", file.text_of("Key")));
    }
    entry.text_of("Tags").split([';', ',']).for_each(|tag| item.tag(tag));
    if let Some(times) = entry.child("Times") {
        if times.text_of("Expires").eq_ignore_ascii_case("true") {
            item.expires = time(times.text_of("ExpiryTime"));
        }
        for (fact, name) in [("created", "CreationTime"), ("changed", "LastModificationTime")] {
            item.fact(fact, time(times.text_of(name)).unwrap_or_default());
        }
    }
    let passwords = |entry: &Element| {
        let found = entry.all("String").find(|string| string.text_of("Key") == "Password");
        found.map(|string| Secret::from(string.text_of("Value")))
    };
    let mut last = passwords(entry);
    for earlier in entry
        .child("History")
        .into_iter()
        .flat_map(|history| history.all("Entry"))
        .collect::<Vec<_>>()
        .iter()
        .rev()
    {
        let password = passwords(earlier);
        if password != last {
            item.earlier.extend(password.clone().filter(|password| !password.is_empty()));
            last = password;
        }
    }
    item
}

/// A time in words, or as KDBX 4 keeps it: seconds since the year 1, in Base64.
fn time(text: &str) -> Option<String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.to_string());
    }
    let bytes: [u8; 8] = STANDARD.decode(text).ok()?.try_into().ok()?;
    let seconds = i64::from_le_bytes(bytes).checked_sub(EPOCH)?;
    Timestamp::from_second(seconds).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_group_their_strings_and_their_history() {
        let text = r#"<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<KeePassFile><Meta><RecycleBinUUID>YmluYmluYmluYmluYmluYg==</RecycleBinUUID></Meta><Root><Group><UUID>cm9vdA==</UUID><Name>Passwords</Name>
 <Group><UUID>dw==</UUID><Name>Work</Name><Group><UUID>bg==</UUID><Name>Net</Name><Entry><UUID>YQ==</UUID><Tags>a;b</Tags>
  <Times><Expires>True</Expires><ExpiryTime>2030-01-31T12:00:00Z</ExpiryTime><CreationTime>2020-01-01T00:00:00Z</CreationTime></Times>
  <String><Key>Title</Key><Value>Router &amp; co</Value></String><String><Key>UserName</Key><Value>ann</Value></String>
  <String><Key>Password</Key><Value ProtectInMemory="True">pw</Value></String><String><Key>URL</Key><Value>https://r.example</Value></String>
  <String><Key>Notes</Key><Value>two
lines</Value></String><String><Key>PIN</Key><Value ProtectInMemory="True">1234</Value></String><String><Key>Model</Key><Value>X</Value></String>
  <String><Key>otp</Key><Value>otpauth://totp/x?secret=A</Value></String><Binary><Key>cert.pem</Key><Value Ref="0"/></Binary>
  <History><Entry><String><Key>Password</Key><Value>first</Value></String></Entry><Entry><String><Key>Password</Key><Value>second</Value></String></Entry>
   <Entry><String><Key>Password</Key><Value>pw</Value></String></Entry></History></Entry></Group></Group>
 <Group><UUID>YmluYmluYmluYmluYmluYg==</UUID><Name>Recycle Bin</Name><Entry><String><Key>Title</Key><Value>gone</Value></String></Entry></Group>
</Group></Root></KeePassFile>"#;
        let found = read(text, |_| panic!("nothing is sealed")).unwrap();
        let item = &found.items[0];
        assert_eq!(
            (item.name.as_str(), item.folder.as_str(), item.notes.as_str()),
            ("Router & co", "Work/Net", "two\nlines")
        );
        let expected = [
            ("username", false, "ann"),
            ("password", true, "pw"),
            ("PIN", true, "1234"),
            ("Model", false, "X"),
            ("totp", true, "otpauth://totp/x?secret=A"),
        ];
        assert_eq!(item.plain_values(), expected);
        let earlier: Vec<_> = item.earlier.iter().map(Secret::expose).collect();
        assert_eq!(earlier, ["second", "first"]);
        assert_eq!(item.expires.as_deref(), Some("2030-01-31T12:00:00Z"));
        assert_eq!((item.tags.len(), item.told.len()), (2, 1));
        assert_eq!(found.items[1].skipped.as_deref(), Some("lies in its recycle bin"));
    }

    #[test]
    fn times_of_kdbx_4_count_from_the_year_1() {
        assert_eq!(
            time(&STANDARD.encode((EPOCH + 1).to_le_bytes())).as_deref(),
            Some("1970-01-01T00:00:01Z")
        );
        assert_eq!((time(""), time(&STANDARD.encode(i64::MIN.to_le_bytes()))), (None, None));
    }

    #[test]
    fn what_is_no_keepass_file_is_told() {
        let error = |text: &str| read(text, |text| Ok(text.to_owned())).unwrap_err().to_string();
        assert!(error("<other/>").contains("no root group"));
        assert!(error("<KeePassFile><Root></Root>").contains("not XML"));
    }
}
