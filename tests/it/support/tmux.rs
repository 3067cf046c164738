//! A real tmux on a terminal of its own: what it shows, hands on and keeps of what ran in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::command::environment;
use super::pty::Pty;
use super::vault::installed;

/// tmux with one pane, in which a shell runs.
pub(crate) struct Tmux {
    /// The terminal where tmux draws.
    pub(crate) pty: Pty,
    home: PathBuf,
}

impl Tmux {
    /// Starts it with lines of a configuration of its own. `None` where there is no tmux.
    pub(crate) fn start(home: &Path, configuration: &str, size: (u16, u16)) -> Option<Self> {
        if !installed("tmux") {
            return None;
        }
        let lines = "set -g status off\nset -g default-shell /bin/sh\nset -g history-limit 50000\n";
        std::fs::write(home.join("tmux.conf"), format!("{lines}{configuration}\n")).unwrap();
        let socket = home.join("tmux.socket");
        let arguments =
            ["-S", socket.to_str().unwrap(), "-f", "tmux.conf", "-u", "new-session", "exec /bin/sh -i"];
        let mut pty = Pty::start(home, "tmux", &arguments, size);
        pty.prompt();
        Some(Self { pty, home: home.to_owned() })
    }

    /// Runs a command of tmux; what it prints.
    pub(crate) fn ask(&self, arguments: &[&str]) -> String {
        let done = Command::new("tmux")
            .arg("-S")
            .arg(self.home.join("tmux.socket"))
            .args(arguments)
            .env_clear()
            .envs(environment(&self.home))
            .output()
            .unwrap();
        String::from_utf8(done.stdout).unwrap()
    }

    /// What the pane shows, and everything that it scrolled past.
    pub(crate) fn kept(&self) -> String {
        self.ask(&["capture-pane", "-p", "-e", "-S", "-"])
    }

    /// The process that the pane's shell runs.
    pub(crate) fn program(&self) -> u32 {
        let shell = self.ask(&["display-message", "-p", "#{pane_pid}"]);
        let shell = shell.trim();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        children.split_whitespace().next().expect("the shell runs something").parse().unwrap()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.ask(&["kill-server"]);
    }
}
