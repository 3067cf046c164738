//! No secret leaves in a text (Z4, C8), whatever stands around it and however it is written there.

use std::fmt::Write as _;

use credbench::redact::Redactor;
use credbench::secret::Secret;

use super::bytes::Bytes;

pub fn redact(data: &[u8]) {
    let mut bytes = Bytes(data);
    // Long enough that it does not stand in the rest by chance.
    let secret = format!("Zq7~{}~q8Z", bytes.text(40).trim());
    if secret.contains(char::is_control) {
        return;
    }
    let written = match bytes.byte() % 6 {
        0 => secret.clone(),
        1 => percent(&secret),
        2 => json(&secret),
        3 => hex(&secret),
        4 => html(&secret),
        _ => percent(&percent(&secret)),
    };
    let before = bytes.text(60);
    let text = format!("{before}{written}{}", bytes.rest());
    let redactor = Redactor::new([&Secret::from(secret.as_str())]);
    let cleaned = redactor.clean(&text);
    assert!(!cleaned.contains(&written), "{written:?} is still in {cleaned:?}");
    assert!(!cleaned.contains(&secret), "{secret:?} is still in {cleaned:?}");
    let shown = redactor.show(&text, usize::MAX);
    assert!(!shown.contains(&secret) && !shown.contains(&written), "{written:?} is shown: {shown:?}");
    // A text without it is left as it is.
    let innocent = before.replace(['Z', 'q', '~'], "");
    if innocent.len() < 4 {
        assert_eq!(redactor.clean(&innocent), innocent);
    }
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte.is_ascii_alphanumeric() {
            true => out.push(char::from(byte)),
            false => drop(write!(out, "%{byte:02X}")),
        }
        out
    })
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).expect("a text is JSON");
    quoted[1..quoted.len() - 1].to_owned()
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
