//! `docs/CLI.md`: the command line in Markdown, made from the same definitions that read it.

use std::fmt::Write;

use clap::{Arg, Command};

use super::manual::{self, Fault, GROUPS, Group, Page};

/// What `--json` means for what is not the answer.
const JSON: &str = "
## With --json

Standard output holds the answer and nothing else. `test` and commands that save print one object a line as each
is done. On standard error an error is `{\"error\":{\"code\",\"message\",\"hint\"}}`, with `causes` where there are
several, and something to heed is `{\"warning\":{\"message\"}}`.

Under each command stands what it prints: members by name, `[…]` for a list of such, `|` between what may stand there,
`?` behind what may be missing. Times are RFC 3339 in UTC. More members may come; none goes away.
";

/// The whole page.
pub(super) fn page(root: &Command) -> String {
    let mut root = root.clone();
    root.build();
    let mut page = String::from(
        "# The command line\n\nMade from the program itself by its tests: edit `src/cli/args.rs` and the `PAGES` of the\ncommand, not this file.\n",
    );
    let about = root.get_about().map(ToString::to_string).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = write!(page, "\n{about}\n\n## Global options\n\nThey may stand before or after the command.\n\n");
    options(
        &mut page,
        root.get_arguments().filter(|argument| argument.is_global_set() || is_version(argument)),
    );
    page.push_str("\n## Commands\n");
    if let Some(workbench) = manual::page("") {
        page.push_str("\n### `credbench`\n\nOpens the workbench.\n");
        more(&mut page, workbench);
    }
    let shown = |command: &&Command| command.get_name() != "help" && !command.is_hide_set();
    for command in root.get_subcommands().filter(shown) {
        one(&mut page, command, "credbench");
    }
    page.push_str(JSON);
    page.push_str("\n## Errors that commands share\n");
    for group in GROUPS {
        let _ = write!(page, "\n### {}\n\n", group.title);
        faults(&mut page, group.faults);
    }
    if let Some(after) = root.get_after_help() {
        let _ = write!(page, "\n## Exit codes\n\n{after}\n");
    }
    page
}

fn one(page: &mut String, command: &Command, above: &str) {
    let name = format!("{above} {}", command.get_name());
    let nested: Vec<&Command> =
        command.get_subcommands().filter(|command| command.get_name() != "help").collect();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let own = command.get_arguments().any(is_own);
    // A group that takes arguments of its own is a command, too.
    if nested.is_empty() || own {
        leaf(page, command, above, &about);
    }
    for command in nested {
        one(page, command, &name);
    }
}

fn leaf(page: &mut String, command: &Command, above: &str, about: &str) {
    let name = format!("{above} {}", command.get_name());
    let usage = usage_of(command, above);
    let own = || command.get_arguments().filter(|argument| is_own(argument));
    let _ = write!(page, "\n### `{usage}`\n\n{about}.\n");
    let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    if let Some((_, more)) = long.split_once("\n\n") {
        let _ = write!(page, "\n{}.\n", more.trim_end().trim_end_matches('.'));
    }
    if own().next().is_some() {
        page.push('\n');
        options(page, own());
    }
    if let Some(said) = manual::page(name.trim_start_matches("credbench").trim_start()) {
        more(page, said);
    }
}

/// Examples, what `--json` prints, and errors.
fn more(page: &mut String, said: &Page) {
    page.push_str("\n```sh\n");
    let width = said.examples.iter().map(|(line, _)| line.chars().count()).max().unwrap_or(0);
    for (line, what) in said.examples {
        let _ = writeln!(page, "{line:width$}  # {what}");
    }
    let _ = write!(page, "```\n\nWith `--json`: {}.\n", in_code(said.json));
    let shared: Vec<String> = said.shared.iter().map(|group| anchor(group)).collect();
    let any = anchor(GROUPS[0]);
    let _ = write!(
        page,
        "\nErrors: {any}{}",
        shared.iter().map(|group| format!(", {group}")).collect::<String>()
    );
    if said.faults.is_empty() {
        page.push_str(".\n");
    } else {
        page.push_str("; and\n\n");
        faults(page, said.faults);
    }
}

fn faults(page: &mut String, faults: &[Fault]) {
    page.push_str("| exit | code | when |\n| --- | --- | --- |\n");
    for (exit, code, when) in faults {
        let _ = writeln!(page, "| {} | `{code}` | {when} |", *exit as u8);
    }
}

/// A link to a group's table.
fn anchor(group: &Group) -> String {
    let title = group.title.to_lowercase();
    format!("[{title}](#{})", title.replace(' ', "-"))
}

/// Marks what is JSON in a text as code: from its first bracket to its last.
fn in_code(text: &str) -> String {
    match (text.find(['{', '[']), text.rfind(['}', ']'])) {
        (Some(start), Some(end)) if start < end => {
            format!("{}`{}`{}", &text[..start], &text[start..=end], &text[end + 1..])
        }
        _ => text.to_owned(),
    }
}

/// A command with its arguments, as it is typed.
pub(super) fn usage_of(command: &Command, above: &str) -> String {
    let mut usage = format!("{above} {}", command.get_name());
    let own = || command.get_arguments().filter(|argument| is_own(argument));
    let (named, placed): (Vec<&Arg>, Vec<&Arg>) = own().partition(|argument| !argument.is_positional());
    for argument in placed.into_iter().chain(named) {
        let _ = write!(usage, " {}", bracketed(argument));
    }
    usage
}

/// Whether an argument is of the command itself.
pub(super) fn is_own(argument: &Arg) -> bool {
    !argument.is_global_set() && !is_built_in(argument)
}

fn is_version(argument: &Arg) -> bool {
    matches!(argument.get_id().as_str(), "version")
        && argument.get_long() == Some("version")
        && argument.get_short().is_some()
}

fn is_built_in(argument: &Arg) -> bool {
    argument.get_id() == "help" || is_version(argument)
}

fn repeats(argument: &Arg) -> bool {
    matches!(argument.get_action(), clap::ArgAction::Append | clap::ArgAction::Count)
}

/// An argument as it is typed, with what it takes.
pub(super) fn spelled(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let takes = argument.get_action().takes_values();
    let value = if takes {
        names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
    } else {
        String::new()
    };
    match argument.get_long() {
        Some(long) if takes => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    }
}

fn bracketed(argument: &Arg) -> String {
    let dots = if repeats(argument) { "…" } else { "" };
    if argument.is_required_set() {
        format!("{}{dots}", spelled(argument))
    } else {
        format!("[{}]{dots}", spelled(argument))
    }
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    page.push_str("| | |\n| --- | --- |\n");
    for argument in arguments {
        let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
        let choices: Vec<String> = match argument.get_action().takes_values() {
            true => shown_values(argument),
            false => Vec::new(),
        };
        if !choices.is_empty() {
            let _ = write!(help, ": {}", choices.join(", "));
        }
        let _ = writeln!(page, "| `{}` | {help} |", spelled(argument));
    }
}

/// The values that an argument may have, but for those that only scripts need.
fn shown_values(argument: &Arg) -> Vec<String> {
    let values = argument.get_possible_values();
    values
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect()
}
