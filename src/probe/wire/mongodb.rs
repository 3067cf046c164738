//! MongoDB, `OP_MSG`: `hello`, SCRAM, `ping`, leave.

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::reader::{Reader, text};
use super::scram::{self, Digest, Scram};
use super::verdict::{Ends, Verdict};

const OP_MSG: u32 = 2013;

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("hello", "");
    let source = match login.option("authSource") {
        Some(source) => source,
        None if login.database.is_empty() => "admin",
        None => &login.database,
    };
    let mut hello = Bson::new().int("hello", 1);
    if !login.user.is_empty() {
        hello = hello.text("saslSupportedMechs", &format!("{source}.{}", login.user));
    }
    let hello = command(link, hello.text("$db", "admin")).await?;
    if !hello.ok {
        return Err(refusal(&hello));
    }
    if login.user.is_empty() {
        // `ping` is answered to anyone; this only to those who may ask without a login.
        link.step("ask", "listDatabases");
        let ask = Bson::new().int("listDatabases", 1).yes("nameOnly").yes("authorizedDatabases");
        let answer = command(link, ask.text("$db", "admin")).await?;
        return match (answer.ok, answer.code) {
            (true, _) => Ok(Verdict::ok("MongoDB answers, and asks for no login")),
            (false, 13) => Err(Verdict::no_password()),
            (false, _) => Err(refusal(&answer)),
        };
    }
    if login.password.is_empty() {
        return Err(Verdict::no_password());
    }
    link.step("login", format!("as {} in {source}", login.user));
    let old = hello.methods.iter().any(|name| name == "SCRAM-SHA-1")
        && !hello.methods.iter().any(|name| name == "SCRAM-SHA-256");
    let (digest, name, password) = match login.option("authMechanism") {
        None if !old => (Digest::Sha256, "SCRAM-SHA-256", scram::prepared(login.password.expose())),
        Some("SCRAM-SHA-256") => (Digest::Sha256, "SCRAM-SHA-256", scram::prepared(login.password.expose())),
        None | Some("SCRAM-SHA-1") => (Digest::Sha1, "SCRAM-SHA-1", digested(login)),
        Some(other) => {
            return Err(Verdict::not_testable(format!("the method {other} is none that this version knows")));
        }
    };
    let mut scram = Scram::new(digest, &login.user, scram::nonce());
    let start = Bson::new().int("saslStart", 1).text("mechanism", name);
    let start = start.binary("payload", scram.first().as_bytes()).text("$db", source);
    let mut answer = command(link, start).await?;
    if !answer.ok {
        return Err(refusal(&answer));
    }
    let proof = scram.prove(password, &answer.payload).await?;
    let more = |payload: &[u8], answer: &Answer| {
        let more = Bson::new().int("saslContinue", 1).int("conversationId", answer.conversation);
        more.binary("payload", payload).text("$db", source)
    };
    answer = command(link, more(proof.as_bytes(), &answer)).await?;
    if !answer.ok {
        return Err(refusal(&answer));
    }
    scram.verify(&answer.payload)?;
    if !answer.done {
        answer = command(link, more(b"", &answer)).await?;
        if !answer.ok {
            return Err(refusal(&answer));
        }
    }
    link.step("ask", "ping");
    let database = if login.database.is_empty() { "admin" } else { &login.database };
    let ping = command(link, Bson::new().int("ping", 1).text("$db", database)).await?;
    if !ping.ok {
        return Err(refusal(&ping));
    }
    Ok(Verdict::ok(format!("logged in to MongoDB as {} in {source}", login.user)))
}

