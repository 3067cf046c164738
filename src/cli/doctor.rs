//! `doctor`: what could go wrong here, and how to mend it.

use std::path::Path;
use std::process::ExitCode;

use rustix::process::{DumpableBehavior, Resource};
use serde::Serialize;

use super::Context;
use super::manual::{self, Page};
use super::output::{Tone, visible};
use crate::durable;
use crate::paths::{self, Paths};
use crate::problem::Problem;
use crate::session::{Opened, Setup};
use crate::vault::{keyring, parse_recipient};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warn,
    Fail,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    message: String,
    hint: Option<String>,
}

/// The findings so far.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn add(&mut self, check: &'static str, level: Level, message: impl Into<String>, hint: Option<String>) {
        self.0.push(Finding { check, level, message: message.into(), hint });
    }

    fn fine(&mut self, check: &'static str, message: impl Into<String>) {
        self.add(check, Level::Ok, message, None);
    }

    fn warn(&mut self, check: &'static str, message: impl Into<String>, hint: &str) {
        self.add(check, Level::Warn, message, Some(hint.to_owned()));
    }

    fn fail(&mut self, check: &'static str, problem: impl Into<Problem>) {
        let problem = problem.into();
        self.add(check, Level::Fail, problem.message, problem.hint);
    }
}

pub(super) const PAGES: &[Page] = &[Page {
    command: "doctor",
    examples: &[
        ("credbench doctor", "checks everything; exit 1 where something fails"),
        (
            r#"credbench doctor --json | jq '.[] | select(.level != "ok")'"#,
            "what is not in order, for scripts",
        ),
    ],
    json: r#"[{"check","level","message","hint"|null}]; level: ok, warn or fail"#,
    faults: &[],
    shared: &[&manual::READS],
}];

pub(crate) fn run(context: &Context) -> Result<ExitCode, Problem> {
    let mut report = Report::default();
    let paths = Paths::of_user()?;
    let file = context.config_file(&paths);
    let config = match context.config(&file) {
        Ok(config) => {
            let state = if file.exists() { "read" } else { "none: the defaults hold" };
            report.fine("configuration", format!("{}: {state}", file.display()));
            config
        }
        Err(problem) => {
            report.fail("configuration", problem);
            crate::config::Config::default()
        }
    };
    let mut setup = context.setup_of(&paths, config, &file);
    if let Some(file) = &context.global.passphrase_file {
        setup.passphrase = Some(super::input::read_passphrase(file)?);
    }
    for folder in &setup.own_folders {
        match durable::require_private_folder(folder) {
            Ok(()) if folder.is_dir() => report.fine("folder", format!("{}: private", folder.display())),
            Ok(()) => report.fine("folder", format!("{}: made when it is needed", folder.display())),
            Err(error) => report.fail("folder", error),
        }
    }
    services(&setup, &mut report);
    identities(&setup, &mut report);
    vault_files(&setup, &mut report);
    match context.open(&setup) {
        Ok(mut opened) => {
            vault(&opened, &mut report);
            backups(&opened, &mut report);
            credentials(&opened, &mut report);
            match opened.session.verify_log() {
                Ok(verified) => report.fine("audit log", super::audit::sentence(&verified)),
                Err(problem) if problem.code == "no_audit_key" => {
                    report.add("audit log", Level::Warn, problem.message, problem.hint);
                }
                Err(problem) => report.fail("audit log", problem),
            }
        }
        Err(problem) => report.fail("vault", problem),
    }
    network(&setup, &mut report);
    terminal(&mut report);
    memory(&mut report);
    Ok(print(context, &report.0))
}

/// The operator's own services.
fn services(setup: &Setup, report: &mut Report) {
    match crate::session::catalogue(&setup.services) {
        Ok(catalogue) if catalogue.mistakes().is_empty() => {
            let state = if catalogue.is_builtin() { "none of one's own" } else { "read, no mistake" };
            report.fine("services", format!("{}: {state}", setup.services.display()));
        }
        Ok(catalogue) => {
            for mistake in catalogue.mistakes() {
                let hint = "correct it: `credbench services --check FILE` tells everything that is wrong";
                report.add("services", Level::Fail, mistake.to_string(), Some(hint.to_owned()));
            }
        }
        Err(error) => {
            let message = format!("cannot read {}: {error}", setup.services.display());
            report.fail("services", Problem::new(crate::problem::Exit::Failed, "io", message));
        }
    }
}

