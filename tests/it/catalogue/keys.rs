//! Keys for services whose requests are signed.

use std::sync::LazyLock;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};

pub(super) static RSA: LazyLock<String> =
    LazyLock::new(|| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap().serialize_pem());
pub(super) static P256: LazyLock<String> =
    LazyLock::new(|| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem());
pub(super) static ED25519: LazyLock<String> =
    LazyLock::new(|| KeyPair::generate_for(&PKCS_ED25519).unwrap().serialize_pem());
pub(super) static CERTIFICATE: LazyLock<String> = LazyLock::new(|| {
    let key = KeyPair::from_pem(&RSA).unwrap();
    CertificateParams::new(vec!["client.example".to_owned()]).unwrap().self_signed(&key).unwrap().pem()
});
