//! A JSON document as `put` and the raw editor take it: no text panics, an error has a place inside the text, and
//! what was taken keeps its secrets apart.

use std::sync::OnceLock;

use credbench::model::{Document, Placeholder};
use credbench::schema::{Draft, Kinds};
use credbench::session;
use jiff::Timestamp;

pub fn document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let kinds = Kinds::builtin();
    let vault = vault();
    if let Ok(changes) = session::changes(vault, kinds, text, "default", "text") {
        for change in changes {
            for place in change.content.secrets.keys() {
                let shown = change.content.get(place).and_then(Placeholder::of);
                assert_eq!(shown, Some(Placeholder::Stored), "the secret at {place} is shown");
            }
        }
    }
    let mut draft = Draft::of(&vault.credentials[0]);
    for error in draft.check_text(kinds, text) {
        assert!(error.range.end <= text.len(), "an error behind the end of the text");
    }
    if draft.set_text(kinds, text).is_ok() {
        let shown = draft.text();
        draft.set_text(kinds, &shown).expect("a draft's own text can be read");
        assert_eq!(draft.text(), shown, "a text changed although nothing in it did");
        assert!(draft.undo(), "a change can be taken back");
    }
}

/// A vault with one credential of each sample.
fn vault() -> &'static Document {
    static VAULT: OnceLock<Document> = OnceLock::new();
    VAULT.get_or_init(|| credbench::demo::document("http://127.0.0.1:9", Timestamp::UNIX_EPOCH))
}
