//! What help and `docs/CLI.md` say of a command besides its options: lines that work, what `--json` prints, and
//! what can go wrong. Each command's own file says it of its command, beside the code that it is true of.

use clap::Command;

use crate::problem::Exit;

/// What is said of one command.
pub(super) struct Page {
    /// The command, as it is typed behind `credbench`.
    pub(super) command: &'static str,
    /// Lines to type, each with what it does.
    pub(super) examples: &'static [(&'static str, &'static str)],
    /// What `--json` prints, in the notation that is told under "With --json".
    pub(super) json: &'static str,
    /// What can go wrong with this command.
    pub(super) faults: &'static [Fault],
    /// What can go wrong with others, too.
    pub(super) shared: &'static [&'static Group],
}

/// One way to fail: exit code, the word for scripts, and when it is so.
pub(super) type Fault = (Exit, &'static str, &'static str);

/// Ways to fail that commands share.
pub(super) struct Group {
    /// What these commands do, as a heading.
    pub(super) title: &'static str,
    /// The ways.
    pub(super) faults: &'static [Fault],
}

/// All pages, in no particular order.
pub(super) const PAGES: &[&[Page]] = &[
    super::WORKBENCH,
    super::add::PAGES,
    super::audit::PAGES,
    super::backup::PAGES,
    super::completions::PAGES,
    super::demo::PAGES,
    super::doctor::PAGES,
    super::export::PAGES,
    super::get::PAGES,
    super::history::PAGES,
    super::import::PAGES,
    super::init::PAGES,
    super::inject::PAGES,
    super::kinds::PAGES,
    super::list::PAGES,
    super::login::PAGES,
    super::man::PAGES,
    super::move_to::PAGES,
    super::oauth_app::PAGES,
    super::passphrase::PAGES,
    super::put::PAGES,
    super::recipients::PAGES,
    super::refresh::PAGES,
    super::remove::PAGES,
    super::request::PAGES,
    super::rename::PAGES,
    super::restore::PAGES,
    super::review::PAGES,
    super::rotate::PAGES,
    super::run::PAGES,
    super::revoke::PAGES,
    super::scan::PAGES,
    super::services::PAGES,
    super::show::PAGES,
    super::solution::PAGES,
    super::test::PAGES,
    super::trash::PAGES,
    super::vault::PAGES,
];

/// The groups, in the order of `docs/CLI.md`; the first holds for every command.
pub(super) const GROUPS: [&Group; 11] = [
    &ANY,
    &READS,
    &OPENS,
    &FINDS,
    &REFERS,
    &RECORDED,
    &SAVES,
    &WRITES_DOCUMENTS,
    &TESTS,
    &ASKS_FOR_TOKENS,
    &MAKES_IDENTITY,
];

const ANY: Group = Group {
    title: "Every command",
    faults: &[
        (Exit::Usage, "usage", "the command line is not understood"),
        (Exit::Invalid, "no_configuration", "the configuration that was named cannot be read"),
        (Exit::Invalid, "invalid_configuration", "the configuration says something that it cannot say"),
        (Exit::Failed, "no_home", "neither HOME nor the account tells where files belong"),
        (Exit::Failed, "output", "standard output cannot be written"),
        (Exit::Failed, "io", "a file or folder cannot be read or written"),
        (Exit::Failed, "cancelled", "a question was answered with no, or with Ctrl-C"),
    ],
};

/// Reads a file, or standard input.
pub(super) const READS: Group = Group {
    title: "Reads what it is given",
    faults: &[
        (Exit::Failed, "too_large", "more than 64 MiB (a passphrase: 64 KiB)"),
        (Exit::Invalid, "not_text", "not UTF-8 text"),
        (Exit::Usage, "standard_input_twice", "two things would be read from standard input"),
    ],
};

/// Opens the vault.
pub(super) const OPENS: Group = Group {
    title: "Opens the vault",
    faults: &[
        (Exit::Locked, "no_vault", "there is none"),
        (Exit::Locked, "no_identity", "no identity was named, or its file is not there"),
        (Exit::Locked, "not_an_identity", "that file is no identity"),
        (Exit::Locked, "identity_damaged", "that file is an identity no more"),
        (Exit::Locked, "unsupported_ssh_key", "an SSH key of a sort that cannot decrypt"),
        (Exit::Locked, "no_passphrase", "it needs a passphrase, and nobody gave one"),
        (Exit::Usage, "empty_passphrase", "an empty passphrase was given"),
        (Exit::Locked, "wrong_passphrase", "it needs another passphrase"),
        (Exit::Locked, "work_factor", "the passphrase would take more work than is allowed"),
        (Exit::Locked, "plugin", "the identity's plugin is not there, or refused"),
        (Exit::Locked, "no_identity_opens", "the vault is not encrypted to this identity"),
        (Exit::Locked, "writer_key", "the key that signs for this identity cannot be read"),
        (Exit::Locked, "exposed", "others may read or write the identity, the vault or its folder"),
        (Exit::Locked, "foreign_owner", "one of these belongs to another account"),
        (Exit::Failed, "not_a_file", "one of these is not a file"),
        (Exit::Damaged, "vault_damaged", "the vault was cut or changed"),
        (Exit::Damaged, "vault_forged", "its signature is missing or wrong"),
        (Exit::Damaged, "unknown_writer", "somebody signed it whom this host does not know yet"),
        (Exit::Damaged, "foreign_vault", "another vault lies at its place"),
        (Exit::Damaged, "rollback", "it is older than what this host last saw"),
        (Exit::Damaged, "same_generation", "it is as old as what this host last saw, and another"),
        (Exit::Damaged, "fork", "it does not follow on from what this host last saw"),
        (Exit::Damaged, "seen_damaged", "what this host last saw cannot be read"),
        (Exit::Damaged, "vault_too_new", "a newer credbench wrote it"),
        (Exit::Damaged, "audit_broken", "its audit log is not what was written; names the line"),
    ],
};

