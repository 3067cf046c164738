use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use super::*;
use crate::cli::args::Arguments;

/// All commands that do something, as they are typed.
fn commands() -> Vec<String> {
    fn below(command: &Command, name: &str, found: &mut Vec<String>) {
        let mut nested = command
            .get_subcommands()
            .filter(|command| command.get_name() != "help" && !command.is_hide_set())
            .peekable();
        // A group may be a command, too: it takes arguments of its own then, as `audit` does.
        let own =
            command.get_arguments().any(|argument| !argument.is_global_set() && argument.get_id() != "help");
        if nested.peek().is_none() || (own && !name.is_empty()) {
            found.push(name.to_owned());
        }
        for command in nested {
            below(command, format!("{name} {}", command.get_name()).trim_start(), found);
        }
    }
    let mut found = Vec::new();
    below(&Arguments::command(), "", &mut found);
    found
}

#[test]
fn every_command_says_what_it_prints_with_an_example_and_its_errors() {
    let commands = commands();
    assert!(commands.len() > 30, "the commands were found");
    for command in &commands {
        let page = page(command).unwrap_or_else(|| panic!("{command} has no page: see cli/manual.rs"));
        assert!(!page.examples.is_empty(), "{command} has no example");
        assert!(!page.json.is_empty(), "{command} does not say what --json prints");
        assert!(
            !page.faults.is_empty() || !page.shared.is_empty(),
            "{command} does not say what can go wrong"
        );
    }
    let mut known = BTreeSet::new();
    for page in PAGES.iter().copied().flatten() {
        assert!(known.insert(page.command), "{} has two pages", page.command);
        assert!(page.command.is_empty() || commands.iter().any(|command| command == page.command));
    }
}

#[test]
fn every_example_is_understood() {
    for page in PAGES.iter().copied().flatten() {
        let mut own = false;
        for (line, what) in page.examples {
            assert!(!what.ends_with('.') && !what.is_empty(), "{line}: {what:?}");
            for words in programs(line) {
                if words.first().is_some_and(|word| word == "credbench") {
                    own |= words[1..].join(" ").contains(page.command);
                    let parsed = Arguments::try_parse_from(&words);
                    assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                }
            }
        }
        assert!(own, "no example of {:?} shows it", page.command);
    }
    assert!(Arguments::try_parse_from(["credbench", "no-such-command"]).is_err(), "the control");
}

/// The programs that a line of a shell starts, each with its words.
fn programs(line: &str) -> Vec<Vec<String>> {
    let mut programs = vec![Vec::new()];
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars().chain([' ']) {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '|') => programs.push(Vec::new()),
            (None, ' ') if word.is_empty() => {}
            (None, ' ') => programs.last_mut().unwrap().push(std::mem::take(&mut word)),
            (None, c) => word.push(c),
        }
    }
    // What a shell does with the rest of the line is no argument.
    for program in &mut programs {
        if let Some(at) = program.iter().position(|word| matches!(word.as_str(), ">" | "<" | "&&")) {
            program.truncate(at);
        }
        if let Some(at) = program.iter().position(|word| word == "credbench") {
            program.drain(..at);
        }
    }
    programs
}

/// Errors that only the workbench meets: it tells them on the screen.
const OF_THE_WORKBENCH: [&str; 3] = ["locked", "tags", "too_long_to_copy"];

