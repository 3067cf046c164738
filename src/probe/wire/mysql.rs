//! MySQL and MariaDB, protocol 4.1: log in, `SELECT CURRENT_USER()`, leave.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::reader::{Reader, text};
use super::verdict::{Ends, Verdict};

/// Long passwords, protocol 4.1, transactions (old servers want it said), authentication by plugin.
const ABILITIES: u32 = 1 | 1 << 9 | 1 << 13 | 1 << 15 | 1 << 19;
const WITH_DATABASE: u32 = 1 << 3;
const WITH_TLS: u32 = 1 << 11;

/// utf8mb4, in the collation that all versions since 5.5 know.
const CHARSET: u8 = 45;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    let mut packets = Packets { link, next: 0 };
    let greeting = packets.read(Stage::Login).await?;
    let Greeting { product, abilities: offered, salt, method } =
        packets.link.whole(Greeting::read(&greeting))?;
    let mut abilities = ABILITIES;
    if !login.database.is_empty() {
        abilities |= WITH_DATABASE;
    }
    if packets.link.wants_tls() {
        if offered & WITH_TLS == 0 {
            return Err(Verdict::no_tls());
        }
        abilities |= WITH_TLS;
        packets.write(&opening(abilities)).await?;
        packets.link.encrypt().await?;
    }
    packets.link.step("login", format!("as {}", login.user));
    // A server that begins with a method we do not know names the account's own next.
    let method = Method::named(&method).unwrap_or(Method::Native);
    let mut hello = Zeroizing::new(opening(abilities));
    hello.extend_from_slice(login.user.as_bytes());
    hello.push(0);
    let proof = method.first(login.password.expose(), &salt);
    // At most 32 bytes.
    hello.push(u8::try_from(proof.len()).unwrap_or(0));
    hello.extend_from_slice(&proof);
    if !login.database.is_empty() {
        hello.extend_from_slice(login.database.as_bytes());
        hello.push(0);
    }
    hello.extend_from_slice(method.name().as_bytes());
    hello.push(0);
    packets.write(&hello).await?;
    authenticate(&mut packets, login, method, salt).await?;
    packets.link.step("ask", "SELECT CURRENT_USER()");
    packets.next = 0;
    packets.write(b"\x03SELECT CURRENT_USER()").await?;
    let account = answer(&mut packets).await?;
    packets.next = 0;
    let bye = packets.framed(b"\x01");
    packets.link.leave(&bye).await;
    if account.starts_with('@') && !login.user.is_empty() {
        // An account without a name stands for everyone who has none of their own.
        return Ok(Verdict::unexpected(format!(
            "the server let us in as {account}, its account for anyone: nothing is known about the password"
        ))
        .advice("Create the user at the server, or remove its anonymous accounts."));
    }
    let how = if login.password.is_empty() { ", without a password" } else { "" };
    Ok(Verdict::ok(format!("logged in to {product} as {account}{how}")))
}

/// Packets with their numbers.
struct Packets<'a, 'b> {
    link: &'a mut Link<'b>,
    next: u8,
}

impl Packets<'_, '_> {
    /// The next packet that is no error.
    async fn read(&mut self, stage: Stage) -> Ends<Vec<u8>> {
        let head = self.link.exact(4).await?;
        let length = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
        if head[3] != self.next || length == 0 {
            // A refusal before the greeting has the number 0 or 1.
            let early = self.next == 0 && head[3] == 1 && length > 0;
            self.link.whole(early.then_some(()))?;
        }
        self.next = head[3].wrapping_add(1);
        let packet = self.link.exact(length).await?;
        match packet.first() {
            Some(0xff) => {
                let refused = refusal(&packet, stage, self.link.is_encrypted());
                Err(self.link.whole(refused)?)
            }
            _ => Ok(packet),
        }
    }

    fn framed(&mut self, packet: &[u8]) -> Zeroizing<Vec<u8>> {
        // Only our own texts go in here: far from 16 MiB.
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX).to_le_bytes();
        let mut framed = Zeroizing::new(Vec::with_capacity(packet.len() + 4));
        framed.extend_from_slice(&length[..3]);
        framed.push(self.next);
        framed.extend_from_slice(packet);
        self.next = self.next.wrapping_add(1);
        framed
    }

    async fn write(&mut self, packet: &[u8]) -> Ends<()> {
        let framed = self.framed(packet);
        self.link.send(&framed).await
    }
}

