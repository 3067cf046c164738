//! Texts that name something (Z7): recipients, addresses, searches, settings, keys of the key map. Each is taken or
//! refused; none panics.

use std::path::Path;

use credbench::config::Config;
use credbench::http;
use credbench::model::search::Query;
use credbench::tui::keymap::Keymap;
use credbench::vault::parse_recipient;

pub fn names(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    match which % 5 {
        0 => drop(parse_recipient(text)),
        1 => {
            if let Ok(base) = http::base(text) {
                let joined = http::join(&base, "/v1/me?x=1").expect("a path can follow a base URL");
                assert!(http::same_origin(&base, &joined), "{base} and {joined}");
            }
        }
        2 => {
            let base = http::base("https://bound.example:8443/root").expect("it is one");
            if let Ok(joined) = http::join(&base, text) {
                assert!(http::same_origin(&base, &joined), "{text:?} leads to {joined}");
            }
        }
        3 => drop(Query::parse(text)),
        _ => {
            let _ = Config::parse(text, Path::new("config.toml"));
            let _ = Keymap::with(text, "keymap.toml");
        }
    }
}
