//! A program on the operator's terminal: it has one of its own, and everything else is as if it had not (C9).

use std::time::Duration;

use credbench::secret::MASK;

use super::account;
use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;

/// A shell on a terminal, in which `run` is typed.
fn shell(account: &Account) -> Pty {
    let mut pty = Pty::start(&account.home, "/bin/sh", &["-i"], (90, 24));
    pty.prompt();
    pty
}

fn run(rest: &str) -> String {
    format!("{PROGRAM} run --env S=cred://api.token -- {rest}")
}

/// A program that types a line into its terminal, where the system lets it.
const TYPES: &str =
    r#"perl -e 'for $c (split //, "echo in\$((1+1))trudes\n") { ioctl(STDIN, 0x5412, $c) or exit 3 }'"#;

#[test]
fn a_program_cannot_type_into_the_shell() {
    let account = account();
    let mut pty = shell(&account);
    pty.send(&format!("{TYPES}\r"));
    if !std::fs::read_to_string("/proc/sys/dev/tty/legacy_tiocsti").is_ok_and(|text| text.trim() == "1") {
        eprintln!("skipped: this kernel lets nobody type for others");
        return;
    }
    pty.wait("in2trudes").prompt();
    pty.send("clear\r").gone("in2trudes");
    pty.send(&format!("{}; echo en''ded $?\r", run(TYPES)));
    pty.wait("ended 0").prompt();
    pty.is_silent_for(Duration::from_millis(300));
    assert!(!pty.screen().contains("in2trudes"), "{}", pty.screen());
    // By the name of the terminal, too.
    let by_name = TYPES.replace("ioctl(STDIN", "open my $t, \"+<\", \"/dev/tty\"; ioctl($t");
    pty.send(&format!("{}; echo en''ded again\r", run(&by_name)));
    pty.wait("ended again").prompt();
    pty.is_silent_for(Duration::from_millis(300));
    assert!(!pty.screen().contains("in2trudes"), "{}", pty.screen());
}

#[test]
fn size_keys_and_exit_code_are_the_programs() {
    let account = account();
    let mut pty = shell(&account);
    let script = r#"$SIG{WINCH} = sub { print `stty size` }; $| = 1; print `stty size`; while (<STDIN>) { chomp; print "<$_ $ENV{S}>\n"; exit 9 if $_ eq "end" }"#;
    pty.send(&format!("{}; echo co''de $?\r", run(&format!("perl -e '{script}'"))));
    pty.wait("24 90");
    pty.send("wo\u{7f}ord\r").wait(&format!("<word {MASK}>"));
    pty.resize(70, 20).send("\r").wait("20 70");
    pty.send("end\r").wait("code 9").prompt();
    pty.send("stty -a | grep -o ' -*icanon'\r").wait(" icanon");
}

#[test]
fn ctrl_c_ends_the_program_and_not_the_shell() {
    let account = account();
    let mut pty = shell(&account);
    // Not a shell: dash loses an interrupt that comes while it starts a program.
    let program = r#"perl -e '$| = 1; print "star", "ted\n"; sleep 60'"#;
    pty.send(&format!("{}; echo co''de $?\r", run(program)));
    pty.wait("started").send("\u{3}").wait("code 130").prompt();
}

#[test]
fn ctrl_z_stops_the_job_and_fg_goes_on() {
    let account = account();
    let mut pty = shell(&account);
    pty.send(&format!("{}\r", run("sh -c 'while read line; do echo \"<$line>\"; done; exit 4'")));
    pty.send("one\r").wait("<one>");
    pty.send("\u{1a}").wait("Stopped").prompt();
    pty.send("echo the shell''s\r").wait("the shells");
    pty.send("fg\r").send("two\r").wait("<two>");
    pty.send("\u{4}").prompt();
    pty.send("echo co''de $?\r").wait("code 4");
}

#[test]
fn a_program_in_a_pipeline_leaves_the_keys_to_the_other() {
    let account = account();
    let mut pty = shell(&account);
    let reader = r#"sh -c 'read text; read key < /dev/tty; echo "<$text $key>"'"#;
    pty.send(&format!("{} | {reader}\r", run("sh -c 'echo from the program; sleep 1'")));
    pty.send("key\r").wait("<from the program key>").prompt();
    // It gets them once it asks.
    pty.send(&format!("{} | cat\r", run("sh -c 'read line; echo \"<$line>\"'")));
    pty.send("asked\r").wait("<asked>").prompt();
    pty.send("stty -a | grep -o ' -*icanon'\r").wait(" icanon");
}

#[test]
fn a_terminal_that_goes_takes_the_program_along() {
    let account = account();
    let ended = account.home.join("ended");
    // The answer to a new size is what `hang_up` waits for.
    let script = format!(
        "$| = 1; $SIG{{HUP}} = sub {{ open my $f, '>', '{}'; exit }}; $SIG{{WINCH}} = sub {{ print \"size\\n\" }}; \
         print \"ready\\n\"; select undef, undef, undef, 0.1 while 1",
        ended.display()
    );
    let mut pty = Pty::start(
        &account.home,
        PROGRAM,
        &["run", "--env", "S=cred://api.token", "--", "perl", "-e", &script],
        (80, 24),
    );
    pty.wait("ready").hang_up();
    crate::support::until("the program heard of it", || ended.exists());
    pty.ends_within(Duration::from_secs(10));
}
