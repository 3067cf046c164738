//! One key map: the page, the help screen, the footer and the palette all come from it.

use std::path::Path;

use credbench::tui::action::Action;
use credbench::tui::keymap::{Context, Keymap};

use crate::support::ui::Start;

#[test]
fn the_page_of_keys_is_made_from_the_key_map() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/KEYS.md");
    let page = Keymap::default().markdown();
    if std::env::var_os("CREDBENCH_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/KEYS.md is not what assets/keymap.toml says; CREDBENCH_BLESS=1 rewrites it"
    );
}

#[test]
fn help_shows_every_action_of_every_place() {
    let mut ui = Start::with("[]").open();
    ui.keys("?").sees(" Help ");
    let mut seen = String::new();
    for _ in 0..20 {
        seen.push_str(&ui.screen());
        ui.keys("<pagedown>");
    }
    for action in Action::ALL {
        assert!(seen.contains(action.title()), "{} is not in help", action.word());
    }
    for context in Context::ALL {
        assert!(seen.contains(context.title()), "{} is not in help", context.title());
    }
    ui.keys("<esc>").misses(" Help ").keys("<f1>").sees(" Help ").keys("?").misses(" Help ");
}

#[test]
fn the_footer_never_offers_what_would_do_nothing() {
    let mut ui = Start::with("[]").open();
    ui.sees("a add").misses("e edit").misses("d remove").misses("t test  ");
    ui.keys("e").sees("there is nothing selected");
}

#[test]
fn the_palette_finds_commands_and_does_them() {
    let mut ui = Start::with("[]").open();
    ui.keys(":").sees("Commands").keys("add cred").sees("▸ Add a credential").misses("Lock the vault");
    ui.keys("<enter>").sees("▸ API key");
    ui.keys("<esc>:nothing like it").sees("no command of that name").keys("<enter><esc>").misses("Commands");
}
