//! What a file of somebody else may not do (T7, Z3): it crashes nothing, hangs nothing, drives no terminal, and is
//! told with its place where it is wrong.

use super::rows;
use crate::support::home::Account;

#[test]
fn a_damaged_file_is_told_with_its_place_and_changes_nothing() {
    let account = Account::with_vault();
    let before = std::fs::read(account.vault()).unwrap();
    for (format, text, place) in [
        ("dotenv", "A=1\nB=\"x\n", "line 2"),
        ("json", "{\n\"a\": }", "line 2, column 6"),
        ("csv", "name,password\na,\"x\n", "line 2"),
        ("csv", "a,b\n1,2\n", "line 1"),
    ] {
        let file = account.write("bad", text);
        let error = account.run(&["import", format, &file, "--json"]).exits(7).error();
        assert_eq!(error["code"], "invalid_import", "{format}");
        assert!(error["message"].as_str().unwrap().contains(place), "{format}: {error}");
    }
    std::fs::write(account.home.join("bad"), [0xff, 0xfe, 0]).unwrap();
    for format in ["dotenv", "csv"] {
        account.run(&["import", format, "bad"]).exits(7);
    }
    account.run(&["import", "dotenv", "not-there"]).exits(1);
    account.run(&["import", "nothing", "bad"]).exits(2);
    assert_eq!(std::fs::read(account.vault()).unwrap(), before);
}

#[test]
fn hostile_names_are_shown_and_drive_nothing() {
    let account = Account::with_vault();
    let hostile = "a\u{1b}]0;owned\u{7}\u{202e}b\u{9b}31m";
    let file = account.write("t.csv", &format!("name,password,{hostile},folder\n{hostile},pw,x,{hostile}\n"));
    let dry = account.run(&["import", "csv", &file, "--dry-run"]).succeeds();
    let json = account.run(&["import", "csv", &file, "--json"]).succeeds();
    for done in [&dry, &json, &account.run(&["list"]), &account.run(&["show", "a-0-owned-b-31m"])] {
        for text in [&done.out, &done.err] {
            assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
        }
    }
    assert!(dry.out.contains("owned"), "the control: it is shown");
    assert_eq!(rows(&json)[0].split(' ').next(), Some("a-0-owned-b-31m"));
}

#[test]
fn no_secret_of_a_file_is_printed() {
    let account = Account::with_vault();
    let file = account.write(".env", "A=marker-value-1\nA=marker-value-2\nB=${marker-value-3}\n");
    let table = account.write("t.csv", "name,password,code\nx,marker-value-4,marker-value-5\n");
    let broken = account.write("b.csv", "name,password\nx,\"marker-value-6\n");
    for arguments in [
        vec!["import", "dotenv", &file, "--dry-run"],
        vec!["import", "dotenv", &file, "--json"],
        vec!["import", "csv", &table],
        vec!["import", "csv", &table, "--json"],
        vec!["import", "csv", &broken],
    ] {
        let done = account.run(&arguments);
        assert!(!done.out.contains("marker-value") && !done.err.contains("marker-value"), "{done:?}");
    }
    assert_eq!(account.run(&["get", "x", "code"]).out, "marker-value-5", "the control: it is there");
}
