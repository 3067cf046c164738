//! Another program changes the credential that is edited: what merges merges, the rest is asked, nothing is lost.

use credbench::model::{Content, Credential, Edit};
use credbench::secret::Secret;
use credbench::session;
use serde_json::json;

use crate::support::service::{RIGHT, Service};
use crate::support::ui::{Start, Ui};
use crate::support::vault::now;

const PLAIN: &str = r#"{"key":"one","kind":"secret","config":{"values":{"A":"first-secret"}}}"#;

/// Another program saves a new version of the first credential, and the workbench is told.
fn meanwhile(ui: &mut Ui, change: impl FnOnce(&mut Content)) {
    let mut store = ui.home.open().unwrap().store;
    let one = store.document().credentials[0].clone();
    let mut content = one.content.clone();
    change(&mut content);
    let base = Some(Box::new(one.content));
    store.commit(vec![Edit::Update { id: one.id, base, content }], now()).unwrap();
    ui.wait("saved by another program: 1 changed");
}

fn name(name: &'static str) -> impl FnOnce(&mut Content) {
    move |content| content.set("/name", json!(name))
}

fn stored(ui: &Ui) -> Credential {
    ui.home.open().unwrap().document.credentials[0].clone()
}

fn generation(ui: &Ui) -> u64 {
    ui.home.open().unwrap().store.header().generation
}

/// A workbench with a draft of the name, while another program saved its own.
fn in_conflict() -> Ui {
    let mut ui = Start::with(PLAIN).open();
    ui.keys("e<tab>ours");
    meanwhile(&mut ui, name("theirs"));
    ui.keys("<c-s>").wait("was changed by another program");
    ui
}

#[test]
fn what_the_other_program_did_not_touch_is_saved_at_once() {
    let mut ui = Start::with(PLAIN).open();
    ui.keys("e<tab>ours");
    meanwhile(&mut ui, |content| content.set("/notes", json!("theirs")));
    ui.keys("<c-s>").wait("another program's change of notes was kept").sees("one saved, generation 4");
    let one = stored(&ui);
    assert_eq!((one.content.name(), one.content.get_str("/notes")), ("ours", Some("theirs")));
}

#[test]
fn mine_can_be_chosen_and_theirs_stays_in_the_history() {
    let mut ui = in_conflict();
    ui.sees("· ours").sees("· theirs").misses("Enter save");
    ui.keys("<enter>").sees("choose for each field first");
    assert_eq!(generation(&ui), 3, "nothing is written before the answer");
    ui.keys("m").sees("● ours").sees("○ theirs").sees("Enter save").keys("<enter>").wait("one saved");
    let one = stored(&ui);
    assert_eq!((one.version, one.content.name()), (3, "ours"));
    assert_eq!(one.version_content(2).unwrap().name(), "theirs");
}

#[test]
fn theirs_can_be_chosen_and_mine_stays_in_the_history() {
    let mut ui = in_conflict();
    ui.keys("<right>").sees("● theirs").keys("<enter>").wait("one saved").misses("ours");
    let one = stored(&ui);
    assert_eq!((one.version, one.content.name()), (4, "theirs"));
    assert_eq!(one.version_content(3).unwrap().name(), "ours");
    // One save, one step back.
    assert_eq!(generation(&ui), 4);
    ui.keys("u").wait("undone");
    assert_eq!(stored(&ui).content.name(), "theirs");
}

#[test]
fn the_decision_can_be_left_for_later() {
    let mut ui = in_conflict();
    ui.keys("t<esc>").sees("one *").sees("ours");
    assert_eq!(generation(&ui), 3);
    // The other program goes back: then nothing is left to decide.
    meanwhile(&mut ui, |content| content.remove("/name"));
    assert_eq!(generation(&ui), 4);
    ui.keys("<c-s>").wait("one saved, generation 5");
    assert_eq!(stored(&ui).content.name(), "ours");
}

