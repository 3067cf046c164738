//! `demo`: works with nothing set up, and leaves nothing behind however it ends.

use std::path::PathBuf;

use rustix::process::Signal;

use crate::support::home::Account;
use crate::support::terminal::OnTerminal;

/// An account with a configuration that a demo must not look at, and the folders it may use for a while.
fn account() -> (Account, PathBuf) {
    let account = Account::empty();
    account.write("config/credbench/config.toml", "this is not what a demo reads");
    let temporary = account.home.join("tmp");
    (account, temporary)
}

fn count(folder: &PathBuf) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_demo_leaves_nothing_behind_however_it_ends() {
    for end in ["quit", "term", "hup", "gone"] {
        let (account, temporary) = account();
        let mut demo = OnTerminal::start(&account, &["demo"]);
        // The list is there.
        demo.sees("chat.alerts.bot");
        assert_eq!(count(&temporary), 1, "{end}");
        match end {
            "quit" => {
                demo.types("q");
                assert_eq!(demo.ends().0, 0);
            }
            "term" => {
                demo.signal(Signal::TERM);
                demo.ends();
            }
            "hup" => {
                demo.signal(Signal::HUP);
                demo.ends();
            }
            _ => demo.hangs_up(),
        }
        assert_eq!(count(&temporary), 0, "{end}");
        assert_eq!(account.files().len(), 1, "{end}: {:?}", account.files());
    }
}

#[test]
fn without_a_terminal_a_demo_says_so() {
    let (account, temporary) = account();
    let done = account.run(&["demo", "--json"]).exits(2);
    assert!(done.error()["message"].is_string());
    assert_eq!(count(&temporary), 0);
}
