//! Kinds of the vault's own in the workbench: an unknown schema in form and JSON, and the schema editor.

use credbench::model::Edit;
use credbench::tui::Ended;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::service::{RIGHT, Service};
use crate::support::ui::{Start, Ui, put};
use crate::support::vault::{Home, now};

/// Nothing in the program has heard of any of this.
fn gadget() -> Value {
    json!({
        "title": "Gadget", "description": "A thing.", "type": "object", "required": ["wires", "pin"],
        "properties": {
            "wires": {"type": "integer", "minimum": 1, "maximum": 9, "title": "Wires"},
            "pin": {"type": "string", "writeOnly": true, "title": "Pin", "minLength": 4},
            "mode": {"type": "string", "enum": ["alone", "nettle"], "title": "Mode", "x-group": "Mode"},
        },
        "if": {"required": ["mode"], "properties": {"mode": {"const": "nettle"}}},
        "then": {"required": ["meadow"], "properties": {"meadow": {"type": "string", "title": "Meadow", "x-group": "Mode"}}},
    })
}

fn define(home: &Home, schema: &Value) {
    let mut store = home.open().unwrap().store;
    let schema = schema.as_object().unwrap().clone();
    let expected = store.document().own_kind("gadget").map(|known| known.version);
    store.commit(vec![Edit::DefineKind { id: "gadget".to_owned(), expected, schema }], now()).unwrap();
}

fn with_gadgets() -> Ui {
    let home = Home::with_vault();
    define(&home, &gadget());
    put(
        &home,
        r#"[{"key": "g.one", "kind": "gadget", "config": {"wires": 3, "pin": "marker-pin-1", "mode": "alone"}},
            {"key": "g.two", "kind": "gadget", "config": {"wires": 7, "pin": "marker-pin-2"}}]"#,
    );
    Start::at(home).open()
}

/// A schema that nobody has heard of is filled, broken, seen as JSON and as a form, undone and saved.
#[test]
fn an_unknown_schema_on_a_terminal() {
    let account = Account::with_vault();
    account.command().args(["kinds", "put", "gadget"]).input(gadget().to_string()).run().succeeds();
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    // The line of the vault's own stands before the last, which makes a kind.
    pty.wait("Credentials").send("a").wait("Gadget").send("\x1b[A\x1b[A\r").wait("New Gadget");
    pty.send("my.gadget\t\t\t\t12\t").paste("marker-gadget-pin").send("\x13").wait("must be 9 or");
    // In the JSON: the branch that its mode asks for, and a break that keeps it from being left.
    pty.send("\x1bOQ").wait("\"wires\": 12").wait("✗").wait("\"$secret\"");
    pty.send("!").wait("line 1, column 1").send("\x1bOQ").wait("show form").send("\x1f");
    pty.wait("must be 9 or").send("\x1bOQ").wait("Wires");
    // As a form again: the field with the error has the focus or is gone to; undone, and typed anew.
    pty.send("\x1f").wait("missing").send("\x1f").gone("must be 9 or");
    pty.send("\x13").wait("Wires");
    let screen = pty.screen();
    assert!(!screen.contains("marker-gadget-pin"), "{screen}");
    pty.send("\x1b").wait("Drop it").send("\t\r").gone("New Gadget");
    pty.send("a").wait("Gadget").send("\x1b[A\x1b[A\r").wait("New Gadget").send("my.gadget\t\t\t\t5\t");
    pty.paste("marker-gadget-pin").send("\t\x1b[C\x1b[C").wait("Meadow").send("\x13").wait("required");
    pty.send("\x1bOQ").wait("\"mode\": \"nettle\"").send("\x1bOQ").wait("Meadow").send("\x1f");
    pty.gone("Meadow").send("\x13").wait("my.gadget saved, generation 3").send("q");
    let shown = account.run(&["show", "my.gadget", "--json"]).succeeds().json();
    assert_eq!(shown["config"]["wires"], 5);
    assert_eq!(account.run(&["get", "my.gadget"]).succeeds().out, "marker-gadget-pin");
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    assert!(!text.contains("marker-gadget-pin"), "a secret was on the screen");
}

