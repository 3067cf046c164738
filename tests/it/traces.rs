//! What the program asks the system for, in whole sessions under `strace`: files and folders that nobody else can read
//! from their first instant (C11), no secret in a file, not even for a moment (C12), and no connection that nobody asked
//! for (N15).

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::service::Service;
use crate::support::vault::installed;

/// Stand in every secret of a session.
const STORED: &str = "stored-Zq7xVw2kLr";
const TYPED: &str = "typed-Hn4mPb8sTd";

/// The calls that make, open and write files, and those that reach other machines.
const CALLS: &str = "trace=%network,openat,open,creat,mkdir,mkdirat,mknod,mknodat,umask,chmod,fchmod,fchmodat,\
                     memfd_create,write,writev,pwrite64,pwritev,sendfile,copy_file_range";

/// A home, and what the programs in it asked for.
struct Session {
    account: Account,
    umask: &'static str,
    /// Beside the home, which is searched.
    _beside: tempfile::TempDir,
    log: PathBuf,
}

impl Session {
    fn new(umask: &'static str) -> Self {
        let beside = tempfile::tempdir().unwrap();
        let log = beside.path().join("calls");
        Self { account: Account::empty(), umask, _beside: beside, log }
    }

    /// What runs a program so that its calls are written down.
    fn traced(&self) -> Vec<String> {
        let tracing = format!(
            "umask {}; exec strace -f -qq -y -s 1000000 -A -o {} -e {CALLS} \"$@\"",
            self.umask,
            self.log.display()
        );
        ["-c", &tracing, "sh"].map(str::to_owned).to_vec()
    }

    fn command(&self, program: &str, arguments: &[&str], input: &str) -> Command {
        let mut command = Command::new("setsid");
        command.args(["--wait", "sh"]).args(self.traced()).arg(program).args(arguments);
        command.env_clear().envs(environment(&self.account.home)).current_dir(&self.account.home);
        let file = self.account.write("input", input);
        command.stdin(std::fs::File::open(file).unwrap()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str], input: &str) {
        let done = self.command(PROGRAM, arguments, input).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// Everything that needs no network, by commands; `server` is never asked.
    fn commands(&self, server: &str) {
        let document = format!(
            r#"[{{"key":"one","kind":"bearer_token","config":{{"base_url":"{server}","token":"{STORED}"}},"test":{{"path":"/me"}}}},
                {{"key":"two","kind":"secret","config":{{"values":{{"v":"{STORED}"}}}}}}]"#
        );
        self.account.write("import.env", &format!("THREE={STORED}\n"));
        self.account.write("template", "key = {{ cred://two }}\n");
        for arguments in [
            &["init", "--plain-identity"][..],
            &["put", "--no-test"],
            &["list"],
            &["list", "--json", "one"],
            &["show", "one"],
            &["get", "two"],
            &["history", "one"],
            &["import", "dotenv", "import.env"],
            &["run", "--env", "X=cred://two", "--", "true"],
            &["inject", "-i", "template", "-o", "written"],
            &["remove", "two", "--force"],
            &["restore", "two"],
            &["solution", "add", "other"],
            &["export", "-o", "export.age"],
            &["export", "--plain", "--yes", "-o", "export.json"],
            &["services", "github"],
            &["kinds"],
            &["schema", "secret"],
            &["recipients", "list"],
            &["audit"],
            &["audit", "verify"],
            &["doctor"],
            &["completions", "bash"],
            &["man"],
        ] {
            self.run(arguments, if arguments[0] == "put" { &document } else { "" });
        }
    }

    /// A workbench in which a secret is shown, copied, typed, saved untested, and a draft is left behind.
    fn workbench(&self) {
        let arguments: Vec<String> = [self.traced(), vec![PROGRAM.to_owned()]].concat();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut pty = Pty::start(&self.account.home, "sh", &arguments, (120, 40));
        pty.wait("one").send("\x12").wait(STORED).send("y").wait("sent to the terminal's clipboard");
        pty.send("asecret\r").wait("New Secret").send("four\t\t\t\tv\r").wait("missing").paste(TYPED);
        pty.wait("new").send("\x13").wait("four saved");
        pty.send("e").wait("form │ json").send("\x1bOQ").wait("\"$secret\"").send("\x1b[1;5F").paste(TYPED);
        pty.wait(TYPED).send("\x0c").wait("The vault is locked").send("\r").wait("Unsaved drafts");
        pty.send("\r").wait(TYPED).send("\x0c").wait("The vault is locked").send("\x1b");
        pty.ends_within(std::time::Duration::from_secs(10));
    }

    fn calls(&self) -> Vec<Call> {
        std::fs::read_to_string(&self.log).unwrap().lines().filter_map(Call::read).collect()
    }
}

/// A call that the system did, in the words of `strace`.
#[derive(Debug)]
struct Call {
    name: String,
    arguments: String,
}

impl Call {
    /// `PID name(arguments) = result`; nothing for what is no call, and for what failed, unless it reaches out: a
    /// connection that is begun says "in progress".
    fn read(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once(' ')?;
        // A call that another thread came between is written in two parts: what matters stands in the first.
        let rest = rest.trim_start();
        let (name, arguments) = rest.split_once('(')?;
        let failed = rest.rsplit_once(" = ").is_some_and(|(_, result)| result.starts_with("-1"));
        let known = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let call = Self { name: name.to_owned(), arguments: arguments.to_owned() };
        (known && (!failed || call.is_network())).then_some(call)
    }

