//! Recipients: the public keys a vault is encrypted to.

use std::fmt;

/// A recipient that can be encrypted to.
#[derive(Clone)]
pub struct ParsedRecipient {
    text: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Native(age::x25519::Recipient),
    Tag(age::tag::Recipient),
    TagPq(Box<age::tagpq::Recipient>),
    Ssh(age::ssh::Recipient),
    Plugin(age::plugin::Recipient),
}

/// Why a text is not a recipient. Quotes nothing of it: it may be a secret by mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a recipient: {reason}")]
pub struct RecipientError {
    /// What is wrong and what to give instead.
    pub reason: String,
}

impl fmt::Debug for ParsedRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParsedRecipient({})", self.text)
    }
}

impl ParsedRecipient {
    /// Canonical text: what is stored and compared. An SSH key's comment is not part of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the plugin it needs, if any: `age-plugin-NAME` must then be on the `PATH` for every save.
    pub fn plugin(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plugin(recipient) => Some(recipient.plugin()),
            _ => None,
        }
    }

    /// What age encrypts to.
    pub(super) fn to_age(
        &self,
        callbacks: &super::seal::Callbacks,
    ) -> Result<Box<dyn age::Recipient + Send>, age::plugin::ResolveError> {
        Ok(match &self.kind {
            Kind::Native(recipient) => Box::new(recipient.clone()),
            Kind::Tag(recipient) => Box::new(recipient.clone()),
            Kind::TagPq(recipient) => recipient.clone(),
            Kind::Ssh(recipient) => Box::new(recipient.clone()),
            Kind::Plugin(recipient) => Box::new(age::plugin::RecipientPluginV1::new(
                recipient.plugin(),
                std::slice::from_ref(recipient),
                &[],
                callbacks.clone(),
            )?),
        })
    }
}

