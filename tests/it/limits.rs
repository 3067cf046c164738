//! Disks, quotas and memory at their limits: an old or a new vault, a clear message, and reading always works
//! (RELIABILITY D4, D5, D22).

use std::process::{Command, Stdio};

use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::vault::{create, installed, now, report};

fn account() -> Account {
    let account = Account::with_vault();
    account.put(r#"{"key":"old","kind":"secret","config":{"values":{"a":"old"}}}"#);
    account.write("new.json", r#"{"key":"new","kind":"secret","config":{"values":{"a":"new"}}}"#);
    account
}

fn keys(account: &Account) -> Vec<String> {
    let rows = account.run(&["list", "--json"]).succeeds().json();
    rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
}

/// Runs the program behind another one, such as `prlimit`.
fn behind(account: &Account, before: &[&str], arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(before[0])
        .args(&before[1..])
        .arg(PROGRAM)
        .args(arguments)
        .env_clear()
        .envs(environment(&account.home))
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_file_size_limit_is_an_error_and_no_end() {
    if !installed("prlimit") {
        return;
    }
    let account = account();
    let document = account.home.join("new.json");
    let put = ["put", "--no-test", "--json-file", document.to_str().unwrap()];
    let size = std::fs::metadata(account.vault()).unwrap().len();
    // A limit of the system's, in bytes, that each file may have: across the size of the vault.
    let (mut failed, mut saved) = (0, 0);
    for limit in [0, 1, 512, size / 2, size - 1, size, size + 4096] {
        let (code, err) = behind(&account, &["prlimit", &format!("--fsize={limit}")], &put);
        match code {
            Some(0) => saved += 1,
            Some(1) => {
                failed += 1;
                assert!(err.contains("write the temporary file for"), "{limit}: {err}");
                assert_eq!(keys(&account), ["old"], "{limit}");
            }
            other => panic!("{limit}: {other:?} {err}"),
        }
    }
    assert!(failed >= 4 && saved >= 1, "{failed} {saved}");
    assert_eq!(keys(&account), ["new", "old"]);
}

/// Saves on a file system of `size` KiB that holds the account's data, then fills it up and reads.
fn on_a_small_disk(account: &Account, size: u64) -> (String, String) {
    let script = r#"
        set -e
        rm -rf "$HOME/state"
        cp -a "$HOME/kept/state" "$HOME/state"
        mount -t tmpfs -o size="$1"k,mode=700 tmpfs "$HOME/data"
        cp -a "$HOME/kept/data/." "$HOME/data/"
        set +e
        "$2" put --no-test --json-file "$HOME/new.json" >/dev/null 2>"$HOME/tmp/said"
        echo "put $?"
        dd if=/dev/zero of="$HOME/data/fill" bs=4096 2>/dev/null
        "$2" list --json >"$HOME/tmp/listed"
        echo "list $?"
        grep -c '"new"' "$HOME/tmp/listed"
        "$2" put --no-test --json-file "$HOME/more.json" >/dev/null 2>&1
        echo "full $?"
        "$2" list >/dev/null
        echo "again $?"
        find "$HOME/data" -name '*.age' -size 0
    "#;
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", script, "sh", &size.to_string(), PROGRAM])
        .env_clear()
        .envs(environment(&account.home))
        .output()
        .unwrap();
    let said = std::fs::read_to_string(account.home.join("tmp/said")).unwrap_or_default();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    (out, said)
}

#[test]
fn a_full_disk_loses_nothing_and_lets_everything_be_read() {
    let works = |arguments: &[&str]| {
        Command::new(arguments[0]).args(&arguments[1..]).output().is_ok_and(|done| done.status.success())
    };
    if !works(&["unshare", "-Urm", "true"]) {
        report("skipped: no user namespaces");
        return;
    }
    let account = account();
    account.write("more.json", r#"{"key":"more","kind":"secret","config":{"values":{"a":"more"}}}"#);
    let kept = account.home.join("kept");
    std::fs::create_dir(&kept).unwrap();
    for name in ["data", "state"] {
        assert!(works(&["cp", "-a", account.home.join(name).to_str().unwrap(), kept.to_str().unwrap()]));
    }
    let used = Command::new("du").args(["-sk", "--apparent-size"]).arg(kept.join("data")).output().unwrap();
    let used: u64 = String::from_utf8_lossy(&used.stdout).split_whitespace().next().unwrap().parse().unwrap();
    let (mut old, mut new) = (0, 0);
    // From too little for what there is to more than a save takes; a tmpfs counts pages of 4 KiB.
    for size in (used.saturating_sub(32).max(4)..=used + 24).step_by(4) {
        let (out, said) = on_a_small_disk(&account, size);
        let lines: Vec<&str> = out.lines().collect();
        match lines[..] {
            ["put 0", "list 0", "1", "full 1", "again 0"] => new += 1,
            ["put 1", "list 0", "0", "full 1", "again 0"] => {
                old += 1;
                assert!(said.contains("No space left") && said.contains("make room"), "{said}");
            }
            // Not even what there was had room.
            [] => {}
            _ => panic!("{size} KiB: {out}\n{said}"),
        }
    }
    assert!(old > 0 && new > 0, "control: both were seen: {old} {new}");
}

#[test]
fn a_huge_vault_is_refused_before_it_takes_memory() {
    if !installed("prlimit") {
        return;
    }
    let account = account();
    let honest = std::fs::read(account.vault()).unwrap();
    std::fs::OpenOptions::new().write(true).open(account.vault()).unwrap().set_len(1 << 30).unwrap();
    let limit = ["prlimit", "--as=268435456"];
    let (code, err) = behind(&account, &limit, &["list"]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("is larger than"), "{err}");
    // Control: an honest one opens within that memory.
    std::fs::write(account.vault(), honest).unwrap();
    assert_eq!(behind(&account, &limit, &["list"]).0, Some(0));
}

/// Adds many credentials in one save, past the command line.
fn fill(account: &Account, count: usize) {
    let edits = (0..count)
        .map(|number| create(&format!("team{}.service{number}", number % 100), "a-secret-of-24-characters"));
    account.open().store.commit(edits.collect(), now()).unwrap();
}

/// The most memory that a command took, in KiB, as the system counted it while it ran.
fn peak(account: &Account, arguments: &[&str]) -> u64 {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .env_clear()
        .envs(environment(&account.home))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(found.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return peak;
        }
        std::thread::yield_now();
    }
}

/// A save within each limit of memory leaves the old vault or the new one, whatever becomes of the program.
fn within_limits(account: &Account, limits: &[u64]) -> (usize, usize) {
    let file = account.home.join("more.json");
    let (mut done, mut failed) = (0, 0);
    for (number, mib) in limits.iter().enumerate() {
        let before = account.open().document.credentials.len();
        let bytes = std::fs::read(account.vault()).unwrap();
        let key = format!("more{number}");
        std::fs::write(
            &file,
            format!(r#"{{"key":"{key}","kind":"secret","config":{{"values":{{"a":"x"}}}}}}"#),
        )
        .unwrap();
        let limit = format!("--as={}", mib * 1024 * 1024);
        let put = ["put", "--no-test", "--json-file", file.to_str().unwrap()];
        let (code, err) = behind(account, &["prlimit", &limit], &put);
        let after = account.open().document;
        match code {
            Some(0) => {
                done += 1;
                assert!(after.find("default", &key).is_some(), "{mib} MiB: {err}");
            }
            code => {
                failed += 1;
                assert_eq!(after.credentials.len(), before, "{mib} MiB: {code:?} {err}");
                assert_eq!(std::fs::read(account.vault()).unwrap(), bytes, "{mib} MiB");
            }
        }
        account.put(&format!(r#"{{"key":"{key}-next","kind":"secret","config":{{"values":{{"a":"x"}}}}}}"#));
    }
    (done, failed)
}

#[test]
fn too_little_memory_leaves_the_old_vault() {
    if !installed("prlimit") {
        return;
    }
    let account = account();
    fill(&account, 3_000);
    let (done, failed) = within_limits(&account, &[16, 24, 32, 40, 48, 4096]);
    assert!(done > 0 && failed > 0, "control: both were seen: {done} {failed}");
}

#[test]
#[ignore = "100,000 credentials: minutes"]
fn a_hundred_thousand_credentials_within_any_memory_are_saved_or_not() {
    if !installed("prlimit") {
        return;
    }
    let account = account();
    let little = peak(&account, &["list", "--json"]);
    fill(&account, 100_000);
    let size = std::fs::metadata(account.vault()).unwrap().len() / 1024;
    let document =
        account.write("one.json", r#"{"key":"one","kind":"secret","config":{"values":{"a":"x"}}}"#);
    let list = peak(&account, &["list", "--json"]);
    let save = peak(&account, &["put", "--no-test", "--json-file", &document]);
    report(&format!(
        "vault {size} KiB; an empty one takes {little} KiB, listing {list} KiB, saving {save} KiB: {:.1} and {:.1} times",
        (list - little) as f64 / size as f64,
        (save - little) as f64 / size as f64,
    ));
    let limits: Vec<u64> = [32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 4096].to_vec();
    let (done, failed) = within_limits(&account, &limits);
    report(&format!("{done} saves within their limit, {failed} not: the old vault each time"));
    assert!(done > 0 && failed > 0, "{done} {failed}");
}
