//! From TOML to [`Config`], one named key at a time.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Column, Config, Filter, ProxyOption, Theme};
use crate::model::search::Query;
use crate::proxy::{Except, NotAProxy, Proxy};
use crate::suggest::nearest;

/// What is wrong, and at which byte.
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

type Value<'a, 'i> = &'a Spanned<DeValue<'i>>;

pub(super) fn parse(text: &str) -> Result<Config, Wrong> {
    let table = DeTable::parse(text).map_err(|error| Wrong {
        at: error.span().map_or(0, |span| span.start),
        message: error.message().lines().collect::<Vec<_>>().join(", "),
        hint: None,
    })?;
    let mut config = Config::default();
    each(table.get_ref(), "", |key, value| {
        match key {
            "vault" => config.vault = Some(text_of(key, value)?.into()),
            "identities" => {
                let DeValue::Array(items) = value.get_ref() else {
                    return Err(wrong(value, key, "a list of texts"));
                };
                let paths = items.iter().map(|item| text_of("identities", item).map(Into::into));
                config.identities = paths.collect::<Result<_, _>>()?;
            }
            "solution" => config.solution = Some(text_of(key, value)?),
            "test" => {
                let test = &mut config.test;
                each(table_of(key, value)?, "test", |key, value| {
                    match key {
                        "timeout_seconds" => test.timeout_seconds = whole(key, value, 1, 3600)?,
                        "jobs" => test.jobs = whole(key, value, 1, 1024)?,
                        "per_host" => test.per_host = whole(key, value, 1, 1024)?,
                        "retest_minutes" => test.retest_minutes = whole(key, value, 0, 525_600)?,
                        _ => {
                            return Ok(Some(&["timeout_seconds", "jobs", "per_host", "retest_minutes"]));
                        }
                    }
                    Ok(None)
                })?;
            }
            "oauth" => {
                let oauth = &mut config.oauth;
                each(table_of(key, value)?, "oauth", |key, value| {
                    match key {
                        "margin_seconds" => oauth.margin_seconds = whole(key, value, 0, 86_400)?,
                        "timeout_seconds" => oauth.timeout_seconds = whole(key, value, 1, 600)?,
                        _ => return Ok(Some(&["margin_seconds", "timeout_seconds"])),
                    }
                    Ok(None)
                })?;
            }
            "network" => {
                let network = &mut config.network;
                each(table_of(key, value)?, "network", |key, value| {
                    match key {
                        "ca_file" => network.ca_file = Some(text_of(key, value)?.into()),
                        "proxy" => network.proxy = proxy(value)?,
                        "no_proxy" => network.no_proxy = no_proxy(value)?,
                        _ => return Ok(Some(&["ca_file", "proxy", "no_proxy"])),
                    }
                    Ok(None)
                })?;
            }
            "session" => {
                let session = &mut config.session;
                each(table_of(key, value)?, "session", |key, value| {
                    match key {
                        "lock_after_minutes" => session.lock_after = minutes(key, value, 1440)?,
                        "max_unlocked_minutes" => session.max_unlocked = minutes(key, value, 10_080)?,
                        "lock_on_suspend" => session.lock_on_suspend = boolean(key, value)?,
                        _ => {
                            return Ok(Some(&[
                                "lock_after_minutes",
                                "max_unlocked_minutes",
                                "lock_on_suspend",
                            ]));
                        }
                    }
                    Ok(None)
                })?;
            }
            "review" => {
                let review = &mut config.review;
                each(table_of(key, value)?, "review", |key, value| {
                    match key {
                        "unused_days" => review.unused_days = whole(key, value, 1, 3650)?,
                        "sign_off_days" => review.sign_off_days = whole(key, value, 1, 3650)?,
                        _ => return Ok(Some(&["unused_days", "sign_off_days"])),
                    }
                    Ok(None)
                })?;
            }
            "screen" => {
                let screen = &mut config.screen;
                each(table_of(key, value)?, "screen", |key, value| {
                    match key {
                        "theme" => screen.theme = theme(value)?,
                        "reveal" => screen.reveal = boolean(key, value)?,
                        "reveal_seconds" => screen.reveal_seconds = whole(key, value, 1, 3600)?,
                        "copy" => screen.copy = boolean(key, value)?,
                        "copy_seconds" => screen.copy_seconds = whole(key, value, 1, 3600)?,
                        "expiring_days" => screen.expiring_days = whole(key, value, 0, 3650)?,
                        "columns" => screen.columns = columns(value)?,
                        "sort" => screen.sort = column(key, value)?,
                        _ => {
                            return Ok(Some(&[
                                "theme",
                                "reveal",
                                "reveal_seconds",
                                "copy",
                                "copy_seconds",
                                "expiring_days",
                                "columns",
                                "sort",
                            ]));
                        }
                    }
                    Ok(None)
                })?;
            }
            "filters" => {
                for (name, value) in table_of(key, value)? {
                    config.filters.push(filter(text, name.get_ref(), value)?);
                }
                config.filters.sort_by(|a, b| a.name.cmp(&b.name));
            }
            _ => {
                return Ok(Some(&[
                    "vault",
                    "identities",
                    "solution",
                    "test",
                    "oauth",
                    "network",
                    "session",
                    "review",
                    "screen",
                    "filters",
                ]));
            }
        }
        Ok(None)
    })?;
    Ok(config)
}

