//! Files and open files beside the environment, and what a program gets back of its process.

use super::{SECRET, account};

#[test]
fn an_open_file_has_no_name_and_cannot_be_written() {
    let account = account();
    let script = r#"cat "$F"; echo; cat "$F"; echo; readlink "$F"; stat -Lc %a "$F"; (echo x > "$F") 2>/dev/null || echo refused; sh -c 'cat "$P"'"#;
    let arguments = [
        "run",
        "--no-mask",
        "--fd",
        "F=cred://api.token",
        "--fd",
        "P=cred://files#pem",
        "--",
        "sh",
        "-c",
        script,
    ];
    let out = account.run(&arguments).succeeds().out;
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..2], [SECRET, SECRET], "it can be read again");
    assert!(lines[2].starts_with("/memfd:"), "{}", lines[2]);
    assert_eq!(lines[3..], ["400", "refused", "marker-line-1", "marker-line-2"]);
}

#[test]
fn a_file_is_private_in_memory_and_gone_afterwards() {
    let account = account();
    let script = r#"cat "$F"; wc -c < "$L"; stat -c '%a %F' "$F" "$(dirname "$F")"; stat -fc %T "$F"; echo "$F"; exit 3"#;
    let arguments = [
        "run",
        "--file",
        "F=cred://db.login",
        "--file",
        "L=cred://files#long",
        "--no-mask",
        "--",
        "sh",
        "-c",
        script,
    ];
    let done = account.run(&arguments).exits(3);
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines[0], "marker-password131072");
    assert_eq!(lines[1..4], ["400 regular file", "700 directory", "tmpfs"]);
    let path = std::path::Path::new(lines[4]);
    assert!(path.is_absolute() && !path.exists() && !path.parent().unwrap().exists());
}

#[test]
fn a_file_that_a_killed_run_left_is_removed_by_the_next() {
    let account = account();
    let path = account.home.join("path");
    let script = format!("echo \"$F\" > {}.new; mv {0}.new {0}; sleep 60", path.display());
    let running =
        account.command().args(["run", "--file", "F=cred://api.token", "--", "sh", "-c", &script]).start();
    crate::support::until("the program is ready", || path.exists());
    running.kill();
    let left = std::fs::read_to_string(&path).unwrap();
    let left = std::path::Path::new(left.trim());
    assert!(left.exists(), "the control");
    account.run(&["run", "--file", "F=cred://api.token", "--", "true"]).succeeds();
    assert!(!left.exists());
}

#[test]
fn umask_and_limits_are_the_callers() {
    let account = account();
    let program = crate::support::command::PROGRAM;
    let script = format!(
        "umask 027; ulimit -c 777 2>/dev/null; ulimit -c; {program} run --env S=cred://api.token -- sh -c 'ulimit -c; umask'"
    );
    let done = account.command_of("sh", &["-c", &script]).run().succeeds();
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[2], "0027");
}

#[test]
fn nothing_else_is_open_in_the_program() {
    let account = account();
    let open = |options: &[&str]| {
        let done = account.command().arg("run").args(options).args(["--", "ls", "/proc/self/fd"]).run();
        done.succeeds().out.lines().count()
    };
    let plain = open(&[]);
    assert_eq!(open(&["--env", "S=cred://api.token"]), plain);
    assert_eq!(open(&["--fd", "S=cred://api.token"]), plain + 1, "the control");
}
