//! A rotation in the workbench, from the next key to the end of the one before.

use std::sync::{Arc, Mutex};

use credbench::model::Stage;

use crate::support::server::{Server, json};
use crate::support::ui::{Start, Ui};

/// A service that takes these keys, and a workbench with a credential for it.
fn open(keys: &[&'static str]) -> (Ui, Arc<Mutex<Vec<&'static str>>>, Server) {
    let takes = Arc::new(Mutex::new(keys.to_vec()));
    let known = takes.clone();
    let server = Server::start(move |seen| {
        let good = known.lock().unwrap().contains(&seen.header("x-key"));
        json(if good { 200 } else { 401 }, "{}")
    });
    let document = format!(
        r#"[{{"key":"pay.api","kind":"api_key","config":{{"base_url":"{}","api_key":"old-marker",
             "placement":{{"in":"header","name":"X-Key"}}}},
             "test":{{"method":"GET","path":"/me","expect":{{"status":[200]}}}}}}]"#,
        server.url()
    );
    (Start::with(&document).open(), takes, server)
}

/// The key in use, the one that is kept, and where the rotation stands.
fn held(ui: &Ui) -> (String, Option<String>, Option<Stage>) {
    let document = ui.home.open().unwrap().document;
    let known = document.find("default", "pay.api").unwrap();
    let text = |content: &credbench::model::Content| {
        content.secret("/config/api_key").map(|secret| secret.expose().to_owned())
    };
    let rotation = known.rotation.as_deref();
    (
        text(&known.content).unwrap(),
        rotation.and_then(|rotation| text(&rotation.kept)),
        rotation.map(|rotation| rotation.stage),
    )
}

fn is(used: &str, kept: Option<&str>, stage: Option<Stage>) -> (String, Option<String>, Option<Stage>) {
    (used.to_owned(), kept.map(str::to_owned), stage)
}

#[test]
fn a_key_is_rotated_step_by_step() {
    let (mut ui, _, server) = open(&["old-marker", "new-marker"]);
    ui.keys("r").sees("Rotation of pay.api").sees("▸ Enter the next value").keys("<enter>");
    ui.sees("enter the next value and save").paste("new-marker").keys("<c-s>");
    ui.wait("▸ Switch to it").sees("✓ Test the credential with the next value").sees("ok");
    assert_eq!(held(&ui), is("old-marker", Some("new-marker"), Some(Stage::Proven)));
    ui.keys("<enter>").sees("No workflow is known to use it").keys("y").wait("▸ Revoke the one before");
    assert_eq!(held(&ui), is("new-marker", Some("old-marker"), Some(Stage::Confirmed)));
    assert_eq!(server.requests().len(), 2, "tested before the switch and after it");
    ui.misses("marker").keys("<esc>").sees("switched; revoke the one before");
    ui.keys("r<enter>").sees("Was the one before revoked").keys("y").wait("pay.api rotated");
    assert_eq!(held(&ui), is("new-marker", None, None));
    ui.misses("marker");
}

#[test]
fn the_screen_reads_well() {
    let (mut ui, _, server) = open(&["old-marker", "new-marker"]);
    let port = server.address().port().to_string();
    let both = |ui: &mut Ui| {
        let narrow = ui.resize(80, 24).screen();
        format!("{narrow}{}\n{}", "=".repeat(80), ui.resize(120, 40).screen()).replace(&port, "PORT")
    };
    ui.keys("r");
    insta::assert_snapshot!("rotation_begins", both(&mut ui));
    ui.keys("<enter>")
        .paste("new-marker")
        .keys("<c-s>")
        .wait("▸ Switch to it")
        .keys("<enter>y")
        .wait("▸ Revoke");
    insta::assert_snapshot!("rotation_confirmed", both(&mut ui));
}

#[test]
fn a_key_that_fails_is_not_switched_to_and_one_that_was_comes_back() {
    let (mut ui, takes, _server) = open(&["old-marker"]);
    ui.keys("r<enter>").paste("bad-marker").keys("<c-s>").wait("rejected");
    ui.sees("▸ Test the credential with the next value");
    ui.keys("f").sees("The last test of this value of pay.api: rejected").keys("n");
    assert_eq!(held(&ui), is("old-marker", Some("bad-marker"), Some(Stage::Entered)));
    // Entered anew, then dropped.
    takes.lock().unwrap().push("new-marker");
    ui.keys("e").wait("enter the next value").paste("new-marker").keys("<c-s>").wait("▸ Switch to it");
    assert_eq!(held(&ui), is("old-marker", Some("new-marker"), Some(Stage::Proven)));
    ui.keys("<enter>y").wait("▸ Revoke the one before").keys("d").sees("it is in use");
    ui.keys("b").sees("Take the value before back").keys("y").wait("the one before is in use");
    assert_eq!(held(&ui), is("old-marker", Some("new-marker"), Some(Stage::Entered)));
    ui.keys("d").sees("It is nowhere else").keys("y").wait("the next value was dropped");
    assert_eq!(held(&ui), is("old-marker", None, None));
    // Undo takes the last step back.
    ui.keys("r<enter>").paste("new-marker").keys("<c-s>").wait("▸ Switch to it").keys("<esc>");
    assert_eq!(held(&ui).2, Some(Stage::Proven));
}

#[test]
fn a_next_value_that_was_not_kept_yet_survives_the_lock_as_one() {
    let (mut ui, _, _server) = open(&["old-marker", "new-marker"]);
    ui.keys("r<enter>").sees("pay.api, next value").paste("new-marker").keys("<c-l>");
    ui.wait("The vault is locked").keys("<enter>").wait("Unsaved drafts").sees("next value of a rotation");
    ui.keys("<enter>").sees("pay.api, next value").keys("<c-s>").wait("▸ Switch to it");
    assert_eq!(held(&ui), is("old-marker", Some("new-marker"), Some(Stage::Proven)));
}
