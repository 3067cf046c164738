//! Who may import whom: every path into our own crate, and every use of a crate that only one place may see,
//! compared with the table of `docs/ARCHITECTURE.md`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules that a module may name, besides itself: what it names, and nothing in reserve.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("secret", &[]),
    ("redact", &["secret"]),
    ("suggest", &[]),
    ("words", &[]),
    ("uptime", &[]),
    ("memory", &[]),
    ("durable", &[]),
    ("proxy", &["secret"]),
    // A saved search is read with the parser that will run it.
    ("config", &["suggest", "model", "proxy"]),
    ("paths", &["config"]),
    ("http", &["secret", "proxy"]),
    // Its requests are those of `http`.
    ("sign", &["secret", "http"]),
    ("model", &["secret", "suggest"]),
    ("inject", &["model", "secret"]),
    ("scan", &["model"]),
    ("schema", &["model", "secret", "suggest", "redact"]),
    ("import", &["schema", "model", "secret"]),
    ("audit", &["model", "secret", "durable", "uptime", "words"]),
    ("vault", &["model", "secret", "memory", "durable", "audit"]),
    ("cache", &["model", "secret", "durable", "uptime"]),
    ("oauth", &["model", "secret", "http", "sign"]),
    ("probe", &["schema", "model", "secret", "http", "redact", "sign", "oauth", "proxy"]),
    ("demo", &["schema", "model"]),
    ("problem", &["config", "paths", "durable", "model", "import", "audit", "vault"]),
    (
        "session",
        &[
            "secret", "suggest", "durable", "proxy", "config", "paths", "http", "sign", "model", "schema",
            "import", "audit", "vault", "cache", "oauth", "probe", "problem", "scan", "words",
        ],
    ),
    (
        "cli",
        &[
            "secret", "redact", "suggest", "memory", "durable", "proxy", "config", "paths", "http", "model",
            "schema", "import", "audit", "vault", "cache", "probe", "demo", "problem", "session", "inject",
            "words",
        ],
    ),
    (
        "tui",
        &[
            "secret", "redact", "memory", "proxy", "config", "http", "model", "schema", "audit", "vault",
            "probe", "problem", "session", "words", "uptime",
        ],
    ),
    ("main", &["memory", "cli", "tui"]),
];

/// Crates that only some modules may name.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("http_body_util", &["http"]),
    ("tokio_rustls", &["http"]),
    ("rustls_platform_verifier", &["http"]),
    ("aws_lc_rs", &["http", "sign", "probe"]),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("tui_textarea", &["tui"]),
    ("nucleo_matcher", &["tui"]),
    ("clap", &["cli"]),
    ("age", &["vault"]),
    ("zxcvbn", &["session"]),
    ("chacha20poly1305", &["audit"]),
    ("ed25519_dalek", &["vault"]),
    ("jsonschema", &["schema"]),
    ("unicode_security", &["schema"]),
    ("ignore", &["scan"]),
    ("linux_keyutils", &["cache"]),
];

