//! Whether a server knows a client that nobody has logged in with yet.

use super::ask::{Ask, Grant};
use super::talk::{DEVICE_GRANT, Form, Place, Talk};
use super::transaction::random;
use super::{Means, Outcome, Purpose, Refusal, answer};
use crate::secret::Secret;

/// What servers say of a code that they never gave, to a client that they have no objection to: the standard's word,
/// that of a device code, and GitHub's.
const ONLY_THE_CODE: [&str; 4] =
    ["invalid_grant", "expired_token", "bad_verification_code", "incorrect_device_code"];

impl Ask {
    /// Shows the server a code that it never gave, with everything that proves the client. A server checks the client
    /// before the code (RFC 6749, 4.1.3): `Ok` means that it refused only the code. Some look at the code first, so
    /// this is no proof; that the client is refused ([`Refusal::Error`], `invalid_client`) is one.
    ///
    /// Nothing is made or used up at the server. For grants that need a person, and clients that have something to
    /// prove themselves with.
    pub async fn recognized(&self, means: &Means<'_>) -> Outcome<()> {
        let mut talk = Talk::new(self, means, Purpose::Client);
        let result = self.shown(&mut talk).await;
        talk.end(result)
    }

    async fn shown(&self, talk: &mut Talk<'_>) -> Result<(), Refusal> {
        let url = talk.address(Place::Token).await?;
        let mut form = Form::default();
        if let Grant::DeviceCode = self.grant {
            form.add("grant_type", DEVICE_GRANT);
            form.add("device_code", random());
        } else {
            form.add("grant_type", "authorization_code");
            form.add("code", random());
            form.add("redirect_uri", self.redirect_url.clone().unwrap_or_default().at(None));
            form.add("code_verifier", random());
        }
        talk.prove(&mut form, &url)?;
        if let Grant::DeviceCode = self.grant {
            form.put("client_id", Secret::from(self.client_id.as_str()));
        }
        talk.extra(&mut form);
        let answer = talk.post("client", &url, form).await?;
        match answer::object(&answer) {
            Err(Refusal::Error { code, .. }) if ONLY_THE_CODE.contains(&code.as_str()) => Ok(()),
            Err(refusal) => Err(refusal),
            Ok(_) => {
                let reason = "the server does not refuse a code that it never gave".to_owned();
                Err(Refusal::Unusable { status: answer.status, reason })
            }
        }
    }
}
