//! Plain bytes ⇄ an age file.

use std::io::{BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, EncryptError};
use zeroize::Zeroizing;

use super::keyring::Ask;
use super::recipient::ParsedRecipient;

/// age's questions, passed on to a person. Remembers a cancelled one: age reports it as "no key fits".
#[derive(Clone)]
pub(super) struct Callbacks {
    ask: Arc<dyn Ask>,
    cancelled: Arc<AtomicBool>,
}

impl Callbacks {
    pub(super) fn new(ask: Arc<dyn Ask>) -> Self {
        Self { ask, cancelled: Arc::default() }
    }

    /// Whether a question was cancelled since this was last asked.
    pub(super) fn take_cancelled(&self) -> bool {
        self.cancelled.swap(false, Ordering::Relaxed)
    }

    fn note<T>(&self, answer: Option<T>) -> Option<T> {
        if answer.is_none() {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl age::Callbacks for Callbacks {
    fn display_message(&self, message: &str) {
        self.ask.message(&unmarked(message));
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.note(self.ask.confirm(&unmarked(message), yes, no))
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.note(self.ask.text(&unmarked(description)))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        self.note(self.ask.passphrase(&unmarked(description)))
            .map(|passphrase| SecretString::from(passphrase.expose().to_owned()))
    }
}

/// Why an age file did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Not an age file.
    NotAge,
    /// The header was changed or cut.
    Header,
    /// What follows the header was changed or cut.
    Payload,
    /// No stanza is for this identity.
    NoMatch,
    /// A stanza is for this identity but does not open: for a passphrase, the wrong one.
    WrongKey,
    /// scrypt would take more work than allowed.
    Work(u8),
    /// The plugin's program is missing.
    MissingPlugin(String),
    /// The plugin refused, in its words.
    Plugin(String),
}

/// Encrypts to every recipient.
///
/// # Errors
/// age's reason in our words.
pub(super) fn seal(
    plain: &[u8],
    recipients: &[ParsedRecipient],
    callbacks: &Callbacks,
) -> Result<Vec<u8>, String> {
    let to = recipients
        .iter()
        .map(|recipient| recipient.to_age(callbacks))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| resolve_reason(&error))?;
    seal_to(plain, to.iter().map(|recipient| recipient.as_ref() as &dyn age::Recipient))
}

/// Encrypts to age's own recipients.
pub(super) fn seal_to<'a>(
    plain: &[u8],
    recipients: impl Iterator<Item = &'a dyn age::Recipient>,
) -> Result<Vec<u8>, String> {
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 64 + 4096);
    let encryptor = age::Encryptor::with_recipients(recipients).map_err(|error| encrypt_reason(&error))?;
    let written = encryptor.wrap_output(&mut sealed).and_then(|mut output| {
        output.write_all(plain)?;
        output.finish()?;
        Ok(())
    });
    written.map_err(|error| error.to_string())?;
    Ok(sealed)
}

/// Decrypts the whole file before anything of it is handed out.
///
/// # Errors
/// See [`Failure`].
pub(super) fn unseal(bytes: &[u8], identity: &dyn age::Identity) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let decryptor = decryptor(bytes)?;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(|error| match error {
        DecryptError::NoMatchingKeys => Failure::NoMatch,
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => Failure::WrongKey,
        DecryptError::ExcessiveWork { required, .. } => Failure::Work(required),
        DecryptError::PluginResolve(error) => Failure::MissingPlugin(resolve_reason(&error)),
        DecryptError::Plugin(errors) => Failure::Plugin(plugin_reason(&errors)),
        _ => Failure::Header,
    })?;
    // The plaintext is shorter than the file: this never grows, so no copy is left behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(bytes.len() + 64));
    reader.read_to_end(&mut plain).map_err(|_| Failure::Payload)?;
    Ok(plain)
}

/// Reads the header of an age file, armored or not.
pub(super) fn decryptor(bytes: &[u8]) -> Result<age::Decryptor<impl Read>, Failure> {
    const MAGIC: &[u8] = b"age-encryption.org/";
    let armored = bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----");
    if !armored && !bytes.starts_with(MAGIC) {
        return Err(Failure::NotAge);
    }
    age::Decryptor::new_buffered(BufReader::new(ArmoredReader::new(bytes))).map_err(|_| Failure::Header)
}

fn encrypt_reason(error: &EncryptError) -> String {
    match error {
        EncryptError::IncompatibleRecipients { .. } => {
            "post-quantum and classic recipients cannot share a file".to_owned()
        }
        EncryptError::MissingRecipients => "there is no recipient".to_owned(),
        EncryptError::Plugin(errors) => plugin_reason(errors),
        EncryptError::PluginResolve(error) => resolve_reason(error),
        other => unmarked(&other.to_string()),
    }
}