/// Every module is in the table, every import in the sources is allowed by it, and everything it allows is needed.
#[test]
fn every_import_is_allowed_and_every_permission_needed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 40, "the sources were found");
    let mut wrong = Vec::new();
    let mut needed = BTreeSet::new();
    for file in files {
        let place = file.strip_prefix(&root).unwrap();
        let module = module_of(place);
        if module == "lib" {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for found in forbidden(&module, &text) {
            wrong.push(format!("{}: {found}", place.display()));
        }
        let named = imported(&without_comments_and_texts(&text), own_name(&module));
        needed.extend(named.into_iter().map(|name| (module.clone(), name)));
    }
    for (module, allowed) in MAY_IMPORT {
        let spare = allowed.iter().filter(|name| !needed.contains(&(module.to_string(), name.to_string())));
        wrong.extend(spare.map(|name| format!("{module} may name {name} but does not")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The checker sees what it is there for.
#[test]
fn a_forbidden_import_is_found() {
    let sample = r#"
        //! Names crate::tui in a comment: fine.
        use crate::secret::Secret;
        use crate::{model::Document, vault::{Store, Places}, self as here};
        const TEXT: &str = "use crate::tui::App";
        /* crate::tui */
        const RAW: &str = r"crate::tui \";
        fn f<'a>(c: char) -> bool { c == '"' }
        fn g() { crate::session::rows(); }
        fn h() { ::hyper::Uri::from_static("crate::cli"); }
    "#;
    assert_eq!(
        forbidden("model", sample),
        ["model may not name session", "model may not name vault", "model may not name hyper"]
    );
    assert_eq!(forbidden("cli", "use crate::tui::run;"), ["cli may not name tui"]);
    assert_eq!(forbidden("tui", "use crate::cli::start;"), ["tui may not name cli"]);
    assert_eq!(forbidden("probe", "use crate::vault::Store;"), ["probe may not name vault"]);
    assert_eq!(forbidden("vault", "use tokio::task;"), ["vault may not name tokio"]);
    assert_eq!(forbidden("nowhere", "fn main() {}"), ["nowhere is not in the table"]);
    assert!(forbidden("session", "use crate::probe::Plan; use super::row;").is_empty());
    // What stands in a file's own tests may not reach further either.
    assert_eq!(
        forbidden("model", "#[cfg(test)] mod tests { use crate::schema::Kinds; }"),
        ["model may not name schema"]
    );
}

/// Unsafe code stands in one module and what is under it.
#[test]
fn only_one_module_may_have_unsafe_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let unsafe_word = |text: &str| {
        let code = without_comments_and_texts(text);
        code.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| matches!(word, "unsafe" | "unsafe_code"))
    };
    files.retain(|file| unsafe_word(&std::fs::read_to_string(file).unwrap()));
    let modules: BTreeSet<String> =
        files.iter().map(|file| module_of(file.strip_prefix(&root).unwrap())).collect();
    assert_eq!(modules.into_iter().collect::<Vec<_>>(), ["memory"]);
}

/// The screen reads everything it shows from the schema: no text in it is a kind's id or a field's place.
#[test]
fn the_workbench_names_no_kind_and_no_field() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.retain(|file| !file.ends_with("tests.rs"));
    assert!(files.len() > 20, "the sources were found");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // A file's own tests stand at its end and may name what they like.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let named = fields_named(code);
        assert!(named.is_empty(), "{} names {named:?}", file.display());
    }
    // The control.
    assert_eq!(
        fields_named(r#"if kind == "api_key" { get("/config/base_url") }"#),
        ["api_key", "/config/base_url"]
    );
}

fn fields_named(code: &str) -> Vec<String> {
    let kinds = credbench::schema::Kinds::builtin();
    let names = |text: &&str| {
        kinds.get(text).is_some()
            || kinds.iter().any(|kind| kind.fields.iter().any(|field| field.pointer == **text))
            || text.starts_with("/config")
    };
    code.split('"').skip(1).step_by(2).filter(names).map(str::to_owned).collect()
}

fn forbidden(module: &str, text: &str) -> Vec<String> {
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{module} is not in the table")];
    };
    let code = without_comments_and_texts(text);
    let mut wrong: Vec<String> = imported(&code, own_name(module))
        .into_iter()
        .filter(|name| name != module && !allowed.contains(&name.as_str()))
        // `crate::CONSTANT` and macros are no modules.
        .filter(|name| MAY_IMPORT.iter().any(|(known, _)| known == name))
        .map(|name| format!("{module} may not name {name}"))
        .collect();
    let words: BTreeSet<&str> = crates_named(&code);
    for (name, places) in ONLY_IN.iter().chain(&[("tokio", ASYNC)]) {
        if words.contains(name) && !places.contains(&module) {
            wrong.push(format!("{module} may not name {name}"));
        }
    }
    wrong
}

/// What a module calls our own crate.
fn own_name(module: &str) -> &'static str {
    if module == "main" { "credbench" } else { "crate" }
}

/// Modules that may be asynchronous: `vault` and all below it are not, their callers pick the thread.
const ASYNC: &[&str] = &["http", "oauth", "probe", "demo", "session", "cli", "tui"];

/// The first steps of all paths that start at our own crate, groups opened.
fn imported(code: &str, own: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let start = format!("{own}::");
    for (at, _) in code.match_indices(&start) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = code[at + start.len()..].trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {
                        found.insert(first_word(&item));
                        item.clear();
                        continue;
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                item.push(c);
            }
            found.insert(first_word(&item));
        } else {
            found.insert(first_word(rest));
        }
    }
    found
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Words that a path starts with: `name::`, not preceded by another step.
fn crates_named(code: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let start =
            code[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |before| before + 1);
        let before = code[..start].trim_end();
        // `a::b::`: b is no crate; a leading `::` before a crate is none of ours.
        let inner = before.ends_with("::")
            && before[..before.len() - 2].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>');
        if start < at && !inner {
            found.insert(&code[start..at]);
        }
    }
    found
}

/// Blanks in place of comments, texts and characters.
fn without_comments_and_texts(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    let starts = |at: usize, what: &str| what.chars().enumerate().all(|(i, c)| bytes.get(at + i) == Some(&c));
    while at < bytes.len() {
        let word_before = out.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if starts(at, "//") {
            while at < bytes.len() && bytes[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            let mut depth = 0;
            loop {
                if starts(at, "/*") {
                    depth += 1;
                    at += 2;
                } else if starts(at, "*/") {
                    depth -= 1;
                    at += 2;
                } else {
                    at += 1;
                }
                if depth == 0 || at >= bytes.len() {
                    break;
                }
            }
        } else if bytes[at] == 'r' && !word_before && matches!(bytes.get(at + 1), Some('"' | '#')) {
            let hashes = bytes[at + 1..].iter().take_while(|c| **c == '#').count();
            if bytes.get(at + 1 + hashes) == Some(&'"') {
                let end = format!("\"{}", "#".repeat(hashes));
                at += 2 + hashes;
                while at < bytes.len() && !starts(at, &end) {
                    at += 1;
                }
                at += end.len();
            } else {
                out.push('r');
                at += 1;
            }
        } else if bytes[at] == '"' {
            at += 1;
            while at < bytes.len() && bytes[at] != '"' {
                at += if bytes[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if bytes[at] == '\'' && bytes.get(at + 1) == Some(&'\\') {
            at += 3;
            while at < bytes.len() && bytes[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else if bytes[at] == '\'' && bytes.get(at + 2) == Some(&'\'') {
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        out.push(' ');
    }
    out
}

fn module_of(place: &Path) -> String {
    let first = place.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// Every file of Rust under a folder.
pub(crate) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}
