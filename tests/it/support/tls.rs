//! Certificates of our own authority, good and bad ones, and servers that show them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};

/// What a server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// For 127.0.0.1 and localhost, from the authority that tests trust.
    Good,
    /// Like [`Leaf::Good`], but over.
    Expired,
    /// Like [`Leaf::Good`], but of a distant future.
    NotYetValid,
    /// For other names.
    WrongName,
    /// Vouches for itself.
    SelfSigned,
    /// From an authority that nobody trusts.
    UnknownIssuer,
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

static TRUSTED: LazyLock<Authority> = LazyLock::new(|| authority("credbench tests"));
static UNKNOWN: LazyLock<Authority> = LazyLock::new(|| authority("nobody knows this one"));

/// The authority that tests trust, for `http::Trust`.
pub(crate) fn authority_der() -> CertificateDer<'static> {
    TRUSTED.der().clone()
}

/// The same as PEM, for a file that `SSL_CERT_FILE` names.
pub(crate) fn authority_pem() -> String {
    TRUSTED.pem()
}

/// A certificate and its key.
fn leaf(which: Leaf) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let names: &[&str] = match which {
        Leaf::WrongName => &["api.other.example", "other.example"],
        _ => &["127.0.0.1", "localhost"],
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "test server");
    match which {
        Leaf::Expired => params.not_after = date_time_ymd(2020, 1, 1),
        Leaf::NotYetValid => params.not_before = date_time_ymd(4000, 1, 1),
        _ => {}
    }
    let key = KeyPair::generate().unwrap();
    let certificate = match which {
        Leaf::SelfSigned => params.self_signed(&key),
        Leaf::UnknownIssuer => params.signed_by(&key, &UNKNOWN),
        _ => params.signed_by(&key, &TRUSTED),
    };
    (certificate.unwrap().der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

/// A server's side of TLS; `protocols` are what it offers by ALPN.
pub(crate) fn server(which: Leaf, protocols: &[&str]) -> Arc<ServerConfig> {
    let (certificate, key) = leaf(which);
    let mut config = builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// A server that wants to see a client's certificate.
pub(crate) fn server_for_known_clients() -> Arc<ServerConfig> {
    let (certificate, key) = leaf(Leaf::Good);
    let mut known = RootCertStore::empty();
    known.add(authority_der()).unwrap();
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(known), Arc::new(provider));
    let config = builder().with_client_cert_verifier(clients.build().unwrap());
    Arc::new(config.with_single_cert(vec![certificate], key).unwrap())
}

fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    ServerConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions().unwrap()
}

/// Shows a certificate for whatever name is asked for.
#[derive(Debug)]
struct AnyName {
    key: KeyPair,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl ResolvesServerCert for AnyName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_owned();
        let mut made = self.made.lock().unwrap();
        if let Some(known) = made.get(&name) {
            return Some(known.clone());
        }
        let params = CertificateParams::new(vec![name.clone()]).unwrap();
        let certificate = params.signed_by(&self.key, &TRUSTED).unwrap().der().clone();
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let key = any_supported_type(&key).unwrap();
        let certified = Arc::new(CertifiedKey::new(vec![certificate], key));
        made.insert(name, certified.clone());
        Some(certified)
    }
}

/// A server that is every host there is.
pub(crate) fn server_of_any_name() -> Arc<ServerConfig> {
    let names = AnyName { key: KeyPair::generate().unwrap(), made: Mutex::default() };
    let mut config = builder().with_no_client_auth().with_cert_resolver(Arc::new(names));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
