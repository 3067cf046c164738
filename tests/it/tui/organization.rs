//! Solutions, versions, trash and OAuth apps in the workbench; each change undone.

use credbench::model::{Edit, Solution};
use insta::assert_snapshot;

use crate::support::ui::{Start, Ui, put};
use crate::support::vault::{Home, now};

const SOME: &str = r#"[
  {"key":"pay.api","name":"Payments","kind":"api_key","config":{"base_url":"https://pay.example","api_key":"marker-1"}},
  {"key":"shop.token","solution":"prod","kind":"bearer_token","notes":"see cred://prod/shop.files",
   "config":{"base_url":"https://shop.example","token":"marker-2"}},
  {"key":"shop.files","solution":"prod","kind":"secret","config":{"values":{"a":"marker-3","b":"marker-4"}}}
]"#;

fn home() -> Home {
    let home = Home::with_vault();
    let mut store = home.open().unwrap().store;
    store.commit(vec![Edit::AddSolution { solution: Solution::named("prod") }], now()).unwrap();
    put(&home, SOME);
    home
}

fn open() -> Ui {
    Start::at(home()).open()
}

/// What the vault on disk says, as `solution/key`.
fn places(ui: &Ui) -> Vec<String> {
    let document = ui.home.open().unwrap().document;
    let mut places: Vec<String> = document
        .credentials
        .iter()
        .map(|one| format!("{}/{}", one.content.solution(), one.content.key()))
        .collect();
    places.sort();
    places
}

const PLACES: [&str; 3] = ["default/pay.api", "prod/shop.files", "prod/shop.token"];

/// Takes the last change back, and requires that everything lives where it did.
#[track_caller]
fn undone(ui: &mut Ui) {
    ui.keys("u").wait("undone:");
    assert_eq!(places(ui), PLACES);
}

/// The screen at both sizes.
fn both_sizes(ui: &mut Ui) -> String {
    let narrow = ui.resize(80, 24).screen();
    let wide = ui.resize(120, 40).screen();
    for screen in [&narrow, &wide] {
        assert!(!screen.contains("marker-"), "{screen}");
    }
    format!("{narrow}{}\n{wide}", "=".repeat(80))
}

#[test]
fn a_solution_is_chosen_and_all_are_shown_again() {
    let mut ui = open();
    ui.sees("▸ default (all shown)").sees("pay.api").sees("shop.token").keys("S");
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys("<end><enter>")
        .sees("only prod is shown")
        .sees("▸ prod ")
        .sees("2 credentials")
        .misses("pay.api");
    ui.keys("a<enter>").sees("prod").keys("<esc>");
    ui.keys("S<home><enter>").sees("all solutions are shown").sees("pay.api").sees("3 credentials");
}

#[test]
fn a_solution_is_added_and_that_undone() {
    let mut ui = open();
    ui.keys("Sa").sees("New solution").keys("a/b<enter>").sees("the name of a solution has");
    ui.keys("<c-u>test<enter>").wait("solution test added").sees("▸ test ").sees("No credentials yet.");
    assert!(ui.home.open().unwrap().document.has_solution("test"));
    undone(&mut ui);
    ui.sees("▸ default (all shown)").sees("pay.api");
    assert!(!ui.home.open().unwrap().document.has_solution("test"));
}

#[test]
fn a_solution_is_renamed_and_that_undone() {
    let mut ui = open();
    ui.keys("S<end>r").sees("prod/shop.token at /notes").keys("<c-u>default<enter>").wait("already");
    ui.keys("<c-u>live<enter>").wait("solution prod is live now");
    assert_eq!(places(&ui), ["default/pay.api", "live/shop.files", "live/shop.token"]);
    undone(&mut ui);
    ui.keys("S<home><down>r").sees("this solution is always there").keys("d").sees("always there");
}

#[test]
fn a_copied_solution_is_incomplete_and_that_undone() {
    let mut ui = open();
    ui.keys("S<end>c").sees("The name of the copy of prod").keys("stage<enter>").wait("copied to stage");
    ui.sees("▸ stage ").sees("? incomplete").sees("2 credentials").misses("untested");
    let document = ui.home.open().unwrap().document;
    let copies: Vec<_> =
        document.credentials.iter().filter(|one| one.content.solution() == "stage").collect();
    assert_eq!(copies.len(), 2);
    assert!(copies.iter().all(|one| one.content.secrets.is_empty() && one.history.is_empty()));
    undone(&mut ui);
}