/// Takes each member of a table; `take` answers with the known keys where it does not know one.
fn each<'a, 'i, F>(table: &'a DeTable<'i>, name: &str, mut take: F) -> Result<(), Wrong>
where
    F: FnMut(&str, Value<'a, 'i>) -> Result<Option<&'static [&'static str]>, Wrong>,
{
    for (key, value) in table {
        let word: &str = key.get_ref();
        if let Some(known) = take(word, value)? {
            let place = if name.is_empty() { String::new() } else { format!(" in [{name}]") };
            let hint = match nearest(word, known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known{place}: {}", known.join(", ")),
            };
            return Err(Wrong {
                at: key.span().start,
                message: format!("there is no option {word:?}{place}"),
                hint: Some(hint),
            });
        }
    }
    Ok(())
}

fn wrong(value: Value<'_, '_>, key: &str, wanted: &str) -> Wrong {
    let found = match value.get_ref() {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    Wrong { at: value.span().start, message: format!("{key} is {found}; it must be {wanted}"), hint: None }
}

fn text_of(key: &str, value: Value<'_, '_>) -> Result<String, Wrong> {
    match value.get_ref() {
        DeValue::String(text) if !text.is_empty() => Ok(text.clone().into_owned()),
        DeValue::String(_) => Err(wrong(value, key, "a text that is not empty")),
        _ => Err(wrong(value, key, "a text, in quotes")),
    }
}

fn table_of<'a, 'i>(key: &str, value: Value<'a, 'i>) -> Result<&'a DeTable<'i>, Wrong> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(table),
        _ => Err(wrong(value, key, &format!("a table: [{key}]"))),
    }
}

fn boolean(key: &str, value: Value<'_, '_>) -> Result<bool, Wrong> {
    match value.get_ref() {
        DeValue::Boolean(flag) => Ok(*flag),
        _ => Err(wrong(value, key, "true or false, without quotes")),
    }
}

fn whole<N: TryFrom<u64>>(key: &str, value: Value<'_, '_>, least: u64, most: u64) -> Result<N, Wrong> {
    let found = match value.get_ref() {
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    found
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| wrong(value, key, &format!("a whole number from {least} to {most}")))
}

fn minutes(key: &str, value: Value<'_, '_>, most: u64) -> Result<Duration, Wrong> {
    whole(key, value, 0, most).map(|minutes: u64| Duration::from_secs(minutes * 60))
}

/// What is wrong is told without the text: a password may stand in it.
fn proxy(value: Value<'_, '_>) -> Result<ProxyOption, Wrong> {
    let wrong = |what: &NotAProxy| Wrong {
        at: value.span().start,
        message: format!("proxy is {what}"),
        hint: Some("or \"environment\", or \"none\"".to_owned()),
    };
    match value.get_ref() {
        DeValue::String(text) if text == "environment" => Ok(ProxyOption::Environment),
        DeValue::String(text) if text == "none" => Ok(ProxyOption::None),
        DeValue::String(text) => Proxy::parse(text).map(ProxyOption::Named).map_err(|error| wrong(&error)),
        _ => Err(wrong(&NotAProxy)),
    }
}

fn no_proxy(value: Value<'_, '_>) -> Result<Vec<Except>, Wrong> {
    let wanted = "a list of names, addresses and networks such as \"corp.example\" and \"10.0.0.0/8\"";
    let DeValue::Array(items) = value.get_ref() else { return Err(wrong(value, "no_proxy", wanted)) };
    let entry = |item: &Spanned<DeValue<'_>>| {
        let read = item.get_ref().as_str().and_then(Except::parse);
        read.ok_or_else(|| wrong(item, "no_proxy", wanted))
    };
    items.iter().map(entry).collect()
}

fn theme(value: Value<'_, '_>) -> Result<Theme, Wrong> {
    match value.get_ref() {
        DeValue::String(word) if word == "dark" => Ok(Theme::Dark),
        DeValue::String(word) if word == "light" => Ok(Theme::Light),
        DeValue::String(word) if word == "plain" => Ok(Theme::Plain),
        _ => Err(wrong(value, "theme", "one of \"dark\", \"light\", \"plain\"")),
    }
}

fn column(key: &str, value: Value<'_, '_>) -> Result<Column, Wrong> {
    let known = |word: &str| Column::ALL.into_iter().find(|column| column.word() == word);
    value.get_ref().as_str().and_then(known).ok_or_else(|| {
        let words = Column::ALL.map(|column| format!("\"{}\"", column.word()));
        wrong(value, key, &format!("one of {}", words.join(", ")))
    })
}