/// What the server says first.
struct Greeting {
    /// Name and version for people.
    product: String,
    abilities: u32,
    salt: Vec<u8>,
    method: String,
}

impl Greeting {
    fn read(packet: &[u8]) -> Option<Self> {
        let mut packet = Reader(packet);
        if packet.u8()? != 10 {
            return None;
        }
        let product = product(&text(packet.until_zero()?));
        packet.take(4)?;
        let mut salt = packet.take(8)?.to_vec();
        packet.take(1)?;
        let mut abilities = u32::from(packet.u16_le()?);
        packet.take(3)?;
        abilities |= u32::from(packet.u16_le()?) << 16;
        packet.take(11)?;
        salt.extend_from_slice(packet.take(12)?);
        packet.take(1)?;
        let method = text(packet.until_zero().unwrap_or(packet.0));
        Some(Self { product, abilities, salt, method })
    }
}

/// MariaDB hides behind a prefix that old replicas needed.
fn product(version: &str) -> String {
    let version = version.trim_start_matches("5.5.5-");
    match version.split_once("-MariaDB") {
        Some((number, _)) => format!("MariaDB {number}"),
        None => format!("MySQL {version}"),
    }
}

/// The part that the request for TLS and the login begin with.
fn opening(abilities: u32) -> Vec<u8> {
    let mut opening = abilities.to_le_bytes().to_vec();
    opening.extend_from_slice(&(1_u32 << 24).to_le_bytes());
    opening.push(CHARSET);
    opening.extend_from_slice(&[0; 23]);
    opening
}

/// How far the login had come when the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Login,
    Asked,
}

fn refusal(packet: &[u8], stage: Stage, encrypted: bool) -> Option<Verdict> {
    let mut packet = Reader(packet.get(1..)?);
    let code = packet.u16_le()?;
    let mut said = text(packet.0);
    if let Some(rest) = said.strip_prefix('#') {
        said = rest.get(5..).unwrap_or_default().to_owned();
    }
    let words = format!("{said} (error {code})");
    Some(match code {
        1045 | 1698 if encrypted => Verdict::rejected(words),
        1045 | 1698 => Verdict::rejected(words).advice(
            "Compare user name and password. An account that wants TLS gets the same answer: then set TLS.",
        ),
        1049 => Verdict::no_database(words),
        1044 | 1142 | 1227 => Verdict::limited(words),
        1820 | 1862 => Verdict::expired(words),
        3118 | 4151 => {
            Verdict::rejected(words).advice("The account is locked: have it unlocked at the server.")
        }
        1226 | 3955 => Verdict::rate_limited(words),
        1129 => Verdict::unreachable(words)
            .advice("The server blocks this machine after too many broken connections: FLUSH HOSTS there."),
        1130 => Verdict::unreachable(words).advice(
            "The server accepts no one from this machine's address: it did not look at the password.",
        ),
        1040 | 1203 | 1053 | 1077 | 1079 => Verdict::unreachable(words),
        3159 => Verdict::unreachable(words).advice("The server wants TLS: set it."),
        1251 | 1275 | 2059 => Verdict::not_testable(words),
        _ if stage == Stage::Login => Verdict::unexpected(words),
        _ => Verdict::unexpected(words),
    })
}

/// Ways to prove a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Native,
    CachingSha2,
    Sha256,
    Clear,
}

impl Method {
    fn named(name: &str) -> Option<Self> {
        [Self::Native, Self::CachingSha2, Self::Sha256, Self::Clear]
            .into_iter()
            .find(|method| method.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
            Self::Clear => "mysql_clear_password",
        }
    }

    /// What is sent before the server asks further; nothing for an empty password.
    fn first(self, password: &str, salt: &[u8]) -> Zeroizing<Vec<u8>> {
        let algorithm = match self {
            Self::Native => &SHA1_FOR_LEGACY_USE_ONLY,
            Self::CachingSha2 => &SHA256,
            Self::Sha256 | Self::Clear => return Zeroizing::default(),
        };
        if password.is_empty() {
            return Zeroizing::default();
        }
        let hash = |parts: &[&[u8]]| {
            let mut context = digest::Context::new(algorithm);
            parts.iter().for_each(|part| context.update(part));
            context.finish()
        };
        let once = hash(&[password.as_bytes()]);
        let twice = hash(&[once.as_ref()]);
        let salted = match self {
            Self::Native => hash(&[salt, twice.as_ref()]),
            _ => hash(&[twice.as_ref(), salt]),
        };
        Zeroizing::new(once.as_ref().iter().zip(salted.as_ref()).map(|(a, b)| a ^ b).collect())
    }
}

