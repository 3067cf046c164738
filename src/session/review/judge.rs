//! What a name, a secret or a scope looks like. Pure, and always a guess: each can be left out with a reason.

use crate::secret::Secret;

/// Words that name neither a service nor a purpose.
const EMPTY_WORDS: [&str; 43] = [
    "access",
    "account",
    "api",
    "auth",
    "backup",
    "basic",
    "bearer",
    "client",
    "copy",
    "cred",
    "credential",
    "credentials",
    "creds",
    "default",
    "foo",
    "bar",
    "id",
    "key",
    "keys",
    "login",
    "main",
    "misc",
    "my",
    "new",
    "oauth",
    "old",
    "other",
    "pass",
    "passwd",
    "password",
    "pw",
    "pwd",
    "secret",
    "temp",
    "test",
    "thing",
    "tmp",
    "todo",
    "token",
    "tokens",
    "user",
    "value",
    "x",
];

/// How keys for tests begin at services that tell them apart.
const TEST_STARTS: [&str; 7] =
    ["sk_test_", "pk_test_", "rk_test_", "whsec_test_", "test_", "sandbox_", "sandbox-"];

/// Words of hosts that are for tests.
const TEST_HOSTS: [&str; 9] = ["demo", "dev", "qa", "sandbox", "stage", "staging", "test", "testing", "uat"];

/// Words of scopes that leave nothing out.
const BROAD_WORDS: [&str; 8] = ["*", "admin", "administration", "all", "full", "owner", "root", "superuser"];

/// Longer secrets were not typed by a person, and take long to weigh.
const LONGEST_TYPED: usize = 64;

/// The words of a name: what stands between signs, in small letters. `billingStripe2` is `billing`, `stripe2`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a key names a service or a purpose.
pub(super) fn says_something(key: &str) -> bool {
    words(key).iter().any(|word| {
        let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
        !name.is_empty() && word.chars().count() > 1 && !EMPTY_WORDS.contains(&name)
    })
}

/// Whether a secret is a setting that somebody keeps with secrets, as the variables of a program: a switch, a port, an
/// address without a login.
pub(super) fn is_setting(secret: &Secret) -> bool {
    let text = secret.expose().trim();
    let switch = ["true", "false", "yes", "no", "on", "off", "none", "null"];
    switch.iter().any(|word| text.eq_ignore_ascii_case(word))
        || (text.len() <= 5 && text.chars().all(|c| c.is_ascii_digit()))
        || (text.starts_with("http") && text.contains("://") && !text.contains(['@', '?']))
}

/// Whether a solution is for production, by its name.
pub(super) fn is_production(solution: &str) -> bool {
    words(solution).iter().any(|word| matches!(word.as_str(), "prod" | "production" | "live" | "prd"))
}

/// How a secret begins that is for tests.
pub(super) fn test_start(secret: &Secret) -> Option<&'static str> {
    TEST_STARTS.into_iter().find(|start| secret.expose().starts_with(start))
}

/// The word of a host, or of the host of an address, that says that it is for tests. Of a service that the catalogue
/// knows only `sandbox` counts: `dev.azure.com` is for everybody.
pub(super) fn test_host(address: &str, known: bool) -> Option<&'static str> {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let labels: Vec<&str> = host.split(['.', '-', ':']).collect();
    TEST_HOSTS.into_iter().find(|word| labels.contains(word) && (!known || *word == "sandbox"))
}

/// Whether a scope is broad by its name.
pub(super) fn is_broad(scope: &str) -> bool {
    let scope = scope.to_ascii_lowercase();
    let mut parts = scope.split(|c: char| !c.is_ascii_alphanumeric() && c != '*');
    parts.any(|part| BROAD_WORDS.contains(&part))
}

/// Why a secret is weak, in words that quote nothing of it; `None`: it is not, or no person typed it.
///
/// Weighed by zxcvbn (Wheeler, USENIX Security 2016); `hints` are words that an attacker tries first.
pub(super) fn weak(secret: &Secret, hints: &[&str]) -> Option<String> {
    let text = secret.expose();
    if text.len() > LONGEST_TYPED || text.contains('\n') || is_setting(secret) {
        return None;
    }
    let hints: Vec<&str> = hints.iter().copied().filter(|hint| !hint.is_empty()).collect();
    let weighed = zxcvbn::zxcvbn(text, &hints);
    if weighed.score() >= zxcvbn::Score::Three {
        return None;
    }
    let tries = weighed.guesses_log10().ceil();
    let warning = weighed.feedback().and_then(zxcvbn::feedback::Feedback::warning);
    let why = warning.map(|warning| format!(": {}", lower(&warning.to_string()))).unwrap_or_default();
    Some(format!("is guessed in about 10^{tries} tries{why}"))
}

/// A sentence as a part of another one.
fn lower(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_something_or_nothing() {
        for key in ["stripe", "billing.key", "DATABASE_URL", "smtp-password", "myStripeKey", "s3"] {
            assert!(says_something(key), "{key}");
        }
        for key in ["key1", "API_KEY", "token", "my-secret", "new.api.key.2", "x", "a.b", "1234", "oldToken"]
        {
            assert!(!says_something(key), "{key}");
        }
    }

    #[test]
    fn solutions_for_production_are_known_by_their_name() {
        assert!(
            ["prod", "billing-prod", "Production EU", "shop_live", "shopProd"].into_iter().all(is_production)
        );
        assert!(!["default", "product", "billing-test", "delivery"].into_iter().any(is_production));
    }

    #[test]
    fn hosts_for_tests_are_known_by_a_whole_word() {
        assert_eq!(test_host("https://api.sandbox.example.com/v1", true), Some("sandbox"));
        assert_eq!(test_host("https://staging-api.example.com:8443", false), Some("staging"));
        assert_eq!(test_host("db.qa.example", false), Some("qa"));
        for (host, known) in [
            ("https://dev.azure.com/x", true),
            ("https://attest.example.com", false),
            ("https://example.com/test/sandbox", false),
            ("https://contest.example", false),
        ] {
            assert_eq!(test_host(host, known), None, "{host}");
        }
    }

    #[test]
    fn broad_scopes_are_known_by_a_whole_word() {
        for scope in ["*", "admin:org", "Directory.ReadWrite.All", "channels:*", "full_access", "root"] {
            assert!(is_broad(scope), "{scope}");
        }
        for scope in ["read", "calls:read", "administrator_email.read", "install", "ownership.read"] {
            assert!(!is_broad(scope), "{scope}");
        }
    }

    #[test]
    fn settings_are_told_from_secrets() {
        let setting = |text: &str| is_setting(&Secret::from(text));
        assert!(["true", "OFF", "8080", "https://example.com/hook/"].into_iter().all(setting));
        assert!(
            !["hunter2", "123456", "https://ann:pw@example.com", "https://e.example?key=1"]
                .into_iter()
                .any(setting)
        );
    }

    #[test]
    fn what_is_weak_is_said_without_quoting_it() {
        let said = |text: &str| weak(&Secret::from(text), &["acme"]);
        for text in ["Passw0rd!", "Winter2026", "qwertz123", "acme2026", "aaaaaaaaaaaa"] {
            let words = said(text).unwrap();
            assert!(!words.contains(text) && words.starts_with("is guessed in about 10^"), "{words}");
        }
        for text in ["Zx8kQ2vN7mR4tW9p", "correct horse battery staple gravel", &"a".repeat(65)] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