/// Finds a credential by its key.
pub(super) const FINDS: Group = Group {
    title: "Finds a credential",
    faults: &[
        (
            Exit::NotFound,
            "no_credential",
            "the current solution has none of that key; says if it can be restored",
        ),
        (Exit::NotFound, "no_solution", "there is no solution of that name"),
    ],
};

/// Takes references.
pub(super) const REFERS: Group = Group {
    title: "Takes references",
    faults: &[(Exit::Usage, "reference", "a reference is not well written; says at which character")],
};

/// Hands something out, or takes it away: not without a line in the audit log.
pub(super) const RECORDED: Group = Group {
    title: "Is written down before it happens",
    faults: &[(
        Exit::Failed,
        "audit_unwritable",
        "that cannot be written to the audit log, so it did not happen",
    )],
};

/// Saves the vault.
pub(super) const SAVES: Group = Group {
    title: "Saves",
    faults: &[
        (Exit::Refused, "conflict", "another program changed the same thing meanwhile"),
        (Exit::Refused, "exists", "there is one of that name already"),
        (Exit::Refused, "busy", "another program holds the vault's lock"),
        (Exit::Refused, "contended", "other programs kept saving"),
        (Exit::Refused, "locked_out", "the identity in use could not open what would be saved"),
        (Exit::Failed, "encrypt", "a recipient cannot be encrypted to"),
        (Exit::Invalid, "not_storable", "something cannot be written as JSON"),
        (Exit::Failed, "read_back", "the disk gave other bytes back"),
    ],
};

/// Takes JSON documents.
pub(super) const WRITES_DOCUMENTS: Group = Group {
    title: "Takes documents",
    faults: &[
        (Exit::Invalid, "invalid_document", "a document breaks a rule; each place is named"),
        (
            Exit::Refused,
            "origin_changed",
            "an address changed, and a secret that belongs to it was not given anew",
        ),
    ],
};

/// Sends tests.
pub(super) const TESTS: Group = Group {
    title: "Tests",
    faults: &[
        (Exit::Failed, "test_failed", "a test before saving did not pass; nothing was saved"),
        (Exit::Invalid, "ca_file", "the authorities of the configuration cannot be used"),
        (Exit::Invalid, "proxy", "a proxy cannot be used"),
    ],
};

/// Asks an authorization server for OAuth tokens, or gives them back.
pub(super) const ASKS_FOR_TOKENS: Group = Group {
    title: "Asks for OAuth tokens",
    faults: &[
        (Exit::Usage, "no_oauth", "the credential is of a kind that holds no tokens"),
        (Exit::Failed, "oauth_incomplete", "what the server is asked with is missing or cannot be used"),
        (Exit::Failed, "no_token", "the server was asked, and gave nothing"),
        (Exit::Failed, "login_needed", "the tokens are over, or were refused, and only a person gets others"),
        (Exit::NotFound, "login_needed", "nobody logged in yet"),
        (Exit::Failed, "cooling_down", "it failed a moment ago, and is not asked again yet"),
        (Exit::Refused, "tokens_changed", "other tokens were stored meanwhile; those were kept"),
        (Exit::Invalid, "ca_file", "the authorities of the configuration cannot be used"),
        (Exit::Invalid, "proxy", "a proxy cannot be used"),
    ],
};

/// Makes an identity, or gives it another passphrase.
pub(super) const MAKES_IDENTITY: Group = Group {
    title: "Protects an identity",
    faults: &[
        (Exit::Failed, "passphrase_differs", "the passphrase was not typed the same twice"),
        (Exit::Failed, "protect", "the identity cannot be encrypted"),
    ],
};

/// The page of a command.
pub(super) fn page(command: &str) -> Option<&'static Page> {
    PAGES.iter().copied().flatten().find(|page| page.command == command)
}

/// The command with its examples under its help, and those below it with theirs.
pub(super) fn with_examples(command: Command) -> Command {
    fn one(command: Command, name: &str) -> Command {
        let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
        let command = names.iter().fold(command, |command, below| {
            let whole = format!("{name} {below}");
            command.mut_subcommand(below, |below| one(below, whole.trim_start()))
        });
        match page(name) {
            // The program's own help ends with its exit codes.
            Some(page) if !name.is_empty() => command.after_help(examples(page)),
            _ => command,
        }
    }
    one(command, "")
}

fn examples(page: &Page) -> String {
    let mut text = String::from("Examples:");
    for (line, what) in page.examples {
        text.push_str(&format!("\n  {line}\n      {what}"));
    }
    text
}

#[cfg(test)]
mod tests;
