//! The same on real file systems: a command works on an ext2 or ext4 that writes down each write to its device and each
//! sync. From these come the states that a power cut may leave on the device: what was synced, and of the rest any
//! writes, in part too. Each is mended as a boot would and mounted, and what then lies there is opened.
//!
//! It takes root and `cargo install outagefs` (with libfuse-dev). Files should be in memory: `TMPDIR=/dev/shm`.

mod device;
mod states;

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use self::device::{EXT2, EXT4, Kind, Mounted, Recorder, image, is_possible, mend, taken_out};
use self::states::{BEGIN, Recording, State, TOLD};
use super::{Found, Left, Outcome, grown};
use crate::faults::commands::CASES;
use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::vault::{installed, report};

/// The commands: saves, one that takes away, one of several saves, one that goes back, and one that changes the identity.
const COMMANDS: [&str; 6] = ["put", "add", "remove", "rotate", "backup restore", "passphrase"];

/// A command that ran once, with what it did to its device.
struct Run {
    kind: Kind,
    account: Account,
    outcome: Outcome,
    recording: Recording,
}

impl Run {
    /// Runs the command with its home on a device. Where it `syncs` not, the system says that it did.
    fn of(name: &'static str, kind: Kind, syncs: bool) -> Self {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let account = grown(case);
        let old = Left::by(case, &account).unwrap();
        let recorder = Recorder::new(kind, &image(kind, &account.home));
        let mounted = Mounted::new(kind, &recorder.device(), &account.home).unwrap();
        mounted.sync();
        recorder.mark(BEGIN);
        let (mut said, output) = std::io::pipe().unwrap();
        let command = if syncs {
            account.command()
        } else {
            let eaten = "inject=fsync,fdatasync,syncfs,sync_file_range:retval=0";
            account.command_of("strace", &["-f", "-qq", "-o", "/dev/null", "-e", eaten, PROGRAM])
        };
        let running = command.args(case.arguments_in(&account.home)).output_to(output).start();
        let told = said.read(&mut [0]).unwrap();
        recorder.mark(TOLD);
        assert_eq!(told, 1, "{name} tells nothing");
        said.read_to_end(&mut Vec::new()).unwrap();
        running.wait().succeeds();
        mounted.unmount();
        let recording = recorder.finish();

        let last = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(last.path(), recording.last().bytes).unwrap();
        let mounted = Mounted::new(kind, last.path(), &account.home).unwrap();
        let outcome = Outcome::new(case, old, &account);
        mounted.unmount();
        Self { kind, account, outcome, recording }
    }

    /// Looks at what power cuts may leave; for `most` see [`Recording::states`].
    fn everywhere(&self, most: usize) -> Found {
        let (mut found, mut known) = (Found::default(), HashMap::new());
        let began = Instant::now();
        let place = tempfile::NamedTempFile::new().unwrap();
        self.recording.states(most, |state| match self.look(&state, place.path(), &mut known) {
            Ok(true) => found.new += 1,
            Ok(false) => found.old += 1,
            Err(wrong) => {
                let State { sure, choice, told, .. } = state;
                let name = self.outcome.case.name;
                found.bad.push(format!("{name}: told: {told}: {wrong}; after {sure} changes, of [{choice}]"));
            }
        });
        let Found { old, new, bad } = &found;
        report(&format!(
            "{} on {}: {} writes: {old} old, {new} new, {} bad; {} sets of files, {} s",
            self.outcome.case.name,
            self.kind.name,
            self.recording.writes(),
            bad.len(),
            known.len(),
            began.elapsed().as_secs()
        ));
        found
    }

    /// What the next boot finds. The same files are mounted and opened once.
    fn look(
        &self,
        state: &State,
        place: &Path,
        known: &mut HashMap<u64, Result<bool, String>>,
    ) -> Result<bool, String> {
        std::fs::write(place, &state.image.bytes).unwrap();
        mend(place)?;
        let mut hasher = DefaultHasher::new();
        (state.told, files(place)?).hash(&mut hasher);
        let judge = || {
            let mounted = Mounted::new(self.kind, place, &self.account.home)?;
            let judged = self.outcome.judge(&self.account, state.told, true);
            mounted.unmount();
            judged
        };
        known.entry(hasher.finish()).or_insert_with(judge).clone()
    }
}