/// Reads a recipient: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`, or a plugin's `age1name1…`. Runs no plugin.
///
/// # Errors
/// Says what the text is instead.
pub fn parse_recipient(text: &str) -> Result<ParsedRecipient, RecipientError> {
    let text = text.trim();
    let error = |reason: &str| Err(RecipientError { reason: reason.to_owned() });
    let kind = if text.is_empty() {
        return error("it is empty; give age1…, ssh-ed25519 … or ssh-rsa …");
    } else if text.contains("PRIVATE KEY") || starts_with_ignoring_case(text, "AGE-SECRET-KEY-") {
        return error("this is a secret key; give its public half (age1… or the .pub file's line)");
    } else if starts_with_ignoring_case(text, "AGE-PLUGIN-") {
        return error("this is an identity of a plugin; give its recipient (age1name1…)");
    } else if text.contains(['\n', '\r']) {
        return error("it has several lines; give one recipient at a time");
    } else if text.contains(' ') || text.starts_with("ssh-") {
        Kind::Ssh(parse_ssh(text)?)
    } else if let Ok(recipient) = text.parse() {
        Kind::Native(recipient)
    } else if let Ok(recipient) = text.parse() {
        Kind::Tag(recipient)
    } else if let Ok(recipient) = text.parse() {
        Kind::TagPq(Box::new(recipient))
    } else if let Ok(recipient) = text.parse::<age::plugin::Recipient>() {
        Kind::Plugin(recipient)
    } else if text.starts_with("age1") {
        return error("a character is missing or wrong: the checksum of this age1… text does not fit");
    } else {
        return error("give age1…, ssh-ed25519 … or ssh-rsa …");
    };
    let text = match &kind {
        Kind::Ssh(recipient) => recipient.to_string(),
        _ => text.to_owned(),
    };
    Ok(ParsedRecipient { text, kind })
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn parse_ssh(text: &str) -> Result<age::ssh::Recipient, RecipientError> {
    use age::ssh::ParseRecipientKeyError as Bad;
    text.parse().map_err(|bad| RecipientError {
        reason: match bad {
            Bad::RsaModulusTooSmall => "this RSA key has fewer than 2048 bits".to_owned(),
            Bad::RsaModulusTooLarge => "this RSA key is too large".to_owned(),
            Bad::Unsupported(kind) => {
                format!("SSH keys of type {kind} cannot be encrypted to; use ssh-ed25519 or ssh-rsa")
            }
            _ => "this is no public SSH key; give the whole line of the .pub file".to_owned(),
        },
    })
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;

    use super::*;
    use crate::vault::NobodyToAsk;
    use crate::vault::seal::{self, Callbacks};

    const AGE: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

    fn reason(text: &str) -> String {
        parse_recipient(text).unwrap_err().reason
    }

    #[test]
    fn keeps_the_canonical_text() {
        assert_eq!(parse_recipient(&format!("  {AGE}\n")).unwrap().text(), AGE);
        assert_eq!(parse_recipient(&format!("{SSH} alice@host")).unwrap().text(), SSH);
    }

    #[test]
    fn says_what_the_text_is_instead() {
        assert!(reason("").contains("empty"));
        assert!(reason("AGE-SECRET-KEY-1QQQ").contains("secret key"));
        assert!(reason("age-secret-key-1qqq").contains("secret key"));
        assert!(reason("-----BEGIN OPENSSH PRIVATE KEY-----").contains("secret key"));
        assert!(reason(&AGE.replace('z', "q")).contains("checksum"));
        assert!(reason("alice@example.com").contains("give age1"));
        assert!(reason("ssh-ed25519 AAAA").contains("whole line"));
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHFliOyIZs1gxGF3fmDxFykQhE88wy6AKDGFBfn0R6ZuvRmENABZQa9+pj9hMki+LX0qDJbmHTiWDbYv/cmFt/Q=";
        assert!(reason(ecdsa).contains("type ecdsa-sha2-nistp256"));
    }

    /// A public RSA key with a modulus of so many bits.
    fn rsa(bits: usize) -> String {
        let modulus = [&[0, 0xff][..], &vec![0xff; bits / 8 - 1]].concat();
        let parts: [&[u8]; 3] = [b"ssh-rsa", &[1, 0, 1], &modulus];
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap().to_be_bytes();
        let blob: Vec<u8> = parts.iter().flat_map(|part| [&length(part)[..], part].concat()).collect();
        format!("ssh-rsa {}", BASE64_STANDARD.encode(blob))
    }

    #[test]
    fn an_rsa_key_is_neither_weak_nor_endless() {
        assert!(reason(&rsa(1024)).contains("fewer than 2048 bits"));
        for bits in [8192, 16384] {
            assert!(reason(&rsa(bits)).contains("too large"));
        }
        for bits in [2048, 4096] {
            parse_recipient(&rsa(bits)).unwrap();
        }
    }

    /// Keys that live on hardware; sealing to them takes no plugin.
    #[test]
    fn a_recipient_of_hardware_is_sealed_to() {
        let tag = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e";
        let recipients = [tag, AGE].map(|text| parse_recipient(text).unwrap());
        assert_eq!(recipients[0].text(), tag);
        let callbacks = Callbacks::new(std::sync::Arc::new(NobodyToAsk));
        let sealed = seal::seal(b"x", &recipients, &callbacks).unwrap();
        let header = String::from_utf8_lossy(&sealed);
        assert!(header.contains("\n-> p256tag ") && header.contains("\n-> X25519 "), "{header}");
    }

    #[test]
    fn several_lines_are_not_guessed_at() {
        assert!(reason(&format!("{AGE}\n{SSH}")).contains("one recipient at a time"));
    }

    #[test]
    fn a_plugin_name_is_no_path() {
        // Names that would leave the search path are not even text that age accepts.
        for text in ["age1../../x1qqq", "age1x/y1qqq", "AGE-PLUGIN-../../X-1QQQ"] {
            assert!(parse_recipient(text).is_err(), "{text}");
        }
    }

    #[test]
    fn errors_do_not_quote_a_secret() {
        let secret = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";
        assert!(!reason(secret).contains("GQ9778"));
    }
}
