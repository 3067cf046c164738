//! Workflows in the workbench: what uses a credential, what names nothing, and renaming with the files.

use std::path::PathBuf;

use credbench::audit::{Entry, What};
use credbench::model::Edit;
use credbench::session::{self, Session};
use credbench::vault::OpenPolicy;

use crate::support::ui::{Start, Ui, put};
use crate::support::vault::{Home, now, unlock};

const SOME: &str = r#"[
  {"key":"pay.api","kind":"api_key","service":"stripe","config":{"base_url":"https://pay.example","api_key":"marker-1"}},
  {"key":"db.main","kind":"secret","config":{"values":{"a":"marker-2"}}},
  {"key":"unused","kind":"secret","config":{"values":{"a":"marker-3"}}}
]"#;

const COMPOSE: &str = "env:\n  A: cred://pay.api\n  B: cred://db.main#a\n  C: cred://shop.stripe\n";

/// A workbench, and a folder with files that name its credentials.
fn open() -> (Ui, PathBuf) {
    let home = Home::with_vault();
    put(&home, SOME);
    let app = home.root.join("app");
    std::fs::create_dir(&app).unwrap();
    std::fs::write(app.join("compose.yaml"), COMPOSE).unwrap();
    std::fs::write(app.join("pay.json"), r#"{"credential": "pay.api"}"#).unwrap();
    (Start::at(home).open(), app)
}

/// Scans the folder.
fn scanned(ui: &mut Ui, app: &std::path::Path) {
    ui.keys("w").sees("No file is known").keys("a").sees("A folder or a file").paste(app.to_str().unwrap());
    ui.keys("<enter>").wait("4 places in 2 files");
}

/// Another program that has the vault open.
fn session_of(ui: &Ui) -> session::Opened {
    let keyring = unlock(&ui.home.identity()).unwrap();
    Session::open(&ui.home.places(), keyring, OpenPolicy::Strict, now()).unwrap()
}

fn stored(ui: &Ui, key: &str) -> bool {
    ui.home.open().unwrap().document.find("default", key).is_some()
}

#[test]
fn a_scan_shows_who_uses_what_and_the_next_one_what_is_gone() {
    let (mut ui, app) = open();
    scanned(&mut ui, &app);
    ui.sees("app/compose.yaml").sees("2  cred://pay.api").sees("app/pay.json").sees("1 names nothing");
    ui.sees("✗ there is no credential \"shop.stripe\" in default");
    ui.keys("g").sees("default/pay.api  used by 2 workflows").sees("app/compose.yaml:3  cred://db.main#a");
    // How often each workflow used it.
    let mut session = session_of(&ui);
    let known = session.document.find("default", "pay.api").unwrap().clone();
    let entry = || Entry::about(What::Ran, &known).for_workflow("app/pay.json");
    for _ in 0..2 {
        session.session.hand_out(vec![entry()], &now, || Ok(())).unwrap();
    }
    drop(session);
    ui.keys("<esc>w").wait("app/pay.json  scanned now · used 2 times").keys("<esc>");
    // A file that is gone, and a place that is.
    std::fs::remove_file(app.join("pay.json")).unwrap();
    std::fs::write(app.join("compose.yaml"), "env:\n  A: cred://pay.api\n").unwrap();
    ui.keys("w<esc>wr").wait("3 no longer there").sees("- app/pay.json  pay.api  is no longer there");
    ui.sees("- app/compose.yaml  cred://db.main#a  is no longer there").sees("1 place in 1 file");
    ui.keys("<end><enter>").sees("Used by").sees("app/compose.yaml").sees("line 2");
    assert_eq!(ui.home.open().unwrap().document.workflows.len(), 1);
}

#[test]
fn what_was_scanned_is_scanned_again_with_what_is_new_in_it() {
    let (mut ui, app) = open();
    scanned(&mut ui, &app);
    let alone = app.with_file_name("alone");
    std::fs::create_dir(&alone).unwrap();
    for name in ["a.env", "b.env"] {
        std::fs::write(alone.join(name), "K=cred://unused\n").unwrap();
    }
    ui.keys("a").sees("A folder or a file").paste(alone.join("a.env").to_str().unwrap());
    ui.keys("<enter>").wait("5 places in 3 files");
    std::fs::create_dir(app.join("deep")).unwrap();
    std::fs::write(app.join("deep/new.env"), "K=cred://unused\n").unwrap();
    // A file that was scanned by itself does not make its folder known.
    ui.keys("r").wait("6 places in 4 files").sees("app/deep/new.env");
    let known = |ui: &Ui| ui.home.open().unwrap().document.workflows.len();
    assert_eq!(known(&ui), 4);
    // One that means another solution keeps its meaning: the folder is not walked any more.
    let mut session = session_of(&ui);
    let mut of_prod = session.document.workflows[1].clone();
    of_prod.solution = "prod".to_owned();
    let edit = Edit::SetWorkflows { under: vec![of_prod.path.clone()], workflows: vec![of_prod] };
    session.session.commit(vec![edit], now()).unwrap();
    drop(session);
    std::fs::write(app.join("newer.env"), "K=cred://unused\n").unwrap();
    ui.wait("saved by another program").keys("<esc>wr").wait("4 files read");
    assert_eq!(known(&ui), 4);
    let solutions: Vec<String> =
        ui.home.open().unwrap().document.workflows.iter().map(|known| known.solution.clone()).collect();
    assert_eq!(solutions.iter().filter(|solution| *solution == "prod").count(), 1, "{solutions:?}");
}

/// The screen at both sizes, without what differs from one run to the next.
fn both_sizes(ui: &mut Ui, app: &std::path::Path) -> String {
    let narrow = ui.resize(80, 24).screen();
    let wide = ui.resize(120, 40).screen();
    let text = format!("{narrow}{}\n{wide}", "=".repeat(80));
    assert!(!text.contains("marker-"), "{text}");
    text.replace(app.parent().unwrap().to_str().unwrap(), "HOME")
}

#[test]
fn the_screens_read_well() {
    let (mut ui, app) = open();
    scanned(&mut ui, &app);
    insta::assert_snapshot!("workflows_by_file", both_sizes(&mut ui, &app));
    ui.keys("<home><down><down><down><enter>");
    insta::assert_snapshot!("workflows_names_nothing", both_sizes(&mut ui, &app));
    ui.keys("<esc>g");
    insta::assert_snapshot!("workflows_by_credential", both_sizes(&mut ui, &app));
}

#[test]
fn what_is_in_use_is_removed_only_by_its_key() {
    let (mut ui, app) = open();
    scanned(&mut ui, &app);
    ui.keys("<esc>/pay<enter>d").sees("2 workflows use pay.api: app/compose.yaml, app/pay.json");
    ui.keys("y<enter>").sees("type pay.api to remove it");
    assert!(stored(&ui, "pay.api"));
    ui.keys("<c-u>pay.api<enter>").wait("pay.api moved to the trash");
    assert!(!stored(&ui, "pay.api"));
    ui.keys("u").wait("undone");
    // Where it is moved to they do not find it, either.
    ui.keys("Saprod<enter>")
        .wait("solution prod added")
        .keys("S<home><enter>")
        .sees("pay.api")
        .keys("/<c-u>pay<enter>m");
    ui.keys("<end><enter>").sees("There they do not find it").keys("<esc>");
    assert!(stored(&ui, "pay.api"));
    // Of many, those in use stay.
    ui.keys("<esc>/<c-u><enter><home><space><space><space>d").sees("Workflows use these").sees("db.main");
    ui.keys("<tab><enter>").wait("unused moved to the trash");
    assert!(stored(&ui, "pay.api") && stored(&ui, "db.main") && !stored(&ui, "unused"));
}

#[test]
fn a_new_key_changes_the_files_too_once_that_was_seen() {
    let (mut ui, app) = open();
    scanned(&mut ui, &app);
    ui.keys("<esc>/pay<enter>n").sees("2 workflows use pay.api").keys("<c-u>db.main<enter>").sees("is taken");
    ui.keys("<c-u>billing.api<enter>").wait("pay.api becomes billing.api");
    ui.sees("- cred://pay.api").sees("+ cred://billing.api");
    assert_eq!(std::fs::read_to_string(app.join("compose.yaml")).unwrap(), COMPOSE, "nothing is done yet");
    ui.keys("<enter>").wait("billing.api now; 2 files changed");
    ui.until("the files", |_| {
        std::fs::read_to_string(app.join("compose.yaml")).unwrap()
            == COMPOSE.replace("pay.api", "billing.api")
            && std::fs::read_to_string(app.join("pay.json")).unwrap() == r#"{"credential": "billing.api"}"#
    });
    assert!(stored(&ui, "billing.api"));
    ui.keys("w").wait("cred://billing.api").keys("<esc>");
    // Undone, the files are what they were, but for one that somebody changed meanwhile.
    std::fs::write(app.join("pay.json"), r#"{"credential": "billing.api", "more": 1}"#).unwrap();
    ui.keys("u")
        .wait("undone: the new key of pay.api; 2 files changed back")
        .wait("pay.json was changed meanwhile");
    assert_eq!(std::fs::read_to_string(app.join("compose.yaml")).unwrap(), COMPOSE);
    assert!(std::fs::read_to_string(app.join("pay.json")).unwrap().contains("\"billing.api\", \"more\""));
    assert!(stored(&ui, "pay.api") && !stored(&ui, "billing.api"));
    ui.keys("n<c-u>billing.api<enter>")
        .wait("pay.api becomes billing.api")
        .keys("<enter>")
        .wait("1 file changed");
    // Left as they are only by typing the key.
    ui.keys("<esc>/billing<enter>n<c-u>other.api<enter>").wait("billing.api becomes other.api").keys("f");
    ui.keys("yes<enter>").sees("type billing.api").keys("<c-u>billing.api<enter>").wait("other.api now");
    assert!(std::fs::read_to_string(app.join("pay.json")).unwrap().contains("billing.api"));
}

#[test]
fn a_draft_with_another_key_is_saved_only_by_typing_the_old_one() {
    let (mut ui, app) = open();
    scanned(&mut ui, &app);
    ui.keys("<esc>/db.main<enter>e").sees("Key").keys("x<c-s>").sees("1 workflow uses db.main");
    ui.keys("no<enter>").sees("type db.main to save it").keys("<esc>");
    assert!(stored(&ui, "db.main"));
    ui.keys("<c-s>db.main<enter>").wait("saved, generation");
    assert!(!stored(&ui, "db.main"));
}

#[test]
fn what_names_nothing_is_made_or_mended() {
    let (mut ui, app) = open();
    scanned(&mut ui, &app);
    ui.keys("<home><down><down><down><enter>").sees("Names nothing").sees("make shop.stripe in default");
    // The credential of that service comes first.
    ui.keys("<down>")
        .sees("▸ pay.api  stripe")
        .keys("<enter>")
        .wait("cred://pay.api in the place of cred://shop.stripe");
    ui.keys("<enter>").wait("names pay.api now; 1 file changed");
    ui.until("the file", |_| {
        std::fs::read_to_string(app.join("compose.yaml")).unwrap()
            == COMPOSE.replace("shop.stripe", "pay.api")
    });
    // The other way: it is made.
    std::fs::write(app.join("pay.json"), r#"{"credential": "cred://mail.new"}"#).unwrap();
    ui.keys("wr").wait("1 names nothing").keys("<end><enter>").sees("make mail.new").keys("<enter>");
    ui.sees("Add a credential").keys("Secret<enter>").wait("mail.new");
}

#[test]
fn a_solution_is_renamed_in_the_files_that_name_it() {
    let (mut ui, app) = open();
    ui.keys("Saprod<enter>").wait("solution prod added").keys("S<end>");
    std::fs::write(app.join("compose.yaml"), "A: cred://prod/pay.api\n").unwrap();
    ui.keys("<esc>wa").paste(app.to_str().unwrap()).keys("<enter>").wait("in 1 file");
    ui.keys("<esc>S<end>r").sees("Workflows name it").keys("<c-u>live<enter>").wait("prod becomes live");
    ui.keys("<enter>").wait("solution prod is live now; 1 file changed");
    ui.until("the file", |_| {
        std::fs::read_to_string(app.join("compose.yaml")).unwrap() == "A: cred://live/pay.api\n"
    });
    assert_eq!(ui.home.open().unwrap().document.workflows[0].solution, "live");
}
