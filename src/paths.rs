//! Where things live. The only reader of the environment.
#![allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::BaseDirs;

use crate::config::Config;

/// The folders of this program, and the home that `~/` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `credbench` in the config folder: `config.toml`, `identity.age`.
    pub config: PathBuf,
    /// `credbench` in the data folder: `vault.age`.
    pub data: PathBuf,
    /// `credbench` in the state folder: `seen.json`, logs.
    pub state: PathBuf,
    /// The home folder.
    pub home: PathBuf,
}

/// No home folder is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home folder is known: HOME is not set")]
pub struct NoHome;

impl Paths {
    /// The XDG base folders of this user.
    ///
    /// # Errors
    /// Where there is no home folder.
    pub fn of_user() -> Result<Self, NoHome> {
        let base = BaseDirs::new().ok_or(NoHome)?;
        Ok(Self {
            config: base.config_dir().join("credbench"),
            data: base.data_dir().join("credbench"),
            // Only Linux has a folder for state.
            state: base.state_dir().unwrap_or_else(|| base.data_local_dir()).join("credbench"),
            home: base.home_dir().to_owned(),
        })
    }

    /// Everything under one folder: for a vault that shall leave nothing behind.
    pub fn under(folder: &Path) -> Self {
        let place = |name: &str| folder.join(name);
        Self { config: place("config"), data: place("data"), state: place("state"), home: folder.to_owned() }
    }

    /// `config.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The vault: the configured one, or the usual place. `config_file` is where relative paths start.
    pub fn vault(&self, config: &Config, config_file: &Path) -> PathBuf {
        match &config.vault {
            Some(path) => self.resolve(path, config_file),
            None => self.data.join("vault.age"),
        }
    }

    /// The identities: the configured ones, or the usual one. `config_file` is where relative paths start.
    pub fn identities(&self, config: &Config, config_file: &Path) -> Vec<PathBuf> {
        if config.identities.is_empty() {
            return vec![self.config.join("identity.age")];
        }
        config.identities.iter().map(|path| self.resolve(path, config_file)).collect()
    }

    /// The operator's own keys for the workbench.
    pub fn keymap(&self) -> PathBuf {
        self.config.join("keymap.toml")
    }

    /// The operator's own services.
    pub fn services(&self) -> PathBuf {
        self.config.join("services")
    }

    /// What this host last saw of each vault.
    pub fn seen(&self) -> PathBuf {
        self.state.join("seen.json")
    }

    /// Local writer keys, for identities that none can be derived from.
    pub fn writers(&self) -> PathBuf {
        self.config.join("writers")
    }

    /// The folders that are this program's own.
    pub fn own(&self) -> [&Path; 3] {
        [&self.config, &self.data, &self.state]
    }

    /// The configured file of certificate authorities. `config_file` is where relative paths start.
    pub fn authorities(&self, config: &Config, config_file: &Path) -> Option<PathBuf> {
        config.network.ca_file.as_ref().map(|path| self.resolve(path, config_file))
    }

    fn resolve(&self, path: &Path, config_file: &Path) -> PathBuf {
        match path.strip_prefix("~") {
            Ok(rest) => self.home.join(rest),
            Err(_) => config_file.parent().unwrap_or(&self.config).join(path),
        }
    }
}

/// Where a throw-away vault can be made: memory of this login where there is some, else the temp folder.
pub fn throw_away() -> PathBuf {
    BaseDirs::new()
        .and_then(|base| base.runtime_dir().map(Path::to_owned))
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(std::env::temp_dir)
}

/// Folders that are usually on a file system in memory: this login's own, then the system's.
pub fn memory_folders() -> Vec<PathBuf> {
    let own = BaseDirs::new().and_then(|base| base.runtime_dir().map(Path::to_owned));
    own.into_iter().chain([PathBuf::from("/dev/shm")]).collect()
}

/// A variable of the environment; one that is set to nothing is as good as not set.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The variables that name proxies and exceptions, as they are set: `https_proxy`, `http_proxy`, `all_proxy`,
/// `no_proxy`. The small spelling comes before the large one, as in other programs.
pub fn proxy_variables() -> Vec<(String, OsString)> {
    let find = |small: &str| {
        let names = [small.to_owned(), small.to_ascii_uppercase()];
        names.into_iter().find_map(|name| variable(&name).map(|value| (name, value)))
    };
    ["https_proxy", "http_proxy", "all_proxy", "no_proxy"].into_iter().filter_map(find).collect()
}

/// What the environment asks of colours: `NO_COLOR` turns them off, `CLICOLOR_FORCE` on.
pub fn colour_wish() -> Option<bool> {
    if variable("NO_COLOR").is_some() {
        return Some(false);
    }
    variable("CLICOLOR_FORCE").filter(|value| value != "0").map(|_| true)
}

/// What the environment says about the terminal: `TERM`, `COLORTERM` and the character set.
pub fn terminal_words() -> [(&'static str, Option<OsString>); 3] {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name));
    [("TERM", std::env::var_os("TERM")), ("COLORTERM", std::env::var_os("COLORTERM")), ("locale", locale)]
}

/// What this machine calls itself.
pub fn host_name() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned).filter(|name| !name.is_empty())
}

/// Whether a program of this name is on the `PATH`.
pub fn find_program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_path_starts_at_home_or_at_its_file() {
        let paths = Paths::under(Path::new("/h"));
        let vault = |text: &str| {
            let config = Config { vault: Some(text.into()), ..Config::default() };
            paths.vault(&config, Path::new("/etc/c/config.toml"))
        };
        assert_eq!(vault("/abs/v.age"), Path::new("/abs/v.age"));
        assert_eq!(vault("~/v.age"), Path::new("/h/v.age"));
        assert_eq!(vault("v.age"), Path::new("/etc/c/v.age"));
        let nothing = Config::default();
        assert_eq!(paths.vault(&nothing, Path::new("/c")), Path::new("/h/data/vault.age"));
        assert_eq!(paths.identities(&nothing, Path::new("/c")), [Path::new("/h/config/identity.age")]);
    }
}