/// From nothing to a tested credential of a kind that was not there when the program started.
fn defined_and_used(size: (u16, u16)) {
    let service = Service::start();
    let account = Account::with_vault();
    let mut pty = Pty::start(&account.home, PROGRAM, &[], size);
    pty.wait("Credentials").send("K").wait("copy to a new kind").send("\x1b[Hjj").wait("▸ Bearer token");
    pty.send("a").wait("The name of the new kind").send("Mine\r").wait("is made of small letters");
    pty.send("\x15mine\r").wait("Kind mine").wait("the schema can be used");
    // Its title, then where its token goes and what proves it: a break on the way is told in its place.
    pty.send("\x1b[B\x1b[B\x1b[F\x7f\x7f of ours\",\r");
    pty.paste("\"x-tset\": {\"path\": \"/me\"},\n\"x-request\": {\"headers\": {\"Authorization\": \"Bearer {token}\"}},");
    pty.wait("/x-tset: is not an annotation").send("\x13").wait("✗");
    // The error has the cursor: to the start of its line, four to the right, and two letters anew.
    pty.send("\x1b[H\x1b[C\x1b[C\x1b[C\x1b[C\x1b[3~\x1b[3~es").wait("the schema can be used");
    pty.send("\x13").wait("kind mine saved, version 1");
    pty.send("a").wait("▸ API key").send("\x1b[A\x1b[A").wait("▸ Bearer token of ours").send("\r");
    pty.wait("New Bearer token of ours").send("my.key\t\t\t\t").paste(&service.url).send("\t").paste(RIGHT);
    pty.send("\x13").wait("my.key saved, generation 3").wait("● active").send("q");
    assert!(service.requests.try_recv().is_ok_and(|line| line.starts_with("GET /me")));
    let kinds = account.run(&["kinds", "--json"]).succeeds().json();
    assert_eq!(kinds[10]["title"], "Bearer token of ours");
    account.run(&["test", "my.key"]).succeeds();
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    assert!(!text.contains(RIGHT), "a secret was on the screen");
}

#[test]
fn a_kind_is_defined_and_used_on_a_wide_terminal() {
    defined_and_used((120, 40));
}

#[test]
fn a_kind_is_defined_and_used_on_a_small_terminal() {
    defined_and_used((80, 24));
}

#[test]
fn credentials_that_will_not_fit_are_named_before_and_marked_after() {
    let mut ui = with_gadgets();
    ui.keys("K").sees("▸ Custom").keys("<end>").sees("▸ Gadget  gadget  own").keys("e").sees("Kind gadget");
    // One more is required: typed where the list of them begins.
    ui.keys("<c-f>\"pin\"<esc>").keys("<end>,<enter>\"wood\"").sees("is required, but no");
    ui.keys("<c-home><end><enter>").paste("\"$defs\": {\"w\": {\"type\": \"string\", \"title\": \"Wood\"}},");
    ui.keys("<c-f>\"wires\": {<esc><home>").paste("\"wood\": {\"$ref\": \"#/$defs/w\"},\n");
    ui.sees("the schema can be used").sees("Kind gadget *");
    assert_snapshot!(format!("{}{}", ui.resize(80, 24).screen(), ui.resize(120, 40).screen()));
    ui.keys("<c-s>").sees("default/g.one: /config/wood: is required").sees("default/g.two").keys("n");
    ui.sees("Kind gadget *").keys("<c-s>y").wait("kind gadget saved, version 2");
    ui.sees("▸!g.one").keys("<home>").sees("! Needs attention").sees("wood");
    ui.keys("/is:needs_attention<enter>").sees("g.one").sees("g.two").keys("<esc>");
    assert_snapshot!(ui.screen());
    assert!(!ui.screen().contains("marker-"));
    ui.keys("u").wait("undone: the change of the kind gadget").misses("Needs attention");
    let document = ui.home.open().unwrap().document;
    assert_eq!(document.own_kind("gadget").unwrap().version, 3);
    // In use it stays; what comes with the program too.
    ui.keys("K<end>d")
        .sees("is in use by default/g.one, default/g.two")
        .keys("<home>d")
        .sees("copy it instead");
}

