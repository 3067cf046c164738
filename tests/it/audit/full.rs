//! Where nothing can be written to the log, nothing is handed out and nothing is removed; the rest goes on.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use super::{account, folder, log};
use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::server::{Server, json};
use crate::support::user::{as_user, hand_over};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_log_that_cannot_be_written_stops_what_hands_out() {
    let account = account();
    hand_over(&account);
    let get = || as_user(&account, &["get", "pay.api"]);
    assert_eq!(get().1, "marker-key-1", "the control");
    let vault = fs::read(account.vault()).unwrap();

    let refuses = |what: &str| {
        let (code, out, err) = get();
        assert_eq!((code, out.as_str()), (1, ""), "{what}: {err}");
        assert!(err.contains("nothing was handed out"), "{what}: {err}");
        let (code, _, err) = as_user(&account, &["remove", "pay.api", "--force"]);
        assert_eq!(code, 1, "{what}: {err}");
        assert!(err.contains("nothing was changed"), "{what}: {err}");
        assert_eq!(fs::read(account.vault()).unwrap(), vault, "{what}");
        let (code, out, err) = as_user(&account, &["list"]);
        assert_eq!(code, 0, "{what}: {err}");
        assert!(out.contains("pay.api") && err.contains("nothing is handed out"), "{what}: {err}");
        let (code, out, _) = as_user(&account, &["show", "pay.api"]);
        assert!(code == 0 && out.contains("pay.api"), "{what}");
    };
    mode(&log(&account), 0o400);
    refuses("a file that is read-only");
    mode(&log(&account), 0o600);
    assert_eq!(get().1, "marker-key-1", "and it works again");
    assert!(as_user(&account, &["audit", "verify"]).0 == 0);

    // A folder that is read-only, without a log in it: a vault that this place never saw.
    fs::remove_file(log(&account)).unwrap();
    fs::remove_dir_all(account.home.join("state")).unwrap();
    fs::create_dir(account.home.join("state")).unwrap();
    hand_over(&account);
    mode(&folder(&account), 0o500);
    refuses("a folder that is read-only");
    mode(&folder(&account), 0o700);
    assert_eq!(get().1, "marker-key-1");

    // Something else in its place.
    fs::remove_file(log(&account)).unwrap();
    fs::remove_dir_all(account.home.join("state/credbench")).unwrap();
    fs::create_dir(log(&account)).unwrap();
    hand_over(&account);
    refuses("a folder in the place of the file");
}

/// A user's account with a key of a service, and a template that names it.
fn of_that_user(server: &Server) -> (Account, String) {
    let account = Account::with_vault();
    account.put(&format!(
        r#"{{"key":"pay.api","kind":"api_key","config":{{"base_url":"{}","api_key":"marker-key-1"}}}}"#,
        server.url()
    ));
    let template = account.write("template", "v={{ cred://pay.api }}");
    hand_over(&account);
    (account, template)
}