fn identities(setup: &Setup, report: &mut Report) {
    for path in &setup.identities {
        match keyring::needs_passphrase(path) {
            Ok(true) => report.fine("identity", format!("{}: protected by a passphrase", path.display())),
            Ok(false) => report.warn(
                "identity",
                format!("{}: not protected by a passphrase", path.display()),
                "whoever can read the file can open the vault; `credbench passphrase` protects it",
            ),
            Err(error) => report.fail("identity", error),
        }
        plugins(path, report);
    }
}

/// The programs that an identity works through.
fn plugins(path: &Path, report: &mut Report) {
    // What cannot be read was told above; a key that is encrypted names no program.
    let Ok(text) = std::fs::read_to_string(path) else { return };
    for line in text.lines().filter_map(|line| line.trim().strip_prefix("AGE-PLUGIN-")) {
        let name = line.rsplit_once('1').map_or(line, |(name, _)| name);
        let program = format!("age-plugin-{}", name.trim_end_matches('-').to_lowercase());
        match paths::find_program(&program) {
            Some(place) => report.fine("plugin", format!("{program}: {}", place.display())),
            None => report.warn(
                "plugin",
                format!("{} needs {}, which is not on the PATH", path.display(), visible(&program)),
                "install it, or name another identity with --identity",
            ),
        }
    }
}

fn vault_files(setup: &Setup, report: &mut Report) {
    let Ok(vault) = durable::real_path(&setup.places.vault) else { return };
    let Some(folder) = vault.parent() else { return };
    match durable::require_safe_folder(folder) {
        Ok(()) => report.fine("vault folder", format!("{}: nobody else can replace files", folder.display())),
        Err(error) => report.fail("vault folder", error),
    }
    match durable::network_file_system(folder) {
        None => {}
        Some(name) => report.warn(
            "vault folder",
            format!(
                "{} lies on {name}: locks may not reach other hosts, and nothing tells what they save",
                folder.display()
            ),
            "nothing is overwritten, for the file is compared before each save; a local disk is safer",
        ),
    }
    let mut beside = vault.clone().into_os_string();
    beside.push(".d");
    let beside = Path::new(&beside);
    match durable::require_private_folder(beside) {
        Ok(()) => report.fine("vault folder", format!("{}: private", beside.display())),
        Err(error) => report.fail("vault folder", error),
    }
    let name = vault.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let left: Vec<String> = [folder, beside]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|file| file.starts_with(&format!(".{name}")) && file.ends_with(".tmp"))
        .collect();
    match left.len() {
        0 => report.fine("temporary files", "none are left over"),
        _ => report.warn(
            "temporary files",
            format!("left over by a program that was killed: {}", left.join(", ")),
            "the next save removes them; they are encrypted",
        ),
    }
}

fn vault(opened: &Opened, report: &mut Report) {
    let store = opened.session.store();
    report.fine(
        "vault",
        format!("{}: opens, signed, generation and digest {}", store.path().display(), store.fingerprint()),
    );
    let recipients = &opened.document.recipients;
    match recipients.len() {
        1 => report.warn(
            "recipients",
            "one: whoever loses that identity loses the vault",
            "add a second one, whose identity is kept offline: `credbench recipients add`",
        ),
        count => report.fine("recipients", format!("{count} can open the vault")),
    }
    for recipient in recipients {
        let plugin = match parse_recipient(&recipient.recipient) {
            Ok(parsed) => parsed.plugin().map(|name| format!("age-plugin-{name}")),
            Err(error) => {
                report.fail("recipients", error);
                continue;
            }
        };
        if let Some(program) = plugin.filter(|program| paths::find_program(program).is_none()) {
            report.warn(
                "recipients",
                format!("{program} is not on the PATH: the vault cannot be saved"),
                "install it, or remove that recipient",
            );
        }
    }
}

/// Earlier generations: whether there are any, and whether the newest would open.
fn backups(opened: &Opened, report: &mut Report) {
    let store = opened.session.store();
    let kept = match store.backups() {
        Ok(kept) => kept,
        Err(error) => return report.fail("backups", error),
    };
    let Some((backup, opens)) = store.try_newest_backup() else {
        match (opened.session.header().generation, kept) {
            (1, 0) => report.fine("backups", "none yet: the next save keeps the first"),
            (_, count) if count > 0 => {
                report.fine("backups", format!("{count}, not tried: that would take a person or hardware"));
            }
            _ => report.warn(
                "backups",
                "there is no earlier generation",
                "the next save keeps one; `credbench export -o FILE` makes a copy to keep elsewhere",
            ),
        }
        return;
    };
    let newest = format!("{kept}, the newest of generation {}", backup.generation);
    match opens {
        Ok(_) => report.fine("backups", format!("{newest}: it opens")),
        Err(error) => report.warn(
            "backups",
            format!("{newest}: it does not open: {}", Problem::from(error).message),
            "it may be from before the recipients changed; otherwise look at the disk's health",
        ),
    }
}