/// Does what the server asks until it lets us in.
async fn authenticate(
    packets: &mut Packets<'_, '_>,
    login: &Login,
    mut method: Method,
    mut salt: Vec<u8>,
) -> Ends<()> {
    let password = login.password.expose();
    let mut terminated = Zeroizing::new(password.as_bytes().to_vec());
    terminated.push(0);
    let mut switched = false;
    loop {
        let packet = packets.read(Stage::Login).await?;
        match packet.split_first() {
            Some((0, _)) => return Ok(()),
            // The account has another method. Once: going round in circles is no login.
            Some((0xfe, rest)) if !switched => {
                switched = true;
                let mut rest = Reader(rest);
                let name = text(packets.link.whole(rest.until_zero())?);
                method = Method::named(&name).ok_or_else(|| {
                    Verdict::not_testable(format!(
                        "the account wants the method {name}, which this version does not know"
                    ))
                })?;
                salt = rest.0.strip_suffix(&[0]).unwrap_or(rest.0).to_vec();
                match method {
                    Method::Clear | Method::Sha256 if packets.link.is_encrypted() => {
                        packets.write(&terminated).await?
                    }
                    Method::Clear => {
                        return Err(Verdict::unexpected("the account wants the password in clear text")
                            .advice("Set TLS: without it the password is not sent like that."));
                    }
                    Method::Sha256 if password.is_empty() => packets.write(&[0]).await?,
                    Method::Sha256 => packets.write(&[1]).await?,
                    _ => {
                        let proof = method.first(password, &salt);
                        packets.write(&proof).await?;
                    }
                }
            }
            // Known from an earlier login: the proof was enough.
            Some((1, [3])) if method == Method::CachingSha2 => {}
            // Not known yet: the server wants the password itself.
            Some((1, [4])) if method == Method::CachingSha2 => {
                if packets.link.is_encrypted() {
                    packets.write(&terminated).await?;
                } else {
                    packets.write(&[2]).await?;
                }
            }
            // Without TLS the password goes under the server's own key. Whoever stands between could send
            // another one: that is what plain text means.
            Some((1, pem)) if pem.starts_with(b"-----BEGIN") && !packets.link.is_encrypted() => {
                let sealed = packets.link.whole(sealed(&terminated, &salt, pem))?;
                packets.write(&sealed).await?;
            }
            _ => return Err(packets.link.garbled()),
        }
    }
}

/// The password, mixed with the salt, under the server's public key.
fn sealed(password: &[u8], salt: &[u8], pem: &[u8]) -> Option<Vec<u8>> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&key).ok()?).ok()?;
    let mixed: Vec<u8> = password.iter().zip(salt.iter().cycle()).map(|(a, b)| a ^ b).collect();
    let mixed = Zeroizing::new(mixed);
    let mut sealed = vec![0; key.ciphertext_size()];
    if salt.is_empty() || mixed.len() > key.max_plaintext_size(&OAEP_SHA1_MGF1SHA1) {
        return None;
    }
    Some(key.encrypt(&OAEP_SHA1_MGF1SHA1, &mixed, &mut sealed, None).ok()?.to_vec())
}

/// The one text of a one-row answer.
async fn answer(packets: &mut Packets<'_, '_>) -> Ends<String> {
    let count = packets.read(Stage::Asked).await?;
    packets.link.whole((count == [1]).then_some(()))?;
    // The column's description and its end.
    packets.read(Stage::Asked).await?;
    let end = packets.read(Stage::Asked).await?;
    packets.link.whole(is_end(&end).then_some(()))?;
    let row = packets.read(Stage::Asked).await?;
    let mut row = Reader(&row);
    let value = row.u8().and_then(|length| row.take(usize::from(length)));
    let value = text(packets.link.whole(value)?);
    let end = packets.read(Stage::Asked).await?;
    packets.link.whole(is_end(&end).then_some(value))
}

fn is_end(packet: &[u8]) -> bool {
    packet.first() == Some(&0xfe) && packet.len() < 9
}
