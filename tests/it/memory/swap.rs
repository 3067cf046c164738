//! Keys that are never written to swap, and a system that does not let them be kept from it (C5).

use super::is_root;
use super::needles::{addresses, each_region};
use super::neighbours::{AS_NOBODY, of_nobody};
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::vault::installed;

/// A workbench of nobody, unlocked; `limit` is how many bytes it may lock.
fn unlocked(account: &Account, limit: &str) -> Pty {
    account.put(r#"{"key":"a","kind":"secret","config":{"values":{"v":"x"}}}"#);
    let program = of_nobody(account);
    let limit = format!("--memlock={limit}:{limit}");
    let arguments = [&[limit.as_str(), "setpriv"], &AS_NOBODY[..], &[program.to_str().unwrap()]].concat();
    let mut pty = Pty::start(&account.home, "prlimit", &arguments, (100, 24));
    pty.wait("1 credential");
    pty
}

/// Where bytes stand in the memory of a process.
fn places(pid: u32, bytes: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    each_region(pid, |start, region| {
        let here = region.windows(bytes.len()).enumerate().filter(|(_, window)| *window == bytes);
        found.extend(here.map(|(at, _)| start + at as u64));
    });
    found
}

/// Whether an address lies on a page that stays in memory.
fn is_locked(pid: u32, address: u64) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut inside = false;
    for line in maps.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if first.contains('-') {
            let (from, to) = addresses(first);
            inside = (from..to).contains(&address);
        } else if inside && first == "VmFlags:" {
            return line.split_whitespace().any(|flag| flag == "lo");
        }
    }
    false
}

#[test]
fn keys_stay_out_of_swap_and_where_they_cannot_it_is_said_once() {
    if !is_root() || !installed("prlimit") {
        return;
    }
    const TOLD: &str = "may be written to swap";
    let key_of = |account: &Account| {
        let text = std::fs::read_to_string(account.identity()).unwrap();
        super::copies::signing_key_of(text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap())
    };

    let account = Account::with_vault();
    let key = key_of(&account);
    let pty = unlocked(&account, "1048576");
    let found = places(pty.process(), &key);
    assert!(!found.is_empty(), "the key is there");
    for place in found {
        assert!(is_locked(pty.process(), place), "a copy of the key at {place:x} can be swapped");
    }
    assert!(!pty.screen().contains(TOLD));

    let account = Account::with_vault();
    let key = key_of(&account);
    let mut pty = unlocked(&account, "0");
    let found = places(pty.process(), &key);
    assert!(found.iter().all(|place| !is_locked(pty.process(), *place)), "control: nothing is locked");
    pty.wait(TOLD);
    // Locked and opened again it is not said again, and everything works.
    pty.send("\x0c").wait("The vault is locked").send("\r").wait("1 credential");
    assert!(!pty.screen().contains(TOLD));
}
