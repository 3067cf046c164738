//! What a program finds in its environment, and what is never there.

use std::collections::BTreeSet;

use super::{SECRET, account};
use crate::support::home::Account;

/// The variables that a run prints with `env -0`.
fn variables(account: &Account, arguments: &[&str]) -> BTreeSet<String> {
    let done = account
        .command()
        .env("OWN", "of the caller")
        .args(["run", "--no-mask"])
        .args(arguments)
        .args(["--", "env", "-0"])
        .run()
        .succeeds();
    done.out.split_terminator('\0').map(str::to_owned).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn exactly_the_mapped_names_are_added() {
    let account = account();
    let plain = variables(&account, &[]);
    assert!(plain.contains("OWN=of the caller"));
    let mapped =
        variables(&account, &["--env", "TOKEN=cred://api.token", "--env", "WHO=cred://db.login#username"]);
    let token = format!("TOKEN={SECRET}");
    assert_eq!(&mapped - &plain, set(&[&token, "WHO=ann"]));
    assert_eq!(&plain - &mapped, set(&[]));
    let other = variables(&account, &["--env", "T=cred://billing%20prod/api.token", "--clear-env"]);
    assert_eq!(other, set(&["T=marker-of-billing"]));
}

#[test]
fn children_of_the_program_get_them_too_and_the_caller_does_not() {
    let account = account();
    let script = "sh -c 'env -0' | tr '\\0' '\\n' | grep -c '^TOKEN='; tr '\\0' '\\n' < /proc/$PPID/environ | grep -c '^TOKEN='";
    let done = account.run(&["run", "--env", "TOKEN=cred://api.token", "--", "sh", "-c", script]);
    // Our own environment cannot even be looked at, but by root: then it holds nothing.
    assert_eq!(done.out, "1\n0\n");
}

#[test]
fn no_secret_stands_in_any_argument() {
    let account = account();
    // The control sets its own arguments.
    let script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c \"marker[/]se\"; true";
    let count = |more: &[&str]| {
        let arguments = [
            "run",
            "--no-mask",
            "--env",
            "TOKEN=cred://api.token",
            "--fd",
            "F=cred://api.token",
            "--",
            "sh",
            "-c",
            script,
        ];
        let done = account.command().args(arguments).args(more).run().succeeds();
        done.out.trim().parse::<u32>().unwrap()
    };
    assert_eq!(count(&[]), 0);
    assert_ne!(count(&["marker/se"]), 0, "the control");
}

#[test]
fn names_that_decide_how_programs_run_are_refused() {
    let account = account();
    for name in ["LD_PRELOAD", "PATH", "BASH_ENV", "PYTHONPATH", "https_proxy", "GIT_SSH_COMMAND"] {
        let mapping = format!("{name}=cred://db.login#username");
        let done = account.run(&["run", "--env", &mapping, "--", "touch", "started"]).exits(5);
        assert!(done.err.contains(name) && done.err.contains("--force"), "{}", done.err);
        assert!(!account.home.join("started").exists());
        let file = account.write("x.env", &format!("{name}=plain\n"));
        account.run(&["run", "--env-file", &file, "--", "true"]).exits(5);
    }
    let forced = [
        "run",
        "--force",
        "--env",
        "GIT_SSH_COMMAND=cred://db.login#username",
        "--",
        "printenv",
        "GIT_SSH_COMMAND",
    ];
    assert_eq!(account.run(&forced).succeeds().out, "ann\n");
    account.run(&["run", "--env", "A-B=cred://api.token", "--", "true"]).exits(2);
    account
        .run(&["run", "--env", "A=cred://api.token", "--file", "A=cred://api.token", "--", "true"])
        .exits(2);
}

#[test]
fn a_value_in_the_arguments_is_refused_and_not_shown() {
    let account = account();
    let done = account.run(&["run", "--env", "A=typed-secret", "--", "true"]).exits(2);
    assert!(!done.err.contains("typed-secret"), "{}", done.err);
    let done = account.run(&["run", "--env", "A=cred://a b", "--", "true"]).exits(2);
    assert!(done.err.contains("character 9"), "{}", done.err);
}

#[test]
fn an_env_file_holds_references_and_plain_values() {
    let account = account();
    let file = account.write(
        "app.env",
        "# of the app\nexport TOKEN=\"cred://api.token\"\nMODE=test # plain\nPEM='cred://files#pem'\nTWICE=1\nTWICE=2\n",
    );
    let got =
        variables(&account, &["--clear-env", "--env-file", &file, "--env", "MODE=cred://db.login#username"]);
    let token = format!("TOKEN={SECRET}");
    assert_eq!(got, set(&[&token, "MODE=ann", "PEM=marker-line-1\nmarker-line-2\n", "TWICE=2"]));
    let broken = account.write("broken.env", "A=1\nB=\"open\n");
    let done = account.run(&["run", "--env-file", &broken, "--", "true"]).exits(7);
    assert!(done.err.contains("broken.env: line 2, column 3"), "{}", done.err);
}

#[test]
fn nothing_starts_before_every_value_is_there() {
    let account = account();
    for (reference, exit, word) in [
        ("cred://api.tokem", 4, "did you mean api.token?"),
        ("cred://nowhere/api.token", 4, "there is no solution"),
        ("cred://api.token#nope", 4, "no field"),
        ("cred://files", 2, "several values"),
        ("cred://files#long", 5, "longer than 128 KiB"),
    ] {
        let mapping = format!("B={reference}");
        let arguments = ["run", "--env", "A=cred://api.token", "--env", &mapping, "--", "touch", "started"];
        let done = account.run(&arguments).exits(exit);
        assert!(done.err.contains(word) && !done.err.contains("marker"), "{}", done.err);
        assert!(!account.home.join("started").exists(), "{reference}");
    }
}

#[test]
fn get_takes_a_reference_too() {
    let account = account();
    for (arguments, value) in [
        (&["get", "cred://api.token"][..], SECRET),
        (&["get", "cred://db.login#username"], "ann"),
        (&["get", "cred://db.login", "username"], "ann"),
        (&["get", "cred://billing prod/api.token"], "marker-of-billing"),
        (&["get", "cred://billing%20prod/api.token#token"], "marker-of-billing"),
    ] {
        assert_eq!(account.run(arguments).succeeds().out, value, "{arguments:?}");
    }
    account.run(&["get", "cred://db.login#username", "password"]).exits(2);
    account.run(&["get", "cred://"]).exits(2);
}
