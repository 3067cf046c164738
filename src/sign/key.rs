//! Private keys as people have them: PEM in its three forms, DER in base64.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::code::{Encoding, Hash, KeyEncoding, from_base64};
use super::{Algorithm, SignError};

/// What signs a token.
pub(super) enum SigningKey {
    Hmac(Hash, Zeroizing<Vec<u8>>),
    Rsa(&'static dyn signature::RsaEncoding, Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads the key that an algorithm needs.
    pub(super) fn read(algorithm: Algorithm, text: &str, encoding: KeyEncoding) -> Result<Self, SignError> {
        if text.trim().is_empty() {
            return Err(SignError::Key("it is empty"));
        }
        if let Some(hash) = algorithm.hmac() {
            return Ok(Self::Hmac(hash, encoding.read(text)?));
        }
        let key = der(text)?;
        if let Some(padding) = algorithm.rsa() {
            let pair = match &key {
                PrivateKeyDer::Pkcs8(der) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
                PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
                _ => return Err(SignError::Key("it is not an RSA key")),
            };
            let pair = pair.map_err(|_| SignError::Key("it is not an RSA key of 2048 bits or more"))?;
            return Ok(Self::Rsa(padding, Box::new(pair)));
        }
        if let Some(curve) = algorithm.curve() {
            let pair = match &key {
                PrivateKeyDer::Pkcs8(der) => EcdsaKeyPair::from_pkcs8(curve, der.secret_pkcs8_der()).ok(),
                PrivateKeyDer::Sec1(der) => {
                    EcdsaKeyPair::from_private_key_der(curve, der.secret_sec1_der()).ok()
                }
                _ => None,
            };
            return pair.map(Self::Ec).ok_or(SignError::Key("it is not a key of the algorithm's curve"));
        }
        let PrivateKeyDer::Pkcs8(der) = &key else { return Err(SignError::Key("it is not an Ed25519 key")) };
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der())
            .map(Self::Ed)
            .map_err(|_| SignError::Key("it is not an Ed25519 key"))
    }

    /// Signs.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        const FAILED: SignError = SignError::Key("it does not sign");
        Ok(match self {
            Self::Hmac(hash, key) => hash.hmac(key, message).to_vec(),
            Self::Rsa(padding, pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*padding, &SystemRandom::new(), message, &mut signature).map_err(|_| FAILED)?;
                signature
            }
            Self::Ec(pair) => pair.sign(&SystemRandom::new(), message).map_err(|_| FAILED)?.as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }

    /// The SHA-256 of the public key (SubjectPublicKeyInfo), in base64: how some services name a key.
    pub(super) fn public_sha256(&self) -> Option<String> {
        let Self::Rsa(_, pair) = self else { return None };
        let public = pair.public_key().as_der().ok()?;
        Some(Encoding::Base64.of(&Hash::Sha256.of(public.as_ref())))
    }
}

/// A private key as DER. Takes PEM, also with `\n` for its line breaks as in JSON, and bare base64 of PKCS#8.
fn der(text: &str) -> Result<PrivateKeyDer<'static>, SignError> {
    let text = Zeroizing::new(text.replace("\\n", "\n"));
    if text.contains("ENCRYPTED") {
        return Err(SignError::Key("it is encrypted: enter it without its passphrase"));
    }
    if text.contains("-----BEGIN") {
        return PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_| SignError::Key("it is not a PEM private key: it needs its BEGIN and END lines"));
    }
    from_base64(&text)
        .and_then(|der| PrivateKeyDer::try_from(der).ok())
        .ok_or(SignError::Key("it is not a PEM private key: it needs its BEGIN and END lines"))
}

/// The thumbprint of a PEM certificate, for a token's `x5t` (SHA-1) and `x5t#S256`.
pub(super) fn thumbprint(certificate: &str, hash: Hash) -> Result<String, SignError> {
    let certificate = certificate.replace("\\n", "\n");
    let der = CertificateDer::from_pem_slice(certificate.as_bytes())
        .map_err(|_| SignError::Spec("the certificate is not PEM".to_owned()))?;
    Ok(Encoding::Base64url.of(&hash.of(&der)))
}
