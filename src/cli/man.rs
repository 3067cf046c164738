//! `man`: the manual page, made of what help and `docs/CLI.md` are made of.

use std::fmt::Write;
use std::process::ExitCode;

use clap::{Arg, Command};

use super::Context;
use super::manual::{self, GROUPS, Page};
use super::reference::{is_own, spelled, usage_of};
use crate::problem::{Exit, Problem};

pub(super) const PAGES: &[Page] = &[Page {
    command: "man",
    examples: &[
        ("credbench man | man -l -", "reads it"),
        ("credbench man > ~/.local/share/man/man1/credbench.1", "installs it"),
    ],
    json: "the page, with or without it",
    faults: &[(Exit::Failed, "output", "standard output cannot be written")],
    shared: &[],
}];

pub(crate) fn run(context: &Context, command: Command) -> Result<ExitCode, Problem> {
    context.output.bytes(page(command).as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn page(mut root: Command) -> String {
    root.build();
    let about = root.get_about().map(ToString::to_string).unwrap_or_default();
    let mut out = Roff(String::new());
    let version = root.get_version().unwrap_or_default();
    out.line(&format!(".TH CREDBENCH 1 \"\" \"credbench {version}\""));
    out.section("Name");
    out.text(&format!("credbench - {}", about.trim_end_matches('.')));
    out.section("Synopsis");
    out.bold("credbench [OPTIONS] [COMMAND]");
    out.section("Description");
    out.text(&about);
    out.line(".PP");
    out.text("Without a command the workbench opens.");
    out.section("Options");
    root.get_arguments()
        .filter(|argument| argument.is_global_set())
        .for_each(|argument| out.option(argument));
    out.section("Commands");
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        one(&mut out, command, "");
    }
    out.section("Exit status");
    out.text(&root.get_after_help().map(ToString::to_string).unwrap_or_default());
    out.section("Errors");
    for group in GROUPS {
        out.bold(group.title);
        out.faults(group.faults);
    }
    out.0
}

fn one(out: &mut Roff, command: &Command, above: &str) {
    let name = format!("{above} {}", command.get_name());
    let mut nested = command.get_subcommands().filter(|command| command.get_name() != "help").peekable();
    if nested.peek().is_some() {
        nested.for_each(|command| one(out, command, &name));
        return;
    }
    out.line(&format!(".SS \"{}\"", escaped(&usage_of(command, &format!("credbench{above}")))));
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    for paragraph in about.split("\n\n") {
        out.text(&format!("{}.", paragraph.trim_end_matches('.')));
        out.line(".PP");
    }
    command.get_arguments().filter(|argument| is_own(argument)).for_each(|argument| out.option(argument));
    if let Some(page) = manual::page(name.trim_start()) {
        for (line, what) in page.examples {
            out.line(".TP");
            out.bold(line);
            out.text(&format!("Example: {what}."));
        }
        out.faults(page.faults);
    }
}

/// Text for troff.
struct Roff(String);

impl Roff {
    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }

    fn section(&mut self, title: &str) {
        self.line(&format!(".SH {}", title.to_uppercase()));
    }

    fn text(&mut self, text: &str) {
        self.line(&escaped(text));
    }

    fn bold(&mut self, text: &str) {
        self.line(&format!("\\fB{}\\fR", escaped(text)));
    }

    fn option(&mut self, argument: &Arg) {
        self.line(".TP");
        self.bold(&spelled(argument));
        self.text(&argument.get_help().map(ToString::to_string).unwrap_or_default());
    }

    fn faults(&mut self, faults: &[manual::Fault]) {
        for (exit, code, when) in faults {
            self.line(".TP");
            self.bold(code);
            self.text(&format!("exit {}: {when}", *exit as u8));
        }
    }
}

/// A text that troff shows as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('\n', " ");
    // A line that starts so would be a command.
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_text_is_a_command_of_troff() {
        assert_eq!(escaped(".\\x -y \"z\""), "\\&.\\ex \\-y \\(dqz\\(dq");
        let page = page(super::super::command_line());
        for line in page.lines().filter(|line| line.starts_with(['.', '\''])) {
            assert!([".TH", ".SH", ".SS", ".TP", ".PP"].iter().any(|word| line.starts_with(word)), "{line}");
        }
        assert!(page.contains("credbench import FORMAT FILE") && page.contains("exit 3: there is none"));
    }
}
