//! Exports in plain text for other programs: variables, and a table.

use std::collections::HashSet;

use zeroize::Zeroizing;

use crate::model::{Content, Document};
use crate::schema::Kinds;
use crate::secret::Secret;
use crate::session;

/// One secret, and whose it is.
struct Line<'a> {
    content: &'a Content,
    /// As `get` calls it.
    field: String,
    secret: &'a Secret,
    /// The one that is meant where none is named.
    main: bool,
}

/// Every secret that is in use, the main one of each credential first.
fn lines<'a>(document: &'a Document, kinds: &Kinds) -> Vec<Line<'a>> {
    let mut all = Vec::new();
    for content in document.credentials.iter().map(|known| &known.content) {
        let main = kinds.of_content(content).and_then(|kind| kind.main_secret(content));
        let current = content.secrets.iter().filter(|(place, _)| place.starts_with("/config/"));
        let line = |(place, secret): (&'a String, &'a Secret)| Line {
            content,
            field: session::field_name(place),
            secret,
            main: main.as_ref() == Some(place),
        };
        let mut own: Vec<Line<'_>> = current.map(line).collect();
        own.sort_by_key(|line| !line.main);
        all.extend(own);
    }
    all
}

/// `NAME=value` lines: the main secret under the credential's key, others with their field behind it. And what a
/// person should hear about names.
pub(super) fn dotenv(document: &Document, kinds: &Kinds) -> (Zeroizing<Vec<u8>>, Vec<String>) {
    let mut out = Zeroizing::new(Vec::new());
    let mut notes = Vec::new();
    let mut taken: HashSet<String> = HashSet::new();
    for line in lines(document, kinds) {
        let key = line.content.key();
        let whole = match line.main {
            true => key.to_owned(),
            false => format!("{key}_{}", line.field.rsplit('.').next().unwrap_or_default()),
        };
        let name = variable(&whole);
        let unique = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}_{number}")));
        let name = unique.into_iter().find(|name| !taken.contains(name)).unwrap_or_default();
        taken.insert(name.clone());
        if name != key {
            notes.push(format!("{key} {} is {name}", line.field));
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        quoted(&mut out, line.secret.expose());
        out.push(b'\n');
    }
    (out, notes)
}

/// A name that shells take: as it is where it is one, else in capitals.
fn variable(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut name = match text.chars().all(plain) {
        true => text.to_owned(),
        false => text.chars().map(|c| if plain(c) { c.to_ascii_uppercase() } else { '_' }).collect(),
    };
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// A value that `import dotenv`, shells and frameworks read alike: bare where it is a word, in single quotes where it
/// can be, else in double quotes.
fn quoted(out: &mut Vec<u8>, text: &str) {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(bare) {
        return out.extend_from_slice(text.as_bytes());
    }
    if !text.contains(['\'', '\n', '\r']) {
        out.push(b'\'');
        out.extend_from_slice(text.as_bytes());
        return out.push(b'\'');
    }
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'"' | b'\\' | b'$' | b'`' => out.extend_from_slice(&[b'\\', byte]),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A table with a row for each secret. Its titles are those that password managers look for.
pub(super) fn csv(document: &Document, kinds: &Kinds) -> Zeroizing<Vec<u8>> {
    let mut out =
        Zeroizing::new(b"name,url,username,password,notes,folder,key,field,kind,service\n".to_vec());
    for line in lines(document, kinds) {
        let content = line.content;
        let text = |place: &str| content.get_str(place).unwrap_or_default();
        let name = if content.name().is_empty() { content.key() } else { content.name() };
        let username = ["/config/username", "/config/access_key_id", "/config/client_id"];
        let username = username.iter().map(|place| text(place)).find(|text| !text.is_empty());
        let cells = [
            name,
            text("/config/base_url"),
            username.unwrap_or_default(),
            line.secret.expose(),
            if line.main { text("/notes") } else { "" },
            content.solution(),
            content.key(),
            &line.field,
            content.kind(),
            content.service(),
        ];
        for (at, cell) in cells.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self::cell(&mut out, cell);
        }
        out.push(b'\n');
    }
    out
}

fn cell(out: &mut Vec<u8>, text: &str) {
    if !text.contains(['"', ',', ';', '\t', '\n', '\r']) && text.trim() == text {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Format, Unlock, read};
    use crate::model::{Credential, Id};

    const HARD: [&str; 8] = [
        "word",
        "two words # no comment",
        "it's \"$HOME\" `x` \\n",
        "lines\nof\r\ntext\n",
        "'",
        " blanks around ",
        "a,b;c\td",
        "ünïcode=",
    ];

    fn document() -> Document {
        let mut document = Document::new();
        for (number, text) in HARD.iter().enumerate() {
            let mut content = Content::default();
            content.set("/key", format!("K_{number}").into());
            content.set("/kind", "secret".into());
            content.set_secret("/config/values/v", Secret::from(*text));
            document.credentials.push(Credential::new(Id::new(), content, jiff::Timestamp::UNIX_EPOCH));
        }
        document
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let kinds = Kinds::builtin();
        let (bytes, notes) = dotenv(&document(), kinds);
        assert!(notes.is_empty(), "{notes:?}");
        for (format, bytes) in [(Format::Dotenv, bytes), (Format::Csv, csv(&document(), kinds))] {
            let found = read(format, &bytes, &Unlock::default()).unwrap();
            for (item, text) in found.items.iter().zip(HARD) {
                let read = item.values.iter().find(|value| value.secret).unwrap();
                assert_eq!(read.text.expose(), text, "{format:?}");
            }
            assert_eq!(found.items.len(), HARD.len());
        }
    }

    #[test]
    fn names_become_variables_that_differ() {
        assert_eq!(
            (variable("DB_URL"), variable("billing.key"), variable("1x")),
            ("DB_URL".into(), "BILLING_KEY".into(), "_1x".into())
        );
        let mut document = document();
        document.credentials[0].content.set("/key", "a.b".into());
        document.credentials[1].content.set("/key", "a-b".into());
        document.credentials[2].content.set_secret("/config/values/w", Secret::from("second"));
        let (bytes, notes) = dotenv(&document, Kinds::builtin());
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.starts_with("A_B=word\nA_B_2='two words # no comment'\n"), "{text}");
        assert!(text.contains("K_2_v=") && text.contains("K_2_w=second"), "{text}");
        assert_eq!(notes.len(), 4, "{notes:?}");
    }
}
