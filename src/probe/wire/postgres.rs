//! PostgreSQL, protocol 3.0: log in, `SELECT current_user`, leave.

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::reader::{Reader, text};
use super::scram::{self, Digest, Scram};
use super::verdict::{Ends, Verdict};

/// Asks for TLS.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];

/// Protocol 3.0.
const VERSION: u32 = 3 << 16;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    if link.wants_tls() {
        link.send(&TLS_REQUEST).await?;
        match link.exact(1).await?[0] {
            b'S' => link.encrypt().await?,
            b'N' => return Err(Verdict::no_tls()),
            _ => return Err(link.garbled()),
        }
    }
    link.step("login", format!("as {}", login.user));
    let mut parameters = vec![("user", login.user.as_str()), ("application_name", "credbench")];
    if !login.database.is_empty() {
        parameters.push(("database", &login.database));
    }
    let mut startup = VERSION.to_be_bytes().to_vec();
    for (name, value) in parameters {
        for part in [name, value] {
            startup.extend_from_slice(part.as_bytes());
            startup.push(0);
        }
    }
    startup.push(0);
    link.send(&framed(None, &startup)).await?;
    let asked = authenticate(link, login).await?;
    let version = until_ready(link).await?;
    if !asked && !login.password.is_empty() {
        link.leave(&framed(Some(b'X'), b"")).await;
        return Ok(Verdict::unchecked());
    }
    link.step("ask", "SELECT current_user, current_database()");
    link.send(&framed(Some(b'Q'), b"SELECT current_user, current_database()\0")).await?;
    let row = answer(link).await?;
    link.leave(&framed(Some(b'X'), b"")).await;
    let [user, database] = row.as_slice() else { return Err(link.garbled()) };
    let how = if asked { "" } else { ", which asked for no password" };
    Ok(Verdict::ok(format!("logged in to PostgreSQL {version} as {user}, database {database}{how}")))
}

/// A message: its type, except the first one's, its length, itself.
fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let mut message: Vec<u8> = kind.into_iter().collect();
    // Only our own texts go in here: far from 4 GiB.
    message.extend_from_slice(&u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    message.extend_from_slice(body);
    message
}

/// The next message that is neither a notice nor an error.
async fn message(link: &mut Link<'_>, stage: Stage) -> Ends<(u8, Vec<u8>)> {
    loop {
        let head = link.exact(5).await?;
        let length = link.whole(Reader(&head[1..]).u32())?;
        let known = head[0].is_ascii_alphabetic() && length >= 4;
        let length = link.whole(usize::try_from(length).ok().filter(|_| known))? - 4;
        let body = link.exact(length).await?;
        match head[0] {
            b'E' => return Err(refusal(&body, stage)),
            b'N' => {}
            kind => return Ok((kind, body)),
        }
    }
}

/// How far the login had come when the server refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The password was not looked at, or just now.
    Login,
    /// The password was right, or the server wanted none.
    LoggedIn,
    /// The question.
    Asked,
}

fn refusal(body: &[u8], stage: Stage) -> Verdict {
    let (mut code, mut said) = (String::new(), String::new());
    let mut fields = Reader(body);
    while let Some(kind) = fields.u8().filter(|kind| *kind != 0) {
        let Some(value) = fields.until_zero() else { break };
        match kind {
            b'C' => code = text(value),
            b'M' => said = text(value),
            _ => {}
        }
    }
    let words = format!("{said} (SQLSTATE {code})");
    match (code.as_str(), stage) {
        ("28P01", _) => Verdict::rejected(words),
        ("28000", Stage::Login) => Verdict::rejected(words).advice(
            "The server's rules (pg_hba.conf) do not let this user in from here, or not in this way: look at them, or at TLS.",
        ),
        ("3D000", _) => Verdict::no_database(words),
        ("42501" | "28000", Stage::LoggedIn) | ("42501", Stage::Asked) => Verdict::limited(words),
        (code, _) if code.starts_with("53") => Verdict::unreachable(words),
        (code, _) if code.starts_with("57P") => Verdict::unreachable(words),
        ("08P01" | "0A000", Stage::Login) => Verdict::unexpected(words),
        (code, _) if code.starts_with("08") => Verdict::unreachable(words),
        _ => Verdict::unexpected(words),
    }
}