    /// The mode of what it makes.
    fn mode(&self) -> Option<u32> {
        let makes = self.name.starts_with("mk") || self.arguments.contains("O_CREAT");
        let arguments = self.arguments.split(") = ").next().unwrap_or_default();
        let mode = arguments.rsplit(", ").next().unwrap_or_default();
        makes.then(|| u32::from_str_radix(mode, 8).ok()).flatten()
    }

    /// Whether it reaches another machine, or tries to.
    fn is_network(&self) -> bool {
        self.arguments.contains("AF_INET")
    }

    /// Whether it writes a text into a file: not to a terminal, a pipe or a socket.
    fn writes(&self, text: &str) -> bool {
        let to = self.arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(to, _)| to);
        let is_device = |to: &str| to.starts_with("/dev/") && !to.starts_with("/dev/shm/");
        let file = to.is_some_and(|to| to.starts_with('/') && !is_device(to));
        self.name.contains("write") && file && self.arguments.contains(text)
    }
}

/// Everything under a folder but what the test itself wrote there.
fn made(folder: &Path, mine: &BTreeSet<PathBuf>, found: &mut Vec<(PathBuf, Metadata)>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if mine.contains(&path) {
            continue;
        }
        let about = path.symlink_metadata().unwrap();
        if about.is_dir() {
            made(&path, mine, found);
        }
        found.push((path, about));
    }
}

/// C11: whatever the umask is, nothing is ever readable by others, from its first instant.
fn is_private(session: &Session) {
    let calls = session.calls();
    let mut count = 0;
    for call in &calls {
        assert!(!call.name.contains("chmod"), "nothing is made private afterwards: {call:?}");
        if let Some(mode) = call.mode() {
            count += 1;
            assert_eq!(mode & 0o077, 0, "made for others to read: {call:?}");
        }
    }
    assert!(count > 10, "files were made: {count}");
    let home = &session.account.home;
    let mine = ["tmp", "input", "import.env", "template"].map(|name| home.join(name)).into();
    let mut found = Vec::new();
    made(home, &mine, &mut found);
    assert!(found.len() > 10, "{found:?}");
    for (path, about) in found {
        let mode = about.permissions().mode() & 0o7777;
        let right = if about.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, right, "{} is {mode:o} with umask {}", path.display(), session.umask);
    }
}

#[test]
fn a_whole_session_makes_no_plain_file_and_asks_nobody() {
    if !installed("strace") {
        return;
    }
    let session = Session::new("000");
    let service = Service::start();
    session.commands(&service.url);
    let before = session.calls().len();
    session.workbench();
    let calls = session.calls();
    assert!(calls.len() > before, "the workbench was traced");
    is_private(&session);
    // C12. What was asked for by name is written in plain: an export, and a file with values in it.
    let home = session.account.home.display();
    let asked = |call: &&Call| {
        let name = |call: &Call| call.arguments.split_once('<').unwrap().1.to_owned();
        let to = name(call);
        to.starts_with(&format!("{home}/export.json"))
            || to.starts_with(&format!("{home}/.export.json"))
            || to.starts_with(&format!("{home}/written"))
            || to.starts_with(&format!("{home}/.written"))
    };
    let mut plain: Vec<&Call> =
        calls.iter().filter(|call| call.writes(STORED) || call.writes(TYPED)).collect();
    assert!(plain.iter().any(asked), "control: the same search finds what was asked for");
    plain.retain(|call| !asked(call));
    assert!(plain.is_empty(), "{plain:?}");
    assert!(calls.iter().all(|call| call.name != "memfd_create"));
    for (path, bytes) in session.account.files() {
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        let mine =
            ["input", "import.env", "export.json", "written"].map(|name| session.account.home.join(name));
        assert!(mine.contains(&path) || !holds(STORED) && !holds(TYPED), "{}", path.display());
    }
    // N15.
    let network: Vec<&Call> = calls.iter().filter(|call| call.is_network()).collect();
    assert!(network.is_empty(), "{network:?}");
    assert!(service.requests.try_recv().is_err());
    // The control: a test does ask, and the same search sees it.
    let _ = session.command(PROGRAM, &["test", "one"], "").output().unwrap();
    assert!(service.requests.try_recv().is_ok());
    assert!(session.calls().iter().any(|call| call.name == "connect" && call.is_network()));
}

#[test]
fn files_are_private_whatever_the_umask() {
    if !installed("strace") {
        return;
    }
    for umask in ["022", "077"] {
        let session = Session::new(umask);
        session.run(&["init", "--plain-identity"], "");
        let document = r#"{"key":"one","kind":"secret","config":{"values":{"v":"x"}}}"#;
        session.run(&["put", "--no-test"], document);
        session.run(&["get", "one"], "");
        is_private(&session);
    }
    // The control: a usual program makes what others can read, and the same look says so.
    let session = Session::new("000");
    let usual = session.command("touch", &["seen"], "").output().unwrap();
    assert!(usual.status.success());
    let open = session.calls().into_iter().find(|call| call.arguments.contains("seen")).unwrap();
    assert_eq!(open.mode(), Some(0o666));
    assert_eq!(session.account.home.join("seen").metadata().unwrap().permissions().mode() & 0o777, 0o666);
}