fn columns(value: Value<'_, '_>) -> Result<Vec<Column>, Wrong> {
    let DeValue::Array(items) = value.get_ref() else {
        return Err(wrong(value, "columns", "a list of columns"));
    };
    let mut columns = Vec::new();
    for item in items {
        let column = column("columns", item)?;
        if columns.contains(&column) {
            return Err(wrong(item, "columns", "a list in which each column stands once"));
        }
        columns.push(column);
    }
    match columns.contains(&Column::Key) {
        true => Ok(columns),
        false => Err(wrong(value, "columns", "a list of columns with \"key\" among them")),
    }
}

/// A saved search; what is wrong in its query is told at its place in the file.
fn filter(text: &str, name: &str, value: Value<'_, '_>) -> Result<Filter, Wrong> {
    let query = text_of(name, value)?;
    if let Err(error) = Query::parse(&query) {
        let start = value.span().start;
        let before = query.char_indices().nth(error.column - 1).map_or(query.len(), |(at, _)| at);
        // Where the text in the file is the query itself, between single quotes: nothing is escaped.
        let plain = text.get(start + 1..).is_some_and(|rest| rest.starts_with(&query));
        return Err(Wrong {
            at: if plain { start + 1 + before } else { start },
            message: format!("the filter {name:?}: {}", error.message),
            hint: Some(error.hint),
        });
    }
    Ok(Filter { name: name.to_owned(), query })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn said(text: &str) -> String {
        match Config::parse(text, Path::new("config.toml")) {
            Ok(config) => format!("{config:?}"),
            Err(error) => format!("{error} · {}", error.hint.as_deref().unwrap_or_default()),
        }
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(Config::parse("", Path::new("x")), Ok(Config::default()));
        assert_eq!(Config::parse("# only\n[test]\n[screen]\n", Path::new("x")), Ok(Config::default()));
    }

    #[test]
    fn the_example_says_what_the_defaults_are() {
        let example = include_str!("../../config.example.toml");
        assert_eq!(Config::parse(example, Path::new("example")), Ok(Config::default()));
        // With every comment sign taken away, every option is there and known, with its default where it has
        // one that can be written down.
        let full: String = example
            .lines()
            .map(|line| line.strip_prefix("#: ").unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n");
        let config = Config::parse(&full, Path::new("example")).unwrap();
        assert_eq!(config.vault, Some("~/.local/share/credbench/vault.age".into()));
        assert_eq!(config.identities, ["~/.config/credbench/identity.age"].map(std::path::PathBuf::from));
        assert_eq!(config.solution.as_deref(), Some("default"));
        assert_eq!((config.test, config.screen, config.review), Default::default());
        assert_eq!(config.network.ca_file, Some("~/.config/credbench/authorities.pem".into()));
        assert_eq!((config.network.proxy, config.network.no_proxy.len()), (ProxyOption::Environment, 2));
        assert_eq!(config.filters.len(), 2);
    }

    #[test]
    fn every_mistake_has_its_place_and_a_way_out() {
        let cases = [
            "valut = \"x\"",
            "[test]\njobs = 2\ntimeout = 3",
            "[screen]\n  jobs = 2",
            "[test]\njobs = \"2\"",
            "[test]\njobs = 0",
            "vault = 3",
            "vault = \"\"",
            "test = 3",
            "identities = \"x\"",
            "identities = [\"x\", 3]",
            "[screen]\ntheme = \"blue\"",
            "[screen]\nreveal = \"no\"",
            "vault = ",
            "vault = \"a\"\nvault = \"b\"",
            "ä = 1",
            "[screen]\nsort = \"age\"",
            "[screen]\ncolumns = \"key\"",
            "[screen]\ncolumns = [\"key\", \"size\"]",
            "[screen]\ncolumns = [\"key\", \"kind\", \"key\"]",
            "[screen]\ncolumns = [\"name\"]",
            "[filters]\nlate = \"is:expiring\"\nbad = \"é tag:x statsu:error\"",
            "[filters]\nbad = \"service:\\\"x\\\" is:gone\"",
            "[filters]\nbad = 3",
            "[network]\nca_file = 3",
            "[network]\nproxies = 3",
            "[network]\nproxy = \"socks4://ann:hidden@h:1\"",
            "[network]\nproxy = true",
            "[network]\nno_proxy = \"a\"",
            "[network]\nno_proxy = [\"a.example\", \"1.2.3.4/99\"]",
            "[network]\nproxy = \"none\"\nno_proxy = [\"a.example:8443\"]",
            "[network]\nproxy = \"http://ann:hidden@proxy.example:3128\"\nca_file = \"ca.pem\"",
            "[screen]\nsort = \"tested\"\ncolumns = [\"status\", \"key\"]\n[filters]\n\"a b\" = 'service:\"x y\"'",
        ];
        insta::assert_snapshot!(cases.map(|text| format!("{text:?}\n  {}", said(text))).join("\n"));
    }
}