#[test]
fn a_solution_is_removed_by_its_name_and_that_undone() {
    let mut ui = open();
    ui.keys("S<end>d")
        .sees("2 credentials of prod will go to the trash")
        .keys("pro<enter>")
        .sees("type prod to");
    ui.keys("d<enter>").wait("solution prod removed").misses("shop.token");
    assert_eq!(places(&ui), ["default/pay.api"]);
    assert_eq!(ui.home.open().unwrap().document.trash.len(), 2);
    undone(&mut ui);
    ui.sees("shop.token");
}

#[test]
fn the_selected_and_the_marked_move_and_that_undone() {
    let mut ui = open();
    ui.keys("m").sees("Move pay.api to which solution?").keys("<enter>").sees("in default already");
    ui.keys("m<end><enter>").wait("pay.api moved to prod");
    assert_eq!(places(&ui), ["prod/pay.api", "prod/shop.files", "prod/shop.token"]);
    undone(&mut ui);
    ui.keys("/shop<enter><home><space><down><space>m").sees("Move 2 credentials");
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys("<home><enter>").wait("2 credentials moved to default");
    assert_eq!(places(&ui), ["default/pay.api", "default/shop.files", "default/shop.token"]);
    undone(&mut ui);
}

#[test]
fn versions_are_compared_masked_and_restored() {
    let home = home();
    put(
        &home,
        r#"{"key":"pay.api","name":"Payments, live","kind":"api_key","tags":["money"],
        "config":{"base_url":"https://pay.example","api_key":"marker-9"}}"#,
    );
    put(
        &home,
        r#"{"key":"pay.api","name":"Payments, live","kind":"api_key","tags":["money"],"notes":"third",
        "config":{"base_url":"https://pay.example"}}"#,
    );
    let mut ui = Start::at(home).open();
    ui.keys("h").sees("Versions of pay.api").sees("third").sees("1 field");
    ui.keys("<enter>").sees("the newest already");
    ui.keys("<end>").sees("version 3, now").sees("changed").sees("Payments, live");
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys("<enter>").sees("[ No ]").keys("<enter>").sees("Versions of pay.api");
    let secret = |ui: &Ui| {
        let document = ui.home.open().unwrap().document;
        let one = document.find("default", "pay.api").unwrap();
        (one.version, one.content.secret("/config/api_key").unwrap().expose().to_owned())
    };
    assert_eq!(secret(&ui), (3, "marker-9".to_owned()));
    ui.keys("<enter>y").wait("pay.api says again what version 1 said");
    assert_eq!(secret(&ui), (4, "marker-1".to_owned()));
    undone(&mut ui);
    assert_eq!(secret(&ui), (5, "marker-9".to_owned()));
}

#[test]
fn the_trash_restores_and_purges_and_that_undone() {
    let mut ui = open();
    ui.keys("D").sees("The trash is empty.").keys("<enter>").sees("the trash is empty").keys("<esc>");
    ui.keys("dy")
        .wait("pay.api moved to the trash")
        .keys("dy")
        .wait("shop.files moved to the trash")
        .keys("D");
    ui.sees("▸  now  prod/shop.files");
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys("<enter>").wait("prod/shop.files restored").sees("shop.files");
    ui.keys("u").wait("undone: the return");
    ui.keys("D<end>d").sees("will be gone").keys("pay<enter>").sees("type pay.api to");
    ui.keys(".api<enter>").wait("default/pay.api purged");
    assert_eq!(ui.home.open().unwrap().document.trash.len(), 1);
    ui.keys("u").wait("undone: the purge");
    ui.keys("DX").sees("All 2 in the trash").keys("purge<enter>").wait("2 purged");
    assert!(ui.home.open().unwrap().document.trash.is_empty());
    ui.keys("u").wait("undone: the purge");
    assert_eq!(ui.home.open().unwrap().document.trash.len(), 2);
}