/// Every word that the sources give to a problem is explained, with the exit code that it has there, and nothing is
/// explained that no source says.
#[test]
fn every_error_is_explained() {
    let mut told: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    let pages = PAGES.iter().copied().flatten().flat_map(|page| page.faults);
    for (exit, code, _) in pages.chain(GROUPS.iter().flat_map(|group| group.faults)) {
        told.entry(code).or_default().insert(*exit as u8);
    }
    let mut said: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
    let mut all = String::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let source = without_pages(&std::fs::read_to_string(file).unwrap());
        for (exit, code) in problems(&source) {
            said.entry(code).or_default().insert(exit as u8);
        }
        all.push_str(&source);
    }
    assert!(said.len() > 60, "the problems were found");
    let mut wrong = Vec::new();
    for (code, exits) in &said {
        match told.get(code.as_str()) {
            None if !OF_THE_WORKBENCH.contains(&code.as_str()) => {
                wrong.push(format!("{code} is explained nowhere"))
            }
            Some(told) if !told.is_superset(exits) => {
                wrong.push(format!("{code} is said with exit {exits:?}, explained with {told:?}"));
            }
            _ => {}
        }
    }
    // Which of several words it is may be decided before the problem is made.
    let unsaid = told.keys().filter(|code| !all.contains(&format!("\"{code}\"")));
    wrong.extend(unsaid.map(|code| format!("nothing says {code}")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_problem_in_a_source_is_found() {
    let source = r#"
        Problem::new(
            Exit::Usage, "one", text);
        let problem = |code| Self::new(Exit::Damaged, code, text);
        problem("two");
        usage("three", x)
        Self { exit: Exit::Refused, ..problem("four") }
    "#;
    let page = "const PAGES: &[Page] = &[\n    Page { faults: &[(Exit::Usage, \"five\", \"\")] },\n];";
    let found: Vec<(u8, String)> = problems(&without_pages(&format!("{page}{source}")))
        .into_iter()
        .map(|(exit, code)| (exit as u8, code))
        .collect();
    assert_eq!(found, [(2, "one".into()), (6, "two".into()), (2, "three".into()), (5, "four".into())]);
}

/// A source without what it says of its command.
fn without_pages(source: &str) -> String {
    match source.split_once(": &[Page] = &[") {
        Some((before, rest)) => format!(
            "{before}{}",
            rest.split_once("\n}];").or(rest.split_once("\n];")).map_or("", |(_, after)| after)
        ),
        None => source.to_owned(),
    }
}

/// The words given to problems in a source, with their exit codes.
fn problems(source: &str) -> Vec<(Exit, String)> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices('"') {
        let word: String =
            source[at + 1..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        if word.is_empty() || !source[at + 1 + word.len()..].starts_with('"') {
            continue;
        }
        let before = source[..at].trim_end();
        let line = before.rsplit(['\n', ';']).next().unwrap_or_default();
        let exit = if let Some(exit) = exits(before.strip_suffix(',').unwrap_or_default(), true) {
            exit
        } else if before.ends_with("usage(") {
            Exit::Usage
        } else if before.ends_with("..problem(") {
            exits(line, false).unwrap_or(Exit::Failed)
        } else if before.ends_with("problem(") {
            // A closure that makes a problem of the word alone: the exit code stands in it.
            let closure = before.rsplit_once("|code").map(|(_, closure)| closure).unwrap_or_default();
            let Some(exit) = closure.split_once("Exit::").and_then(|(_, rest)| named(rest)) else { continue };
            exit
        } else {
            continue;
        };
        found.push((exit, word));
    }
    found
}

/// The exit code that a text names last, or ends with.
fn exits(text: &str, at_its_end: bool) -> Option<Exit> {
    let (_, rest) = text.rsplit_once("Exit::")?;
    named(rest).filter(|exit| !at_its_end || format!("{exit:?}") == rest)
}

fn named(text: &str) -> Option<Exit> {
    const ALL: [Exit; 7] = [
        Exit::Failed,
        Exit::Usage,
        Exit::Locked,
        Exit::NotFound,
        Exit::Refused,
        Exit::Damaged,
        Exit::Invalid,
    ];
    ALL.into_iter().find(|exit| text.starts_with(&format!("{exit:?}")))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("manual.rs")
        {
            found.push(path);
        }
    }
    // What explains them says nothing, and tests try what they like.
    found.retain(|path| !path.to_string_lossy().contains("tests"));
    found
}
