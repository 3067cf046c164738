//! Earlier generations, in `VAULT.d/backups/GENERATION.age`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::durable::{self, Error, Step};

/// The newest that stay whatever their age.
const NEWEST: usize = 10;
/// Days of which the last one stays.
const DAYS: usize = 7;
/// Months of which the last one stays.
const MONTHS: usize = 6;

/// A kept generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its generation, by its name.
    pub generation: u64,
    /// When that generation was saved.
    pub saved_at: Timestamp,
    /// How large the file is.
    pub bytes: u64,
}

impl Backup {
    /// What people call it: its generation, with a number where there are several.
    pub fn name(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }
}

/// What is in the folder; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries.and_then(Iterator::collect::<Result<_, _>>).map_err(Error::io(Step::Open, folder)),
    }
}

/// Every file of the folder that is, or was, a vault: damaged ones that were put aside, too.
///
/// # Errors
/// The folder cannot be read: how many there are is then not known.
pub(super) fn all(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let files =
        entries(folder)?.into_iter().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let paths = files.map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|end| end == "age")).collect())
}

/// Where a damaged vault is put aside when an earlier generation takes its place.
pub(super) fn place_of_damaged(folder: &Path) -> PathBuf {
    let names = (1..1000_u32).map(|number| folder.join(format!("damaged-{number}.age")));
    names
        .into_iter()
        .find(|path| path.symlink_metadata().is_err())
        .unwrap_or_else(|| folder.join("damaged.age"))
}

/// All backups in a folder, oldest generation first; none where the folder cannot be read.
pub fn list(folder: &Path) -> Vec<Backup> {
    read(folder).unwrap_or_default()
}

/// All backups in a folder, oldest generation first.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn read(folder: &Path) -> Result<Vec<Backup>, Error> {
    let mut backups: Vec<Backup> = entries(folder)?
        .into_iter()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_suffix(".age")?;
            let generation = number.split_once('-').map_or(number, |(number, _)| number).parse().ok()?;
            let found = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let saved_at = Timestamp::try_from(found.modified().ok()?).ok()?;
            Some(Backup { path: entry.path(), generation, saved_at, bytes: found.len() })
        })
        .collect();
    backups.sort_by(|one, two| (one.generation, &one.path).cmp(&(two.generation, &two.path)));
    Ok(backups)
}

/// Where the present file is kept when the next generation replaces it. A name that another file has is
/// not used: after an adoption two files may have the same generation, and both may be wanted.
pub(super) fn place(folder: &Path, generation: u64, vault: &Path) -> PathBuf {
    let is_free = |path: &PathBuf| path.symlink_metadata().is_err() || durable::is_same_file(path, vault);
    std::iter::once(folder.join(format!("{generation}.age")))
        .chain((2..1000_u32).map(|copy| folder.join(format!("{generation}-{copy}.age"))))
        .find(is_free)
        .unwrap_or_else(|| folder.join(format!("{generation}.age")))
}

/// Removes what need not be kept. What cannot be removed stays for the next time: the save is done.
pub(super) fn prune(folder: &Path) {
    let backups = list(folder);
    let kept = kept(&backups);
    for (index, backup) in backups.iter().enumerate() {
        if !kept.contains(&index) {
            let _ = durable::remove(&backup.path);
        }
    }
}

/// Which stay, by index: the newest, the last of each of the last days that have one, and of the months.
/// Days and months are in UTC. Order is by generation: clocks jump.
fn kept(backups: &[Backup]) -> BTreeSet<usize> {
    let newest_first = || (0..backups.len()).rev();
    let mut kept: BTreeSet<usize> = newest_first().take(NEWEST).collect();
    let date = |index: usize| backups[index].saved_at.to_zoned(TimeZone::UTC).date();
    kept.extend(last_of_each(newest_first(), DAYS, date));
    kept.extend(last_of_each(newest_first(), MONTHS, |index| date(index).first_of_month()));
    kept
}

