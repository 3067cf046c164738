//! One entry of a `pass` store, decrypted: the password in the first line, below it `name: value` lines and whatever else
//! a person wrote.

use super::{Item, Role};
use crate::secret::Secret;

/// Names that people give to the name to log in with, and to where that is.
const USERNAMES: [&str; 5] = ["user", "username", "login", "email", "userid"];
const ADDRESSES: [&str; 4] = ["url", "uri", "website", "site"];

/// Reads the entry of a name such as `work/mail.example/ann`.
pub fn entry(name: &str, text: &str) -> Item {
    let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
    let mut item = Item::new(name, last);
    folder.clone_into(&mut item.folder);
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    // A whole file, such as a private key, is kept as it is.
    if first.starts_with("-----BEGIN ") {
        item.other("file", true, Secret::from(text));
        return item;
    }
    item.password(Secret::from(first.trim_end_matches('\r')));
    for line in rest.lines() {
        if line.trim_start().starts_with("otpauth://") {
            item.totp(Secret::from(line.trim()));
            continue;
        }
        match line.split_once(':').map(|(name, value)| (name.trim(), value.trim())) {
            Some((name, value)) if is_name(name) && !value.is_empty() && !value.starts_with("//") => {
                let small = name.to_lowercase();
                let has = |role: Role| item.values.iter().any(|known| known.role == role);
                if USERNAMES.contains(&small.as_str()) && !has(Role::Username) {
                    item.username(value);
                } else if ADDRESSES.contains(&small.as_str()) {
                    item.address(value);
                } else {
                    item.other(name, true, Secret::from(value));
                }
            }
            _ => item.note(line),
        }
    }
    item
}

/// Whether what stands before a colon reads like a name, not like the start of a sentence.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 40 && text.split_whitespace().count() <= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_values_and_everything_else_notes() {
        let text = "pw: with colon\nlogin: ann\nurl: https://m.example:8443/x\notpauth://totp/x?secret=A\n\
            PIN: 1234\nhttps://other.example\nRemember this: it was made by Ben, who left\nplain words\n";
        let item = entry("work/mail.example", text);
        let expected = [
            ("password", true, "pw: with colon"),
            ("username", false, "ann"),
            ("totp", true, "otpauth://totp/x?secret=A"),
            ("PIN", true, "1234"),
            ("Remember this", true, "it was made by Ben, who left"),
        ];
        assert_eq!(item.plain_values(), expected);
        assert_eq!(item.addresses, ["https://m.example:8443/x"]);
        assert_eq!(item.notes, "https://other.example\nplain words");
        assert_eq!((item.name.as_str(), item.folder.as_str()), ("mail.example", "work"));
    }

    #[test]
    fn a_whole_file_stays_whole() {
        let text = "-----BEGIN X-----\nabc: d\n-----END X-----\n";
        let item = entry("key", text);
        assert_eq!((item.values.len(), item.values[0].text.expose()), (1, text));
        assert!(entry("empty", "").values.is_empty());
    }
}
