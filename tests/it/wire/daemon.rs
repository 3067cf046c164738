//! Real servers on free ports, each in a folder of its own, gone with the test that started them.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use credbench::model::Outcome;

use crate::support::tls::{authority_pem, pem_for};
use crate::support::vault::report;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(30);

/// A folder for a server and the account that it runs as.
pub(crate) struct Place {
    guard: tempfile::TempDir,
    folder: PathBuf,
    account: Option<(u32, u32)>,
}

/// A server that runs. It ends, and its folder goes, when this is dropped or the test process ends in any way:
/// its guardian waits for the end of a pipe.
pub(crate) struct Daemon {
    guardian: Child,
    pipe: Option<ChildStdin>,
    log: PathBuf,
}

/// Whether all of these programs are there. Where they are not the test says so and passes, unless
/// `CREDBENCH_REQUIRE_SERVERS` is set.
pub(crate) fn present(programs: &[&str]) -> bool {
    let lacking = programs.iter().find(|program| find(program).is_none());
    if let Some(program) = lacking {
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "{program} is not installed");
        report(&format!("skipped: {program} not installed"));
    }
    lacking.is_none()
}

/// Where a program is; Debian keeps servers off the path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/lib/rabbitmq/bin"].map(PathBuf::from));
    if let Ok(versions) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders.into_iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A port of 127.0.0.1 that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Place {
    /// A new folder; where the tests run as root, of an account that servers are willing to run as.
    ///
    /// Where the account does not exist the tests' own is taken.
    pub(crate) fn of(account: &str) -> Self {
        let guard = tempfile::Builder::new().prefix("credbench-server-").tempdir().unwrap();
        let folder = guard.path().to_owned();
        let root = rustix::process::geteuid().is_root();
        let id = |flag: &str| -> u32 {
            let output = Command::new("id").args([flag, account]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
        };
        let account = root.then(|| (id("-u"), id("-g")));
        let place = Self { guard, folder, account };
        place.give(&place.folder, 0o700);
        place
    }

    fn give(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        if let Some((user, group)) = self.account {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The same, as text.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A file in it, which only its owner reads.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        self.give(&path, 0o600);
        self.at(name)
    }

    /// A folder in it.
    pub(crate) fn subfolder(&self, name: &str) -> String {
        fs::create_dir(self.path(name)).unwrap();
        self.give(&self.path(name), 0o700);
        self.at(name)
    }

    /// A certificate for `localhost` and for nothing else, its key, and the authority: `cert.pem`, `key.pem` and
    /// `ca.pem`.
    pub(crate) fn with_certificate(self) -> Self {
        let (certificate, key) = pem_for(&["localhost"]);
        self.write("cert.pem", certificate);
        self.write("key.pem", key);
        self.write("ca.pem", authority_pem());
        self
    }

    /// A program that is to be run as the account.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(find(program).unwrap());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", &self.folder);
        command.env("LANG", "C.UTF-8").current_dir(&self.folder);
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    /// Runs a program to its end, which has to be a good one.
    #[track_caller]
    pub(crate) fn run(&self, program: &str, arguments: &[&str], input: &str) {
        let input_file = self.write("input", input);
        let mut command = self.command(program);
        command.args(arguments).stdin(fs::File::open(input_file).unwrap());
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{program}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts a server under a guardian. The variable `SIGNAL` says how it is ended.
    pub(crate) fn start(self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Daemon {
        const GUARD: &str = r#"
            folder=$1; shift
            trap '' INT TERM HUP
            setsid "$@" >"$folder/log" 2>&1 </dev/null &
            server=$!
            cat >/dev/null
            kill -${SIGNAL:-TERM} -$server 2>/dev/null
            wait $server
            cd /; rm -rf "$folder"
        "#;
        let log = self.path("log");
        let mut command = self.command("sh");
        command.args(["-c", GUARD, "sh"]).arg(&self.folder).arg(find(program).unwrap()).args(arguments);
        command.envs(variables.iter().copied()).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut guardian = command.spawn().unwrap();
        let pipe = guardian.stdin.take();
        // From now on the guardian removes it.
        let _ = self.guard.keep();
        Daemon { guardian, pipe, log }
    }
}

impl Daemon {
    /// Waits until it answers as it should.
    pub(crate) fn when(self, is_ready: impl Fn() -> bool) -> Self {
        let start = Instant::now();
        while !is_ready() {
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(start.elapsed() < START, "the server does not answer:\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }

    /// Ends it, and returns when nothing listens on its port any more.
    pub(crate) fn stop(mut self, port: u16) {
        self.end();
        while listens(port) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(&mut self) {
        drop(self.pipe.take());
        let _ = self.guardian.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a server has come so far that it can say something about a login.
pub(crate) fn judges(document: &serde_json::Value) -> bool {
    let document = document.clone();
    // A thread of its own, because the test that needs the server first has a runtime already.
    let tested = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(super::tested(document))
    });
    !matches!(tested.join().unwrap().outcome, Outcome::Unreachable | Outcome::WrongEndpoint)
}

/// Whether something listens.
pub(crate) fn listens(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