fn last_of_each<K: Ord>(
    newest_first: impl Iterator<Item = usize>,
    periods: usize,
    period: impl Fn(usize) -> K,
) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    newest_first.filter(|index| seen.insert(period(*index))).take(periods).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backups(times: &[&str]) -> Vec<Backup> {
        let backup = |(index, time): (usize, &&str)| Backup {
            path: PathBuf::from(format!("{}.age", index + 1)),
            generation: index as u64 + 1,
            saved_at: time.parse().unwrap(),
            bytes: 1,
        };
        times.iter().enumerate().map(backup).collect()
    }

    /// A folder with files of these names.
    #[allow(clippy::disallowed_methods, reason = "a test leaves files as other programs would")]
    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::File::create_new(folder.path().join(name)).unwrap();
        }
        folder
    }

    fn names(paths: impl IntoIterator<Item = PathBuf>) -> Vec<String> {
        let mut names: Vec<String> =
            paths.into_iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn generations_and_what_was_put_aside_are_told_from_other_files() {
        let folder = folder(&["2.age", "10.age", "2-2.age", "damaged-1.age", "x.txt", ".3.age.0.tmp"]);
        fs::DirBuilder::new().create(folder.path().join("7.age")).unwrap();
        let found = read(folder.path()).unwrap();
        let named: Vec<_> = found.iter().map(|backup| (backup.generation, backup.name())).collect();
        assert_eq!(named, [(2, "2-2"), (2, "2"), (10, "10")]);
        let all = all(folder.path()).unwrap();
        assert_eq!(names(all), ["10.age", "2-2.age", "2.age", "damaged-1.age"]);
        assert_eq!(names([place_of_damaged(folder.path())]), ["damaged-2.age"]);
        let none = folder.path().join("none");
        assert!(read(&none).unwrap().is_empty());
        assert!(read(&folder.path().join("x.txt")).is_err(), "how many there are is not known");
    }

    #[test]
    fn what_need_not_be_kept_is_removed() {
        let all: Vec<String> = (1..=14).map(|generation| format!("{generation}.age")).collect();
        let folder = folder(&all.iter().map(String::as_str).collect::<Vec<_>>());
        prune(folder.path());
        let left: Vec<u64> = list(folder.path()).iter().map(|backup| backup.generation).collect();
        assert_eq!(left, (5..=14).collect::<Vec<_>>());
    }

    fn kept_generations(times: &[&str]) -> Vec<usize> {
        kept(&backups(times)).into_iter().map(|index| index + 1).collect()
    }

    #[test]
    fn the_newest_ten_stay() {
        let times = ["2026-05-01T10:00:00Z"; 25];
        assert_eq!(kept_generations(&times), (16..=25).collect::<Vec<_>>());
        assert_eq!(kept_generations(&times[..4]), [1, 2, 3, 4]);
        assert!(kept_generations(&[]).is_empty());
    }

    #[test]
    fn the_last_of_each_day_and_month_stays() {
        let mut times = vec![
            "2025-11-30T10:00:00Z", // 1: a seventh month
            "2025-12-01T10:00:00Z", // 2
            "2025-12-31T10:00:00Z", // 3: last of December, sixth month
            "2026-01-31T10:00:00Z", // 4
            "2026-02-01T10:00:00Z", // 5
            "2026-02-02T10:00:00Z", // 6
            "2026-03-02T10:00:00Z", // 7
            "2026-04-01T10:00:00Z", // 8: an eighth day, not the last of its month
            "2026-04-02T10:00:00Z", // 9: seven days from here to May
            "2026-04-03T10:00:00Z", // 10
            "2026-04-04T10:00:00Z", // 11
            "2026-04-05T10:00:00Z", // 12
            "2026-04-06T10:00:00Z", // 13
            "2026-04-07T01:00:00Z", // 14: not the last of its day
            "2026-04-07T23:59:59Z", // 15
        ];
        times.extend(["2026-05-01T10:00:00Z"; 10]);
        assert_eq!(
            kept_generations(&times),
            [3, 4, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]
        );
    }

    #[test]
    fn a_clock_that_jumps_back_removes_nothing_newer() {
        let mut times = vec!["2030-01-01T00:00:00Z"; 5];
        times.extend(["2020-01-01T00:00:00Z"; 12]);
        let kept = kept_generations(&times);
        assert!((8..=17).all(|generation| kept.contains(&generation)), "{kept:?}");
    }

    #[test]
    fn a_name_that_another_file_has_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        let vault = home.path().join("vault.age");
        let _ = durable::create(&vault, b"one", |_| Ok(())).unwrap();
        assert_eq!(place(home.path(), 7, &vault), home.path().join("7.age"));
        fs::hard_link(&vault, home.path().join("7.age")).unwrap();
        assert_eq!(place(home.path(), 7, &vault), home.path().join("7.age"));
        fs::remove_file(home.path().join("7.age")).unwrap();
        let _ = durable::create(&home.path().join("7.age"), b"two", |_| Ok(())).unwrap();
        assert_eq!(place(home.path(), 7, &vault), home.path().join("7-2.age"));
        assert_eq!(list(home.path()).iter().map(|backup| backup.generation).collect::<Vec<_>>(), [7]);
    }
}
