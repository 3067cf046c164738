//! The fuzz targets without a fuzzer: what stands in `fuzz/seeds/`, and what random changes make of it. `cargo fuzz`
//! looks deeper, guided by coverage: `fuzz/README.md`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a crate of its own, where it is fuzzed")]
pub(crate) mod targets;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 9] = [
    ("vault", targets::vault),
    ("document", targets::document),
    ("catalogue", targets::catalogue),
    ("template", targets::template),
    ("answer", targets::answer),
    ("redact", targets::redact),
    ("names", targets::names),
    ("imports", targets::imports),
    ("keys", targets::keys),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs of a target, in the order of their names.
fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("seeds").join(target);
    let mut paths: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// One input: a seed changed in a few places, or bytes out of nowhere.
fn input(random: &mut StdRng, seeds: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    let fresh = |random: &mut StdRng, most: usize| {
        let mut bytes = vec![0; random.random_range(0..=most)];
        random.fill_bytes(&mut bytes);
        bytes
    };
    if seeds.is_empty() || random.random_ratio(1, 4) {
        return fresh(random, 400);
    }
    let mut bytes = seeds[random.random_range(0..seeds.len())].1.clone();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 40));
        match random.random_range(0..5) {
            0 => drop(bytes.drain(at..end)),
            1 => drop(bytes.splice(at..end, fresh(random, 8))),
            2 => {
                let copy = bytes[at..end].to_vec();
                let to = random.random_range(0..=bytes.len());
                drop(bytes.splice(to..to, copy));
            }
            3 => {
                let other = &seeds[random.random_range(0..seeds.len())].1;
                let from = random.random_range(0..=other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                let signs = b"{}[]\",:\\#=.-_%&<>\n\0\x1b0aA";
                bytes.insert(at, signs[random.random_range(0..signs.len())]);
            }
        }
    }
    bytes
}

/// Runs a target; a panic names the input that brings it back.
fn run(name: &str, target: Target, bytes: &[u8]) {
    let kept = std::panic::catch_unwind(|| target(bytes));
    assert!(kept.is_ok(), "{name} fails with {:?}", bytes.escape_ascii().to_string());
}

#[test]
fn every_seed_holds() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "there are seeds of {name}");
        for (path, bytes) in seeds {
            let kept = std::panic::catch_unwind(|| target(&bytes));
            assert!(kept.is_ok(), "{} fails", path.display());
        }
    }
}

#[test]
fn random_changes_of_the_seeds_hold() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        let mut random = StdRng::seed_from_u64(8103);
        for _ in 0..40 {
            run(name, target, &input(&mut random, &seeds));
        }
    }
}

/// That a broken program would be caught: a target that cannot hold fails.
#[test]
#[should_panic(expected = "control fails with")]
fn a_target_that_does_not_hold_is_caught() {
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..1000 {
        run("control", |bytes| assert!(bytes.len() < 100), &input(&mut random, &[]));
    }
}

/// Every target for as many minutes as `CREDBENCH_FUZZ_MINUTES` says (1), from a seed that is told.
#[test]
#[ignore = "long: cargo test --test it -- --ignored fuzz"]
fn random_changes_hold_for_long() {
    let minutes =
        std::env::var("CREDBENCH_FUZZ_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let start: u64 = rand::random();
    eprintln!("seed {start}");
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        let mut random = StdRng::seed_from_u64(start);
        let (began, mut count) = (Instant::now(), 0_u64);
        while began.elapsed() < Duration::from_secs(60 * minutes) {
            run(name, target, &input(&mut random, &seeds));
            count += 1;
        }
        eprintln!("{name}: {count} inputs");
    }
}

/// R7: a million keys, pastes, sizes and answers in one go.
#[test]
#[ignore = "long: cargo test --test it -- --ignored fuzz"]
fn a_million_random_events_leave_the_workbench_whole() {
    let start: u64 = rand::random();
    eprintln!("seed {start}");
    let mut random = StdRng::seed_from_u64(start);
    let mut bytes = vec![0; 2_500];
    let mut events = 0;
    while events < 1_000_000 {
        random.fill_bytes(&mut bytes);
        run("keys", targets::keys, &bytes);
        // A key is two bytes, and most of what happens is a key.
        events += bytes.len() / 2;
    }
}
