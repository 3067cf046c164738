//! Clocks that are wrong by years: the order of saves and of the audit log never depends on them (RELIABILITY D23).

use std::path::Path;

use credbench::audit::What;
use jiff::{SignedDuration, Timestamp};

use crate::support::home::Account;
use crate::support::vault::{create, report};

/// Years, as far as it matters.
fn years(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count * 365 * 24)
}

#[test]
fn saves_keep_their_order_whatever_the_clock_says() {
    let account = Account::with_vault();
    let mut session = account.session().session;
    let first = session.header().generation;
    // Jumps while a session is open, forwards and far back.
    let now = Timestamp::now();
    let times = [now, now + years(10), now - years(10), now + years(10), now];
    for (number, time) in times.iter().enumerate() {
        session.commit(vec![create(&format!("k{number}"), "x")], *time).unwrap();
        assert_eq!(session.header().generation, first + number as u64 + 1);
        assert_eq!(session.header().saved_at, *time);
    }
    let records = session.records().unwrap();
    let jumps = records.iter().filter(|record| record.what == What::ClockJumped.word()).count();
    assert!(jumps >= 4, "each jump stands in the log: {jumps}");
    let lines: Vec<u64> = records.iter().map(|record| record.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    drop(session);
    // Whoever opens it next trusts it, and the log.
    account.run(&["audit", "verify"]).succeeds();
    let rows = account.run(&["list", "--json"]).succeeds().json();
    assert_eq!(rows.as_array().unwrap().len(), times.len());
    // Control: order is checked, for an older generation is refused although it was saved at a later time.
    let backup = account.home.join(format!("data/credbench/vault.age.d/backups/{}.age", first + 2));
    let newest = std::fs::read(account.vault()).unwrap();
    std::fs::copy(&backup, account.vault()).unwrap();
    assert_eq!(account.run(&["list", "--json"]).exits(6).error()["code"], "rollback");
    std::fs::write(account.vault(), newest).unwrap();
    account.run(&["list"]).succeeds();
}

/// The library that gives a program another clock.
fn faketime() -> Option<String> {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let found = places
        .iter()
        .map(|place| format!("{place}/faketime/libfaketime.so.1"))
        .find(|path| Path::new(path).exists());
    if found.is_none() {
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "faketime is not installed");
        report("skipped: faketime not installed");
    }
    found
}

#[test]
fn programs_with_clocks_of_other_decades_take_turns() {
    let Some(library) = faketime() else { return };
    let account = Account::with_vault();
    let first = account.open().store.header().generation;
    let mut saved = Vec::new();
    for (number, offset) in (1..).zip(["+3650d", "-3650d", "+0", "-3650d", "+3650d"]) {
        let document = format!(r#"{{"key":"k{number}","kind":"secret","config":{{"values":{{"a":"x"}}}}}}"#);
        let command = account.command().env("LD_PRELOAD", &library).env("FAKETIME", offset);
        command.args(["put", "--no-test"]).input(document).run().succeeds();
        let opened = account.open();
        assert_eq!(opened.store.header().generation, first + number, "{offset}");
        saved.push(opened.store.header().saved_at);
        let command = account.command().env("LD_PRELOAD", &library).env("FAKETIME", offset);
        command.args(["audit", "verify"]).run().succeeds();
        account.run(&["doctor"]).succeeds();
    }
    // Control: the clocks were other ones.
    assert!(saved[0].duration_since(saved[1]).as_hours() > 19 * 365 * 24, "{saved:?}");
    let rows = account.run(&["audit", "--json", "--what", "clock_jumped"]).succeeds().json();
    assert!(!rows.as_array().unwrap().is_empty());
}
