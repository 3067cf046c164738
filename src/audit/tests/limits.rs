//! How large the log's files may be, and the room that is kept for them.

use super::file::Locked;
use super::state::State;
use super::*;

/// A file of so many zeros, as long as no more than its size is looked at.
fn file_of(bench: &Bench, size: u64) -> Locked {
    bench.write("");
    fs::File::options().write(true).open(bench.path()).unwrap().set_len(size).unwrap();
    Locked::to_read(&bench.path()).unwrap().unwrap()
}

#[test]
fn a_file_of_some_megabytes_is_read_and_one_without_end_is_not() {
    let bench = Bench::new();
    let size = 3 << 20;
    assert_eq!(file_of(&bench, size).read(0).unwrap().len() as u64, size);
    let file = file_of(&bench, (256 << 20) + 1);
    assert!(matches!(file.read(0), Err(durable::Error::TooLarge { limit: 0x1000_0000, .. })));
    assert_eq!(file.read(size << 6).unwrap().len() as u64, (64 << 20) + 1, "the control: the rest of it");
}

#[test]
fn a_summary_of_more_than_a_megabyte_is_read() {
    let bench = Bench::new();
    let mut used = Usage::default();
    (0..12_000).for_each(|number| used.add(&Id(format!("{number:0>100}")), now()));
    let known = State { usage: used.into(), ..State::new() };
    usage::write(bench.folder(), &known, &bench.keys()).unwrap();
    assert!(fs::metadata(usage::place(bench.folder())).unwrap().len() > 1 << 20);
    assert_eq!(usage::read(bench.folder(), &bench.keys()).unwrap().usage, known.usage);
}

#[test]
fn a_log_of_a_megabyte_stays_in_one_file() {
    let bench = Bench::new();
    let mut log = bench.log();
    let long = Entry::new(What::Ran).with_note("n".repeat(200_000));
    bench.append(&mut log, &vec![long; 4]);
    assert!(fs::metadata(bench.path()).unwrap().len() > 1 << 20);
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    assert_eq!(bench.verify().unwrap().files, 1);
}

#[test]
fn room_is_asked_for_once_and_not_with_each_line() {
    use std::os::unix::fs::MetadataExt;

    const ROOM: u64 = 64 * 1024;
    let bench = Bench::new();
    let mut log = bench.log();
    let allocated = || fs::metadata(bench.path()).unwrap().blocks() * 512;
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    let first = allocated();
    assert!(first >= 2 * ROOM, "{first}");
    bench.append(&mut log, &vec![Entry::new(What::Got); 40]);
    assert!(fs::metadata(bench.path()).unwrap().len() > 8192);
    assert_eq!(allocated(), first);
    // Control: it is asked for again before it is used up.
    bench.append(&mut log, &vec![Entry::new(What::Got); 600]);
    assert!(allocated() >= fs::metadata(bench.path()).unwrap().len() + ROOM);
    assert!(allocated() > first);
}
