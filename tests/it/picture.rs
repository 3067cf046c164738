//! The picture in the README: the real demo on a real terminal.

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::svg;

/// Drives the demo to the screen that the README shows. With `CREDBENCH_BLESS` the picture is drawn anew; times
/// differ from run to run, so it is not compared.
#[test]
fn the_demo_shows_what_the_picture_shows() {
    let account = Account::empty();
    let mut pty = Pty::start(&account.home, PROGRAM, &["demo"], (116, 34));
    pty.wait("18 credentials")
        .send("T")
        .wait("18 tests:")
        .wait("5 failing")
        .send("jj")
        .bytes_until("forbidden");
    let svg = svg::picture(pty.picture());
    assert!(svg.contains("limited") && svg.ends_with("</svg>\n"));
    if std::env::var_os("CREDBENCH_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/screen.svg"), svg).unwrap();
    }
    pty.send("q");
    pty.ends_within(std::time::Duration::from_secs(10));
}
