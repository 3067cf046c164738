//! What a program prints is passed on without what it was given (C8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credbench::secret::MASK;

use super::{SECRET, account};
use crate::support::command::Done;
use crate::support::home::Account;

fn run(account: &Account, options: &[&str], script: &str) -> Done {
    let command =
        account.command().args(["run", "--env", "S=cred://api.token", "--env", "U=cred://db.login#username"]);
    command.args(options).args(["--", "perl", "-e", script]).run()
}

/// A perl text of the secret.
const S: &str = "$ENV{S}";

#[test]
fn every_encoding_is_masked_and_nothing_else() {
    let account = account();
    let percent: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let json = serde_json::to_string(SECRET).unwrap();
    let forms = [SECRET.to_owned(), STANDARD.encode(SECRET), percent, json[1..json.len() - 1].to_owned()];
    for form in &forms {
        let file = account.write("form", &format!("before {form} behind ann\n"));
        for script in [format!("exec 'cat', '{file}'"), format!("exec 'sh', '-c', 'cat {file} >&2'")] {
            let done = run(&account, &[], &script).succeeds();
            let text = format!("{}{}", done.out, done.err);
            assert_eq!(text, format!("before {MASK} behind ann\n"), "a user name is no secret");
            let control = run(&account, &["--no-mask"], &script).succeeds();
            assert_eq!(format!("{}{}", control.out, control.err), format!("before {form} behind ann\n"));
        }
    }
}

#[test]
fn a_secret_split_over_writes_is_masked() {
    let account = account();
    // A pause between the writes, longer than what is waited for.
    for (first, pause) in [("1", "0.3"), ("5", "0.3"), ("12", "0"), ("-1", "0.3")] {
        let script = format!(
            "$| = 1; print 'a ', substr({S}, 0, {first}); select(undef, undef, undef, {pause}); print substr({S}, {first}), ' z'"
        );
        let out = run(&account, &[], &script).succeeds().out;
        let left = if first == "1" { &SECRET[..1] } else { "" };
        assert_eq!(out, format!("a {left}{MASK} z"), "{first}");
    }
}

#[test]
fn a_border_of_a_buffer_is_no_border() {
    let account = account();
    for before in [65_520, 65_530, 65_535, 4_090] {
        let out = run(&account, &[], &format!("print '.' x {before}, {S}, '.' x 70000")).succeeds().out;
        assert_eq!(out, format!("{}{MASK}{}", ".".repeat(before), ".".repeat(70_000)));
    }
}

#[test]
fn other_bytes_pass_as_they_are() {
    let account = account();
    let script = "binmode STDOUT; print map { chr($_ % 256) } 0 .. 199999";
    let file = account.home.join("out");
    let to = std::fs::File::create(&file).unwrap();
    let arguments = ["run", "--env", "S=cred://api.token", "--", "perl", "-e", script];
    account.command().args(arguments).output_to(to).run().succeeds();
    let expected: Vec<u8> = (0..200_000u32).map(|n| (n % 256) as u8).collect();
    assert!(std::fs::read(file).unwrap() == expected);
}

#[test]
fn both_streams_into_one_file_keep_their_order() {
    let account = account();
    let program = crate::support::command::PROGRAM;
    let inner = r#"$| = 1; for (1 .. 200) { print STDOUT "out $_\n"; print STDERR "err $_ $ENV{S}\n" }"#;
    let script = format!("{program} run --env S=cred://api.token -- perl -e '{inner}' > both 2>&1");
    account.command_of("sh", &["-c", &script]).run().succeeds();
    let expected: String = (1..=200).map(|n| format!("out {n}\nerr {n} {MASK}\n")).collect();
    assert_eq!(std::fs::read_to_string(account.home.join("both")).unwrap(), expected);
}

#[test]
fn exit_codes_and_signals_are_passed_on() {
    let account = account();
    let code = |script: &str| run(&account, &[], script).code;
    assert_eq!(code("exit 0"), 0);
    assert_eq!(code("exit 7"), 7);
    assert_eq!(code("kill 'TERM', $$; sleep 9"), 128 + 15);
    assert_eq!(code("kill 'KILL', $$; sleep 9"), 128 + 9);
    assert_eq!(account.run(&["run", "--", "no-such-program"]).code, 127);
    assert_eq!(account.run(&["run", "--", "/"]).code, 126);
}

#[test]
fn a_signal_reaches_the_program_once() {
    let account = account();
    let script = r#"$| = 1; $SIG{INT} = sub { $n++ }; print STDERR "ready\n"; select(undef, undef, undef, 0.2) for 1 .. 2; while (!$n) { select(undef, undef, undef, 0.05) } select(undef, undef, undef, 0.2); print "$n $ENV{S}"; exit 5"#;
    let ready = account.home.join("ready");
    let script = script
        .replace("print STDERR \"ready\\n\";", &format!("open my $f, '>', '{}'; close $f;", ready.display()));
    let running =
        account.command().args(["run", "--env", "S=cred://api.token", "--", "perl", "-e", &script]).start();
    crate::support::until("the program is ready", || ready.exists());
    running.interrupt();
    let done = running.wait();
    assert_eq!((done.code, done.out), (5, format!("1 {MASK}")));
}

#[test]
fn standard_input_is_the_programs_own() {
    let account = account();
    let done =
        account.command().args(["run", "--env", "S=cred://api.token", "--", "cat"]).input("typed").run();
    assert_eq!(done.succeeds().out, "typed");
}

#[test]
fn a_reader_that_goes_away_ends_the_program() {
    let account = account();
    let program = crate::support::command::PROGRAM;
    let script = format!("{program} run --env S=cred://api.token -- yes | head -n 2");
    let done = account.command_of("sh", &["-c", &script]).run().succeeds();
    assert_eq!(done.out, "y\ny\n");
}

#[test]
fn what_outlives_the_program_is_not_waited_for() {
    let account = account();
    let arguments = ["run", "--env", "S=cred://api.token", "--", "sh", "-c", "sleep 60 & echo done"];
    let start = std::time::Instant::now();
    assert_eq!(account.run(&arguments).succeeds().out, "done\n");
    assert!(start.elapsed() < std::time::Duration::from_secs(30));
}
