//! Options, with their defaults. `config.toml` is read strictly: what is not known is an error with its
//! place, because an option that is silently ignored is worse than none.

mod read;

use std::path::PathBuf;
use std::time::Duration;

use crate::proxy::{Except, Proxy};

/// What `config.toml` says, or would say: every option has a default.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Config {
    /// The vault file; `None`: `credbench/vault.age` in the data folder.
    pub vault: Option<PathBuf>,
    /// Identity files; empty: `credbench/identity.age` in the config folder.
    pub identities: Vec<PathBuf>,
    /// The current solution; `None`: `default`.
    pub solution: Option<String>,
    /// How credentials are tested.
    pub test: TestOptions,
    /// How OAuth tokens are renewed.
    pub oauth: OauthOptions,
    /// Whom tests trust, and what they go through.
    pub network: NetworkOptions,
    /// How long the workbench stays unlocked.
    pub session: SessionOptions,
    /// What a review holds credentials against.
    pub review: ReviewOptions,
    /// How the workbench behaves.
    pub screen: ScreenOptions,
    /// Saved searches, sorted by name.
    pub filters: Vec<Filter>,
}

/// A saved search: a line of `[filters]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What it is called.
    pub name: String,
    /// A query that can be understood.
    pub query: String,
}

/// The table `[test]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOptions {
    /// The total time for one test, in seconds.
    pub timeout_seconds: u64,
    /// Tests in flight at once.
    pub jobs: usize,
    /// Tests in flight at once to one host.
    pub per_host: usize,
    /// Minutes between two tests of everything by the open workbench; 0: it tests only what it is told to.
    pub retest_minutes: u64,
}

impl Default for TestOptions {
    fn default() -> Self {
        Self { timeout_seconds: 15, jobs: 64, per_host: 4, retest_minutes: 0 }
    }
}

/// The table `[oauth]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthOptions {
    /// How long before its end an access token is renewed when it is used, in seconds.
    pub margin_seconds: u32,
    /// The most that one exchange with the server may take, in seconds.
    pub timeout_seconds: u64,
}

impl Default for OauthOptions {
    fn default() -> Self {
        Self { margin_seconds: 60, timeout_seconds: 30 }
    }
}

/// The table `[network]`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct NetworkOptions {
    /// A file of certificate authorities, in PEM, that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Which proxy is used.
    pub proxy: ProxyOption,
    /// Hosts that are reached without it.
    pub no_proxy: Vec<Except>,
}

/// Which proxy is used.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ProxyOption {
    /// The one that the environment names, if it does.
    #[default]
    Environment,
    /// None, whatever the environment says.
    None,
    /// This one.
    Named(Proxy),
}

/// The table `[session]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// How long after the last key the workbench locks; zero: never. The time that the machine sleeps counts.
    pub lock_after: Duration,
    /// How long it stays unlocked at most, whatever is done in it; zero: without end.
    pub max_unlocked: Duration,
    /// Whether it locks before it is suspended to the shell.
    pub lock_on_suspend: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        Self { lock_after: minutes(10), max_unlocked: minutes(12 * 60), lock_on_suspend: false }
    }
}

/// The table `[review]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewOptions {
    /// Days after its last use from which a credential counts as unused.
    pub unused_days: u32,
    /// Days after which a review is to be signed off again.
    pub sign_off_days: u32,
}

impl Default for ReviewOptions {
    fn default() -> Self {
        Self { unused_days: 90, sign_off_days: 92 }
    }
}

/// The table `[screen]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScreenOptions {
    /// Colours for a dark or a light background, or none.
    pub theme: Theme,
    /// Whether a stored secret may be shown (`Ctrl-R`).
    pub reveal: bool,
    /// Seconds after which a shown secret is masked again.
    pub reveal_seconds: u64,
    /// Whether a secret may be copied (`y`), by OSC 52.
    pub copy: bool,
    /// Seconds after which the copied secret is cleared from the clipboard again.
    pub copy_seconds: u64,
    /// Days before `expires_at` from which a credential is `expiring`.
    pub expiring_days: u32,
    /// The columns of the list, from left to right.
    pub columns: Vec<Column>,
    /// The column that the list is sorted by at first.
    pub sort: Column,
}

impl Default for ScreenOptions {
    fn default() -> Self {
        Self {
            theme: Theme::Dark,
            reveal: true,
            reveal_seconds: 15,
            copy: true,
            copy_seconds: 30,
            expiring_days: 14,
            columns: [
                Column::Key,
                Column::Name,
                Column::Service,
                Column::Kind,
                Column::Status,
                Column::Tested,
                Column::Used,
            ]
            .into(),
            sort: Column::Key,
        }
    }
}

/// What the list can say about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Its key.
    Key,
    /// Its label.
    Name,
    /// Its service.
    Service,
    /// Its kind.
    Kind,
    /// Its status.
    Status,
    /// How long ago it was tested.
    Tested,
    /// How long ago its value last left the vault.
    Used,
    /// Its tags.
    Tags,
    /// Its solution.
    Solution,
    /// How long ago its version was made.
    Updated,
    /// How long it is until it ends.
    Ends,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Key,
        Self::Name,
        Self::Service,
        Self::Kind,
        Self::Status,
        Self::Tested,
        Self::Used,
        Self::Tags,
        Self::Solution,
        Self::Updated,
        Self::Ends,
    ];

    /// Its word, in `config.toml` and above the column.
    pub fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Name => "name",
            Self::Service => "service",
            Self::Kind => "kind",
            Self::Status => "status",
            Self::Tested => "tested",
            Self::Used => "used",
            Self::Tags => "tags",
            Self::Solution => "solution",
            Self::Updated => "updated",
            Self::Ends => "ends",
        }
    }
}

/// Colours by background. Every state also has a sign or a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Theme {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// No colours: bold, reverse and underline only.
    Plain,
}

impl Config {
    /// Reads the text of a configuration file. `path` only names it in errors.
    ///
    /// # Errors
    /// The first thing that is not TOML, not known or not of its type.
    pub fn parse(text: &str, path: &std::path::Path) -> Result<Self, ConfigError> {
        read::parse(text).map_err(|wrong| {
            let before = &text[..wrong.at.min(text.len())];
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            ConfigError {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                column: before[start..].chars().count() + 1,
                message: wrong.message,
                hint: wrong.hint,
            }
        })
    }
}

/// What is wrong in a configuration file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: line {line}, column {column}: {message}", .path.display())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that can be told.
    pub hint: Option<String>,
}