#[test]
fn a_schema_that_is_not_saved_is_asked_for() {
    let mut ui = with_gadgets();
    ui.keys("K<end>e<c-home><end>   ");
    ui.keys("<c-c>").sees("Unsaved draft").keys("<esc>").sees("Kind gadget *");
    ui.keys("<esc>").sees("Unsaved draft").keys("<enter>").sees("Kind gadget *");
    ui.keys("<c-_><c-_><c-_>").keys("<c-l>");
    ui.wait("Enter unlock").keys("<enter>").wait("Credentials").misses("Kind gadget");
    let mut ui = with_gadgets();
    ui.keys("K<end>e<c-home><end> <c-c><tab><enter>");
    assert_eq!(ui.ends(), Ended::Quit);
    let document = ui.home.open().unwrap().document;
    assert_eq!(document.own_kind("gadget").unwrap().version, 1);
}

/// The schema is changed while a draft is open: the draft goes on with the new fields, and a value that became
/// secret is masked at once.
#[test]
fn a_draft_follows_the_schema_of_its_kind() {
    let mut ui = with_gadgets();
    ui.keys("<home>e").sees("Wires").keys("<tab>label").sees("label");
    ui.keys("<f3>").sees("Kind gadget").keys("<c-f>\"mode\": {<esc><end><enter>\"writeOnly\": true,");
    ui.sees("would show a");
    ui.keys("<c-f>\"enum\"<esc><home><c-k>");
    for _ in 0..3 {
        ui.keys("<delete><c-k>");
    }
    ui.keys("<delete><c-s>");
    ui.sees("Kind gadget");
    let screen = ui.screen();
    if screen.contains("will no longer fit") {
        ui.keys("y");
    }
    ui.wait("kind gadget saved, version 2").sees("label").misses("alone");
    ui.keys("<f2>").sees("\"$secret\"").misses("\"alone\"").misses("marker-");
    ui.keys("<c-s>").wait("g.one saved");
    let document = ui.home.open().unwrap().document;
    let content = &document.find("default", "g.one").unwrap().content;
    assert_eq!(content.secret("/config/mode").unwrap().expose(), "alone");
    assert_eq!(content.name(), "label");
    // Of a kind that comes with the program the schema is shown, to be copied.
    ui.keys("a<enter><f3>")
        .sees("▸ API key")
        .sees("\"placement\"")
        .keys("e")
        .sees("copy it instead")
        .keys("a")
        .sees("The name of the new kind");
    ui.keys("gadget<enter>")
        .sees("there is a kind gadget already")
        .keys("<c-u>other<enter>")
        .sees("Kind other *");
}

#[test]
fn what_is_of_a_kind_that_cannot_be_used_is_shown_and_edited_as_json() {
    let home = Home::with_vault();
    define(&home, &gadget());
    put(&home, r#"{"key": "g.one", "kind": "gadget", "config": {"wires": 3, "pin": "marker-pin-1"}}"#);
    define(&home, &json!({"title": "Gadget", "type": "object", "allOf": [{"$ref": "#"}]}));
    let mut ui = Start::at(home).open();
    ui.keys("<home>").sees("! Needs attention").sees("cannot be used").sees("wires").misses("marker-");
    ui.keys("s").sees("\"wires\": 3").keys("<c-f>: 3<esc><end><backspace><backspace>4,<c-s>");
    ui.wait("g.one saved").sees("wires");
    let document = ui.home.open().unwrap().document;
    let content = &document.find("default", "g.one").unwrap().content;
    assert_eq!(content.get("/config/wires"), Some(&json!(4)));
    assert_eq!(content.secret("/config/pin").unwrap().expose(), "marker-pin-1");
    ui.keys("K<end>").sees("! cannot be used").keys("e").sees("Kind gadget").sees("must name one of");
}
