//! Where the operator sits: what a login in a browser has to know of this terminal and of the way to this machine.

use std::net::{IpAddr, SocketAddr};

use crate::paths;

/// The terminal, and how this machine was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// The way to this machine, where it was SSH.
    pub ssh: Option<Ssh>,
    /// The terminal is likely to know hyperlinks (OSC 8), or to leave them out without a trace.
    pub links: bool,
    /// Characters beyond ASCII can be drawn.
    pub unicode: bool,
    /// What takes this process's sequences before the terminal does.
    pub between: Between,
}

/// A program between this process and the operator's terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Between {
    /// None that is known.
    #[default]
    Nothing,
    /// tmux, here or on the machine that this one was reached from.
    Tmux,
    /// GNU screen.
    Screen,
}

/// How an SSH client reached this machine, as its server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// The address and port that it connected to.
    pub server: (IpAddr, u16),
    /// The account; `None`: not known, or no plain word.
    pub user: Option<String>,
    /// What this machine calls itself.
    pub host_name: Option<String>,
}

impl Seat {
    /// As the environment of this process tells.
    pub fn here() -> Self {
        let word = |name: &str| paths::variable(name)?.into_string().ok();
        Self::of(word, paths::host_name())
    }

    fn of(word: impl Fn(&str) -> Option<String>, host_name: Option<String>) -> Self {
        let term = word("TERM").unwrap_or_default();
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| word(name));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        // GNU screen prints the end of a long hyperlink as text, and old consoles all of it. tmux calls itself
        // `screen` too, and drops what it does not know.
        let unsafe_for_links = ["dumb", "linux", "vt", "cons", "eterm", "sun", "screen"];
        let links = !term.is_empty()
            && (word("TMUX").is_some() || !unsafe_for_links.iter().any(|name| term.starts_with(name)));
        let plain = |text: &String| {
            !text.starts_with('-') && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        let ssh = word("SSH_CONNECTION").as_deref().and_then(server).map(|server| Ssh {
            server,
            user: word("USER").or_else(|| word("LOGNAME")).filter(plain),
            host_name: host_name.filter(plain),
        });
        // `screen` as the terminal alone can be both; what is not known is not wrapped.
        let between = if word("TMUX").is_some() || term.starts_with("tmux") {
            Between::Tmux
        } else if word("STY").is_some() {
            Between::Screen
        } else {
            Between::Nothing
        };
        Self { ssh, links, unicode: locale.contains("utf-8") || locale.contains("utf8"), between }
    }
}

/// The server's side of `SSH_CONNECTION`: client address, client port, server address, server port.
fn server(connection: &str) -> Option<(IpAddr, u16)> {
    let mut words = connection.split(' ').skip(2);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

impl Ssh {
    /// What is typed on the operator's own machine, so that a browser there reaches what listens here.
    pub fn tunnel(&self, listening: SocketAddr) -> String {
        let (address, port) = self.server;
        let (here, there) = (listening.port(), listening);
        let other_port = if port == 22 { String::new() } else { format!("-p {port} ") };
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("ssh -L {here}:{there} {other_port}{user}{address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(words: &[(&str, &str)]) -> Seat {
        let word =
            |name: &str| words.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Seat::of(word, Some("web-1".to_owned()))
    }

    #[test]
    fn the_tunnel_names_what_is_known_and_invents_nothing() {
        let line = |words: &[(&str, &str)]| {
            let ssh = seat(words).ssh?;
            Some(ssh.tunnel("127.0.0.1:8400".parse().unwrap()))
        };
        let at = |connection: &'static str, user: &'static str| {
            line(&[("SSH_CONNECTION", connection), ("USER", user)])
        };
        assert_eq!(
            at("203.0.113.9 51034 192.0.2.7 22", "ann").as_deref(),
            Some("ssh -L 8400:127.0.0.1:8400 ann@192.0.2.7")
        );
        assert_eq!(
            at("2001:db8::9 51034 2001:db8::7 2222", "ann").as_deref(),
            Some("ssh -L 8400:127.0.0.1:8400 -p 2222 ann@2001:db8::7")
        );
        for user in ["a b", "$(reboot)", "-oProxyCommand=x", "a\u{1b}[2J"] {
            assert_eq!(
                at("203.0.113.9 1 192.0.2.7 22", user).as_deref(),
                Some("ssh -L 8400:127.0.0.1:8400 192.0.2.7"),
                "{user:?}"
            );
        }
        assert_eq!(at("nonsense", "ann"), None);
        assert_eq!(at("203.0.113.9 1 $(reboot) 22", "ann"), None);
        assert_eq!(line(&[("USER", "ann")]), None, "not over SSH");
        let six = seat(&[("SSH_CONNECTION", "::1 1 ::1 22")]).ssh.unwrap();
        assert_eq!(six.tunnel("[::1]:90".parse().unwrap()), "ssh -L 90:[::1]:90 ::1");
        assert_eq!(six.host_name.as_deref(), Some("web-1"));
    }

    #[test]
    fn what_stands_between_is_named() {
        let between = |words| seat(words).between;
        assert_eq!(between(&[("TERM", "xterm-256color")]), Between::Nothing);
        assert_eq!(
            between(&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")]),
            Between::Tmux
        );
        assert_eq!(between(&[("TERM", "tmux-256color"), ("SSH_CONNECTION", "::1 1 ::1 22")]), Between::Tmux);
        assert_eq!(between(&[("TERM", "screen.xterm-256color"), ("STY", "1234.pts-0")]), Between::Screen);
        assert_eq!(between(&[("TERM", "screen-256color")]), Between::Nothing);
    }

    #[test]
    fn links_only_where_they_do_no_harm() {
        for (term, links) in [
            ("xterm-256color", true),
            ("tmux-256color", true),
            ("alacritty", true),
            ("screen.xterm-256color", false),
            ("linux", false),
            ("dumb", false),
            ("vt220", false),
        ] {
            assert_eq!(seat(&[("TERM", term)]).links, links, "{term}");
        }
        assert!(!seat(&[]).links);
        assert!(seat(&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")]).links);
        assert!(seat(&[("LANG", "de_DE.UTF-8")]).unicode);
        assert!(!seat(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).unicode);
    }
}
