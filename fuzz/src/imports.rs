//! Files of other programs (Z3), any bytes of any format: items or a mistake, never a panic and never without end; and of
//! each item a credential or a reason, whose JSON shows no secret.

use std::sync::LazyLock;

use credbench::import::shape::shape;
use credbench::import::{Format, Item, Recogniser, Unlock, pass, read};
use credbench::schema::Kinds;
use credbench::schema::catalogue::Catalogue;

static RECOGNISER: LazyLock<Recogniser> = LazyLock::new(|| Recogniser::new(Catalogue::builtin()));

/// All that a file can be; a store of pass is read entry by entry.
pub const FORMATS: [Format; 10] = [
    Format::Dotenv,
    Format::Json,
    Format::Csv,
    Format::Bitwarden,
    Format::OnePux,
    Format::KeepassXml,
    Format::Kdbx,
    Format::Aws,
    Format::Postman,
    Format::N8n,
];

/// Secrets shorter than this stand in other places by chance.
const TELLING: usize = 16;

pub fn imports(data: &[u8]) {
    let Some((which, file)) = data.split_first() else { return };
    let items = match FORMATS.get(usize::from(*which) % (FORMATS.len() + 1)) {
        None => vec![pass::entry("a/b", &String::from_utf8_lossy(file))],
        Some(format) => {
            let unlock = Unlock { password: Some("x".into()), key_file: None };
            let _ = format.needs_password(file);
            match read(*format, file, &unlock) {
                Ok(found) => found.items,
                Err(_) => return,
            }
        }
    };
    for item in &items {
        let Ok(shaped) = shape(item, Kinds::builtin(), &RECOGNISER, "default", "fuzz") else { continue };
        let shown = serde_json::to_string(&shaped.content.document).expect("JSON can be written");
        for secret in secrets_only(item) {
            assert!(!shown.contains(secret), "a secret stands in the JSON");
        }
    }
}

/// Secrets of an item that it says nowhere else.
fn secrets_only(item: &Item) -> Vec<&str> {
    let mut open = Item { values: Vec::new(), earlier: Vec::new(), ..item.clone() };
    open.values = item.values.iter().filter(|value| !value.secret).cloned().collect();
    let open: String = [&item.name, &item.notes, &item.folder]
        .into_iter()
        .chain(&item.addresses)
        .chain(&item.tags)
        .map(String::as_str)
        .chain(open.values.iter().map(|value| value.text.expose()))
        .chain(item.values.iter().map(|value| value.name.as_str()))
        .collect();
    let open = open + &format!("{:?}", item.facts);
    let secrets = item.values.iter().filter(|value| value.secret).map(|value| value.text.expose());
    secrets.filter(|text| text.len() >= TELLING && !open.contains(*text)).collect()
}
