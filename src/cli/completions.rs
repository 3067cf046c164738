//! `completions`: what a shell completes. Commands and options stand in the script; keys are asked for as they are
//! needed, quietly, and only where that takes nobody's passphrase.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Command, ValueHint};
use clap_complete::{Shell, generate};

use super::Context;
use super::args::{Completions, Script};
use super::manual::Page;
use crate::paths::Paths;
use crate::problem::{Exit, Problem};
use crate::session::Setup;
use crate::vault::{NobodyToAsk, OpenPolicy, keyring};

pub(super) const PAGES: &[Page] = &[Page {
    command: "completions",
    examples: &[
        ("credbench completions bash > ~/.local/share/bash-completion/completions/credbench", "for bash"),
        ("credbench completions zsh > ~/.zfunc/_credbench", "for zsh, with ~/.zfunc in its fpath"),
        ("credbench completions fish > ~/.config/fish/completions/credbench.fish", "for fish"),
    ],
    json: "the script, with or without it",
    faults: &[(Exit::Usage, "usage", "no script is made for that shell")],
    shared: &[],
}];

pub(crate) fn run(context: &Context, arguments: &Completions, command: Command) -> Result<ExitCode, Problem> {
    let text = match arguments.shell {
        Script::Bash => script(command, Shell::Bash) + &bash(),
        Script::Zsh => zsh(&script(command, Shell::Zsh)),
        Script::Fish => script(command, Shell::Fish) + &fish(),
        // A shell that waits for an answer has no use for a reason why there is none.
        Script::Keys => keys(context).unwrap_or_default().iter().map(|key| format!("{key}\n")).collect(),
    };
    context.output.bytes(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn script(mut command: Command, shell: Shell) -> String {
    let mut bytes = Vec::new();
    generate(shell, &mut command, "credbench", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The commands that take a key that there is: those whose argument is marked so.
fn with_keys() -> Vec<String> {
    let takes = |command: &&Command| {
        command.get_positionals().any(|argument| argument.get_value_hint() == ValueHint::Other)
    };
    super::command_line()
        .get_subcommands()
        .filter(takes)
        .map(|command| command.get_name().to_owned())
        .collect()
}

/// Completes what the script does, and then keys.
fn bash() -> String {
    let commands = with_keys().join("|");
    format!(
        r#"
_credbench_with_keys() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" at word takes="" given=()
    _credbench "$@"
    for ((at = 1; at < COMP_CWORD; at++)); do
        word="${{COMP_WORDS[at]}}"
        case "$word" in
            --vault|--identity|--solution|--config) given+=("$word" "${{COMP_WORDS[at + 1]}}"); ((at++)) ;;
            {commands}) takes=yes ;;
        esac
    done
    if [[ -n "$takes" && "$current" != -* ]]; then
        COMPREPLY=($(compgen -W "$("${{COMP_WORDS[0]}}" "${{given[@]}}" completions keys 2>/dev/null)" -- "$current"))
    fi
}}
complete -F _credbench_with_keys -o bashdefault -o default credbench
"#
    )
}

/// The place of each key calls a function.
fn zsh(script: &str) -> String {
    const KEYS: &str = r#"
_credbench_keys() {
    local -a keys
    keys=(${(f)"$(_call_program keys credbench completions keys 2>/dev/null)"})
    _describe key keys
}
"#;
    let (first, rest) = script.split_once('\n').unwrap_or((script, ""));
    // An argument that is marked as a key is one of which the script knows nothing: no action stands behind it.
    let is_key =
        |line: &str| line.ends_with(":' \\") && (line.starts_with("':key ") || line.starts_with("'*::keys "));
    let line = |line: &str| match is_key(line) {
        true => format!("{}_credbench_keys' \\\n", line.trim_end_matches("' \\")),
        false => format!("{line}\n"),
    };
    format!("{first}\n{KEYS}{}", rest.lines().map(line).collect::<String>())
}

fn fish() -> String {
    let line = |command: &String| {
        format!(
            "complete -c credbench -n \"__fish_seen_subcommand_from {command}\" -f -a \"(credbench completions keys 2>/dev/null)\"\n"
        )
    };
    with_keys().iter().map(line).collect()
}

/// The keys of the current solution; none where the vault cannot be opened without a person.
fn keys(context: &Context) -> Option<Vec<String>> {
    let paths = Paths::of_user().ok()?;
    let file = context.config_file(&paths);
    let setup = context.setup_of(&paths, context.config(&file).ok()?, &file);
    if !setup.identities.iter().all(|path| opens_alone(path)) {
        return None;
    }
    let opened =
        Setup::open(&setup, Arc::new(NobodyToAsk), OpenPolicy::Strict, jiff::Timestamp::now()).ok()?;
    let document = opened.document;
    let own = document.credentials.iter().filter(|known| known.content.solution() == setup.solution);
    // What a shell would act on is no key, whatever the vault says.
    let keys = own.map(|known| known.content.key()).filter(|key| crate::import::key::is_one(key));
    let mut keys: Vec<String> = keys.map(str::to_owned).collect();
    keys.sort();
    Some(keys)
}

/// Whether an identity needs neither a passphrase nor a plugin, which may want to be touched.
fn opens_alone(path: &std::path::Path) -> bool {
    let plain = matches!(keyring::needs_passphrase(path), Ok(false));
    plain && std::fs::read_to_string(path).is_ok_and(|text| !text.contains("AGE-PLUGIN-"))
}
