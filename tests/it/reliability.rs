//! `docs/RELIABILITY.md`: every check has a command that really runs something, a control and a figure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One row of a table: a check.
struct Row {
    id: String,
    cells: Vec<String>,
}

/// The rows of the page. A cell ends at a `|` that no backslash stands before.
fn rows(page: &str) -> Vec<Row> {
    page.lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---") && !line.starts_with("| id "))
        .map(|line| {
            let line = line.replace("\\|", "\u{1}");
            let cells: Vec<String> =
                line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
            Row { id: cells[0].clone(), cells }
        })
        .collect()
}

/// What a command in backticks runs: the names it filters by, and which tests these are held against.
enum Filters {
    Integration(Vec<String>),
    Library(Vec<String>),
    Other,
}

fn filters(command: &str) -> Filters {
    let mut words = command.split_whitespace().filter(|word| !word.contains('='));
    if (words.next(), words.next()) != (Some("cargo"), Some("test")) {
        return Filters::Other;
    }
    let words: Vec<&str> = words.collect();
    let names =
        words.iter().filter(|word| !word.starts_with('-') && **word != "it").map(|word| (*word).to_owned());
    match words.first() {
        Some(&"--test") => Filters::Integration(names.collect()),
        Some(&"--lib") => Filters::Library(names.collect()),
        _ => Filters::Other,
    }
}

/// The names of this program's own tests, the ignored ones too.
fn tests() -> BTreeSet<String> {
    let listed = Command::new(std::env::current_exe().unwrap())
        .args(["--list", "--format", "terse"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// The modules of the library that have tests, as a filter of `cargo test --lib` names them.
fn modules(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in folder.read_dir().unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            modules(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            if !text.contains("#[test]") && !text.contains("proptest!") {
                continue;
            }
            let name = path
                .strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
                .unwrap()
                .with_extension("");
            let name = name.to_str().unwrap().replace('/', "::");
            let name = name.trim_end_matches("::tests");
            for line in text.lines() {
                if let Some(test) =
                    line.trim_start().strip_prefix("fn ").and_then(|rest| rest.split('(').next())
                {
                    found.insert(format!("{name}::tests::{test}"));
                }
            }
        }
    }
}

/// What is wrong with a page, a line each.
fn mistakes(page: &str, integration: &BTreeSet<String>, library: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for Row { id, cells } in rows(page) {
        if cells.len() != 5 || cells.iter().any(String::is_empty) {
            wrong.push(format!("{id}: a row has an id, a check, a command, a control and a figure"));
            continue;
        }
        if !seen.insert(id.clone()) {
            wrong.push(format!("{id}: there are two rows"));
        }
        let commands: Vec<&str> = cells[2].split('`').skip(1).step_by(2).collect();
        if commands.is_empty() {
            wrong.push(format!("{id}: no command"));
        }
        for command in commands {
            let (names, tests) = match filters(command) {
                Filters::Integration(names) => (names, integration),
                Filters::Library(names) => (names, library),
                Filters::Other => continue,
            };
            if names.is_empty() {
                wrong.push(format!("{id}: `{command}` runs everything"));
            }
            for name in names {
                if !tests.iter().any(|test| test.contains(&name)) {
                    wrong.push(format!("{id}: no test is named {name}"));
                }
            }
        }
    }
    wrong
}

#[test]
fn every_row_names_a_test_a_control_and_a_figure() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RELIABILITY.md")).unwrap();
    let mut library = BTreeSet::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut library);
    let wrong = mistakes(&page, &tests(), &library);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_row_that_names_no_test_is_found() {
    let page = "\
| id | check | command | control | last figure |
| --- | --- | --- | --- | --- |
| D1 | kept | `cargo test --test it faults` | a writer | 0 |
| D2 | not there | `cargo test --test it -- --ignored faults::no_such` | a writer | 0 |
| D3 | no control | `cargo test --lib vault` | | 0 |
| D4 | no command | by hand | a | 0 |
| D1 | twice | `cargo test --lib merge::nothing` | a | 0 |
| D5 | all | `cargo test --test it` | a | 0 |
";
    let names = BTreeSet::from(["faults::killed".to_owned()]);
    assert_eq!(
        mistakes(page, &names, &names),
        [
            "D2: no test is named faults::no_such",
            "D3: a row has an id, a check, a command, a control and a figure",
            "D4: no command",
            "D1: there are two rows",
            "D1: no test is named merge::nothing",
            "D5: `cargo test --test it` runs everything",
        ]
    );
}