#[test]
fn an_oauth_app_is_written_as_json_and_that_undone() {
    let mut ui = open();
    ui.keys("O").sees("There are no OAuth apps yet.").keys("e").sees("there is no OAuth app yet").keys("a");
    ui.sees("New OAuth app").keys("<f2><c-s>").sees("/name").misses("saved");
    ui.keys("<esc>").misses("New OAuth app").keys("a<f2>");
    replace(
        &mut ui,
        r#"{"name": "graph", "provider": "microsoft_graph", "tenant": "contoso.example", "client_id": "c",
        "client_secret": "marker-app", "unheard_of": 1}"#,
    );
    ui.keys("<c-c>")
        .sees("Keep it and quit")
        .keys("<enter>")
        .sees("New OAuth app")
        .keys("<c-s>")
        .wait("graph saved");
    let app = |ui: &Ui| ui.home.open().unwrap().document.oauth_app("graph").cloned();
    assert_eq!(app(&ui).unwrap().content.secret("/client_secret").unwrap().expose(), "marker-app");
    ui.keys("O").sees("login.microsoftonline.com/contoso.example");
    assert_snapshot!(both_sizes(&mut ui));
    ui.keys("e").sees("stored").sees("of the provider: https").keys("<f2>").sees("\"unheard_of\": 1");
    assert_snapshot!(both_sizes(&mut ui));
    // A kept secret stays with its host; nothing that was typed is lost.
    replace(
        &mut ui,
        r#"{"name": "graph", "client_id": "c", "token_url": "https://evil.example",
        "client_secret": {"$secret": "stored"}}"#,
    );
    ui.keys("<c-s>")
        .sees("enter this secret again")
        .keys("<esc>")
        .sees("Unsaved draft")
        .keys("<right><enter>");
    ui.sees("OAuth apps").keys("<esc>u").wait("undone: the change of graph");
    assert_eq!(app(&ui), None);
}

#[test]
fn an_oauth_app_is_filled_in_as_a_form() {
    let mut ui = open();
    ui.keys("Oa")
        .sees("openid_connect")
        .misses("✗")
        .keys("<c-s>")
        .sees("Name must not be empty")
        .sees("is required for the provider");
    ui.keys("graph<tab>").sees("‹ openid_connect ›").keys("<left><left>").sees("‹ okta ›");
    ui.keys("<left>").sees("‹ microsoft_graph ›").keys("<tab>contoso.example");
    ui.sees("of the provider: https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token");
    ui.keys("<tab><tab><tab>the-id<tab>").paste("marker-app").sees("new");
    assert_snapshot!(both_sizes(&mut ui));
    // The same draft as JSON and back: `s` on a field where nothing is typed, F2 anywhere.
    ui.keys("<backtab><backtab>s").sees("\"tenant\": \"contoso.example\"").sees("\"$secret\"").keys("<f2>");
    ui.sees("contoso.example").keys("<c-_>").sees("not set").keys("<a-_>");
    ui.keys("<c-s>").wait("graph saved");
    let app = ui.home.open().unwrap().document.oauth_app("graph").cloned().unwrap();
    assert_eq!(app.content.secret("/client_secret").unwrap().expose(), "marker-app");
    assert!(!app.content.document.contains_key("token_url"), "what the provider is known for is not stored");
    // Another place for its tokens asks for the secret again.
    ui.keys("Oe<tab><right>")
        .sees("‹ okta ›")
        .keys("<tab><tab>acme.okta.com<c-s>")
        .sees("enter this secret again");
    ui.paste("marker-2").keys("<c-s>").wait("graph saved");
    undone(&mut ui);
}

/// Replaces the text of the raw editor.
fn replace(ui: &mut Ui, text: &str) {
    ui.keys("<c-end>").keys(&"<c-u><backspace>".repeat(40)).paste(text);
}

#[test]
fn an_oauth_app_in_use_is_not_removed() {
    use credbench::model::{Content, Id, OauthApp};
    let home = home();
    let content = |document: serde_json::Value| Content {
        document: document.as_object().unwrap().clone(),
        ..Content::default()
    };
    let app = OauthApp {
        content: content(
            serde_json::json!({"name": "graph", "client_id": "c", "token_url": "https://a.example"}),
        ),
    };
    let alias =
        content(serde_json::json!({"key": "alias", "kind": "oauth_alias", "config": {"app": "graph"}}));
    let edits = vec![
        Edit::SetOauthApp { name: "graph".to_owned(), before: None, after: Some(app.clone()) },
        Edit::Create { id: Id::new(), content: alias },
    ];
    home.open().unwrap().store.commit(edits, now()).unwrap();
    let mut ui = Start::at(home).open();
    ui.keys("Od").sees("graph is in use by default/alias").keys("<esc>");
    ui.keys("/alias<enter>dy").wait("alias moved to the trash").keys("Ody").wait("graph removed");
    assert!(ui.home.open().unwrap().document.oauth_apps().is_empty());
    ui.keys("u").wait("undone: the removal of graph");
    assert_eq!(ui.home.open().unwrap().document.oauth_app("graph"), Some(&app));
}
