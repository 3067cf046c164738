//! WSSE: the UsernameToken of WS-Security (OASIS, 2004) as a header of its own.

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::code::{self, Encoding, Hash};
use super::template::Template;
use super::{Fill, SignError, set_header};
use crate::http::Request;
use crate::secret::Secret;

/// The parameters of WSSE.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WsseSpec {
    /// The user's name.
    pub username: String,
    /// The user's secret.
    pub password: String,
    /// How nonce and digest are written.
    #[serde(default)]
    pub style: WsseStyle,
    /// The hash; the standard's is SHA-1.
    #[serde(default = "sha1")]
    pub hash: Hash,
}

fn sha1() -> Hash {
    Hash::Sha1
}

/// How nonce and digest are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WsseStyle {
    /// As the standard says: base64 of the nonce's bytes, base64 of the digest's.
    #[default]
    Standard,
    /// The nonce in hexadecimal, hashed as that text; base64 of the digest in hexadecimal, as Emarsys wants it.
    Hex,
}

/// A user.
pub(super) struct Wsse {
    user: Secret,
    password: Secret,
    style: WsseStyle,
    hash: Hash,
}

impl WsseSpec {
    pub(super) fn resolve<E: From<SignError>>(&self, fill: &Fill<'_, E>) -> Result<Wsse, E> {
        Ok(Wsse {
            user: Template::fixed(&self.username, fill)?,
            password: Template::fixed(&self.password, fill)?,
            style: self.style,
            hash: self.hash,
        })
    }
}

impl Wsse {
    /// Sets `X-WSSE`, and `Authorization` where nothing else does.
    pub(super) fn sign(
        &self,
        request: &mut Request,
        now: Timestamp,
        nonce: &[u8; 16],
    ) -> Result<Vec<Secret>, SignError> {
        let (value, digest) = self.token(&now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), nonce)?;
        set_header(request, "X-WSSE", value)?;
        if super::header(request, "Authorization").is_none() {
            set_header(request, "Authorization", Secret::from("WSSE profile=\"UsernameToken\""))?;
        }
        Ok(vec![digest])
    }

    fn token(&self, created: &str, nonce: &[u8]) -> Result<(Secret, Secret), SignError> {
        let user = self.user.expose();
        if user.contains(['"', '\\']) {
            return Err(SignError::Unsendable("the user's name".to_owned()));
        }
        let (shown, hashed) = match self.style {
            WsseStyle::Standard => (Encoding::Base64.of(nonce), nonce.to_vec()),
            WsseStyle::Hex => (code::hex(nonce), code::hex(nonce).into_bytes()),
        };
        let mut text = Zeroizing::new(hashed);
        text.extend_from_slice(created.as_bytes());
        text.extend_from_slice(self.password.expose().as_bytes());
        let hash = self.hash.of(&text);
        let digest = match self.style {
            WsseStyle::Standard => Encoding::Base64.of(&hash),
            WsseStyle::Hex => Encoding::Base64.of(code::hex(&hash).as_bytes()),
        };
        let value = format!(
            "UsernameToken Username=\"{user}\", PasswordDigest=\"{digest}\", Nonce=\"{shown}\", Created=\"{created}\""
        );
        Ok((Secret::new(value), Secret::new(digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Atom publishing community's "Atom Authentication" (the nonce is hashed as it is shown
    /// before base64): user bob, password taadtaadpstcsm.
    #[test]
    fn a_published_example() {
        let wsse = Wsse {
            user: Secret::from("bob"),
            password: Secret::from("taadtaadpstcsm"),
            style: WsseStyle::Standard,
            hash: Hash::Sha1,
        };
        let (value, digest) =
            wsse.token("2003-12-15T14:43:07Z", b"d36e316282959a9ed4c89851497a717f").unwrap();
        assert_eq!(digest.expose(), "quR/EWLAV4xLf9Zqyw4pDmfV9OY=");
        assert_eq!(
            value.expose(),
            "UsernameToken Username=\"bob\", PasswordDigest=\"quR/EWLAV4xLf9Zqyw4pDmfV9OY=\", \
             Nonce=\"ZDM2ZTMxNjI4Mjk1OWE5ZWQ0Yzg5ODUxNDk3YTcxN2Y=\", Created=\"2003-12-15T14:43:07Z\""
        );
    }

    #[test]
    fn in_hexadecimal() {
        let wsse = Wsse {
            user: Secret::from("bob"),
            password: Secret::from("p"),
            style: WsseStyle::Hex,
            hash: Hash::Sha1,
        };
        let (value, digest) = wsse.token("2014-03-20T12:51:45Z", &[0xd3; 2]).unwrap();
        let hash = code::hex(&Hash::Sha1.of(b"d3d32014-03-20T12:51:45Zp"));
        assert_eq!(digest.expose(), Encoding::Base64.of(hash.as_bytes()));
        assert!(value.expose().contains("Nonce=\"d3d3\""));
        let quoted = Wsse { user: Secret::from("a\"b"), ..wsse };
        assert!(quoted.token("now", b"n").is_err());
    }
}