/// Credentials that their kind no longer fits.
fn credentials(opened: &Opened, report: &mut Report) {
    let all = &opened.document.credentials;
    let flawed = all.iter().filter(|known| !opened.kinds.attention(&known.content).is_empty()).count();
    match flawed {
        0 => report.fine("credentials", format!("{}, all of kinds that are known", all.len())),
        count => report.warn(
            "credentials",
            format!("{count} of {} need attention", all.len()),
            "`credbench list --all-solutions is:needs_attention` names them",
        ),
    }
}

fn network(setup: &Setup, report: &mut Report) {
    let trust = match setup.network.trust() {
        Ok(trust) => trust,
        Err(problem) => return report.fail("network", problem),
    };
    if let Some(path) = &setup.network.ca_file {
        let count = trust.authorities();
        report.fine("network", format!("{}: {count} more certificate authorities", path.display()));
    }
    let named_by = &trust.proxies.named_by;
    match trust.proxies.each().as_slice() {
        [] => report.fine("network", "no proxy"),
        proxies => proxies.iter().for_each(|proxy| {
            report.fine("network", format!("tests go through the proxy {proxy} ({named_by})"));
        }),
    }
}

fn terminal(report: &mut Report) {
    let words = paths::terminal_words();
    let word = |name: &str| {
        let value = words.iter().find(|(known, _)| *known == name).and_then(|(_, value)| value.clone());
        value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
    };
    match word("TERM").as_str() {
        "" | "dumb" => report.warn(
            "terminal",
            "TERM says nothing",
            "the workbench needs a terminal such as xterm-256color",
        ),
        term => report.fine("terminal", format!("TERM is {}", visible(term))),
    }
    let locale = word("locale").to_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") {
        report.fine("terminal", "the character set is UTF-8");
    } else {
        report.warn(
            "terminal",
            "the locale does not say UTF-8: signs and frames may look wrong",
            "set LANG to a locale that ends in .UTF-8",
        );
    }
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) {
        let text = format!("{} columns, {} rows", size.ws_col, size.ws_row);
        if size.ws_col >= 80 && size.ws_row >= 24 {
            report.fine("terminal", text);
        } else {
            report.warn("terminal", text, "the workbench is made for 80 columns and 24 rows or more");
        }
    }
}

fn memory(report: &mut Report) {
    if rustix::process::getrlimit(Resource::Core).current == Some(0) {
        report.fine("memory", "no core dumps");
    } else {
        report.warn("memory", "core dumps are on", "run `ulimit -c 0` before");
    }
    if crate::memory::is_swappable() {
        report.warn(
            "memory",
            "the keys of the vault may be written to swap: the system refused to lock them",
            "raise `ulimit -l`, or encrypt the swap",
        );
    } else {
        report.fine("memory", "the keys of the vault stay out of swap");
    }
    #[cfg(target_os = "linux")]
    match rustix::process::dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => {
            report.fine("memory", "closed to other programs of this account")
        }
        _ => report.warn(
            "memory",
            "other programs of this account can look into it",
            "the system refused to change that",
        ),
    }
}

fn print(context: &Context, findings: &[Finding]) -> ExitCode {
    let out = &context.output;
    if out.is_json() {
        out.json(&findings);
    } else {
        for finding in findings {
            let (word, tone) = match finding.level {
                Level::Ok => ("ok  ", Tone::Good),
                Level::Warn => ("warn", Tone::Caution),
                Level::Fail => ("fail", Tone::Bad),
            };
            let (check, message) = (finding.check, visible(&finding.message));
            out.line(&format!("{}  {check}: {message}", out.paint(tone, word)));
            if let Some(hint) = &finding.hint {
                out.line(&format!("      → {}", visible(hint)));
            }
        }
    }
    let failed = findings.iter().any(|finding| finding.level == Level::Fail);
    ExitCode::from(u8::from(failed))
}
