//! Hashes, HMACs and the ways to write their bytes.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SignError;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// SHA-1: weak by itself, still sound in an HMAC.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The hash of some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    /// The HMAC of some bytes (RFC 2104).
    pub(super) fn hmac(self, key: &[u8], bytes: &[u8]) -> Zeroizing<Vec<u8>> {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        Zeroizing::new(hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec())
    }
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal in small letters.
    #[default]
    Hex,
    /// Hexadecimal in capitals.
    UpperHex,
    /// Base64 with padding.
    Base64,
    /// Base64 for addresses, without padding.
    Base64url,
}

impl Encoding {
    /// Bytes as text.
    pub(super) fn of(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex(bytes),
            Self::UpperHex => hex(bytes).to_ascii_uppercase(),
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64url => URL_SAFE_NO_PAD.encode(bytes),
        }
    }
}

/// How the text of a key stands for its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyEncoding {
    /// The text's own bytes.
    #[default]
    Raw,
    /// Base64, in either alphabet, padded or not.
    Base64,
    /// Hexadecimal.
    Hex,
}

impl KeyEncoding {
    /// The key's bytes.
    pub(super) fn read(self, text: &str) -> Result<Zeroizing<Vec<u8>>, SignError> {
        let bytes = match self {
            Self::Raw => Ok(text.as_bytes().to_vec()),
            Self::Base64 => from_base64(text).ok_or(SignError::Key("it is not base64")),
            Self::Hex => from_hex(text.trim()).ok_or(SignError::Key("it is not hexadecimal")),
        }?;
        if bytes.is_empty() {
            return Err(SignError::Key("it is empty"));
        }
        Ok(Zeroizing::new(bytes))
    }
}

/// Base64 in either alphabet, padded or not.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_whitespace() && *c != '=').collect();
    let standard = text.replace('-', "+").replace('_', "/");
    STANDARD_NO_PAD.decode(Zeroizing::new(standard).as_bytes()).ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Bytes in hexadecimal, in small letters.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        text
    })
}

/// Percent-encoded but for the unreserved characters (RFC 3986, 2.3), and `also`.
pub(super) fn percent(text: &[u8], also: &[u8]) -> String {
    text.iter().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || also.contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex(&[*byte]).to_ascii_uppercase());
        }
        encoded
    })
}

/// The bytes that a percent-encoded text stands for; what is no such pair of digits stays.
pub(super) fn unpercent(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = pair.and_then(|pair| from_hex(std::str::from_utf8(pair).ok()?)).map(|byte| byte[0]);
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    decoded
}

/// Pairs percent-encoded, sorted and joined as a query: what AWS and OAuth sign.
pub(super) fn sorted_query(pairs: &[(String, String)]) -> String {
    let encode = |text: &String| percent(text.as_bytes(), b"");
    let mut pairs: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}
