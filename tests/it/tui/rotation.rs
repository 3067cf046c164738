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

/// A service with several keys, as SendGrid, and a workbench with a credential for it. `denies`: it makes none.
fn open_maker(denies: bool) -> (Ui, Server) {
    let server = Server::start(move |seen| match (seen.method.as_str(), denies) {
        ("GET", _) => json(200, r#"{"scopes":["mail.send"]}"#),
        ("POST", false) => json(201, r#"{"api_key":"SG.made-marker","api_key_id":"id-2"}"#),
        ("DELETE", false) => json(204, ""),
        _ => json(403, r#"{"errors":[{"message":"access forbidden"}]}"#),
    });
    let document = format!(
        r#"[{{"key":"mail","kind":"bearer_token","service":"sendgrid",
             "config":{{"base_url":"{}","token":"SG.old-marker","key_id":"id-1"}}}}]"#,
        server.url()
    );
    (Start::with(&document).open(), server)
}

/// The token in use, the one that is kept, and where the rotation stands.
fn tokens(ui: &Ui) -> (String, Option<String>, Option<Stage>) {
    let document = ui.home.open().unwrap().document;
    let known = document.find("default", "mail").unwrap();
    let text = |content: &credbench::model::Content| {
        content.secret("/config/token").map(|secret| secret.expose().to_owned())
    };
    let rotation = known.rotation.as_deref();
    (
        text(&known.content).unwrap(),
        rotation.and_then(|rotation| text(&rotation.kept)),
        rotation.map(|rotation| rotation.stage),
    )
}

#[test]
fn the_service_makes_the_next_key_and_drops_the_one_before() {
    let (mut ui, server) = open_maker(false);
    ui.keys("r").sees("or let the service make it").sees("m let it be made").keys("m");
    ui.sees("Let the service make the next key of mail?").keys("n");
    assert!(server.requests().is_empty(), "nothing is asked before a yes");
    ui.keys("my").wait("▸ Switch to it");
    assert_eq!(tokens(&ui), is("SG.old-marker", Some("SG.made-marker"), Some(Stage::Proven)));
    ui.misses("marker").misses("m let it be made").keys("v").sees("nothing was switched");
    ui.keys("<enter>y").wait("▸ Revoke the one before").sees("v let it be dropped");
    let port = server.address().port().to_string();
    insta::assert_snapshot!("rotation_by_the_service", ui.resize(80, 24).screen().replace(&port, "PORT"));
    ui.keys("v").sees("Whatever still uses it stops").keys("y");
    ui.wait("the service dropped id-1").sees("▸ Enter the next value");
    assert_eq!(tokens(&ui), is("SG.made-marker", None, None));
    let changes: Vec<String> = server
        .requests()
        .iter()
        .filter(|seen| seen.method != "GET")
        .map(|seen| format!("{} {}", seen.method, seen.target))
        .collect();
    assert_eq!(changes, ["POST /v3/api_keys", "DELETE /v3/api_keys/id-1"]);
    ui.misses("marker");
}

#[test]
fn what_the_service_says_instead_is_shown_and_the_wizard_goes_on() {
    let (mut ui, server) = open_maker(true);
    ui.keys("rmy").wait("access forbidden").sees("the key in use needs the scopes api_keys.create");
    ui.keys("<enter>").sees("▸ Enter the next value").misses("being asked").sees("m let it be made");
    assert_eq!(tokens(&ui), is("SG.old-marker", None, None));
    assert_eq!(server.requests().iter().filter(|seen| seen.method == "POST").count(), 1, "asked once");
    ui.misses("marker");
}

#[test]
fn a_token_that_replaces_itself_is_asked_about_and_in_use_at_once() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.header("private-token")) {
        ("POST", "glpat-old-marker") => json(200, r#"{"token":"glpat-new-marker"}"#),
        ("GET", "glpat-new-marker") => json(200, r#"{"active":true}"#),
        _ => json(401, r#"{"message":"401 Unauthorized"}"#),
    });
    let document = format!(
        r#"[{{"key":"mail","kind":"api_key","service":"gitlab",
             "config":{{"base_url":"{}","api_key":"glpat-old-marker"}}}}]"#,
        server.url()
    );
    let mut ui = Start::with(&document).open();
    ui.keys("r").sees("that ends the one in use").keys("m").sees("there is no way back").keys("y");
    ui.wait("▸ The one before has ended");
    ui.keys("b").sees("there is no way back").keys("v").sees("the one before has ended: finish");
    ui.keys("<enter>").sees("Drop it here, too?").keys("y").wait("mail rotated");
    let document = ui.home.open().unwrap().document;
    let known = document.find("default", "mail").unwrap();
    assert_eq!(known.content.secret("/config/api_key").unwrap().expose(), "glpat-new-marker");
    ui.misses("marker");
}

/// Another test of the same credential takes the place of the wizard's: it does not say for ever that it is testing.
#[test]
fn a_test_that_another_one_takes_over_is_not_waited_for() {
    let (mut ui, takes, _server) = open(&["old-marker"]);
    ui.keys("r<enter>").paste("bad-marker").keys("<c-s>").wait("rejected");
    takes.lock().unwrap().push("bad-marker");
    // The wizard's test begins, and an ordinary one before its result is there.
    ui.burst("<enter><esc>tr").misses("testing…").sees("▸ Test the credential with the next value");
    ui.settle().misses("a test is running").keys("<enter>").wait("▸ Switch to it");
    assert_eq!(held(&ui), is("old-marker", Some("bad-marker"), Some(Stage::Proven)));
}