#[test]
fn secrets_are_told_apart_and_never_shown() {
    let mut ui = Start::with(PLAIN).open();
    ui.keys("e");
    for _ in 0..40 {
        if ui.screen().contains("Ctrl-R reveal") {
            break;
        }
        ui.keys("<tab>");
    }
    ui.paste("our-secret");
    meanwhile(&mut ui, |content| {
        content.set_secret("/config/values/A", Secret::from("their-secret"));
        content.set("/notes", json!("theirs"));
    });
    ui.keys("<c-s>")
        .wait("was changed by another program")
        .sees("values.A")
        .sees("Put together by themselves: notes");
    ui.misses("our-secret").misses("their-secret").misses("first-secret");
    let screen = ui.screen();
    let prints: Vec<&str> = screen.split("•••••••• #").skip(1).map(|rest| &rest[..6]).collect();
    assert_eq!(prints.len(), 4, "two in the list, two below: {screen}");
    assert_eq!((prints[0], prints[1]), (prints[2], prints[3]));
    assert_ne!(prints[0], prints[1]);
    insta::with_settings!({filters => vec![(r"#[0-9a-f]{6}", "#FINGER")]}, {
        insta::assert_snapshot!(screen);
    });
    ui.keys("M<enter>").wait("one saved");
    let one = stored(&ui);
    assert_eq!(one.content.secret("/config/values/A").unwrap().expose(), "our-secret");
    assert_eq!(one.content.get_str("/notes"), Some("theirs"));
    assert_eq!(one.version_content(2).unwrap().secret("/config/values/A").unwrap().expose(), "their-secret");
}

#[test]
fn each_field_is_chosen_by_itself_and_the_whole_is_tested() {
    let service = Service::start();
    let document = format!(
        r#"{{"key":"one","kind":"bearer_token","notes":"n","config":{{"base_url":"{}","token":"{RIGHT}"}},
            "test":{{"method":"GET","path":"/me"}}}}"#,
        service.url
    );
    let mut ui = Start::with(&document).size(80, 24).open();
    ui.keys("e<tab>ours");
    meanwhile(&mut ui, |content| {
        content.set("/name", json!("theirs"));
        content.set("/test/path", json!("/other"));
        content.set("/owner", json!("ops"));
    });
    ui.keys("<f2>").sees("\"/me\"");
    ui.keys("<c-s>").wait("was changed by another program").sees("test.path, owner");
    ui.keys("m<enter>").wait("The test failed");
    // What was decided is the draft now: nothing is saved, and the form shows it.
    assert_eq!(generation(&ui), 3);
    ui.keys("<right><enter>").wait("one saved");
    let one = stored(&ui);
    assert_eq!((one.content.name(), one.content.get_str("/test/path")), ("ours", Some("/other")));
    assert_eq!(one.tests.last().map(|test| test.version), Some(one.version));
}

#[test]
fn what_was_removed_meanwhile_comes_back_with_the_draft_or_not_at_all() {
    let removed = |ui: &mut Ui| {
        let mut store = ui.home.open().unwrap().store;
        let edit = session::removal(&store.document().credentials[0]);
        store.commit(vec![edit], now()).unwrap();
        ui.wait("saved by another program: 1 removed");
    };
    let mut ui = Start::with(PLAIN).open();
    ui.keys("e<tab>ours");
    removed(&mut ui);
    ui.keys("<c-s>")
        .wait("Removed meanwhile")
        .sees("[ Keep editing ]")
        .keys("<right><enter>")
        .wait("one saved");
    let one = stored(&ui);
    assert_eq!((one.version, one.content.name()), (2, "ours"));
    ui.keys("e<tab>again");
    removed(&mut ui);
    ui.keys("<c-s>").wait("Removed meanwhile").keys("<right><right><enter>").gone("again");
    let document = ui.home.open().unwrap().document;
    assert!(document.credentials.is_empty() && document.trash.len() == 1);
}
