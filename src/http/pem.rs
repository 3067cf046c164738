//! PEM as people paste it: blocks between BEGIN and END lines, with anything around them (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

/// One block.
pub(super) struct Block {
    /// What stands between `-----BEGIN ` and `-----`.
    pub(super) label: String,
    /// Its bytes.
    pub(super) der: Zeroizing<Vec<u8>>,
    /// It has headers such as `Proc-Type: 4,ENCRYPTED` (RFC 1421): its bytes are encrypted.
    pub(super) encrypted: bool,
    /// The line it begins on, from 1.
    line: usize,
}

/// Why a text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No block at all.
    #[error("there is no PEM in it: it needs its BEGIN and END lines")]
    Nothing,
    /// No certificate among the blocks.
    #[error("there is no certificate in it, but {0}")]
    NoCertificate(String),
    /// A block without an end.
    #[error("line {0}: the END line of this block is missing")]
    NoEnd(usize),
    /// A block whose content is not base64.
    #[error("line {0}: this block is damaged")]
    Damaged(usize),
}

/// All blocks of a text, in order.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim).zip(1..);
    while let Some((begin, line)) = lines.next() {
        let Some(label) = begin.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut encoded = Zeroizing::new(String::with_capacity(text.len()));
        let mut encrypted = false;
        loop {
            match lines.next() {
                None => return Err(PemError::NoEnd(line)),
                Some((text, _)) if text == end => break,
                Some((text, _)) if text.starts_with("-----") => return Err(PemError::NoEnd(line)),
                // Headers; base64 has no colon.
                Some((text, _)) if text.contains(':') => encrypted |= text.contains("ENCRYPTED"),
                Some((text, _)) => encoded.push_str(text),
            }
        }
        let der = STANDARD.decode(encoded.as_str()).map_err(|_| PemError::Damaged(line))?;
        if der.is_empty() {
            return Err(PemError::Damaged(line));
        }
        blocks.push(Block { label: label.to_owned(), der: der.into(), encrypted, line });
    }
    if blocks.is_empty() { Err(PemError::Nothing) } else { Ok(blocks) }
}

/// All certificates of a text. Other blocks are passed over where there is at least one.
///
/// # Errors
/// What makes it unusable, with the line.
pub fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for block in blocks(text)? {
        if matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE") {
            let certificate = CertificateDer::from(block.der.to_vec());
            // What is no certificate is found here, with its line, and not in the middle of a handshake.
            rustls::server::ParsedCertificate::try_from(&certificate)
                .map_err(|_| PemError::Damaged(block.line))?;
            found.push(certificate);
        } else {
            others.push(block.label);
        }
    }
    if found.is_empty() { Err(PemError::NoCertificate(others.join(", "))) } else { Ok(found) }
}
