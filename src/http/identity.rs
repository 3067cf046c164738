//! A client certificate with its key, as a person enters them (mutual TLS).

use std::sync::Arc;

use jiff::Timestamp;
use pkcs8::EncryptedPrivateKeyInfo;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::CertifiedKey;

use super::pem::{self, Block, PemError};
use super::tls::provider;
use crate::secret::Secret;

/// A certificate that is shown in the handshake, with the key that proves it.
#[derive(Clone)]
pub struct ClientIdentity {
    pub(super) key: Arc<CertifiedKey>,
    /// The first and the last moment of its life, where they can be read.
    validity: Option<(Timestamp, Timestamp)>,
}

impl std::fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientIdentity({} certificates)", self.key.cert.len())
    }
}

/// Why a certificate and a key are no identity. Which of the fields is meant stands in the name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The certificate's text.
    #[error("{0}")]
    Certificate(PemError),
    /// The key's text.
    #[error("{}", match .0 {
        PemError::NoCertificate(labels) => format!("there is no private key in it, but {labels}"),
        other => other.to_string(),
    })]
    Key(PemError),
    /// More than one key.
    #[error("there are {0} private keys in it: leave only the certificate's")]
    ManyKeys(usize),
    /// The way of encryption from before PKCS #8.
    #[error(
        "it is encrypted in an old way (Proc-Type: 4,ENCRYPTED): convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`"
    )]
    OldEncryption,
    /// Encrypted, and there is nothing to open it with.
    #[error("it is encrypted and there is no passphrase")]
    NoPassphrase,
    /// The passphrase does not open it.
    #[error("it does not open the private key")]
    WrongPassphrase,
    /// Encrypted with an algorithm that is not known here.
    #[error(
        "it is encrypted with an algorithm that is not supported: convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256`"
    )]
    Cipher,
    /// A key that cannot be used.
    #[error(
        "it is damaged, or of a kind that is not supported: RSA of 2048 bits or more, ECDSA P-256, P-384, P-521 and Ed25519 are"
    )]
    Unusable,
    /// The key of another certificate.
    #[error("it does not belong to the certificate")]
    OtherKey,
}

impl IdentityError {
    /// The part that has to be corrected.
    pub fn part(&self) -> IdentityPart {
        match self {
            Self::Certificate(_) => IdentityPart::Certificate,
            Self::NoPassphrase | Self::WrongPassphrase => IdentityPart::Passphrase,
            _ => IdentityPart::Key,
        }
    }
}

/// A part of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityPart {
    /// The certificate.
    Certificate,
    /// The private key.
    Key,
    /// What opens the key.
    Passphrase,
}

impl ClientIdentity {
    /// Reads the certificate, its chain behind it, and its key. A passphrase is used only where the key is
    /// encrypted.
    ///
    /// # Errors
    /// What makes it unusable.
    pub fn read(certificate: &str, key: &Secret, passphrase: Option<&Secret>) -> Result<Self, IdentityError> {
        let chain = pem::certificates(certificate).map_err(IdentityError::Certificate)?;
        let key = private_key(key, passphrase)?;
        let validity = super::certificate::validity(&chain[0]);
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => IdentityError::OtherKey,
            _ => IdentityError::Unusable,
        })?;
        Ok(Self { key: Arc::new(key), validity })
    }

    /// When the certificate ended, where it is over.
    pub fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        self.validity.map(|(_, last)| last).filter(|last| *last < now)
    }

    /// When the certificate begins, where that is still to come.
    pub fn begins(&self, now: Timestamp) -> Option<Timestamp> {
        self.validity.map(|(first, _)| first).filter(|first| *first > now)
    }
}

fn private_key(text: &Secret, passphrase: Option<&Secret>) -> Result<PrivateKeyDer<'static>, IdentityError> {
    let mut blocks = pem::blocks(text.expose()).map_err(IdentityError::Key)?;
    let labels: Vec<String> = blocks.iter().map(|block| block.label.clone()).collect();
    blocks.retain(|block| block.label.ends_with("PRIVATE KEY"));
    let block: Block = match blocks.len() {
        0 => return Err(IdentityError::Key(PemError::NoCertificate(labels.join(", ")))),
        1 => blocks.remove(0),
        many => return Err(IdentityError::ManyKeys(many)),
    };
    if block.encrypted {
        return Err(IdentityError::OldEncryption);
    }
    let der = block.der.to_vec();
    Ok(match block.label.as_str() {
        "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
        "ENCRYPTED PRIVATE KEY" => {
            let encrypted =
                EncryptedPrivateKeyInfo::try_from(block.der.as_slice()).map_err(|_| IdentityError::Cipher)?;
            let passphrase = passphrase.ok_or(IdentityError::NoPassphrase)?;
            let opened = encrypted.decrypt(passphrase.expose()).map_err(|error| match error {
                // That is how a padding that does not fit is called there.
                pkcs8::Error::EncryptedPrivateKey(
                    pkcs8::pkcs5::Error::DecryptFailed | pkcs8::pkcs5::Error::EncryptFailed,
                )
                // The padding may fit by chance; what comes out is no key then.
                | pkcs8::Error::Asn1(_) => IdentityError::WrongPassphrase,
                _ => IdentityError::Cipher,
            })?;
            PrivatePkcs8KeyDer::from(opened.as_bytes().to_vec()).into()
        }
        _ => return Err(IdentityError::Unusable),
    })
}