#[test]
fn neither_run_nor_inject_nor_request_acts_without_its_line() {
    let server = Server::start(|_| json(200, "{}"));
    let (account, template) = of_that_user(&server);
    let at = |name: &str| account.home.join(name).to_str().unwrap().to_owned();
    let (started, written) = (at("started"), at("written"));
    let acts: [(&[&str], &dyn Fn() -> bool); 3] = [
        (&["run", "--env", "K=cred://pay.api", "--", "touch", &started], &|| {
            fs::remove_file(&started).is_ok()
        }),
        (&["inject", "-i", &template, "-o", &written], &|| fs::remove_file(&written).is_ok()),
        (&["request", "pay.api", "/x"], &|| !server.requests().is_empty()),
    ];
    mode(&log(&account), 0o400);
    for (arguments, acted) in &acts {
        let (code, out, err) = as_user(&account, arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {err}");
        assert!(err.contains("nothing was handed out"), "{arguments:?}: {err}");
        assert!(!acted(), "{arguments:?}");
    }
    mode(&log(&account), 0o600);
    for (arguments, acted) in &acts {
        let (code, _, err) = as_user(&account, arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        assert!(acted(), "the control: {arguments:?}");
    }
}

/// As a person asks for: what has no line has a mark on this host, and the next line counts it.
#[test]
fn asked_to_it_goes_on_without_a_line_and_the_next_one_counts_that() {
    let server = Server::start(|_| json(200, r#"{"fine":true}"#));
    let (account, template) = of_that_user(&server);
    let acts: [(&[&str], &str); 4] = [
        (&["get", "pay.api", "--unrecorded"], "marker-key-1"),
        (&["run", "--unrecorded", "--env", "K=cred://pay.api", "--", "sh", "-c", "echo ${#K}"], "12\n"),
        (&["inject", "--unrecorded", "-i", &template], "v=marker-key-1"),
        (&["request", "--unrecorded", "pay.api", "/x"], r#"{"fine":true}"#),
    ];
    mode(&log(&account), 0o400);
    for (arguments, printed) in &acts {
        let (code, out, err) = as_user(&account, arguments);
        assert_eq!((code, out.as_str()), (0, *printed), "{arguments:?}: {err}");
        assert!(err.contains("this has no line in the audit log"), "{arguments:?}: {err}");
    }
    assert_eq!(server.requests().len(), 1);
    // The control: nobody goes on who did not ask for it, and the error says how.
    for (arguments, _) in &acts {
        let plain: Vec<&str> = arguments.iter().copied().filter(|word| *word != "--unrecorded").collect();
        let (code, _, err) = as_user(&account, &plain);
        assert!(code == 1 && err.contains("`--unrecorded` goes on"), "{plain:?}: {code} {err}");
    }
    // Where not even a mark can be left, nothing is done.
    let state = account.home.join("state/credbench");
    mode(&state, 0o500);
    for (arguments, _) in &acts {
        let (code, out, err) = as_user(&account, arguments);
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {err}");
        assert!(err.contains("nothing was handed out") && err.contains("memory"), "{arguments:?}: {err}");
    }
    mode(&state, 0o700);
    assert_eq!(server.requests().len(), 1);

    mode(&log(&account), 0o600);
    let (code, _, err) = as_user(&account, &["list"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("values were handed out 4 times without a line in the audit log"), "{err}");
    let (_, _, err) = as_user(&account, &["get", "pay.api", "--unrecorded"]);
    assert_eq!(err, "", "with a log that can be written it is as without the option");
    let read = || {
        let (code, out, err) = as_user(&account, &["audit", "--json"]);
        assert_eq!(code, 0, "{err}");
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    let lines = read();
    let counted: Vec<_> =
        lines.as_array().unwrap().iter().filter(|line| line["what"] == "unrecorded").collect();
    assert_eq!(counted.len(), 1, "{lines}");
    assert_eq!(counted[0]["facts"]["uses"], 4);
    let (_, out, _) = as_user(&account, &["audit"]);
    assert!(out.contains("unrecorded: used 4 times without a line, the last time 20"), "{out}");
    let (_, out, _) = as_user(&account, &["audit", "verify", "--json"]);
    assert!(out.contains(r#""gaps": 1"#), "{out}");
}

/// A disk that is really full: the log has its own room there for a while, then it stops what hands out.
#[test]
fn a_full_disk_does_not_silence_the_log_and_then_stops_what_hands_out() {
    let account = account();
    let data = account.home.join("data");
    let (kept, script) = (account.home.join("kept"), account.home.join("script.sh"));
    fs::rename(&data, &kept).unwrap();
    fs::create_dir(&data).unwrap();
    let script_text = format!(
        r#"set -eu
mount -t tmpfs -o size=512k,mode=700 tmpfs {data}
cp -a {kept}/. {data}/
# The room is taken while there is some.
{PROGRAM} list >/dev/null
cat /dev/zero >{data}/filler 2>/dev/null || true
printf x >>{data}/filler 2>/dev/null && exit 90
count=0
while {PROGRAM} get pay.api >{home}/out 2>{home}/err; do
    test "$(cat {home}/out)" = marker-key-1 || exit 91
    count=$((count + 1))
    test $count -lt 500 || exit 92
done
test ! -s {home}/out || exit 93
grep -q 'nothing was handed out' {home}/err || {{ cat {home}/err; exit 94; }}
{PROGRAM} list 2>/dev/null | grep -q pay.api || exit 95
{PROGRAM} remove pay.api --force >/dev/null 2>&1 && exit 96
rm {data}/filler
test "$({PROGRAM} get pay.api)" = marker-key-1 || exit 97
{PROGRAM} audit verify || exit 98
echo count $count
"#,
        data = data.display(),
        kept = kept.display(),
        home = account.home.display(),
    );
    fs::write(&script, script_text).unwrap();
    let output = Command::new("unshare")
        .args(["-Urm", "sh"])
        .arg(&script)
        .env_clear()
        .envs(environment(&account.home))
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if err.contains("unshare failed") || err.contains("Operation not permitted") {
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "user namespaces are required");
        return eprintln!("skipped: no user namespaces here: {err}");
    }
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    let count: usize =
        out.lines().find_map(|line| line.strip_prefix("count ")?.parse().ok()).expect("the count");
    // 64 KiB at least, and a use takes three lines of less than 1 KiB.
    assert!((20..200).contains(&count), "{count}");
}

#[test]
fn the_room_is_taken_and_the_file_is_private_from_the_first_instant() {
    let account = account();
    let found = fs::metadata(log(&account)).unwrap();
    assert_eq!(found.permissions().mode() & 0o7777, 0o600);
    assert!(found.blocks() * 512 >= found.size() + 64 * 1024, "{} of {}", found.blocks() * 512, found.size());
    // Whoever may read it, or a link in its place: refused, not mended.
    mode(&log(&account), 0o644);
    let refused = account.run(&["get", "pay.api"]).exits(1);
    assert!(refused.err.contains("chmod 600"), "{}", refused.err);
    mode(&log(&account), 0o600);
    let elsewhere = account.home.join("elsewhere");
    fs::rename(log(&account), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, log(&account)).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    account.run(&["get", "pay.api"]).exits(1);
    assert_eq!(fs::read(&elsewhere).unwrap(), before, "no link is followed");
}
