//! Certificates of our own authority, good and bad ones, and servers that show them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CrlDistributionPoint, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ConfigBuilder, RootCertStore, ServerConfig, SupportedProtocolVersion, WantsVerifier,
};

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

/// What servers are asked as.
const HERE: [&str; 3] = ["127.0.0.1", "::1", "localhost"];

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
        _ => &HERE,
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "test server");
    let (certificate, key) = issued(params, which);
    (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
}

/// A certificate of the authority that tests trust for these names, and its key, both as PEM: for servers that
/// read files.
pub(crate) fn pem_for(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "test server");
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, &TRUSTED).unwrap().pem(), key.serialize_pem())
}

/// The authority that nobody trusts, as PEM.
pub(crate) fn unknown_authority_pem() -> String {
    UNKNOWN.pem()
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
    server_for_clients(&[&TLS12, &TLS13], false)
}

/// A server that wants to see a client's certificate, with some versions of TLS; `optional`: none is fine too.
pub(crate) fn server_for_clients(
    versions: &[&'static SupportedProtocolVersion],
    optional: bool,
) -> Arc<ServerConfig> {
    let (certificate, key) = leaf(Leaf::Good);
    let mut known = RootCertStore::empty();
    known.add(authority_der()).unwrap();
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let mut clients = WebPkiClientVerifier::builder_with_provider(Arc::new(known), Arc::new(provider));
    if optional {
        clients = clients.allow_unauthenticated();
    }
    let config = builder_of(versions).with_client_cert_verifier(clients.build().unwrap());
    Arc::new(config.with_single_cert(vec![certificate], key).unwrap())
}

fn builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    builder_of(&[&TLS12, &TLS13])
}

fn builder_of(versions: &[&'static SupportedProtocolVersion]) -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions).unwrap()
}

/// A certificate with its key, in PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    /// PKCS #8.
    pub(crate) key: String,
    key_der: Vec<u8>,
}

impl Pair {
    fn new((certificate, key): (rcgen::Certificate, KeyPair)) -> Self {
        Self { certificate: certificate.pem(), key: key.serialize_pem(), key_der: key.serialize_der() }
    }

    /// The key, encrypted as `openssl pkcs8 -topk8` does; `old`: as it did with triple DES.
    pub(crate) fn encrypted_key(&self, passphrase: &str, old: bool) -> String {
        use pkcs8::pkcs5::pbes2::Parameters;
        let (salt, iv) = ([7; 16], [9; 16]);
        let parameters = Parameters::pbkdf2_sha256_aes256cbc(2048, &salt, &iv).unwrap();
        let mut parameters = parameters;
        if old {
            parameters.encryption = pkcs8::pkcs5::pbes2::EncryptionScheme::DesEde3Cbc {
                iv: <&[u8; 8]>::try_from(&iv[..8]).unwrap(),
            };
        }
        let key = pkcs8::PrivateKeyInfo::try_from(self.key_der.as_slice()).unwrap();
        let encrypted = key.encrypt_with_params(parameters, passphrase).unwrap();
        pem("ENCRYPTED PRIVATE KEY", encrypted.as_bytes())
    }

    /// Whether a text stands in the certificate.
    pub(crate) fn certificate_holds(&self, text: &str) -> bool {
        let der = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        der.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// A server's side of TLS that shows it.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::try_from(self.key_der.clone()).unwrap();
        Arc::new(builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
    }
}

/// A block of PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A client's certificate.
pub(crate) fn client(which: Leaf) -> Pair {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Pair::new(issued(params, which))
}

/// A server's certificate for 127.0.0.1 and localhost whose last day is `day` (year, month, day).
pub(crate) fn until(day: (i32, u8, u8)) -> Pair {
    let mut params = CertificateParams::new(HERE.map(str::to_owned)).unwrap();
    params.not_after = date_time_ymd(day.0, day.1, day.2);
    Pair::new(issued(params, Leaf::Good))
}

/// A server's certificate that says where the list of revoked ones is.
pub(crate) fn with_revocation_list(at: &str) -> Pair {
    let mut params = CertificateParams::new(HERE.map(str::to_owned)).unwrap();
    params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![at.to_owned()] }];
    Pair::new(issued(params, Leaf::Good))
}

/// A server's certificate for some names.
pub(crate) fn named(names: &[&str], which: Leaf, authority: bool) -> Pair {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    Pair::new(issued(params, which))
}

/// A certificate with what is special about it, and its key.
fn issued(mut params: CertificateParams, which: Leaf) -> (rcgen::Certificate, KeyPair) {
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
    (certificate.unwrap(), key)
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
