//! How a client proves itself to its authorization server (RFC 6749, 2.3; RFC 7523, 2.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::secret::Secret;

/// What a client proves itself with.
pub(super) enum Proof {
    /// A secret, as HTTP Basic.
    Basic(Secret),
    /// A secret, among the parameters.
    Post(Secret),
    /// Nothing: it only says its name.
    None,
    /// A key, which signs an assertion for each request.
    Key(Secret),
}

impl Proof {
    /// What it knows, in the forms that are sent.
    pub(super) fn secrets(&self, client_id: &str) -> Vec<Secret> {
        match self {
            Self::Basic(secret) => {
                let (pair, encoded) = basic(client_id, secret);
                vec![secret.clone(), pair, encoded]
            }
            Self::Post(secret) => vec![secret.clone()],
            Self::None | Self::Key(_) => Vec::new(),
        }
    }
}

/// `id:secret`, each form-encoded (RFC 6749, 2.3.1), and the same in base64.
pub(super) fn basic(id: &str, secret: &Secret) -> (Secret, Secret) {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(id), encode(secret.expose())));
    let encoded = Secret::new(STANDARD.encode(pair.expose()));
    (pair, encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_form_encoded_before_base64() {
        let (pair, encoded) = basic("a:b", &Secret::from("ü %"));
        assert_eq!(pair.expose(), "a%3Ab:%C3%BC+%25");
        assert_eq!(encoded.expose(), STANDARD.encode("a%3Ab:%C3%BC+%25"));
    }
}
