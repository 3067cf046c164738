//! SCRAM (RFC 5802, 7677): proves a password without sending it, and asks the server for its own proof.

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::verdict::{Ends, Verdict};

/// The most rounds that are computed: a server names their number, and could keep a core busy for hours.
const ROUNDS: u32 = 1_000_000;

/// Which digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    /// Only MongoDB still uses it.
    #[cfg(feature = "mongodb")]
    Sha1,
    Sha256,
}

impl Digest {
    fn hmac(self) -> hmac::Algorithm {
        match self {
            #[cfg(feature = "mongodb")]
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            #[cfg(feature = "mongodb")]
            Self::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        }
    }

    fn plain(self) -> &'static digest::Algorithm {
        match self {
            #[cfg(feature = "mongodb")]
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        }
    }
}

/// The client's side of one exchange.
pub(super) struct Scram {
    digest: Digest,
    first: String,
    nonce: String,
    /// What the server has to answer in the end.
    signature: Vec<u8>,
}

impl Scram {
    /// Begins; `nonce` is unguessable text without commas.
    pub(super) fn new(digest: Digest, user: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { digest, first: format!("n={user},r={nonce}"), nonce, signature: Vec::new() }
    }

    /// The client's first message: no channel is bound.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.first)
    }

    /// The client's proof, from the server's first message. `password` is already prepared.
    pub(super) async fn prove(&mut self, password: Zeroizing<String>, challenge: &[u8]) -> Ends<String> {
        let odd = || Verdict::unexpected("the server's SCRAM challenge makes no sense");
        let challenge = std::str::from_utf8(challenge).map_err(|_| odd())?;
        let field = |name: &str| challenge.split(',').find_map(|part| part.strip_prefix(name));
        let (Some(nonce), Some(salt), Some(rounds)) = (field("r="), field("s="), field("i=")) else {
            return Err(odd());
        };
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(odd());
        }
        let salt = STANDARD.decode(salt).map_err(|_| odd())?;
        let rounds: std::num::NonZeroU32 = rounds.parse().map_err(|_| odd())?;
        if rounds.get() > ROUNDS {
            return Err(Verdict::unexpected(format!(
                "the server asks for {rounds} rounds of its digest, and more than {ROUNDS} are not computed"
            )));
        }
        let digest = self.digest;
        let salted = move || {
            let mut salted = Zeroizing::new(vec![0; digest.plain().output_len()]);
            pbkdf2::derive(digest.pbkdf2(), rounds, &salt, password.as_bytes(), &mut salted);
            salted
        };
        // Takes up to a second, in which the test must stay ready to be cancelled.
        let salted = tokio::task::spawn_blocking(salted).await.map_err(|_| odd())?;
        let mac = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(digest.hmac(), key), text);
        let client = mac(&salted, b"Client Key");
        let stored = digest::digest(digest.plain(), client.as_ref());
        let last = format!("c=biws,r={nonce}");
        let all = format!("{},{challenge},{last}", self.first);
        let signature = mac(stored.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        self.signature = mac(mac(&salted, b"Server Key").as_ref(), all.as_bytes()).as_ref().to_vec();
        Ok(format!("{last},p={}", STANDARD.encode(proof)))
    }

    /// Checks the server's last message: it has to know the password too, else it is somebody else.
    pub(super) fn verify(&self, last: &[u8]) -> Ends<()> {
        let signature =
            std::str::from_utf8(last).ok().and_then(|last| last.split(',').next()?.strip_prefix("v="));
        let signature = signature.and_then(|signature| STANDARD.decode(signature).ok());
        if self.signature.is_empty() || signature.as_ref() != Some(&self.signature) {
            return Err(Verdict::unexpected("the server could not prove that it knows the password itself"));
        }
        Ok(())
    }
}

/// The password as SCRAM hashes it (RFC 4013); one that cannot be prepared is taken as it is, as servers do.
pub(super) fn prepared(password: &str) -> Zeroizing<String> {
    let prepared = stringprep::saslprep(password).map(std::borrow::Cow::into_owned);
    Zeroizing::new(prepared.unwrap_or_else(|_| password.to_owned()))
}

/// Unguessable text for one exchange.
pub(super) fn nonce() -> String {
    STANDARD.encode(rand::random::<[u8; 18]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn the_exchange_of_rfc_7677() {
        let mut scram = Scram::new(Digest::Sha256, "user", "rOprNGfwEbeRWgbNEkqO".into());
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge =
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let proof = ready(scram.prove(prepared("pencil"), challenge)).unwrap();
        let expected = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(proof, expected);
        assert!(scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_ok());
        assert!(scram.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=").is_err());
        assert!(scram.verify(b"").is_err());
    }

    #[test]
    fn a_hostile_challenge_is_refused() {
        for challenge in [
            "r=other,s=YQ==,i=4096",
            "r=abc,s=YQ==,i=4096",
            "r=abcd,s=?,i=4096",
            "r=abcd,s=YQ==,i=0",
            "r=abcd,s=YQ==,i=4294967295",
            "r=abcd,s=YQ==",
        ] {
            let mut scram = Scram::new(Digest::Sha256, "", "abc".into());
            assert!(ready(scram.prove(prepared("x"), challenge.as_bytes())).is_err(), "{challenge}");
            assert!(scram.verify(b"v=").is_err());
        }
        let mut scram = Scram::new(Digest::Sha256, "a=b,c", "abc".into());
        assert!(ready(scram.prove(prepared("x"), b"r=abcd,s=YQ==,i=1")).is_ok(), "the control");
        assert_eq!(scram.first(), "n,,n=a=3Db=2Cc,r=abc");
    }
}