/// What the older method hashes in place of the password.
fn digested(login: &Login) -> Zeroizing<String> {
    let mut digest = Md5::new();
    digest.update(login.user.as_bytes());
    digest.update(b":mongo:");
    digest.update(login.password.expose().as_bytes());
    Zeroizing::new(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn refusal(answer: &Answer) -> Verdict {
    let words = format!("{} (code {})", answer.said, answer.code);
    match answer.code {
        // Atlas has a code of its own for everything that its proxy refuses.
        11 | 18 => Verdict::rejected(words),
        8000 if answer.said.contains("auth") => Verdict::rejected(words),
        13 | 31 => Verdict::limited(words),
        334 => Verdict::not_testable(words),
        91 | 11600 | 11602 | 189 | 10107 | 13435 | 13436 => Verdict::unreachable(words),
        _ => Verdict::unexpected(words),
    }
}

/// Writes one document.
struct Bson(Vec<u8>);

impl Bson {
    fn new() -> Self {
        Self(vec![0; 4])
    }

    fn name(&mut self, kind: u8, name: &str) {
        self.0.push(kind);
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(0);
    }

    /// A length: only our own texts are written, far from 4 GiB.
    fn length(&mut self, length: usize) {
        self.0.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn int(mut self, name: &str, value: i32) -> Self {
        self.name(0x10, name);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn yes(mut self, name: &str) -> Self {
        self.name(0x08, name);
        self.0.push(1);
        self
    }

    fn text(mut self, name: &str, value: &str) -> Self {
        self.name(0x02, name);
        self.length(value.len() + 1);
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(0);
        self
    }

    fn binary(mut self, name: &str, value: &[u8]) -> Self {
        self.name(0x05, name);
        self.length(value.len());
        self.0.push(0);
        self.0.extend_from_slice(value);
        self
    }

    fn end(mut self) -> Vec<u8> {
        self.0.push(0);
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.0[..4].copy_from_slice(&length);
        self.0
    }
}

/// What is read of an answer.
#[derive(Debug, Default)]
struct Answer {
    ok: bool,
    code: i32,
    said: String,
    payload: Vec<u8>,
    conversation: i32,
    done: bool,
    methods: Vec<String>,
}

async fn command(link: &mut Link<'_>, document: Bson) -> Ends<Answer> {
    let document = document.end();
    let mut message = Vec::new();
    let length = u32::try_from(document.len() + 21).unwrap_or(u32::MAX);
    for number in [length, 1, 0, OP_MSG, 0] {
        message.extend_from_slice(&number.to_le_bytes());
    }
    message.push(0);
    message.extend_from_slice(&document);
    link.send(&message).await?;
    let head = link.exact(16).await?;
    let mut head = Reader(&head);
    let (length, _, _, kind) = (head.u32_le(), head.u32_le(), head.u32_le(), head.u32_le());
    let length = length.and_then(|length| usize::try_from(length).ok()?.checked_sub(16));
    let length = link.whole(length.filter(|_| kind == Some(OP_MSG)))?;
    let body = link.exact(length).await?;
    let mut body = Reader(&body);
    let start = (body.u32_le(), body.u8());
    let answer = Answer::read(body.0).filter(|_| start.0.is_some() && start.1 == Some(0));
    link.whole(answer)
}

impl Answer {
    fn read(document: &[u8]) -> Option<Self> {
        let mut answer = Self::default();
        each(document, &mut |name, kind, value| {
            let number = || match kind {
                0x01 => Some(f64::from_le_bytes(value.try_into().ok()?) as i32),
                0x10 => Some(i32::from_le_bytes(value.try_into().ok()?)),
                0x08 => Some(i32::from(*value.first()?)),
                _ => None,
            };
            let words = || value.get(4..value.len().checked_sub(1)?).map(text);
            match (name, kind) {
                (b"ok", _) => answer.ok = number() == Some(1),
                (b"code", _) => answer.code = number().unwrap_or_default(),
                (b"errmsg", 0x02) => answer.said = words().unwrap_or_default(),
                (b"conversationId", _) => answer.conversation = number().unwrap_or_default(),
                (b"done", _) => answer.done = number() == Some(1),
                (b"payload", 0x05) => answer.payload = value.get(5..).unwrap_or_default().to_vec(),
                (b"saslSupportedMechs", 0x04) => {
                    each(value, &mut |_, kind, value| {
                        if kind == 0x02 {
                            answer.methods.extend(value.get(4..value.len() - 1).map(text));
                        }
                    });
                }
                _ => {}
            }
        })?;
        Some(answer)
    }
}

/// Is given the name, type and value of an element.
type Visit<'a> = &'a mut dyn FnMut(&[u8], u8, &[u8]);

/// Gives the name, type and value of every element of a document; `None` where it is not one.
fn each(document: &[u8], with: Visit<'_>) -> Option<()> {
    let mut rest = Reader(document);
    let length = usize::try_from(rest.u32_le()?).ok()?;
    rest.0 = rest.0.get(..length.checked_sub(4)?)?;
    loop {
        let kind = rest.u8()?;
        if kind == 0 {
            return Some(());
        }
        let name = rest.until_zero()?;
        let after = |extra: usize| {
            let length = Reader(rest.0).u32_le()?;
            usize::try_from(length).ok()?.checked_add(extra)
        };
        let length = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x02 => after(4)?.max(5),
            0x03 | 0x04 => after(0)?,
            0x05 => after(5)?,
            0x07 => 12,
            0x08 => 1,
            0x0a => 0,
            0x10 => 4,
            0x13 => 16,
            _ => return None,
        };
        with(name, kind, rest.take(length)?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let inner = Bson::new().text("0", "SCRAM-SHA-1").end();
        let mut document = Bson::new().int("ok", 1).binary("payload", b"x=1").yes("done").int("code", 18);
        document.name(0x04, "saslSupportedMechs");
        document.0.extend_from_slice(&inner);
        let document = document.text("errmsg", "no").end();
        let answer = Answer::read(&document).unwrap();
        assert!(answer.ok && answer.done);
        assert_eq!((answer.code, answer.said.as_str(), answer.payload.as_slice()), (18, "no", &b"x=1"[..]));
        assert_eq!(answer.methods, ["SCRAM-SHA-1"]);
        for cut in 0..document.len() {
            assert!(Answer::read(&document[..cut]).is_none(), "{cut}");
        }
        for at in 0..document.len() {
            for bit in 0..8 {
                let mut damaged = document.clone();
                damaged[at] ^= 1 << bit;
                let _ = Answer::read(&damaged);
            }
        }
    }
}
