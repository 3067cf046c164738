//! Programs that are killed again and again while they save: nothing that was told as saved is lost, no generation comes
//! back, and nothing is left over (RELIABILITY D8). Ten thousand kills are
//! `cargo test --test it -- --ignored --nocapture kills::ten_thousand`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::vault::report;

/// How many credentials take turns.
const KEYS: usize = 12;

/// After how many kills another account is used: its history grows with each save.
const ROUND: usize = 250;

/// What the kills hit.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Before the new vault was in its place.
    old: usize,
    /// After that, and before it was told.
    untold: usize,
    told: usize,
}

/// One account, and what its vault has to say.
struct Round {
    account: Account,
    values: BTreeMap<String, String>,
    generation: u64,
}

impl Round {
    fn new() -> Self {
        let account = Account::with_vault();
        Self { account, values: BTreeMap::new(), generation: 1 }
    }

    /// A program that gives a credential a new value.
    fn save(&self, key: &str, value: &str) -> Command {
        let document = format!(
            r#"{{"key":"{key}","name":"{value}","kind":"secret","config":{{"values":{{"a":"{value}"}}}}}}"#
        );
        let file = self.account.write("in.json", &document);
        let mut command = Command::new("setsid");
        command.args(["--wait", PROGRAM, "put", "--no-test", "--json-file", &file]);
        command.env_clear().envs(environment(&self.account.home));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts one, and kills it after a while.
    fn kill(&mut self, number: usize, after: Duration, tally: &mut Tally) {
        let (key, value) = (format!("k{}", number % KEYS), number.to_string());
        let mut child = self.save(&key, &value).spawn().unwrap();
        // The moment is what is tried out: there is nothing to wait for.
        std::thread::sleep(after);
        let _ = child.kill();
        let told = !child.wait_with_output().unwrap().stdout.is_empty();

        let opened = self.account.open();
        let generation = opened.store.header().generation;
        assert!(generation >= self.generation, "{number}: generation {generation} after {}", self.generation);
        self.generation = generation;
        let found = opened.document.find("default", &key);
        let found = found.map(|known| known.content.get_str("/name").unwrap().to_owned());
        let before = self.values.get(&key).cloned();
        match () {
            () if found.as_ref() == Some(&value) => {
                *(if told { &mut tally.told } else { &mut tally.untold }) += 1;
                self.values.insert(key, value);
            }
            () => {
                assert!(!told, "{number}: told as saved, and lost");
                assert_eq!(found, before, "{number}: neither old nor new");
                tally.old += 1;
            }
        }
    }

    /// Everything that was saved is there, and the next save clears away what was left.
    fn ends(self) {
        assert!(self.save("last", "last").status().unwrap().success());
        let document = self.account.open().document;
        for (key, value) in &self.values {
            let known = document.find("default", key).unwrap();
            assert_eq!(known.content.get_str("/name"), Some(value.as_str()), "{key}");
        }
        self.account.run(&["audit", "verify"]).succeeds();
        let left: Vec<_> = self.account.files().into_iter().map(|(path, _)| path).collect();
        let left: Vec<_> = left.iter().filter(|path| path.to_string_lossy().ends_with(".tmp")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn killed(times: usize) -> Tally {
    let mut random = StdRng::seed_from_u64(8);
    let mut tally = Tally::default();
    let mut done = 0;
    while done < times {
        let mut round = Round::new();
        // How long one takes that is not killed; some are killed after their end.
        let start = Instant::now();
        assert!(round.save("first", "first").status().unwrap().success());
        let longest = start.elapsed().as_secs_f64() * 1.2;
        for number in 0..ROUND.min(times - done) {
            round.kill(number, Duration::from_secs_f64(random.random_range(0.0..longest)), &mut tally);
            done += 1;
        }
        round.ends();
    }
    tally
}

#[test]
fn nothing_that_was_told_is_lost() {
    let tally = killed(60);
    // Control: the kills hit before and after the moment that counts.
    assert!(tally.old > 0 && tally.told + tally.untold > 0, "{tally:?}");
}

#[test]
#[ignore = "ten thousand programs: half an hour"]
fn ten_thousand_kills_lose_nothing() {
    report(&format!("{:?}, 0 lost", killed(10_000)));
}