/// Does what the server asks; whether it asked for the password at all.
async fn authenticate(link: &mut Link<'_>, login: &Login) -> Ends<bool> {
    let mut asked = false;
    let mut exchange: Option<Scram> = None;
    loop {
        let (kind, body) = message(link, Stage::Login).await?;
        if kind == b'v' {
            // It knows fewer options than we named: we named none.
            continue;
        }
        let mut body = Reader(&body);
        let request = body.u32().filter(|_| kind == b'R');
        let request = link.whole(request)?;
        if !matches!(request, 0 | 2 | 7 | 9) && login.password.is_empty() {
            return Err(Verdict::no_password());
        }
        match request {
            // A server that ends SCRAM without its proof did not compare anything.
            0 if exchange.is_some() => return Err(Verdict::unexpected("the server ended SCRAM halfway")),
            0 => return Ok(asked),
            3 => {
                let mut password = Zeroizing::new(login.password.expose().as_bytes().to_vec());
                password.push(0);
                link.send(&Zeroizing::new(framed(Some(b'p'), &password))).await?;
            }
            5 => {
                let salt = link.whole(body.take(4))?;
                let inner = hex(&[login.password.expose().as_bytes(), login.user.as_bytes()]);
                let outer = hex(&[inner.as_bytes(), salt]);
                link.send(&framed(Some(b'p'), format!("md5{outer}\0").as_bytes())).await?;
            }
            10 => {
                let mut offers = std::iter::from_fn(|| body.until_zero().filter(|name| !name.is_empty()));
                if !offers.any(|name| name == b"SCRAM-SHA-256") {
                    return Err(unknown("a method of SASL"));
                }
                // The user is the one of the startup message.
                let scram = Scram::new(Digest::Sha256, "", scram::nonce());
                let first = scram.first();
                let mut initial = b"SCRAM-SHA-256\0".to_vec();
                initial.extend_from_slice(&u32::try_from(first.len()).unwrap_or(0).to_be_bytes());
                initial.extend_from_slice(first.as_bytes());
                exchange = Some(scram);
                link.send(&framed(Some(b'p'), &initial)).await?;
            }
            11 => {
                let scram = link.whole(exchange.as_mut())?;
                let proof = scram.prove(scram::prepared(login.password.expose()), body.0).await?;
                link.send(&framed(Some(b'p'), proof.as_bytes())).await?;
            }
            12 => {
                link.whole(exchange.take())?.verify(body.0)?;
            }
            2 | 7 | 9 => return Err(unknown("Kerberos")),
            _ => return Err(unknown("a method")),
        }
        asked = true;
    }
}

fn unknown(what: &str) -> Verdict {
    Verdict::not_testable(format!("the server wants {what} that this version cannot do"))
}

fn hex(parts: &[&[u8]]) -> String {
    let mut digest = Md5::new();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits until the session stands; the server's version.
async fn until_ready(link: &mut Link<'_>) -> Ends<String> {
    let mut version = String::new();
    loop {
        let (kind, body) = message(link, Stage::LoggedIn).await?;
        match kind {
            b'Z' => return Ok(version),
            b'S' => {
                let mut body = Reader(&body);
                if body.until_zero() == Some(b"server_version") {
                    version = text(body.until_zero().unwrap_or_default());
                }
            }
            b'K' => {}
            _ => return Err(link.garbled()),
        }
    }
}

/// The only row of an answer.
async fn answer(link: &mut Link<'_>) -> Ends<Vec<String>> {
    let mut row = Vec::new();
    loop {
        let (kind, body) = message(link, Stage::Asked).await?;
        match kind {
            b'Z' => return Ok(row),
            b'D' => {
                let mut body = Reader(&body);
                let count = link.whole(body.u16())?;
                row.clear();
                for _ in 0..count {
                    let length = link.whole(body.u32().and_then(|length| usize::try_from(length).ok()))?;
                    row.push(text(link.whole(body.take(length))?));
                }
            }
            b'T' | b'C' | b'S' => {}
            _ => return Err(link.garbled()),
        }
    }
}