/// What lies on an image, folders too. Of a temporary file only that it is there: it is never read, but removed.
fn files(image: &Path) -> Result<BTreeMap<PathBuf, Option<Vec<u8>>>, String> {
    let folder = tempfile::tempdir().unwrap();
    taken_out(image, folder.path())?;
    let (mut files, mut open) = (BTreeMap::new(), vec![folder.path().to_owned()]);
    while let Some(above) = open.pop() {
        for entry in above.read_dir().unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(folder.path()).unwrap().to_owned();
            if path.is_dir() {
                files.insert(inside, None);
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "tmp") {
                files.insert(inside, Some(Vec::new()));
            } else {
                files.insert(inside, Some(std::fs::read(path).unwrap()));
            }
        }
    }
    Ok(files)
}

/// Whether this process sees mounts of its own, which end with it however it ends. If not, the test runs as one that does.
fn has_own_mounts(test: &str) -> bool {
    const MARK: &str = "CREDBENCH_TEST_MOUNTS";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    if is_possible() {
        let name = format!("power::blocks::{test}");
        let status = Command::new("unshare")
            .arg("--mount")
            .arg(std::env::current_exe().unwrap())
            .args([&name, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"])
            .env(MARK, "1")
            .status()
            .unwrap();
        assert!(status.success(), "{name}");
    }
    false
}

/// Runs every command with its home on a file system.
fn is_old_or_new_on(kind: Kind) {
    let (mut all, began) = (0, Instant::now());
    for name in COMMANDS {
        let found = Run::of(name, kind, true).everywhere(kind.most);
        assert!(found.bad.is_empty(), "{} bad, such as\n{}", found.bad.len(), first(&found.bad));
        // The cuts were on both sides of the moment that counts.
        assert!(found.old > 20 && found.new > 20, "{name}: {} old, {} new", found.old, found.new);
        all += found.count();
    }
    report(&format!("{}: {all} states, 0 bad, {} s", kind.name, began.elapsed().as_secs()));
    assert!(all >= 5_000, "{all}");
}

fn first(bad: &[String]) -> String {
    bad[..bad.len().min(9)].join("\n")
}

#[test]
#[ignore = "thousands of power cuts on real file systems: minutes"]
fn ext2_is_old_or_new() {
    if has_own_mounts("ext2_is_old_or_new") {
        is_old_or_new_on(EXT2);
    }
}

#[test]
#[ignore = "as above"]
fn ext4_is_old_or_new() {
    if has_own_mounts("ext4_is_old_or_new") {
        is_old_or_new_on(EXT4);
    }
}

/// Control: the same command, of which the system eats the syncs, loses the vault; and so does a disk that takes no notice.
#[test]
#[ignore = "as above"]
fn without_syncs_the_vault_is_lost() {
    if !has_own_mounts("without_syncs_the_vault_is_lost") || !installed("strace") {
        return;
    }
    // That an old vault is there though a success was told is no proof that files are looked at.
    let lost = |found: &Found| {
        let lost = |bad: &&String| bad.contains("it does not open") || bad.contains("neither the old");
        found.bad.iter().filter(lost).count()
    };
    for kind in [EXT2, EXT4] {
        let found = Run::of("put", kind, false).everywhere(kind.most);
        let count = lost(&found);
        report(&format!("{}: {count} of {} lost without syncs", kind.name, found.count()));
        // With a journal, a rename gets the file to the disk first.
        assert!(count > 0 || kind.name == "ext4", "{}", first(&found.bad));
        let mut run = Run::of("put", kind, true);
        run.recording = run.recording.without_syncs();
        let found = run.everywhere(kind.most);
        let count = lost(&found);
        report(&format!("{}: {count} of {} lost on a disk that does not sync", kind.name, found.count()));
        assert!(count > 0, "{}", first(&found.bad));
    }
}