pub(super) fn resolve_reason(error: &age::plugin::ResolveError) -> String {
    match error {
        age::plugin::ResolveError::MissingPlugin { binary_name } => {
            format!("{binary_name} is not on the PATH")
        }
        _ => "the name of the plugin is not a plain word".to_owned(),
    }
}

fn plugin_reason(errors: &[impl std::fmt::Display]) -> String {
    errors.iter().map(|error| unmarked(error.to_string().trim())).collect::<Vec<_>>().join("; ")
}

/// Without the marks that age's translations put around names.
fn unmarked(text: &str) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

#[cfg(test)]
mod tests {
    use age::Callbacks as _;
    use age::secrecy::ExposeSecret as _;

    use super::*;
    use crate::secret::Secret;
    use crate::vault::NobodyToAsk;

    /// Answers everything, and remembers what it was asked.
    #[derive(Default)]
    struct Person(std::sync::Mutex<Vec<String>>);

    impl Person {
        fn hear(&self, words: &str) {
            self.0.lock().unwrap().push(words.to_owned());
        }
    }

    impl Ask for Person {
        fn passphrase(&self, what: &str) -> Option<Secret> {
            self.hear(what);
            Some(Secret::from("open sesame"))
        }
        fn text(&self, what: &str) -> Option<String> {
            self.hear(what);
            Some("text".to_owned())
        }
        fn confirm(&self, message: &str, yes: &str, _: Option<&str>) -> Option<bool> {
            self.hear(message);
            Some(yes == "yes")
        }
        fn message(&self, text: &str) {
            self.hear(text);
        }
    }

    #[test]
    fn questions_reach_a_person_without_the_marks_around_names() {
        let person = Arc::new(Person::default());
        let callbacks = Callbacks::new(person.clone());
        callbacks.display_message("touch \u{2068}key\u{2069}");
        assert_eq!(callbacks.confirm("really", "yes", None), Some(true));
        assert_eq!(callbacks.confirm("really", "no", None), Some(false));
        assert_eq!(callbacks.request_public_string("a name").as_deref(), Some("text"));
        assert_eq!(callbacks.request_passphrase("PIN").unwrap().expose_secret(), "open sesame");
        assert_eq!(*person.0.lock().unwrap(), ["touch key", "really", "really", "a name", "PIN"]);
        assert!(!callbacks.take_cancelled());
    }

    #[test]
    fn what_nobody_answers_counts_as_cancelled_once() {
        let callbacks = Callbacks::new(Arc::new(NobodyToAsk));
        let questions: [fn(&Callbacks) -> bool; 3] = [
            |callbacks| callbacks.confirm("really", "yes", None).is_none(),
            |callbacks| callbacks.request_public_string("a name").is_none(),
            |callbacks| callbacks.request_passphrase("PIN").is_none(),
        ];
        for question in questions {
            assert!(question(&callbacks));
            assert!(callbacks.take_cancelled());
            assert!(!callbacks.take_cancelled());
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_our_words() {
        let callbacks = Callbacks::new(Arc::new(NobodyToAsk));
        assert_eq!(seal(b"text", &[], &callbacks).unwrap_err(), "there is no recipient");
        assert_eq!(plugin_reason(&[" no \u{2068}card\u{2069}\n", "no reader"]), "no card; no reader");
        let binary_name = "age-plugin-none".to_owned();
        let missing = age::plugin::ResolveError::MissingPlugin { binary_name };
        assert_eq!(resolve_reason(&missing), "age-plugin-none is not on the PATH");
    }

    #[test]
    fn an_armored_file_opens_like_a_plain_one() {
        let identity = age::x25519::Identity::generate();
        let to: [&dyn age::Recipient; 1] = [&identity.to_public()];
        let sealed = seal_to(b"text", to.into_iter()).unwrap();
        let mut armored = Vec::new();
        let mut writer =
            age::armor::ArmoredWriter::wrap_output(&mut armored, age::armor::Format::AsciiArmor).unwrap();
        writer.write_all(&sealed).unwrap();
        writer.finish().unwrap();
        for file in [&sealed, &armored] {
            assert_eq!(**unseal(file, &identity).unwrap(), *b"text");
            let stranger = age::x25519::Identity::generate();
            assert_eq!(unseal(file, &stranger).unwrap_err(), Failure::NoMatch);
        }
        assert_eq!(unseal(b"text", &identity).unwrap_err(), Failure::NotAge);
        assert_eq!(unseal(&sealed[..40], &identity).unwrap_err(), Failure::Header);
        assert_eq!(unseal(&sealed[..sealed.len() - 1], &identity).unwrap_err(), Failure::Payload);
    }
}
