//! Programs whom permissions hold off, also where the tests are run by root.

use std::process::Command;

use super::command::{PROGRAM, environment};
use super::home::Account;

/// The user that owns nothing.
const NOBODY: u32 = 65_534;

/// Runs the program as a user whom permissions hold off: as nobody, where the tests are run by root.
pub(crate) fn as_user(account: &Account, arguments: &[&str]) -> (i32, String, String) {
    let root = rustix::process::getuid().is_root();
    let mut command = Command::new(if root { "setpriv" } else { "env" });
    if root {
        let id = NOBODY.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    }
    let output =
        command.arg(PROGRAM).args(arguments).env_clear().envs(environment(&account.home)).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// Gives the home to that user.
pub(crate) fn hand_over(account: &Account) {
    if rustix::process::getuid().is_root() {
        let done =
            Command::new("chown").arg("-R").arg(NOBODY.to_string()).arg(&account.home).status().unwrap();
        assert!(done.success());
    }
}
