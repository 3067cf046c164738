//! Names of other programs as keys: letters, digits, `.`, `_` and `-`, and no two the same.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The most characters that a key has.
const LONGEST: usize = 200;

/// A key made of a name; empty where nothing of it can stand in one.
pub fn of(name: &str) -> String {
    let mut key = String::new();
    // A letter with an accent is the letter, and the accent.
    for c in name.nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            'ß' => key.push_str("ss"),
            c if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') => key.extend(c.to_lowercase()),
            _ if key.is_empty() || key.ends_with(['-', '.']) => {}
            _ => key.push('-'),
        }
        if key.len() >= LONGEST {
            break;
        }
    }
    key.truncate(LONGEST);
    key.trim_matches(['-', '.']).to_owned()
}

/// Whether a text can be a key as it is.
pub fn is_one(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

/// The key, or where it is taken the key with the lowest number behind it that makes it another one.
pub fn unique(key: &str, taken: &HashSet<String>) -> String {
    if !taken.contains(key) {
        return key.to_owned();
    }
    let numbered = |number: usize| {
        let number = format!("-{number}");
        format!("{}{number}", &key[..key.len().min(LONGEST - number.len())])
    };
    // One more than there are taken ones always suffices.
    (2..taken.len() + 3).map(numbered).find(|key| !taken.contains(key)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_keys() {
        let keys = [
            ("GitHub (work)", "github-work"),
            ("Büro / Straße  7", "buro-strasse-7"),
            ("api.example.com", "api.example.com"),
            ("STRIPE_KEY", "stripe_key"),
            ("日本語", ""),
            ("--- ../..//x", "x"),
            ("a\u{202e}b\u{7}c", "a-b-c"),
        ];
        for (name, key) in keys {
            assert_eq!(of(name), key, "{name}");
            assert!(key.is_empty() || is_one(key));
        }
        assert_eq!(of(&"x".repeat(300)).len(), LONGEST);
        assert!(!is_one("") && !is_one("a b") && !is_one(&"x".repeat(201)));
    }

    #[test]
    fn a_taken_key_gets_a_number() {
        let mut taken: HashSet<String> = ["a", "a-2"].map(str::to_owned).into();
        assert_eq!(unique("b", &taken), "b");
        assert_eq!(unique("a", &taken), "a-3");
        let long = "x".repeat(LONGEST);
        taken.insert(long.clone());
        assert!(is_one(&unique(&long, &taken)) && unique(&long, &taken).ends_with("-2"));
    }
}
