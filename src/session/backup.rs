//! Going back to an earlier generation of the vault, and dropping them: each is recorded before it is done.

use jiff::Timestamp;

use super::record::{self, unwritable};
use super::{Opened, Session, open};
use crate::audit::{Entry, Error, Keys, Log, What};
use crate::problem::Problem;
use crate::vault::Archive;

/// Makes an earlier generation the newest, and opens the vault with it.
///
/// # Errors
/// Exit 4 where there is none of that name; 6 where it is not what was written, or the vault is refused for another
/// reason than damage, or its log is; `audit_unwritable`.
pub fn restore(archive: Archive, name: &str, now: Timestamp) -> Result<Opened, Problem> {
    let restoration = archive.prepare(name)?;
    let keys = restoration.audit_key().and_then(Keys::of);
    let mut log = Log::new(restoration.folder(), keys, record::who());
    let mut read = log.refresh(&restoration);
    if let Some((generation, digest)) = restoration.replaces() {
        read = read.and_then(|()| Ok(log.require_vault(generation, digest)?));
        log.set_vault(generation, digest);
    }
    let begun = match read {
        // A damaged vault comes back in no other way, and only then can `vault adopt` be asked about its log.
        Err(Error::Broken(broken)) if restoration.replaces().is_none() => Err(broken),
        Err(error @ Error::Broken(_)) => return Err(error.into()),
        Ok(()) | Err(Error::File(_)) => {
            let entry = Entry::new(What::VaultRestored).with_fact("generation", generation_of(name));
            let begun = log.begin(vec![entry], now, &restoration);
            Ok(begun.map_err(|error| unwritable("nothing was restored", error))?)
        }
    };
    let restored = match restoration.complete(log.generation(), now) {
        Ok(restored) => restored,
        Err(error) => {
            let problem = Problem::from(error);
            if let Ok(begun) = begun {
                // That it has no end shows in the log as it is.
                let _ = log.end(begun, problem.code, Vec::new(), now, &restoration);
            }
            return Err(problem);
        }
    };
    let opened = restoration.open(restored);
    let unrecorded = match begun {
        Ok(begun) => {
            record::follow(&mut log, &opened.store);
            let written = log.end(begun, "ok", Vec::new(), now, &opened.store);
            written.err().map(|error| format!("restored, but not recorded: {error}"))
        }
        Err(broken) => Some(format!("{broken}: until `credbench vault adopt` every command refuses")),
    };
    let mut opened = open::session(opened, log);
    opened.session.cache().empty();
    opened.notices.extend(unrecorded);
    Ok(opened)
}

/// The generation in the name of a backup.
fn generation_of(name: &str) -> i64 {
    name.split('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

impl Session {
    /// Drops all earlier generations for good; how many there were.
    ///
    /// # Errors
    /// `audit_unwritable`; files.
    pub fn purge_backups(&mut self, clock: &dyn Fn() -> Timestamp) -> Result<usize, Problem> {
        let count = i64::try_from(self.store.backups()?).unwrap_or(i64::MAX);
        let entry = Entry::new(What::BackupsPurged).with_fact("backups", count);
        let begun = self.begin(vec![entry], clock(), "nothing was dropped")?;
        let purged = self.store.purge_backups().map_err(Problem::from);
        let result = purged.as_ref().map_or_else(|problem| problem.code, |_| "ok");
        // It has happened; that its end is missing shows in the log as it is.
        let _ = self.log.end(begun, result, Vec::new(), clock(), &self.store);
        purged
    }
}
