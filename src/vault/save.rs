//! From a document to sealed bytes that are known to open again.

use zeroize::Zeroizing;

use super::error::{Notice, StoreError};
use super::format::{self, Header, Writer};
use super::keyring::{Identity, Keyring};
use super::recipient::{ParsedRecipient, parse_recipient};
use super::seal;
use super::writer::WriterKey;
use crate::audit::{self, Head};
use crate::model::Document;

/// An age file, and the plaintext it must open to.
pub(super) struct Sealed {
    pub(super) bytes: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
}

impl Sealed {
    /// Whether what came back from the disk opens to what went in. Where that would take a person and a
    /// piece of hardware, that the bytes are the same has to do.
    pub(super) fn opens_from(&self, back: &[u8], keyring: &Keyring, opener: usize) -> Result<(), String> {
        let identity = keyring.identity(opener);
        if identity.is_plugin() {
            return Ok(());
        }
        match identity.unseal(back, keyring.callbacks()) {
            Ok(plain) if *plain == *self.plain => Ok(()),
            Ok(_) => Err("it decrypts to something else".to_owned()),
            Err(_) => Err("it does not decrypt".to_owned()),
        }
    }
}

/// Writes, signs and encrypts a document. What was written is taken apart again and compared with the
/// document, so that nothing is ever saved that could not be opened.
pub(super) fn seal(
    document: &Document,
    header: &Header,
    recipients: &[ParsedRecipient],
    key: &WriterKey,
    keyring: &Keyring,
) -> Result<Sealed, StoreError> {
    let not_storable = |reason: String| StoreError::NotStorable { reason };
    let plain =
        format::encode(document, header, |header, body| key.sign(header, body)).map_err(not_storable)?;
    let again = format::decode(&plain).map_err(|refusal| not_storable(refusal.to_string()))?;
    if again.header.as_ref() != Some(header) || again.document != *document || again.signature.is_err() {
        return Err(not_storable("it would not read back the same".to_owned()));
    }
    let bytes = seal::seal(&plain, recipients, keyring.callbacks())
        .map_err(|reason| StoreError::Encrypt { reason })?;
    Ok(Sealed { bytes, plain })
}

/// The document's recipients, ready to encrypt to.
pub(super) fn recipients(document: &Document) -> Result<Vec<ParsedRecipient>, StoreError> {
    Ok(document
        .recipients
        .iter()
        .map(|recipient| parse_recipient(&recipient.recipient))
        .collect::<Result<_, _>>()?)
}

/// The error for recipients that leave an identity out.
pub(super) fn locked_out(keyring: &Keyring, index: usize) -> StoreError {
    let recipient = keyring.identity(index).public().unwrap_or("the plugin identity").to_owned();
    StoreError::LockedOut { recipient }
}

/// How many audit logs a header names: one for each place that the vault is kept in.
const AUDIT_HEADS: usize = 8;

/// A document with a key for the audit log: its own, or a new one.
pub(super) fn with_audit_key(mut document: Document) -> Document {
    document.audit_key.get_or_insert_with(audit::new_key);
    document
}

/// Names the newest line of an audit log in the header, before those of other logs.
pub(super) fn put_audit_head(header: &mut Header, head: &Head) {
    header.audit.retain(|known| known.log != head.log);
    header.audit.insert(0, head.clone());
    header.audit.truncate(AUDIT_HEADS);
}

/// Makes sure that the header names the writer; a notice where others are to learn of a new one.
pub(super) fn add_writer(
    header: &mut Header,
    key: &WriterKey,
    document: &Document,
    identity: &Identity,
) -> Option<Notice> {
    let public = key.public();
    if header.writers.iter().any(|writer| writer.key == public) {
        return None;
    }
    let own = document.recipients.iter().find(|recipient| {
        parse_recipient(&recipient.recipient).is_ok_and(|recipient| identity.answers_to(&recipient))
    });
    let name = own.map(|recipient| recipient.name.clone()).unwrap_or_default();
    let first = header.writers.is_empty();
    header.writers.push(Writer { key: public.clone(), name });
    (!first).then(|| Notice::NewWriter { writer: header.writer_label(&public) })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::Recipient;
    use crate::secret::Secret;

    #[test]
    fn what_came_back_has_to_open_to_what_went_in() {
        let home = tempfile::tempdir().unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let keyring = Keyring::create(&home.path().join("identity"), None, 2, now).unwrap();
        let recipient = keyring.recipients().remove(0);
        let recipient = Recipient { recipient, name: "Ann".to_owned(), added_at: now };
        let document = Document { recipients: vec![recipient], ..Document::new() };
        let to = recipients(&document).unwrap();
        let key = WriterKey::derived(&Secret::from("a test's identity"));
        let mut header = Header { writer: key.public(), ..Header::of_nobody() };
        assert_eq!(add_writer(&mut header, &key, &document, keyring.identity(0)), None, "the first");
        assert_eq!(header.writers[0].name, "Ann");
        assert_eq!(add_writer(&mut header, &key, &document, keyring.identity(0)), None, "known");
        let sealed = seal(&document, &header, &to, &key, &keyring).unwrap();
        sealed.opens_from(&sealed.bytes, &keyring, 0).unwrap();
        let mut damaged = sealed.bytes.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(sealed.opens_from(&damaged, &keyring, 0).unwrap_err(), "it does not decrypt");
        let other = seal(
            &Document { audit_key: Some(Secret::from("k")), ..document.clone() },
            &header,
            &to,
            &key,
            &keyring,
        );
        let other = other.unwrap().bytes;
        assert_eq!(sealed.opens_from(&other, &keyring, 0).unwrap_err(), "it decrypts to something else");
        let second = WriterKey::derived(&Secret::from("another identity"));
        let notice = add_writer(&mut header, &second, &Document::new(), keyring.identity(0));
        assert_eq!(notice, Some(Notice::NewWriter { writer: second.public() }));
        assert_eq!(header.writers.len(), 2);
    }

    #[test]
    fn the_newest_line_of_each_log_is_named_once_and_of_eight_logs() {
        let mut header = Header::of_nobody();
        let head = |log: usize, line| Head { log: format!("log-{log}"), line, hash: String::new() };
        for log in 0..=AUDIT_HEADS {
            put_audit_head(&mut header, &head(log, 1));
        }
        put_audit_head(&mut header, &head(AUDIT_HEADS - 1, 2));
        let named: Vec<_> = header.audit.iter().map(|head| (head.log.as_str(), head.line)).collect();
        assert_eq!(named.len(), AUDIT_HEADS);
        assert_eq!(named[..2], [("log-7", 2), ("log-8", 1)]);
        assert_eq!(named.iter().filter(|(log, _)| *log == "log-7").count(), 1);
    }
}
