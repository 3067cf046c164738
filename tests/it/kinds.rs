//! The ten kinds, on the real program.

mod add;
pub(crate) mod secrecy;
mod violations;
mod walk;

use std::path::Path;

use credbench::schema::Kinds;

/// `docs/KINDS.md` is made from the schemas; CREDBENCH_BLESS=1 writes it.
#[test]
fn the_page_about_kinds_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/KINDS.md");
    let page = Kinds::builtin().reference();
    if std::env::var_os("CREDBENCH_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/KINDS.md is out of date: run the tests with CREDBENCH_BLESS=1");
}
