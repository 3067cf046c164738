//! One draft, shown as a form and as JSON.

use credbench::tui::Ended;

use crate::support::ui::Start;

const ONE: &str = r#"{"key":"one","kind":"api_key","name":"First",
    "config":{"base_url":"https://a.example","api_key":"sk-very-secret"},"own":{"kept":true}}"#;

#[test]
fn form_and_json_are_views_of_one_draft() {
    let mut ui = Start::with(ONE).open();
    ui.keys("e.more").sees("one.more *").keys("<f2>").sees("\"one.more\"").sees("\"$secret\": \"stored\"");
    ui.sees("\"kept\": true").keys("<f2>").sees("one.more").misses("$secret");
}

#[test]
fn s_opens_the_json_at_once() {
    let mut ui = Start::with(ONE).open();
    ui.keys("s").sees("\"base_url\"").sees("F2 show form").keys("<esc>").misses("\"base_url\"");
}

#[test]
fn broken_json_stays_where_it_is_and_says_where_it_is_broken() {
    let mut ui = Start::with(ONE).open();
    ui.keys("s").keys("<c-home>x").keys("<f2>").sees("line 1").sees("F2 show form");
    ui.keys("<c-s>").sees("line 1");
    ui.keys("<delete><f2>").sees("F2 show schema");
}

#[test]
fn a_place_that_breaks_the_schema_is_named_with_its_pointer() {
    let mut ui = Start::with(ONE).open();
    ui.keys("s").paste("").keys("<c-end>");
    ui.keys("<esc>").misses("Unsaved");
}

#[test]
fn leaving_a_changed_draft_asks_and_starts_on_keep_editing() {
    let mut ui = Start::with(ONE).open();
    ui.keys("ex<esc>").sees("Unsaved draft").sees("[ Keep editing ]").keys("<enter>").sees("onex *");
    ui.keys("<esc><right><enter>").misses("onex").sees("▸ one");
    ui.keys("ex<c-c>").sees("Drop it and quit").keys("<esc>").sees("onex");
    assert_eq!(ui.keys("<c-c><right><enter>").ends(), Ended::Quit);
}

#[test]
fn an_unchanged_draft_is_left_without_a_question() {
    let mut ui = Start::with(ONE).open();
    ui.keys("e<esc>").misses("form │ json").keys("e<c-l>").wait("locked");
}

#[test]
fn undo_and_redo_in_the_draft() {
    let mut ui = Start::with(ONE).open();
    ui.keys("exyz").sees("onexyz").keys("<c-_>").misses("onexyz").keys("<a-_>").sees("onexyz");
}

#[test]
fn printable_keys_are_text_in_the_form() {
    let mut ui = Start::with(ONE).open();
    ui.keys("eqdt?:").sees("oneqdt?:");
}
