//! Records as people read them.

use super::*;

/// What the one entry of a log becomes.
fn record(entry: Entry) -> Record {
    let bench = Bench::new();
    bench.append(&mut bench.log(), &[entry]);
    records(bench.folder(), &bench.keys(), &bench.host).unwrap().remove(0)
}

#[test]
fn what_happened_in_words() {
    let gap = |from, to| Entry::new(What::Gap).with_fact("from", from).with_fact("to", to);
    let many = vec![Id("one".to_owned()), Id("two".to_owned())];
    for (entry, words) in [
        (Entry::new(What::RecipientsChanged), "recipients changed"),
        (Entry::new(What::Got), "got"),
        (Entry::new(What::Got).with_fact(CACHED, 7), "got, cached"),
        (Entry::new(What::Tested).with_result("ok"), "tested 1: ok"),
        (Entry::new(What::Tested).with_ids(many).with_result("ok"), "tested 2: ok"),
        (Entry::new(What::ClockJumped).with_fact("seconds", -90), "clock jumped by -90 s"),
        (gap(4, 4), "gap: generation 4 was saved without a record"),
        (gap(4, 6), "gap: generations 4 to 6 were saved without a record"),
    ] {
        assert_eq!(record(entry).words(), words);
    }
}

#[test]
fn what_was_counted_in_words() {
    let bench = Bench::with_lines();
    bench.fail_to_unlock();
    let mut log = bench.open().unwrap();
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    bench.fail_to_unlock();
    bench.write(format!("{}rubbish\n", bench.text()));
    let mut log = bench.open().unwrap();
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    let records = records(bench.folder(), &bench.keys(), &bench.host).unwrap();
    let words: Vec<String> = records.iter().map(Record::words).collect();
    assert!(words.contains(&"counted 1 without a key".to_owned()), "{words:?}");
    assert!(words.contains(&"gap: 1 cut short, 1 without a key".to_owned()), "{words:?}");
}

#[test]
fn what_it_is_about_in_words() {
    let id = Id("one".to_owned());
    let placed = |entry: Entry| entry.in_solution("default").named("key");
    for (entry, subject) in [
        (Entry::new(What::Opened), ""),
        (Entry::new(What::SolutionAdded).in_solution("billing"), "billing"),
        (Entry::new(What::KindChanged).named("mine"), "mine"),
        (
            placed(Entry::new(What::Got)).with_value("/config/login/user", &"u".into()),
            "default/key  login.user",
        ),
        (placed(Entry::about_id(What::Updated, &id, 3)), "default/key  version 3"),
        // Which version was used is told by nothing but `--json`.
        (placed(Entry::about_id(What::Got, &id, 3)), "default/key"),
        (placed(Entry::new(What::Ran)).with_note("make deploy"), "default/key  make deploy"),
    ] {
        assert_eq!(record(entry).subject(), subject);
    }
}

#[test]
fn a_record_is_about_a_credential_by_its_id_or_by_the_name_that_it_had() {
    let id = |id: &str| Id(id.to_owned());
    let one = record(Entry::about_id(What::Got, &id("one"), 1).in_solution("default").named("key"));
    assert!(one.is_about(Some(&id("one")), "another", "name"));
    assert!(one.is_about(None, "default", "key"));
    assert!(one.is_about(Some(&id("two")), "default", "key"));
    assert!(!one.is_about(Some(&id("two")), "default", "name"));
    assert!(!one.is_about(None, "another", "key"));
    let many = record(Entry::new(What::Tested).with_ids(vec![id("one"), id("two")]));
    assert!(many.is_about(Some(&id("two")), "", ""));
    assert!(!many.is_about(Some(&id("three")), "", ""), "what has no id is found by none of its names");
}

#[test]
fn what_is_wrong_names_the_file_and_the_line() {
    let broken = |line, row| {
        let fault = if line == 0 { Fault::Foreign } else { Fault::Code };
        Broken { path: "d/audit.log".into(), line, row, fault }.to_string()
    };
    assert_eq!(broken(0, 0), "the audit log d/audit.log: is not the log that this host knows");
    assert_eq!(
        broken(4, 4),
        "the audit log d/audit.log: line 4 was changed or forged: its code does not fit"
    );
    assert!(broken(14, 2).starts_with("the audit log d/audit.log: line 2 (number 14) was changed"));
}

#[test]
fn who_did_it_in_words() {
    let who = Who { uid: 1000, ..Who::default() };
    assert_eq!(who.words(), "user 1000");
    let who = Who { user: "ann".to_owned(), tty: "pts/3".to_owned(), ssh: "10.0.0.7".to_owned(), ..who };
    assert_eq!(who.words(), "ann on pts/3 from 10.0.0.7");
    let who = Who { user: "root".to_owned(), login: Some(1000), ..Who::default() };
    assert_eq!(who.words(), "root (logged in as user 1000)");
}
